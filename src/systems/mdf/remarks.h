#pragma once

// What a document says that nothing carries out. It is found before the
// document is run or read, so that both say the same of it.

#include <string>
#include <vector>

#include "systems/mdf/document.h"
#include "systems/system.h"

namespace isomer::mdf {

/// What would change the values if it were carried out: conditions, ports that
/// join their values, several edges into one port.
std::vector<std::string> refused_in(const DocumentGraph& graph);

/// What the format's own program does not look at, either.
std::vector<Note> ignored_in(const Document& document);

}  // namespace isomer::mdf
