#pragma once

#include <string_view>

#include "graph/graph.h"

namespace isomer::python {

struct Dialect;

/// Throws Fault::unsupported with every name of a tensor or module that no module can have, and
/// Fault::usage where the files' name is not UTF-8.
void check_names(const Dialect& dialect, const Graph& graph, std::string_view stem);

}  // namespace isomer::python
