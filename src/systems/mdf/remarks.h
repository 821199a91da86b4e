#pragma once

// What a document says that nothing carries out, or a graph cannot say.

#include <string>
#include <vector>

#include "systems/mdf/document.h"
#include "systems/system.h"

namespace isomer::mdf {

/// What a graph cannot say, and what would change its values: conditions.
std::vector<std::string> refused_in(const DocumentGraph& graph);

/// What the format's own program does not look at, either.
std::vector<Note> ignored_in(const Document& document);

}  // namespace isomer::mdf
