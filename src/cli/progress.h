#pragma once

#include <string_view>

#include "base/progress.h"

namespace isomer::cli {

/// A bar on standard error for what takes over a second; nothing where that is no terminal. The
/// last one to go wipes the line.
Progress progress_bar();

}  // namespace isomer::cli
