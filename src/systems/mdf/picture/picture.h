#pragma once

// A document for people: as text, and as a picture in Graphviz's language.

#include <string>
#include <string_view>

#include "systems/system.h"

namespace isomer::mdf {

/// All graphs of the document as text: nodes with what is in them, edges, conditions. Throws
/// Fault::file for what is no document; it need not be one that runs.
std::string describe(const Files& files, std::string_view entry);

/// The first graph as a picture; 1: names alone, 2: what is inside, 3: metadata and formulas, too.
std::string draw(const Files& files, std::string_view entry, int level);

}  // namespace isomer::mdf
