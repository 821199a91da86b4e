#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/contraction.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

// Order along an axis, neighbours, and products of vectors and matrices.

namespace isomer::numpy {
namespace {

ValueId part(const Call& c, ValueId x, std::int64_t axis, const Dim& start, const Dim& end) {
  return c.emit("slice", {x}, {{"dim", axis}, {"start", start}, {"end", end}});
}

/// A length, which must be known.
std::int64_t known_length(const Call& c, ValueId x, std::int64_t axis) {
  const Dim length = c.length(x, axis);
  if (length.known()) return length.value();
  throw Error(Fault::unsupported, "",
              fmt::format("an axis of length {}, which is not known", to_text(length)));
}

// --- order

/// Values and places, along the last axis where argument 1 names none.
std::vector<ValueId> in_order(const Call& c) {
  const bool flat = c.is_none(1);
  const ValueId x = flat ? flattened(c.b(), c.number_tensor(0)) : c.number_tensor(0);
  return c.b().emit_all("sort", {x},
                        {{"dim", flat ? 0 : c.axis(1, c.b().rank(x), -1)}, {"stable", true}});
}
Value sort(const Call& c) { return c.result(in_order(c)[0], false); }
Value argsort(const Call& c) { return c.result(in_order(c)[1], false); }

// The mean of the two in the middle; a NaN is behind all others, and taken wherever there is one.
Value median(const Call& c) {
  ValueId x = c.real_tensor(0);
  const std::int64_t rank = c.b().rank(x);
  const bool whole = !c.has(1);
  if (whole) x = flattened(c.b(), x);
  const std::int64_t axis = whole ? 0 : c.axis(1, rank);
  const std::int64_t length = known_length(c, x, axis);
  if (length == 0) refuse("the median of nothing is asked for");
  const ValueId sorted = c.b().emit_all("sort", {x}, {{"dim", axis}, {"stable", true}})[0];
  const auto at = [&](std::int64_t place) {
    return c.emit("select", {sorted}, {{"dim", axis}, {"index", Dim(place)}});
  };
  ValueId middle = at(length / 2);
  if (length % 2 == 0) {
    const ValueId both = c.emit("add", {at(length / 2 - 1), middle});
    middle = c.emit("mul", {both, number(c.b(), both, 0.5)});
  }
  const ValueId last = at(length - 1);
  const ValueId y = c.emit("where", {c.emit("isnan", {last}), last, middle});
  if (!c.flag(2)) return c.result(y);
  if (!whole) return c.result(c.emit("unsqueeze", {y}, {{"dim", axis}}));
  return c.result(reshape_to(c.b(), y, Shape(static_cast<std::size_t>(rank), Dim(1))));
}

// --- neighbours

// x, how far, axis; without one, along all elements
Value roll(const Call& c) {
  const ValueId x = c.tensor(0);
  const Shape shape = c.b().shape(x);
  ValueId y = c.has(2) ? x : flattened(c.b(), x);
  const std::int64_t axis = c.axis(2, c.b().rank(y), 0);
  const std::int64_t length = known_length(c, y, axis);
  const std::int64_t by = integer_of(c[1]);
  if (length == 0) return c.result(x, false);
  const std::int64_t begin = (length - by % length) % length;
  if (begin != 0) {
    y = c.emit("cat", {part(c, y, axis, begin, length), part(c, y, axis, 0, begin)},
               {{"dim", axis}});
  }
  return c.result(reshape_to(c.b(), y, shape), false);
}

// x, how often, axis
Value diff(const Call& c) {
  ValueId x = c.tensor(0);
  const std::int64_t axis = c.axis(2, c.b().rank(x), -1);
  const std::int64_t times = c.integer(1, 1);
  if (times < 0) refuse(fmt::format("differences of order {}", times));
  bound_axes(static_cast<std::size_t>(times));
  for (std::int64_t i = 0; i < times; ++i) {
    const Dim length = c.length(x, axis);
    const bool truths = c.b().dtype(x) == DType::boolean;
    x = c.emit(truths ? "logical_xor" : "sub",
               {part(c, x, axis, 1, length), part(c, x, axis, 0, length - Dim(1))});
  }
  return c.result(x, false);
}

// --- joined

/// Each with so many axes at least: new ones stand in front, but the third behind.
std::vector<ValueId> widened(const Call& c, std::int64_t rank) {
  std::vector<ValueId> parts = c.tensors(0);
  for (ValueId& part : parts) {
    if (c.b().rank(part) == 0) part = reshape_to(c.b(), part, {Dim(1)});
    if (rank > 1 && c.b().rank(part) == 1)
      part = c.emit("unsqueeze", {part}, {{"dim", std::int64_t{0}}});
    if (rank > 2 && c.b().rank(part) == 2)
      part = c.emit("unsqueeze", {part}, {{"dim", std::int64_t{2}}});
  }
  return parts;
}
Value joined(const Call& c, std::vector<ValueId> parts, std::int64_t axis) {
  return c.result(c.emit("cat", std::move(parts), {{"dim", axis}}), false);
}
Value vstack(const Call& c) { return joined(c, widened(c, 2), 0); }
Value dstack(const Call& c) { return joined(c, widened(c, 3), 2); }
Value hstack(const Call& c) {
  std::vector<ValueId> parts = widened(c, 1);
  const std::int64_t axis = c.b().rank(parts[0]) == 1 ? 0 : 1;
  return joined(c, std::move(parts), axis);
}
Value column_stack(const Call& c) {
  std::vector<ValueId> parts = c.tensors(0);
  for (ValueId& part : parts) {
    if (c.b().rank(part) < 2)
      part = reshape_to(c.b(), part, {count_elements(c.b().shape(part)), Dim(1)});
  }
  return joined(c, std::move(parts), 1);
}

// --- products

/// Both in the type in which they are multiplied: truths are counted.
struct Factors {
  const Call& c;
  DType dtype = common_type(c.element_type(0), c.element_type(1), c.float64());
  ValueId x = c.tensor(0, dtype == DType::boolean ? DType::i64 : dtype);
  ValueId y = c.tensor(1, dtype == DType::boolean ? DType::i64 : dtype);

  Value result(ValueId product, bool scalars = true) const {
    return c.result(c.cast(product, dtype), scalars);
  }
};

Value outer(const Call& c) {
  const Factors f{c};
  const ValueId column = c.emit("unsqueeze", {flattened(c.b(), f.x)}, {{"dim", std::int64_t{1}}});
  return f.result(c.emit("mul", {column, flattened(c.b(), f.y)}), false);
}

Value inner(const Call& c) {
  const Factors f{c};
  if (c.b().rank(f.x) == 0 || c.b().rank(f.y) == 0) return f.result(c.emit("mul", {f.x, f.y}));
  return f.result(paired_product(c.b(), f.x, f.y, {-1}, {-1}));
}

// An equation, and as many arrays as it has terms.
Value einsum_of(const Call& c) {
  const std::string* equation = c[0].as<std::string>();
  if (equation == nullptr) refuse("the first argument of numpy.einsum is an equation");
  DType dtype = c.element_type(1);
  std::size_t count = 1;
  for (; count < c.count() && c.has(count); ++count)
    dtype = common_type(dtype, c.element_type(count), c.float64());
  std::vector<ValueId> tensors;
  for (std::size_t i = 1; i < count; ++i)
    tensors.push_back(c.tensor(i, dtype == DType::boolean ? DType::i64 : dtype));
  return c.result(c.cast(einsum(c.b(), *equation, tensors), dtype));
}

// --- systems of equations

ValueId matrix_of(const Call& c) {
  const ValueId x = c.real_tensor(0);
  if (c.b().dtype(x) == DType::f16) refuse("numpy.linalg takes no elements of 16 bits");
  const Shape shape = c.b().shape(x);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2])
    refuse(fmt::format("a square matrix is needed, this is {}", describe(c[0])));
  return x;
}

Value determinant(const Call& c) { return c.result(c.emit("det", {matrix_of(c)})); }

Value solve(const Call& c) {
  const ValueId a = matrix_of(c);
  const ValueId b = c.real_tensor(1);
  const bool column = c.b().rank(b) == 1;
  const ValueId right = column ? c.emit("unsqueeze", {b}, {{"dim", std::int64_t{1}}}) : b;
  const ValueId x = c.emit("solve", {a, right});
  return c.result(column ? c.emit("squeeze", {x}, {{"dim", std::vector<std::int64_t>{-1}}}) : x,
                  false);
}

Value inverse(const Call& c) {
  const ValueId a = matrix_of(c);
  const Dim length = c.b().shape(a).back();
  const auto counted = [&](std::int64_t axis) {
    return c.emit("unsqueeze", {c.emit("arange", {}, {{"end", length}})}, {{"dim", axis}});
  };
  const ValueId one = c.cast(c.emit("eq", {counted(1), counted(0)}), c.b().dtype(a));
  const Shape shape = c.b().shape(a);
  const ValueId ones = shape.size() == 2 ? one : c.emit("expand", {one}, {{"shape", shape}});
  return c.result(c.emit("solve", {a, ones}), false);
}

// --- between points

// x, places in order, values there; beyond the ends their values, or `left` and `right`
Value interp(const Call& c) {
  const ValueId x = c.cast(c.tensor(0), c.float64());
  const ValueId at = c.cast(c.tensor(1), c.float64());
  const ValueId values = c.cast(c.tensor(2), c.float64());
  if (c.b().rank(at) != 1 || c.b().shape(at) != c.b().shape(values))
    refuse("as many values as places are needed");
  const std::int64_t count = known_length(c, at, 0);
  if (count == 0) refuse("there is nothing to lie between");
  const ValueId wide = c.emit("unsqueeze", {x}, {{"dim", c.b().rank(x)}});
  const auto first_of = [&](ValueId all, std::int64_t place) {
    return c.emit("select", {all}, {{"dim", std::int64_t{0}}, {"index", Dim(place)}});
  };
  // How many places lie at or before each x, and so which gap it is in.
  const ValueId before = c.emit("sum", {c.cast(c.emit("ge", {wide, at}), DType::i64)},
                                {{"dim", std::vector<std::int64_t>{-1}}});
  const ValueId low =
      c.emit("clamp", {c.emit("sub", {before, number(c.b(), before, 1)})},
             {{"min", 0.0}, {"max", static_cast<double>(std::max<std::int64_t>(count - 2, 0))}});
  const ValueId high = c.emit("clamp", {c.emit("add", {low, number(c.b(), low, 1)})},
                              {{"max", static_cast<double>(count - 1)}});
  const auto picked = [&](ValueId all, ValueId places) {
    return isomer::take(c.b(), all, places, 0);
  };
  const ValueId start = picked(at, low), begin = picked(values, low);
  const ValueId width = c.emit("sub", {picked(at, high), start});
  const ValueId rise = c.emit("sub", {picked(values, high), begin});
  ValueId y = c.emit(
      "add", {c.emit("mul", {c.emit("div", {rise, width}), c.emit("sub", {x, start})}), begin});
  const auto beyond = [&](std::string_view side, std::int64_t place, std::size_t argument) {
    const ValueId edge = first_of(at, place);
    const ValueId value =
        c.has(argument) ? c.tensor(argument, c.float64()) : first_of(values, place);
    y = c.emit("where", {c.emit(side, {x, edge}), value, y});
  };
  beyond("gt", count - 1, 4);
  y = c.emit("where", {c.emit("eq", {x, first_of(at, count - 1)}), first_of(values, count - 1), y});
  beyond("lt", 0, 3);
  return c.result(y);
}

constexpr Function order_table[] = {
    {"numpy.sort", "x axis?", sort},
    {"numpy.argsort .argsort", "x axis?", argsort},
    {"numpy.median", "x axis? keepdims?", median},
    {"numpy.roll", "x shift axis?", roll},
    {"numpy.diff", "x n? axis?", diff},
    {"numpy.vstack", "arrays", vstack},
    {"numpy.hstack", "arrays", hstack},
    {"numpy.dstack", "arrays", dstack},
    {"numpy.column_stack", "arrays", column_stack},
    {"numpy.outer", "x y", outer},
    {"numpy.inner", "x y", inner},
    {"numpy.einsum", "subscripts a b? c? d? e? f?", einsum_of},
    {"numpy.linalg.det", "a", determinant},
    {"numpy.linalg.inv", "a", inverse},
    {"numpy.linalg.solve", "a b", solve},
    {"numpy.interp", "x xp fp left? right?", interp},
};

}  // namespace

std::span<const Function> order_functions() { return order_table; }

}  // namespace isomer::numpy
