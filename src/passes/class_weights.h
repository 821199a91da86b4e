#pragma once

#include <set>

#include "graph/graph.h"

namespace isomer {

/// The graph with the weights of classes detached: PyTorch has no derivative for them, and refuses
/// to record one.
Graph detach_class_weights(const Graph& graph);

/// The inputs and constants from which weights of classes are computed, so that PyTorch refuses to
/// record their gradients.
std::set<ValueId> makers_of_class_weights(const Graph& graph);

}  // namespace isomer
