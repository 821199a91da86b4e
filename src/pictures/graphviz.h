#pragma once

// Pictures in Graphviz's language, and its program, which lays them out.

#include <string>

#include "graph/graph.h"

namespace isomer {

/// What a value is called; without a name, by its number.
std::string value_name(const Graph& graph, ValueId id);

/// The graph: a box for each node, an ellipse for each input and output.
std::string dot_of(const Graph& graph);

/// The picture as SVG, by the program `dot`. Throws Fault::usage where that is not there, and
/// Fault::unsupported for a picture that it cannot lay out, or not soon.
std::string laid_out(const std::string& dot);

}  // namespace isomer
