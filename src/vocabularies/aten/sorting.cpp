#include <algorithm>
#include <cmath>
#include <limits>

#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

// What stands on order: sorting, selecting by rank, and searching in what is sorted.

namespace isomer::aten {
namespace {

ValueId integer(Builder& b, std::int64_t value) { return b.literal(DType::i64, value); }

Dim length_along(const Builder& b, ValueId x, std::int64_t axis) {
  return b.shape(x)[static_cast<std::size_t>(axis)];
}

/// Values and places along an axis; a scalar is a vector for the while.
struct Sorted {
  ValueId values;
  ValueId places;
};

Sorted sorted(Builder& b, ValueId x, std::int64_t axis, bool descending, bool stable = true) {
  const Values both =
      b.emit_all("sort", {x}, {{"dim", axis}, {"descending", descending}, {"stable", stable}});
  return {both[0], both[1]};
}

Values sort(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), -1);
  const bool descending = r.flag("descending", false);
  const bool stable = r.flag("stable", false);
  if (r.b.rank(x) == 0) return {x, integer(r.b, 0)};
  const Sorted all = sorted(r.b, x, axis, descending, stable);
  return {all.values, all.places};
}

Values argsort(Reading& r) { return {sort(r)[1]}; }

Values msort(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.rank(x) == 0 ? x : sorted(r.b, x, 0, false, false).values};
}

/// The elements at one rank of each row, and where they stood. `rank` has length 1 along the axis.
Values at_rank(Builder& b, const Sorted& all, ValueId rank, std::int64_t axis, bool keepdim) {
  const ValueId value = b.emit("gather", {all.values, rank}, {{"dim", axis}});
  const ValueId place = b.emit("gather", {all.places, rank}, {{"dim", axis}});
  if (keepdim) return {value, place};
  return {squeezed(b, value, {axis}), squeezed(b, place, {axis})};
}

ValueId same_rank(Builder& b, ValueId x, std::int64_t axis, ValueId rank) {
  Shape shape = b.shape(x);
  shape[static_cast<std::size_t>(axis)] = 1;
  return expanded(b, rank, std::move(shape));
}

Values kthvalue(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), -1);
  const std::int64_t k = r.integer("k");
  const bool keepdim = r.flag("keepdim", false);
  if (r.b.rank(x) == 0) return {x, integer(r.b, 0)};
  const ValueId rank = same_rank(r.b, x, axis, integer(r.b, k - 1));
  return at_rank(r.b, sorted(r.b, x, axis, false), rank, axis, keepdim);
}

/// How many elements of each row are no numbers.
ValueId count_undefined(Builder& b, ValueId x, std::int64_t axis) {
  const ValueId undefined = as_type(b, b.emit("isnan", {x}), DType::i64);
  return b.emit("sum", {undefined}, {{"dim", ints({axis})}, {"keepdim", true}});
}

/// The rank of the lower median: of numbers alone, or of all, where a NaN, which is sorted to the
/// end, wins.
ValueId median_rank(Builder& b, ValueId x, std::int64_t axis, bool of_numbers) {
  const ValueId length = as_type(b, Operand(Scalar(length_along(b, x, axis))), DType::i64);
  const ValueId zero = integer(b, 0);
  const auto middle = [&](ValueId count) {
    const ValueId last = b.emit("sub", {count, integer(b, 1)});
    return b.emit("maximum", {b.emit("floor_divide", {last, integer(b, 2)}), zero});
  };
  if (!is_floating(b.dtype(x))) return same_rank(b, x, axis, middle(length));
  const ValueId undefined = count_undefined(b, x, axis);
  const ValueId numbers = b.emit("sub", {length, undefined});
  if (of_numbers) return middle(numbers);
  return b.emit("where", {b.emit("eq", {undefined, zero}), middle(length), numbers});
}

Values median_along(Reading& r, ValueId x, std::int64_t axis, bool keepdim) {
  const bool of_numbers = r.row.targets.starts_with("nan");
  const ValueId rank = median_rank(r.b, x, axis, of_numbers);
  return at_rank(r.b, sorted(r.b, x, axis, false), rank, axis, keepdim);
}

Values median(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const bool keepdim = r.flag("keepdim", false);
  if (r.b.rank(x) == 0) return {x, integer(r.b, 0)};
  return median_along(r, x, axis, keepdim);
}

Values median_of_all(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId flat = reshaped(r.b, x, {count_elements(r.b.shape(x))});
  if (r.b.shape(flat)[0] == Dim(0)) r.refuse("the median of nothing is not read");
  const ValueId value = median_along(r, flat, 0, false)[0];
  if (!is_floating(r.b.dtype(x))) return {value};
  // Equal elements share the cotangent: the median is the largest of what equals it.
  const ValueId equal = r.b.emit("where", {r.b.emit("isnan", {value}), r.b.emit("isnan", {flat}),
                                           r.b.emit("eq", {flat, value})});
  const ValueId least = r.b.literal(r.b.dtype(x), -std::numeric_limits<double>::infinity());
  return {r.b.emit("max", {r.b.emit("where", {equal, flat, least})})};
}

Values mode(Reading& r) {
  const ValueId x = r.tensor("self");
  if (r.b.rank(x) > 0) return renamed(r);
  r.ignore({"dim", "keepdim"});
  return {x, integer(r.b, 0)};
}

// -- quantiles ------------------------------------------------------------------------------------

/// Where the quantiles lie among sorted rows, whose axis is the last: [..., 1] of rank at q.
ValueId quantile_rank(Builder& b, ValueId rows, ValueId q, bool of_numbers) {
  const std::int64_t axis = b.rank(rows) - 1;
  const DType dtype = b.dtype(rows);
  const ValueId length = as_type(b, Operand(Scalar(length_along(b, rows, axis))), DType::i64);
  const ValueId undefined = count_undefined(b, rows, axis);
  const ValueId zero = b.literal(dtype, 0.0);
  if (of_numbers) {
    const ValueId last = b.emit("sub", {b.emit("sub", {length, undefined}), integer(b, 1)});
    const ValueId rank = b.emit("mul", {q, as_type(b, last, dtype)});
    return b.emit("maximum", {rank, zero});
  }
  const ValueId last = as_type(b, b.emit("sub", {length, integer(b, 1)}), dtype);
  const ValueId some = b.emit("ne", {undefined, integer(b, 0)});
  return b.emit("where", {some, last, b.emit("mul", {q, last})});
}

ValueId picked(Builder& b, ValueId rows, ValueId rank) {
  const std::int64_t axis = b.rank(rows) - 1;
  return b.emit("gather", {rows, as_type(b, rank, DType::i64)}, {{"dim", axis}});
}

ValueId interpolated(Reading& r, ValueId rows, ValueId rank) {
  const std::string way = r.text("interpolation", "linear");
  Builder& b = r.b;
  if (way == "lower") return picked(b, rows, b.emit("floor", {rank}));
  if (way == "higher") return picked(b, rows, b.emit("ceil", {rank}));
  if (way == "nearest") return picked(b, rows, b.emit("round", {rank}));
  if (way != "linear" && way != "midpoint") r.fail("the interpolation is unknown");
  const ValueId floor = b.emit("floor", {rank});
  const ValueId below = picked(b, rows, floor);
  const ValueId above = picked(b, rows, b.emit("ceil", {rank}));
  const ValueId weight =
      way == "midpoint" ? b.literal(b.dtype(rows), 0.5) : b.emit("sub", {rank, floor});
  // As torch.lerp: from the nearer end.
  const ValueId apart = b.emit("sub", {above, below});
  const ValueId up = b.emit("add", {below, b.emit("mul", {weight, apart})});
  const ValueId rest = b.emit("sub", {b.literal(b.dtype(rows), 1.0), weight});
  const ValueId down = b.emit("sub", {above, b.emit("mul", {apart, rest})});
  return b.emit("where", {b.emit("lt", {weight, b.literal(b.dtype(rows), 0.5)}), up, down});
}

// Several quantiles come first in the result.
Values quantile(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.b.dtype(x);
  const Operand given = r.operand("q");
  const ValueId q = as_type(r.b, given, dtype);
  const bool several = r.b.rank(q) == 1;
  if (r.b.rank(q) > 1) r.fail("q has at most one axis");
  const bool keepdim = r.flag("keepdim", false);
  const bool flat = !r.given("dim");
  const std::int64_t rank = r.b.rank(x);
  const std::int64_t axis = flat ? 0 : r.axis("dim", rank);
  ValueId rows = flat || rank == 0 ? reshaped(r.b, x, {count_elements(r.b.shape(x))}) : x;
  std::vector<std::int64_t> order = all_axes(r.b.rank(rows));
  order.erase(order.begin() + axis);
  order.push_back(axis);
  rows = sorted(r.b, permuted(r.b, rows, order), r.b.rank(rows) - 1, false).values;
  const ValueId at = quantile_rank(r.b, rows, q, r.row.targets.starts_with("nan"));
  Shape shape = r.b.shape(rows);
  shape.back() = several ? r.b.shape(q)[0] : Dim(1);
  ValueId y = interpolated(r, rows, expanded(r.b, at, std::move(shape)));
  // The quantiles to the front, the reduced axis away or back in its place.
  std::vector<std::int64_t> first = all_axes(r.b.rank(y));
  std::rotate(first.begin(), first.end() - 1, first.end());
  y = permuted(r.b, y, std::move(first));
  Shape result = r.b.shape(y);
  if (keepdim && flat) {
    result.resize(1);
    result.insert(result.end(), static_cast<std::size_t>(rank), Dim(1));
  } else if (keepdim && rank > 0) {
    result.insert(result.begin() + 1 + axis, Dim(1));
  }
  if (!several) result.erase(result.begin());
  return {reshaped(r.b, y, std::move(result))};
}

// -- searching ------------------------------------------------------------------------------------

/// Before how many elements of its sorted row each value goes: how many are smaller, or with
/// `right` not larger. Said so that a NaN goes behind all.
ValueId places_in(Builder& b, ValueId rows, ValueId values, bool right) {
  const ValueId row = unsqueezed(b, rows, b.rank(rows) - 1);
  const ValueId column = unsqueezed(b, values, b.rank(values));
  const ValueId behind = b.emit(right ? "gt" : "ge", {row, column});
  const ValueId before = as_type(b, b.emit("logical_not", {behind}), DType::i64);
  const std::int64_t last = b.rank(before) - 1;
  return b.emit("sum", {before}, {{"dim", ints({last})}});
}

Values found_in(Reading& r, ValueId rows, const Operand& given) {
  const bool right = r.flag("right", false) || r.text("side", "left") == "right";
  const auto [typed, values] = promote(r.b, rows, given);
  const bool scalar = r.b.rank(values) == 0;
  const ValueId places = places_in(r.b, typed, scalar ? unsqueezed(r.b, values, 0) : values, right);
  const ValueId shaped = scalar ? squeezed(r.b, places, {0}) : places;
  return {as_type(r.b, shaped, r.flag("out_int32", false) ? DType::i32 : DType::i64)};
}

Values searchsorted(Reading& r) {
  ValueId rows = r.tensor("sorted_sequence");
  const ValueId order = r.optional_tensor("sorter");
  if (order != ValueId::none)
    rows = r.b.emit("gather", {rows, order}, {{"dim", r.b.rank(rows) - 1}});
  return found_in(r, rows, r.operand("self"));
}

// One row of bounds for values of any shape.
Values bucketize(Reading& r) {
  const ValueId bounds = r.tensor("boundaries");
  const Operand given = r.operand("self");
  const ValueId values = given.is_tensor() ? given.id : as_type(r.b, given, r.b.dtype(bounds));
  const Shape shape = r.b.shape(values);
  const ValueId flat = reshaped(r.b, values, {count_elements(shape)});
  return {reshaped(r.b, found_in(r, bounds, flat)[0], shape)};
}

constexpr Row sorting_table[] = {
    {.targets = "topk", .ours = "topk"},
    {.targets = "sort.stable sort", .ours = "sort", .read = sort},
    {.targets = "argsort argsort.stable", .read = argsort},
    {.targets = "msort", .read = msort},
    {.targets = "kthvalue", .read = kthvalue},
    {.targets = "median.dim", .read = median},
    {.targets = "nanmedian.dim", .read = median},
    {.targets = "median", .read = median_of_all},
    {.targets = "nanmedian", .read = median_of_all},
    {.targets = "mode", .ours = "mode", .python = "torch.mode", .read = mode},
    {.targets = "quantile quantile.scalar", .read = quantile},
    {.targets = "nanquantile nanquantile.scalar", .read = quantile},
    {.targets = "searchsorted.Tensor searchsorted.Scalar",
     .inputs = "sorted_sequence",
     .read = searchsorted},
    {.targets = "bucketize.Tensor bucketize.Scalar", .inputs = "boundaries", .read = bucketize},
};

}  // namespace

std::span<const Row> sorting_rows() { return sorting_table; }

}  // namespace isomer::aten
