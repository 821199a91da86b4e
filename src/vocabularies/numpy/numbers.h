#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// Python's digits without the single underscores that may stand between them; nothing where one
/// stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text);

/// A whole text as a double, infinite or zero where it does not fit, as in Python.
std::optional<double> real_in(std::string_view digits);

/// A text that Python's int() or float() takes: " 3 ", "1_000", "nan", "-inf", ".5". None when it
/// is no number.
Value number_in(std::string_view text);

}  // namespace isomer::numpy
