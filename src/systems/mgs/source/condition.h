#pragma once

// What stands after "#if".

#include <functional>
#include <string>
#include <string_view>

#include "systems/mgs/source/macros.h"

namespace isomer::mgs {

/// Whether a file could be included, for "__has_include".
using HasFile = std::function<bool(const std::string& name)>;

constexpr std::string_view has_include = "__has_include";

/// Throws Error with what is wrong.
bool condition_holds(std::string_view text, Macros& macros, const Macros::Where& where,
                     const HasFile& has_file);

}  // namespace isomer::mgs
