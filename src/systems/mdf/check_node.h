#pragma once

// What can be told of a node of a document without evaluating it. Part of check_graph.h.

#include <set>
#include <string>

#include "systems/mdf/document.h"

namespace isomer::mdf {

/// Adds to `problems` what its executor has not told: expressions that are none or name nothing,
/// functions and arguments that are missing, and what may not mean what its author thinks. `open`
/// are its input ports to which nothing comes; `told` the parameters and functions of which
/// unknown names are told already.
void check_node(const std::string& id, const Node& node, const std::set<std::string>& open,
                const std::set<Path>& told, Problems& problems);

}  // namespace isomer::mdf
