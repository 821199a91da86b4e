#pragma once

// What stands after "#if".

#include "systems/mgs/source/macros.h"

namespace isomer::mgs {

/// Throws Error with what is wrong.
bool condition_holds(std::string_view text, Macros& macros, const Macros::Where& where);

}  // namespace isomer::mgs
