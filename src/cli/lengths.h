#pragma once

#include <functional>

#include "cli/verb.h"
#include "graph/graph.h"

namespace isomer::cli {

/// The lengths that `--length` gives numbers. Throws Fault::usage for what `graph` has not.
Lengths lengths_asked(const Words& words, const Graph& graph);

/// Gives a graph those numbers; empty where there are none.
std::function<Graph(const Graph&)> fixing_asked(const Words& words);

}  // namespace isomer::cli
