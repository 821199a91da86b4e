#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

namespace isomer::numpy {
namespace {

/// Argument 0 as elements of a type.
Value converted(const Call& c, DType dtype, bool scalars = true) {
  demand_fit(c[0], dtype);
  return c.result(c.tensor(0, dtype), scalars);
}

/// One value everywhere.
Value filled(const Call& c, const Shape& shape, const Value& value, DType dtype) {
  const auto known = known_shape(shape);
  demand_fit(value, dtype);
  if (known && trace_of(value) == nullptr) {
    const std::vector<std::int64_t> lengths = bounded(*known);
    return result_of(broadcast_to(tensor_of(value).converted(dtype), lengths), false);
  }
  const ValueId one = materialized(c.trace(), value, dtype);
  return c.result(c.emit("expand", {one}, {{"shape", shape}}), false);
}

Value array(const Call& c) { return converted(c, c.dtype(1, c.element_type(0)), false); }

Value zeros(const Call& c) { return filled(c, c.lengths(0), {0.0}, c.dtype(1, c.float64())); }
Value ones(const Call& c) { return filled(c, c.lengths(0), {1.0}, c.dtype(1, c.float64())); }
Value full(const Call& c) { return filled(c, c.lengths(0), c[1], c.dtype(2, c.element_type(1))); }
Value zeros_like(const Call& c) {
  return filled(c, c.shape(0), {0.0}, c.dtype(1, c.element_type(0)));
}
Value ones_like(const Call& c) {
  return filled(c, c.shape(0), {1.0}, c.dtype(1, c.element_type(0)));
}
Value full_like(const Call& c) {
  return filled(c, c.shape(0), c[1], c.dtype(2, c.element_type(0)));
}

Dim length_at(const Call& c, std::size_t i) {
  const Shape lengths = c.lengths(i);
  if (lengths.size() == 1) return lengths[0];
  refuse(fmt::format("a length is needed, this is {}", describe(c[i])));
}

// Where the row's number is the column's.
Value identity(const Call& c) {
  const Dim rows = length_at(c, 0);
  const Dim columns = c.has(1) ? length_at(c, 1) : rows;
  if (const auto known = known_shape({rows, columns})) bounded(*known);
  const auto counted_up = [&](const Dim& length, std::int64_t axis) {
    return c.emit("unsqueeze", {c.emit("arange", {}, {{"end", length}})}, {{"dim", axis}});
  };
  const ValueId same = c.emit("eq", {counted_up(rows, 1), counted_up(columns, 0)});
  return c.result(c.cast(same, c.dtype(2, c.float64())), false);
}

/// Of lengths of a graph.
Value range_of_lengths(const Call& c, const Dim& start, const Dim& stop) {
  const ValueId range =
      c.emit("arange", {}, {{"start", start}, {"end", stop}, {"step", c.integer(2, 1)}});
  return c.result(c.cast(range, c.dtype(3, DType::i64)), false);
}

// start, stop, step, dtype; one alone is the stop
Value arange(const Call& c) {
  const Value zero{std::int64_t{0}};
  const bool alone = !c.has(1);
  const Value& start = alone ? zero : c[0];
  const Value& stop = alone ? c[0] : c[1];
  if (start.as<Length>() != nullptr || stop.as<Length>() != nullptr)
    return range_of_lengths(c, alone ? Dim(0) : length_at(c, 0), length_at(c, alone ? 0 : 1));
  const double first = real_of(start);
  const double step = c.real(2, 1);
  if (step == 0) refuse("a range cannot advance by 0");
  const double count = std::max(0.0, std::ceil((real_of(stop) - first) / step));
  constexpr double most = 1e18;  // where the bound of all arrays has long been passed
  if (std::isnan(count)) refuse("a range that has no length");
  bounded({static_cast<std::int64_t>(std::min(count, most))});
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i) * step;
  const auto is_real = [](const Value& value) {
    return !is_number(value) ? is_floating(tensor_of(value).dtype())
                             : value.as<double>() != nullptr;
  };
  const bool real = is_real(start) || is_real(stop) || (c.has(2) && is_real(c[2]));
  const auto length = static_cast<std::int64_t>(values.size());
  return result_of(
      Tensor::from_doubles(c.dtype(3, real ? DType::f64 : DType::i64), {length}, values), false);
}

// From the start by equal steps; the end itself is not computed.
Value linspace(const Call& c) {
  const std::int64_t count = c.integer(2, 50);
  bounded({count});
  std::vector<double> parts;
  for (std::int64_t i = 0; i < count; ++i)
    parts.push_back(count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0);
  const ValueId part =
      c.b().constant(Tensor::from_doubles(DType::f64, {count}, parts), c.float64());
  const ValueId start = c.tensor(0, c.float64());
  const ValueId stop = c.tensor(1, c.float64());
  ValueId result = c.emit("add", {start, c.emit("mul", {part, c.emit("sub", {stop, start})})});
  if (count > 1) {
    const ValueId last = c.emit("eq", {part, c.b().literal(c.float64(), 1.0)});
    result = c.emit("where", {last, stop, result});
  }
  return c.result(result, false);
}

Value as_float64(const Call& c) { return converted(c, c.float64()); }
Value as_float32(const Call& c) { return converted(c, c.float32()); }
Value as_int64(const Call& c) { return converted(c, DType::i64); }
Value as_int32(const Call& c) { return converted(c, DType::i32); }
Value as_int16(const Call& c) { return converted(c, DType::i16); }
Value as_int8(const Call& c) { return converted(c, DType::i8); }
Value as_uint8(const Call& c) { return converted(c, DType::u8); }
Value as_float16(const Call& c) { return converted(c, DType::f16); }
Value as_bool(const Call& c) { return converted(c, DType::boolean); }

Value astype(const Call& c) {
  const Array* array = c[0].as<Array>();
  return converted(c, c.dtype(1, DType::f64), array != nullptr && array->scalar);
}

Value text(const Call& c) {
  const std::string* text = c[0].as<std::string>();
  if (text == nullptr) refuse(fmt::format("numpy.str_ needs a text, not {}", describe(c[0])));
  return {Text{*text}};
}

constexpr Function creation_table[] = {
    {"numpy.array numpy.asarray", "x dtype?", array},
    {"numpy.zeros numpy.empty", "shape dtype?", zeros},
    {"numpy.ones", "shape dtype?", ones},
    {"numpy.full", "shape fill_value dtype?", full},
    {"numpy.zeros_like", "x dtype?", zeros_like},
    {"numpy.ones_like", "x dtype?", ones_like},
    {"numpy.full_like", "x fill_value dtype?", full_like},
    {"numpy.eye numpy.identity", "N M? dtype?", identity},
    {"numpy.arange", "start stop? step? dtype?", arange},
    {"numpy.linspace", "start stop num?", linspace},
    {"numpy.float64 numpy.double", "x", as_float64},
    {"numpy.float32 numpy.single", "x", as_float32},
    {"numpy.float16 numpy.half", "x", as_float16},
    {"numpy.int64 numpy.int_ numpy.intp", "x", as_int64},
    {"numpy.int32 numpy.intc", "x", as_int32},
    {"numpy.int16", "x", as_int16},
    {"numpy.int8", "x", as_int8},
    {"numpy.uint8", "x", as_uint8},
    {"numpy.bool_", "x", as_bool},
    {"numpy.str_", "x", text, true},
    {".astype", "x dtype", astype},
};

}  // namespace

std::span<const Function> creation_functions() { return creation_table; }

}  // namespace isomer::numpy
