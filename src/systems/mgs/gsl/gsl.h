#pragma once

// GSL, the language of networks: read and written back. What a script does is not here.

#include <string>
#include <string_view>

#include "systems/files.h"
#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs::gsl {

/// The script with what it includes, from its folder or built in. Throws Fatal for what ends
/// reading; all else that is no GSL goes to `problems`, and the statements that could be understood
/// are given.
Script read(const Files& files, std::string_view entry, Problems& problems);
/// The same; throws Error with all that is wrong.
Script read(const Files& files, std::string_view entry);

/// The statements of the main file in GSL, which read as the same, with its includes; or those of
/// all files where `all` says so, without them.
std::string to_text(const Script& script, bool all = false);
std::string to_text(const Argument& argument);
std::string to_text(const Statement& statement);
std::string to_text(const TriggerExpression& trigger);

}  // namespace isomer::mgs::gsl
