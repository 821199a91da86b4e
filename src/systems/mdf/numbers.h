#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "systems/mdf/expression.h"

namespace isomer::mdf {

/// Python's digits without the single underscores that may stand between them; nothing where one
/// stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text);

/// A whole text as a double, infinite or zero where it does not fit, as in Python.
std::optional<double> real_in(std::string_view digits);

}  // namespace isomer::mdf
