#pragma once

// What Python's operators do with values: Python's own rules for numbers, lists and texts, NumPy's
// as soon as an array takes part, ours where it is a value of a graph.

#include <string_view>

#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// - + ~ not
Value unary(std::string_view sign, const Value& x);
/// + - * / // % ** & | ^ << >>, and @ between anything but arrays, for which `numpy.matmul` is
/// called. Throws Fault::model where Python would raise.
Value binary(std::string_view sign, const Value& x, const Value& y);
/// < <= > >= == != in "not in" is "is not"
Value compare(std::string_view word, const Value& x, const Value& y);

}  // namespace isomer::numpy
