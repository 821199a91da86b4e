#pragma once

#include <string>

#include "graph/graph.h"

namespace isomer::cli {

/// What a model has, what its modules cost for these lengths, and which systems can take it.
std::string summary_of(const Graph& graph, const Lengths& given);

}  // namespace isomer::cli
