#pragma once

// With what a document's states begin where it becomes a graph, whose states keep their types.

#include <map>
#include <string>
#include <utility>

#include "graph/tensor.h"
#include "systems/mdf/document.h"

namespace isomer::mdf {

/// A node and its parameter.
using StateId = std::pair<std::string, std::string>;

/// The document is evaluated a few times: a number that becomes a real one,
/// or an array, is that to begin with, where it makes no other first evaluation. Empty where it
/// cannot be evaluated.
std::map<StateId, Tensor> initial_states(const DocumentGraph& graph);

}  // namespace isomer::mdf
