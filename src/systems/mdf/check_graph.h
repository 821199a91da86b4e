#pragma once

// What can be told of a graph of a document without evaluating it.

#include "systems/mdf/document.h"
#include "systems/system.h"

namespace isomer::mdf {

/// Adds to `problems`, whose paths begin in the graph, what its executor refuses, what would fail
/// in an evaluation, and what may not mean what its author thinks. `told` is what its structure has
/// told already, of which nothing else follows.
void check_graph(const DocumentGraph& graph, const RunOptions& options, const Problems& told,
                 Problems& problems);

}  // namespace isomer::mdf
