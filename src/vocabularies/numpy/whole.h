#pragma once

// Python's integers that only a graph knows. Python's have no end and a graph's have 64 bits: where
// a result might not fit, the graph is made to fail, as the document does.

#include <optional>
#include <string_view>

#include "vocabularies/numpy/functions.h"

namespace isomer::numpy {

/// As large as 64 bits allow.
constexpr double largest_integer = 9223372036854775808.0;  // 2 ** 63

/// How large an integer of Python can be, known or of a graph; nothing for all else.
std::optional<double> largest_of(const Value& value);
/// A value of a graph that is such an integer.
Value whole_value(const Trace& trace, ValueId id, double largest = largest_integer);
/// `x`, where the truth `holds`; elsewhere the graph fails.
ValueId only_where(Emitter& b, ValueId x, ValueId holds);
/// Python's int() of a real number of a graph, rounded already.
Value whole_from_real(const Trace& trace, ValueId x);
/// An operation between two such integers, one of a graph at least. Throws Fault::unsupported for a
/// power that may be a fraction.
Value binary_of_whole(std::string_view sign, const Value& x, const Value& y);
/// One of two values, as a truth of a graph says; of Python's integers one.
Value either(const Value& truth, const Value& x, const Value& y, const Runtime& runtime);

}  // namespace isomer::numpy
