#pragma once

#include "ops/schema.h"

namespace isomer {

/// Checks the invariants of a graph: values made once and before use, types as the rules infer
/// them, ops and attributes as the catalog has them. Throws Fault::model, naming the node, at the
/// first that does not hold.
void validate(const Graph& graph);

/// "node 17 'conv1' (conv), in encoder.0, net.py:12": how messages name a node.
std::string describe(const Graph& graph, const Node& node);

}  // namespace isomer
