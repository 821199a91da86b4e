#pragma once

#include <string>
#include <vector>

#include "prove/certificate.h"

namespace isomer::cli {

/// Throws Fault::usage for a path that is no folder, or one that holds something: a set that was
/// saved before would mix with this one.
void check_set_folder(const std::string& folder);

/// Writes the set into the folder, which is made where it is not there: `call1.safetensors` and so
/// on, all calls with an axis of steps as `calls.safetensors`, and what states and parameters begin
/// with. Returns the commands that show the difference again.
std::vector<std::string> save_set(const std::string& folder, const Certificate& certificate);

}  // namespace isomer::cli
