#pragma once

// What a document says that nothing carries out.

#include "systems/mdf/document.h"

namespace isomer::mdf {

// Paths begin in what is looked at.

/// What the format's own program does not look at, either: of a graph, and of what is around it.
void add_ignored(const DocumentGraph& graph, Problems& problems);
void add_ignored(const Document& document, Problems& problems);

}  // namespace isomer::mdf
