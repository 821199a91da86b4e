#pragma once

#include <string_view>

#include "base/error.h"

namespace isomer {

/// Of a file that is not what its form says; its caller knows which.
[[noreturn]] inline void refuse_file(std::string_view what) { throw Error(Fault::file, "", what); }

}  // namespace isomer
