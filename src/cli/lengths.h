#pragma once

#include <functional>

#include "cli/verb.h"
#include "graph/graph.h"

namespace isomer::cli {

/// The lengths that `--length` gives numbers. Throws Fault::usage for what `graph` has not.
Lengths lengths_asked(const Words& words, const Graph& graph);

/// Makes a graph what `--weights` and `--length` ask for; empty where neither stands there.
std::function<Graph(const Graph&)> preparing_asked(const Words& words);

}  // namespace isomer::cli
