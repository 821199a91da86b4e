#pragma once

#include "systems/system.h"

namespace isomer {

/// The system as it reads with the help of PyTorch, which in a process of its own says operators
/// that are not read in others; the system itself where that means nothing.
const System& decomposing(const System& system);

}  // namespace isomer
