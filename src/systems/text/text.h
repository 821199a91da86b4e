#pragma once

// Files of our own readable form, described in docs/text-form.md: graph/text.h prints it,
// ops/text.h reads it.

#include <string_view>

#include "systems/system.h"

namespace isomer {

bool recognises_text(const Files& files, std::string_view entry);
Loaded read_text(const Files& files, std::string_view entry);
/// Data of more than a few elements go into a file beside it, "net.isomer.safetensors".
Written write_text(const Graph& graph, std::string_view entry);

}  // namespace isomer
