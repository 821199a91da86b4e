#pragma once

#include <vector>

#include "ops/builder.h"

namespace isomer {

/// Carries a graph's inputs, constants and states over to `out`; what the states become is left to
/// `keep`. Returns what became of each old value: none where it is made by a node.
std::vector<ValueId> copy_interface(Builder& out, const Graph& graph);

/// Carries one node over, given what became of each old value, and takes note of its results.
void copy_node(Builder& out, const Graph& graph, const Node& node, std::vector<ValueId>& now);

/// The same with its nodes, and what its states become.
std::vector<ValueId> copy_into(Builder& out, const Graph& graph);

}  // namespace isomer
