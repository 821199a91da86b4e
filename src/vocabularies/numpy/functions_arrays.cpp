#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/whole.h"

// What NumPy and Python say of arrays with other functions: tests of closeness, parts put together,
// windows.

namespace isomer::numpy {
namespace {

std::vector<Value> lengths_in_array(const Call& c, const Value& x) {
  return c.parts("numpy.shape", {x});
}

/// A truth of NumPy as one of Python.
Value truth(const Call& c, const Value& all) { return c.asked("bool", {all}); }

// --- close, equal

// a, b, rtol, atol, equal_nan
Value is_close(const Call& c) {
  const Value x = c.array(0), y = c.array(1);
  const Value wide = binary("*", {c.real(2, 1e-5)}, c.asked("numpy.abs", {y}));
  const Value apart = c.asked("numpy.abs", {binary("-", x, y)});
  const Value near = compare("<=", apart, binary("+", {c.real(3, 1e-8)}, wide));
  const Value finite = c.asked("numpy.isfinite", {y});
  const Value both = c.asked("numpy.logical_and", {near, finite});
  Value result = c.asked("numpy.logical_or", {both, compare("==", x, y)});
  if (!c.flag(4)) return result;
  const Value nan =
      c.asked("numpy.logical_and", {c.asked("numpy.isnan", {x}), c.asked("numpy.isnan", {y})});
  return c.asked("numpy.logical_or", {result, nan});
}
Value all_close(const Call& c) {
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < c.count(); ++i) arguments.push_back(c.has(i) ? c[i] : Value{});
  return truth(c, c.asked("numpy.all", {c.asked("numpy.isclose", arguments)}));
}
Value array_equal(const Call& c) {
  const Value x = c.array(0), y = c.array(1);
  const auto left = lengths_in_array(c, x), right = lengths_in_array(c, y);
  bool same = left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i)
    same = integer_of(left[i]) == integer_of(right[i]);
  if (!same) return {false};
  return truth(c, c.asked("numpy.all", {compare("==", x, y)}));
}

// --- single elements

// x, copy, nan, posinf, neginf
Value nan_to_num(const Call& c) {
  const Value x = c.array(0);
  if (!is_floating(c.element_type(0))) return x;
  const double most = largest_of(c.element_type(0));
  const auto infinite = [&](std::string_view sign) {
    return c.asked("numpy.logical_and",
                   {c.asked("numpy.isinf", {x}), compare(sign, x, {std::int64_t{0}})});
  };
  Value y = c.asked("numpy.where", {c.asked("numpy.isnan", {x}), {c.real(2, 0)}, x});
  y = c.asked("numpy.where", {infinite(">"), {c.real(3, most)}, y});
  y = c.asked("numpy.where", {infinite("<"), {c.real(4, -most)}, y});
  return lengths_in_array(c, x).empty() ? subscript(y, {}, true, c.runtime) : y;
}

Value sinc(const Call& c) {
  const Value x = c.array(0);
  const Value at = c.asked("numpy.where", {compare("==", x, {std::int64_t{0}}), {1e-20}, x});
  const Value y = binary("*", {std::numbers::pi}, at);
  return binary("/", c.asked("numpy.sin", {y}), y);
}

Value sign_bit(const Call& c) {
  const Value one = c.asked("numpy.copysign", {{1.0}, c[0]});
  return compare("<", one, {std::int64_t{0}});
}

Value unchanged(const Call& c) { return binary("*", c.array(0), integer_value(1)); }
Value inverted(const Call& c) { return unary("~", is_array(c[0]) ? c[0] : c.array(0)); }

Value real_power(const Call& c) {
  return c.asked("numpy.power",
                 {c.asked("numpy.float64", {c[0]}), c.asked("numpy.float64", {c[1]})});
}

// --- axes

Value with_axes(const Call& c, std::size_t rank) {
  Value x = c.array(0);
  const auto lengths = lengths_in_array(c, x);
  if (lengths.size() >= rank) return x;
  Tuple shape{lengths};
  // A row stands in front of a third axis, all else behind new ones.
  while (shape.items.size() < std::min<std::size_t>(rank, 2))
    shape.items.insert(shape.items.begin(), integer_value(1));
  if (rank == 3) shape.items.push_back(integer_value(1));
  return c.asked("numpy.reshape", {x, {shape}});
}
Value at_least_1d(const Call& c) { return with_axes(c, 1); }
Value at_least_2d(const Call& c) { return with_axes(c, 2); }
Value at_least_3d(const Call& c) { return with_axes(c, 3); }

Value flip_columns(const Call& c) { return c.asked("numpy.flip", {c.array(0), integer_value(1)}); }
Value flip_rows(const Call& c) { return c.asked("numpy.flip", {c.array(0), integer_value(0)}); }
Value turned(const Call& c) {
  Value x = c.array(0);
  const std::int64_t quarters = ((c.integer(1, 1) % 4) + 4) % 4;
  for (std::int64_t i = 0; i < quarters; ++i)
    x = c.asked("numpy.flip", {c.asked("numpy.swapaxes", {x, integer_value(0), integer_value(1)}),
                               integer_value(0)});
  return x;
}

// --- put together, taken apart

// x, values, axis
Value append(const Call& c) {
  const Value axis = c.has(2) ? c[2] : integer_value(0);
  const auto one = [&](std::size_t i) {
    return c.has(2) ? c.array(i) : c.asked("numpy.ravel", {c.array(i)});
  };
  return c.asked("numpy.concatenate", {{Tuple{{one(0), one(1)}}}, axis});
}

// x, places, axis
Value removed(const Call& c) {
  const Value x = c.has(2) ? c.array(0) : c.asked("numpy.ravel", {c.array(0)});
  const std::int64_t axis = c.has(2) ? c.axis(2, c.rank(0)) : 0;
  const std::int64_t length = integer_of(lengths_in_array(c, x)[static_cast<std::size_t>(axis)]);
  std::vector<bool> kept(static_cast<std::size_t>(length), true);
  for (const std::int64_t place : c.integers(1)) {
    if (place < -length || place >= length)
      refuse(fmt::format("index {} is outside an axis of length {}", place, length));
    kept[static_cast<std::size_t>(place < 0 ? place + length : place)] = false;
  }
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < length; ++i) {
    if (kept[static_cast<std::size_t>(i)]) places.push_back(i);
  }
  const Value rest = array_value(Tensor::of<std::int64_t>({std::ssize(places)}, places));
  return c.asked("numpy.take", {x, rest, integer_value(axis)});
}

Value split_along(const Call& c, std::int64_t axis) {
  return c.asked("numpy.split", {c.array(0), c[1], integer_value(axis)});
}
Value split_rows(const Call& c) { return split_along(c, 0); }
Value split_columns(const Call& c) { return split_along(c, c.rank(0) == 1 ? 0 : 1); }

/// In parts as equal as can be, the longer ones first.
Value array_split(const Call& c) {
  if (!is_number(c[1]))
    return c.asked("numpy.split", {c.array(0), c[1], integer_value(c.integer(2, 0))});
  const std::int64_t axis = c.axis(2, c.rank(0), 0);
  const std::int64_t parts = integer_of(c[1]);
  if (parts < 1) refuse("there is one part at least");
  bound_items(static_cast<std::uint64_t>(parts));
  const std::int64_t length =
      integer_of(lengths_in_array(c, c.array(0))[static_cast<std::size_t>(axis)]);
  Tuple ends;
  std::int64_t end = 0;
  for (std::int64_t i = 0; i + 1 < parts; ++i) {
    end += length / parts + (i < length % parts ? 1 : 0);
    ends.items.push_back(integer_value(end));
  }
  return c.asked("numpy.split", {c.array(0), {ends}, integer_value(axis)});
}

// Up to four rows, and how they are indexed.
Value meshgrid(const Call& c) {
  const auto* indexing = c.has(4) ? c[4].as<std::string>() : nullptr;
  const bool by_rows = indexing != nullptr && *indexing == "ij";
  if (c.has(4) && !by_rows && (indexing == nullptr || *indexing != "xy"))
    refuse("indexing is 'xy' or 'ij'");
  std::vector<Value> rows;
  for (std::size_t i = 0; i < 4 && c.has(i); ++i)
    rows.push_back(c.asked("numpy.ravel", {c.array(i)}));
  const auto axis_of = [&](std::size_t i) {
    return !by_rows && rows.size() > 1 && i < 2 ? 1 - i : i;
  };
  Tuple shape{std::vector<Value>(rows.size())};
  for (std::size_t i = 0; i < rows.size(); ++i)
    shape.items[axis_of(i)] = lengths_in_array(c, rows[i])[0];
  Tuple result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Tuple beside{std::vector<Value>(rows.size(), integer_value(1))};
    beside.items[axis_of(i)] = integer_value(-1);
    const Value along = c.asked("numpy.reshape", {rows[i], {beside}});
    result.items.push_back(c.asked("numpy.broadcast_to", {along, {shape}}));
  }
  return {result};
}

// --- rows of numbers

// start, stop, num, endpoint, base
Value logspace(const Call& c) {
  if (c.has(3) && !c.flag(3)) refuse("numpy.logspace is read with its end");
  const Value count = c.has(2) ? c[2] : integer_value(50);
  const Value powers = c.asked("numpy.linspace", {c[0], c[1], count});
  return c.asked("numpy.power", {{c.real(4, 10)}, powers});
}

/// Sums of cosines over a window: `cosines[i]` of i times the angle, which is 0 in the middle.
Value window(const Call& c, std::span<const double> cosines) {
  const std::int64_t count = c.integer(0, 0);
  if (count < 1) return array_value(Tensor::zeros(DType::f64, {0}));
  bounded({count});
  std::vector<double> values(static_cast<std::size_t>(count), 1.0);
  for (std::int64_t i = 0; i < count && count > 1; ++i) {
    const double angle =
        std::numbers::pi * static_cast<double>(1 - count + 2 * i) / static_cast<double>(count - 1);
    double& value = values[static_cast<std::size_t>(i)] = 0;
    for (std::size_t k = 0; k < cosines.size(); ++k)
      value += cosines[k] * std::cos(static_cast<double>(k) * angle);
  }
  return array_value(Tensor::from_doubles(DType::f64, {count}, values));
}
Value hanning(const Call& c) { return window(c, std::array{0.5, 0.5}); }
Value hamming(const Call& c) { return window(c, std::array{0.54, 0.46}); }
Value blackman(const Call& c) { return window(c, std::array{0.42, 0.5, 0.08}); }

// --- Python's

Value copied(const Call& c) { return c.array(0); }

/// The one element as Python's.
Value python_number(const Call& c, const Value& one) {
  const DType dtype = c.element_type(0);
  return c.asked(dtype == DType::boolean ? "bool" : is_floating(dtype) ? "float" : "int", {one});
}

Value nested(const Call& c, const Value& x) {
  const std::vector<Value> lengths = lengths_in_array(c, x);
  if (lengths.empty()) return python_number(c, x);
  const std::int64_t count = integer_of(lengths[0]);
  bound_items(static_cast<std::uint64_t>(count));
  List result;
  for (std::int64_t i = 0; i < count; ++i)
    result.items.push_back(nested(c, subscript(x, {{false, {i}, {}}}, false, c.runtime)));
  return {result};
}
Value as_list(const Call& c) { return nested(c, c[0]); }

// The only element, or the one at a place.
Value item(const Call& c) {
  const Value flat = c.asked("numpy.ravel", {c[0]});
  if (!c.has(1) && integer_of(lengths_in_array(c, flat)[0]) != 1)
    refuse(fmt::format("{} has more than one element", describe(c[0])));
  const Value one =
      subscript(flat, {{false, integer_value(c.integer(1, 0)), {}}}, false, c.runtime);
  return python_number(c, one);
}

Value enumerated(const Call& c) {
  List result;
  std::int64_t next = c.integer(1, 0);
  for (const Value& one : c.parts("list", {c[0]}))
    result.items.push_back({Tuple{{integer_value(next++), one}}});
  return {result};
}

Value zipped(const Call& c) {
  std::vector<std::vector<Value>> rows;
  for (std::size_t i = 0; i < c.count() && c.has(i); ++i) rows.push_back(c.parts("list", {c[i]}));
  List result;
  for (std::size_t i = 0; !rows.empty(); ++i) {
    Tuple one;
    for (const auto& row : rows) {
      if (i >= row.size()) return {result};
      one.items.push_back(row[i]);
    }
    result.items.push_back({std::move(one)});
  }
  return {result};
}

Value backwards(const Call& c) {
  List result{c.parts("list", {c[0]})};
  std::ranges::reverse(result.items);
  return {result};
}

constexpr Function array_table[] = {
    {"numpy.isclose", "x y rtol? atol? equal_nan?", is_close},
    {"numpy.allclose", "x y rtol? atol? equal_nan?", all_close},
    {"numpy.array_equal", "x y", array_equal},
    {"numpy.nan_to_num", "x copy? nan? posinf? neginf?", nan_to_num},
    {"numpy.sinc", "x", sinc},
    {"numpy.signbit", "x", sign_bit},
    {"numpy.positive", "x", unchanged},
    {"numpy.invert numpy.bitwise_not", "x", inverted},
    {"numpy.float_power", "x y", real_power},
    {"numpy.atleast_1d", "x", at_least_1d},
    {"numpy.atleast_2d", "x", at_least_2d},
    {"numpy.atleast_3d", "x", at_least_3d},
    {"numpy.fliplr", "x", flip_columns},
    {"numpy.flipud", "x", flip_rows},
    {"numpy.rot90", "x k?", turned},
    {"numpy.append", "x values axis?", append},
    {"numpy.delete", "x obj axis?", removed},
    {"numpy.vsplit", "x parts", split_rows},
    {"numpy.hsplit", "x parts", split_columns},
    {"numpy.array_split", "x parts axis?", array_split},
    {"numpy.meshgrid", "a? b? c? d? indexing?", meshgrid},
    {"numpy.logspace", "start stop num? endpoint? base?", logspace},
    {"numpy.hanning", "M", hanning},
    {"numpy.hamming", "M", hamming},
    {"numpy.blackman", "M", blackman},
    {"numpy.copy numpy.ascontiguousarray .copy", "x", copied},
    {".tolist", "x", as_list},
    {".item", "x at?", item},
    {"enumerate", "x start?", enumerated},
    {"zip", "a? b? c? d? e? f? g? h?", zipped},
    {"reversed", "x", backwards},
};

}  // namespace

std::span<const Function> array_functions() { return array_table; }

}  // namespace isomer::numpy
