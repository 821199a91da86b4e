#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

// Products, diagonals and sums along rows, said with other functions.

namespace isomer::numpy {
namespace {

/// A length of a value, which must be known.
std::int64_t length_along(const Call& c, const Value& x, std::size_t axis) {
  return integer_of(items_of(c.asked("numpy.shape", {x}))->at(axis));
}
std::size_t rank_of(const Call& c, const Value& x) {
  return items_of(c.asked("numpy.shape", {x}))->size();
}

Value places_value(const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& numbers) {
  return array_value(Tensor::of<std::int64_t>(shape, numbers));
}

/// Along the axis, from `start` as far as `stop`; nothing: to the end.
Value part_along(const Call& c, const Value& x, std::size_t axis, const Value& start,
                 const Value& stop) {
  std::vector<Index> indices(axis, Index{true, {}, {}});
  indices.push_back({true, {}, {start, stop, {}}});
  return subscript(x, indices, true, c.runtime);
}

// --- products

/// Of vectors of three numbers along the last axis.
Value cross(const Call& c) {
  const Value x = c.array(0), y = c.array(1);
  for (const Value* one : {&x, &y}) {
    const std::size_t rank = rank_of(c, *one);
    if (rank == 0 || length_along(c, *one, rank - 1) != 3)
      refuse("numpy.cross takes vectors of 3 numbers along the last axis");
  }
  const auto turned = [&](const Value& of, std::int64_t first, std::int64_t second) {
    const Value places = places_value({3}, {first, second, 3 - first - second});
    return c.asked("numpy.take", {of, places, integer_value(-1)});
  };
  return minus(times(turned(x, 1, 2), turned(y, 2, 0)), times(turned(x, 2, 0), turned(y, 1, 2)));
}

/// Each element of the first times the whole second.
Value kron(const Call& c) {
  const std::size_t rank = std::max(c.rank(0), c.rank(1));
  const auto spread = [&](std::size_t i, bool first, Tuple& joined) {
    const auto lengths = c.parts("numpy.shape", {c.array(i)});
    Tuple shape;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const bool own = axis + lengths.size() >= rank;
      const Value length = own ? lengths[axis + lengths.size() - rank] : integer_value(1);
      shape.items.push_back(first ? length : integer_value(1));
      shape.items.push_back(first ? integer_value(1) : length);
      if (joined.items.size() <= axis) joined.items.push_back(integer_value(1));
      joined.items[axis] = times(joined.items[axis], length);
    }
    return c.asked("numpy.reshape", {c.array(i), {shape}});
  };
  Tuple joined;
  const Value x = spread(0, true, joined);
  const Value y = spread(1, false, joined);
  return c.asked("numpy.reshape", {times(x, y), {joined}});
}

Value vdot(const Call& c) {
  return c.asked("numpy.dot",
                 {c.asked("numpy.ravel", {c.array(0)}), c.asked("numpy.ravel", {c.array(1)})});
}

// a, v, mode
Value convolution(const Call& c, bool turned, const std::string& fallback) {
  const auto* given = c.has(2) ? c[2].as<std::string>() : nullptr;
  if (c.has(2) && given == nullptr) refuse("the mode is a text");
  const std::string mode = given != nullptr ? *given : fallback;
  Value x = c.asked("numpy.atleast_1d", {c[0]});
  Value y = c.asked("numpy.atleast_1d", {c[1]});
  if (rank_of(c, x) != 1 || rank_of(c, y) != 1) refuse("rows are convolved");
  std::int64_t long_one = length_along(c, x, 0), short_one = length_along(c, y, 0);
  if (long_one == 0 || short_one == 0) refuse("rows that are convolved have elements");
  if (long_one < short_one && turned)
    throw Error(Fault::unsupported, "", "a row is correlated with one that is no longer");
  if (long_one < short_one) {
    std::swap(x, y);
    std::swap(long_one, short_one);
  }
  if (!turned) y = c.asked("numpy.flip", {y});
  std::int64_t start = 0, count = long_one + short_one - 1;
  if (mode == "valid") start = short_one - 1, count = long_one - short_one + 1;
  if (mode == "same") start = (short_one - 1) / 2, count = long_one;
  if (mode != "valid" && mode != "same" && mode != "full")
    refuse(fmt::format("{} is none of 'full', 'same' and 'valid'", quoted(mode)));
  bounded({count, short_one});
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < short_one; ++k) places.push_back(start + i + k);
  }
  const Value wide = c.asked("numpy.pad", {x, integer_value(short_one - 1)});
  const Value windows = c.asked("numpy.take", {wide, places_value({count, short_one}, places)});
  return c.asked("numpy.matmul", {windows, y});
}
Value convolve(const Call& c) { return convolution(c, false, "full"); }
Value correlate(const Call& c) { return convolution(c, true, "valid"); }

Value matrix_power(const Call& c) {
  const std::int64_t power = integer_of(c[1]);
  constexpr std::int64_t most = 1 << 20;
  if (power > most || power < -most) refuse("a power of a matrix that is too high");
  Value base = c.array(0);
  if (power < 0) base = c.asked("numpy.linalg.inv", {base});
  Value result = c.asked("numpy.eye", {integer_value(length_along(c, base, 0))});
  if (!is_floating(c.element_type(0)) && power >= 0) result = c.asked("numpy.int64", {result});
  for (std::int64_t left = std::abs(power); left > 0; left /= 2) {
    if (left % 2 == 1) result = c.asked("numpy.matmul", {result, base});
    if (left > 1) base = c.asked("numpy.matmul", {base, base});
  }
  return result;
}

// --- diagonals

/// Where the diagonal's elements lie in the matrix laid flat.
std::vector<std::int64_t> on_diagonal(std::int64_t rows, std::int64_t columns, std::int64_t above) {
  std::vector<std::int64_t> places;
  for (std::int64_t i = std::max<std::int64_t>(0, -above); i < rows && i + above < columns; ++i)
    places.push_back(i * columns + i + above);
  return places;
}

std::int64_t offset_of(const Call& c, std::size_t i) {
  const std::int64_t offset = c.integer(i, 0);
  if (offset > most_elements || offset < -most_elements) refuse("a diagonal that is too far away");
  return offset;
}

Value diagonal(const Call& c) {
  const Value x = c.array(0);
  if (rank_of(c, x) != 2)
    throw Error(Fault::unsupported, "", "diagonals are read of matrices only");
  const std::vector<std::int64_t> places =
      on_diagonal(length_along(c, x, 0), length_along(c, x, 1), offset_of(c, 1));
  const Value flat = c.asked("numpy.ravel", {x});
  return c.asked("numpy.take", {flat, places_value({std::ssize(places)}, places)});
}
Value trace_of_matrix(const Call& c) {
  return c.asked("numpy.sum", {c.asked("numpy.diagonal", {c[0], integer_value(offset_of(c, 1))})});
}

/// Of a row a matrix with it on a diagonal, of a matrix its diagonal.
Value diag(const Call& c) {
  const Value x = c.array(0);
  const std::int64_t above = offset_of(c, 1);
  if (rank_of(c, x) != 1) return c.asked("numpy.diagonal", {x, integer_value(above)});
  const std::int64_t count = length_along(c, x, 0);
  const std::int64_t width = count + std::abs(above);
  bounded({width, width});
  // One element more, which is 0 and stands everywhere else.
  const Value more = c.asked("numpy.pad", {x, {Tuple{{integer_value(0), integer_value(1)}}}});
  std::vector<std::int64_t> places(static_cast<std::size_t>(width * width), count);
  std::int64_t next = 0;
  for (const std::int64_t place : on_diagonal(width, width, above))
    places[static_cast<std::size_t>(place)] = next++;
  return c.asked("numpy.take", {more, places_value({width, width}, places)});
}

Value lower_ones(const Call& c) {
  const Value columns = c.has(1) ? c[1] : c[0];
  const Value ones = c.asked("numpy.ones", {{Tuple{{c[0], columns}}}});
  return c.asked("numpy.tril", {ones, integer_value(offset_of(c, 2))});
}

// --- along rows

/// The coefficients, highest power first, at each x.
Value polyval(const Call& c) {
  const Value x = is_number(c[1]) || is_array(c[1]) ? c[1] : c.array(1);
  Value y = times(x, integer_value(0));
  if (is_number(c[1])) y = c.asked("numpy.asarray", {y});
  for (const Value& factor : c.parts("list", {c[0]})) y = plus(times(y, x), factor);
  return y;
}

// y, x, dx, axis
Value trapezoid(const Call& c) {
  const Value y = c.array(0);
  const auto axis = static_cast<std::size_t>(c.axis(3, c.rank(0), -1));
  const Value after = part_along(c, y, axis, integer_value(1), {});
  const Value before = part_along(c, y, axis, {}, integer_value(-1));
  Value width = c.has(2) ? c[2] : Value{1.0};
  if (c.has(1)) {
    width = c.asked("numpy.diff", {c.array(1)});
    if (c.rank(1) == 1 && c.rank(0) > 1) {
      Tuple beside;
      for (std::size_t i = 0; i < rank_of(c, y); ++i)
        beside.items.push_back(integer_value(i == axis ? -1 : 1));
      width = c.asked("numpy.reshape", {width, {beside}});
    }
  }
  const Value parts = binary("/", times(width, plus(after, before)), {2.0});
  return c.asked("numpy.sum", {parts, integer_value(static_cast<std::int64_t>(axis))});
}

// Of a row; its neighbours are so far apart.
Value gradient(const Call& c) {
  const Value y = c.array(0);
  if (rank_of(c, y) != 1 || (c.has(1) && !is_number(c[1])))
    throw Error(Fault::unsupported, "", "numpy.gradient is read of rows with equal steps only");
  const std::int64_t count = length_along(c, y, 0);
  if (count < 2) refuse("a gradient needs two elements");
  const Value step = c.has(1) ? c[1] : Value{1.0};
  const auto at = [&](std::int64_t start, std::int64_t stop) {
    return part_along(c, y, 0, integer_value(start), integer_value(stop));
  };
  const Value first = binary("/", minus(at(1, 2), at(0, 1)), step);
  const Value last = binary("/", minus(at(count - 1, count), at(count - 2, count - 1)), step);
  const Value middle = binary("/", minus(at(2, count), at(0, count - 2)), times({2.0}, step));
  return c.asked("numpy.concatenate", {{Tuple{{first, middle, last}}}});
}

Value ediff(const Call& c) { return c.asked("numpy.diff", {c.asked("numpy.ravel", {c.array(0)})}); }

constexpr Function matrix_table[] = {
    {"numpy.cross", "x y", cross},
    {"numpy.kron", "x y", kron},
    {"numpy.vdot", "x y", vdot},
    {"numpy.convolve", "x v mode?", convolve},
    {"numpy.correlate", "x v mode?", correlate},
    {"numpy.linalg.matrix_power", "x n", matrix_power},
    {"numpy.diagonal .diagonal", "x offset?", diagonal},
    {"numpy.trace .trace", "x offset?", trace_of_matrix},
    {"numpy.diag", "x k?", diag},
    {"numpy.tri", "N M? k?", lower_ones},
    {"numpy.polyval", "p x", polyval},
    {"numpy.trapezoid numpy.trapz", "y x? dx? axis?", trapezoid},
    {"numpy.gradient", "y step?", gradient},
    {"numpy.ediff1d", "x", ediff},
};

}  // namespace

std::span<const Function> matrix_functions() { return matrix_table; }

}  // namespace isomer::numpy
