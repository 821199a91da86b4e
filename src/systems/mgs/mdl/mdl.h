#pragma once

// MDL, the language of types: read, checked, written back.

#include <string>
#include <string_view>

#include "systems/files.h"
#include "systems/mgs/mdl/ast.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs::mdl {

/// The declarations of a file and of what it includes, from its folder or built in. Throws Fatal
/// for what ends reading; all else that is wrong, by the rules of the language too, goes to
/// `problems`, and what could be understood is given.
Document read(const Files& files, std::string_view entry, Problems& problems);
/// The same; throws Error with all that is wrong.
Document read(const Files& files, std::string_view entry);

/// The types that a script may use: those built in, which are MGS's own networks of neurons and the
/// nodes of our cases, and those of the MDL files in the script's folder. A file there that is
/// wrong declares nothing and is told in `problems`, as a warning.
Document known_types(const Files& files, Problems& problems);

/// The declarations of the main file in MDL, which read as the same, with its includes; or those of
/// all files where `all` says so, without them.
std::string to_text(const Document& document, bool all = false);
std::string to_text(const Type& type);

}  // namespace isomer::mgs::mdl
