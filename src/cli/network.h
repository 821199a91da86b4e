#pragma once

// `isomer run` of a network in GSL, which runs by MGS's rules or in MGS itself.

#include <string>

#include "cli/verb.h"

namespace isomer::cli {

/// Whether the file is one of GSL, by its name or by --from.
bool is_network(const std::string& path, const Words& words);

/// The exit code: 0 where MGS ends with 0, else that of a faulty file.
int run_network_file(const Words& words);

}  // namespace isomer::cli
