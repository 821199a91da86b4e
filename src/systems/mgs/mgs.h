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

/// What the file says: declarations in normal form; of a script its phases, types, grids with their
/// layers, connections and triggers.
std::string describe(const Files& files, std::string_view entry);

/// The picture of a script's network, or of the types of a file, in Graphviz's language.
std::string draw(const Files& files, std::string_view entry, int level);

/// The file as it stands, in normal form, macros replaced.
Written rewrite(const Files& files, std::string_view entry, std::string_view name,
                const RunOptions& options = {});

}  // namespace isomer::mgs
