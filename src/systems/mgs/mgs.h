#pragma once

// IBM's Model Graph Simulator: networks in GSL, and the types they are made of in MDL.

#include <string>
#include <string_view>
#include <vector>

#include "systems/system.h"

namespace isomer::mgs {

/// Whether the file is one of types, by its name; else it is a script.
bool is_mdl(std::string_view entry);

/// All that is wrong with a script or with declarations, and what MGS would pass over in silence.
std::vector<Diagnostic> check(const Files& files, std::string_view entry,
                              const RunOptions& options = {});

/// What the file says: declarations in normal form, or a script's statements.
std::string describe(const Files& files, std::string_view entry);

}  // namespace isomer::mgs
