#pragma once

// Metadata as they were written before they were lines of the text form: as trees. They are made
// into those lines.

#include <string>

#include "codecs/tree.h"
#include "graph/graph.h"

namespace isomer::mdf {

/// Of a graph's entry "isomer".
std::string lines_of(const Tree& origin);
/// Of a node's metadata; empty where they name no operator.
std::string line_of(const Tree& metadata);
/// Module path and place, which other programs write, too.
void place_in(const Tree& metadata, std::string& scope, Place& place);

}  // namespace isomer::mdf
