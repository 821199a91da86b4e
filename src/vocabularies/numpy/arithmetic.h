#pragma once

// What Python's operators do with values: Python's own rules for numbers, lists and texts, NumPy's
// as soon as an array takes part.

#include <string_view>

#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// - + ~ not
Value unary(std::string_view sign, const Value& x);
/// + - * / // % ** @ & | ^ << >>. Throws Fault::model where Python would raise.
Value binary(std::string_view sign, const Value& x, const Value& y);
/// < <= > >= == != in "not in" is "is not"
Value compare(std::string_view word, const Value& x, const Value& y);

/// An array of the given elements, or a NumPy scalar where it has no axes and `scalars` (no operand
/// was more).
Value result_of(Tensor tensor, bool scalars = true);

}  // namespace isomer::numpy
