#pragma once

// What a document says that nothing carries out, or a graph cannot say.

#include "systems/mdf/document.h"

namespace isomer::mdf {

// Paths begin in what is looked at.

/// What a graph cannot say, and what would change its values: conditions.
void add_unsaid(const DocumentGraph& graph, Problems& problems);

/// What the format's own program does not look at, either: of a graph, and of what is around it.
void add_ignored(const DocumentGraph& graph, Problems& problems);
void add_ignored(const Document& document, Problems& problems);

}  // namespace isomer::mdf
