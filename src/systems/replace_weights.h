#pragma once

// A model's weights from a file of its state_dict.

#include <string>

#include "base/bytes.h"
#include "graph/graph.h"

namespace isomer {

/// The graph with the tensors of a state_dict in place of its own weights, buffers and states, by
/// their names: a .safetensors, .pt or .pth file, the latter read as data. Throws Fault::model with
/// all names that are missing or that nothing has, all types that differ, and all tied ones that
/// do; Fault::usage for a file of another kind.
Graph with_weights(Graph graph, const std::string& path, const Bytes& file);

}  // namespace isomer
