#pragma once

// MGS itself, where somebody has it.

#include <functional>
#include <string>
#include <string_view>

#include "cli/verb.h"

namespace isomer::cli {

struct ProgramEnd {
  int status = 0;  // as a shell shows it
};

/// Runs the gslparser that --mgs-program names on a script, in the script's folder. Lines of its
/// standard output go to `line`. Throws Fault::usage where it is not there.
ProgramEnd run_mgs_program(const Words& words, const std::string& script,
                           const std::function<void(std::string_view)>& line);

}  // namespace isomer::cli
