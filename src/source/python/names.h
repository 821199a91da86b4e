#pragma once

#include <string_view>

#include "graph/graph.h"

namespace isomer::python {

/// Throws Fault::unsupported with every name of a tensor or module that no nn.Module can have, and
/// Fault::usage where the files' name is not UTF-8.
void demand_names(const Graph& graph, std::string_view stem);

}  // namespace isomer::python
