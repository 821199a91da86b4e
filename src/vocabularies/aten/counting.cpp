#include <limits>

#include "vocabularies/aten/reading.h"

// Counting elements, and what lies between bounds of segments.

namespace isomer::aten {
namespace {

// Elements by even parts of an interval, whose end belongs to the last one; without an interval
// it is that of the elements themselves.
Values histc(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const DType dtype = b.dtype(x);
  const std::int64_t bins = r.integer("bins", 100);
  if (bins < 1 || bins > most_places) r.fail("the number of bins is out of range");
  const double least = real_of(r.scalar("min", Scalar(0.0)));
  const double most = real_of(r.scalar("max", Scalar(0.0)));
  if (most < least) r.fail("max is below min");
  const auto number = [&](double value) { return b.literal(dtype, value); };
  const ValueId flat = reshaped(b, x, {count_elements(b.shape(x))});
  ValueId low = number(least);
  ValueId high = number(most);
  if (least == most) {
    if (b.shape(flat)[0] != Dim(0)) {
      low = b.emit("amin", {flat});
      high = b.emit("amax", {flat});
    }
    const ValueId point = b.emit("eq", {low, high});
    low = b.emit("where", {point, b.emit("sub", {low, number(1)}), low});
    high = b.emit("where", {point, b.emit("add", {high, number(1)}), high});
  }
  const ValueId way =
      b.emit("mul", {b.emit("sub", {flat, low}), number(static_cast<double>(bins))});
  const ValueId place = as_type(b, b.emit("div", {way, b.emit("sub", {high, low})}), DType::i64);
  const ValueId inside =
      b.emit("logical_and", {b.emit("le", {low, flat}), b.emit("le", {flat, high})});
  const Attributes bounds = {{"min", 0.0}, {"max", static_cast<double>(bins - 1)}};
  const ValueId bin = b.emit("clamp", {place}, bounds);
  const ValueId zeros =
      b.emit("full", {}, {{"shape", Shape{bins}}, {"value", 0.0}, {"dtype", dtype}});
  return {b.emit("index_add", {zeros, bin, as_type(b, inside, dtype)})};
}

// The places of so many elements that are not 0, one row each; rows that are left are filled. The
// j-th of them stands behind as many elements as have up to j of them so far.
Values nonzero_static(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const Shape shape = b.shape(x);
  const std::int64_t size = r.integer("size");
  const std::int64_t fill = r.integer("fill_value", -1);
  const Dim count = count_elements(shape);
  if (size < 0 || !count.known()) r.refuse("a known number of elements is needed");
  if (size > 0 && count.value() > most_places / size) r.refuse("there are too many places");
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (count == Dim(0) || rank == 0 || size == 0) {
    if (rank == 0 && size > 0) r.refuse("a scalar is not read");
    return {b.emit("full", {},
                   {{"shape", Shape{size, rank}},
                    {"value", static_cast<double>(fill)},
                    {"dtype", DType::i64}})};
  }
  const auto integer = [&](std::int64_t value) { return b.literal(DType::i64, value); };
  const ValueId flags = as_type(b, reshaped(b, as_type(b, x, DType::boolean), {count}), DType::i64);
  const ValueId so_far = b.emit("cumsum", {flags}, {{"dim", std::int64_t{0}}});
  const ValueId wanted = unsqueezed(b, b.emit("arange", {}, {{"end", Dim(size)}}), 1);
  const ValueId before = as_type(b, b.emit("le", {so_far, wanted}), DType::i64);
  const ValueId place = b.emit("sum", {before}, {{"dim", ints({1})}});
  const ValueId found = b.emit("lt", {place, integer(count.value())});
  Values axes;
  std::int64_t stride = count.value();
  for (const Dim& length : shape) {
    stride /= length.value();
    const ValueId whole = b.emit("floor_divide", {place, integer(stride)});
    const ValueId here = b.emit("remainder", {whole, integer(length.value())});
    axes.push_back(b.emit("where", {found, here, integer(fill)}));
  }
  return {b.emit("stack", axes, {{"dim", std::int64_t{1}}})};
}

/// Which elements of the first axis belong to each segment: [segments, elements].
ValueId members(Reading& r, const Dim& elements) {
  Builder& b = r.b;
  const Attributes along = {{"dim", std::int64_t{0}}};
  ValueId start;
  ValueId end;
  if (r.given("lengths")) {
    const ValueId lengths = as_type(b, r.tensor("lengths"), DType::i64);
    if (b.rank(lengths) != 1) r.refuse("segments of the first axis alone are read");
    end = b.emit("cumsum", {lengths}, along);
    start = b.emit("sub", {end, lengths});
  } else {
    const ValueId offsets = as_type(b, r.tensor("offsets"), DType::i64);
    if (b.rank(offsets) != 1) r.refuse("segments of the first axis alone are read");
    const Dim count = b.shape(offsets)[0];
    start = sliced(b, offsets, 0, 0, count - Dim(1));
    end = sliced(b, offsets, 0, 1, count);
  }
  const ValueId places = b.emit("arange", {}, {{"end", elements}});
  return b.emit("logical_and", {b.emit("le", {unsqueezed(b, start, 1), places}),
                                b.emit("lt", {places, unsqueezed(b, end, 1)})});
}

// Each segment reduced; an empty one, and what is given as a start, as PyTorch has them.
Values segment_reduce(Reading& r) {
  Builder& b = r.b;
  r.ignore({"unsafe"});
  if (r.given("indices")) r.refuse("segments by indices are not read");
  const ValueId x = r.tensor("data");
  if (r.axis("axis", b.rank(x), 0) != 0) r.refuse("segments of the first axis alone are read");
  const std::string reduce = r.text("reduce");
  const DType dtype = b.dtype(x);
  const double infinity = std::numeric_limits<double>::infinity();
  const bool largest = reduce == "max" || reduce == "amax";
  const bool smallest = reduce == "min" || reduce == "amin";
  const double neutral = largest ? -infinity : smallest ? infinity : reduce == "prod" ? 1 : 0;
  ValueId inside = members(r, b.shape(x)[0]);
  const ValueId count = b.emit("sum", {as_type(b, inside, dtype)}, {{"dim", ints({1})}});
  ValueId counts = count;
  for (std::int64_t i = 1; i < b.rank(x); ++i) {
    inside = unsqueezed(b, inside, b.rank(inside));
    counts = unsqueezed(b, counts, b.rank(counts));
  }
  const auto number = [&](double value) { return b.literal(dtype, value); };
  const bool started = r.given("initial");
  const ValueId start = number(started ? real_of(r.scalar("initial")) : neutral);
  const ValueId kept = b.emit("where", {inside, x, number(neutral)});
  const std::string_view op = largest            ? "amax"
                              : smallest         ? "amin"
                              : reduce == "prod" ? "prod"
                                                 : "sum";
  const ValueId reduced = b.emit(op, {kept}, {{"dim", ints({1})}});
  const std::string_view join = largest            ? "maximum"
                                : smallest         ? "minimum"
                                : reduce == "prod" ? "mul"
                                                   : "add";
  if (reduce != "mean") return {started ? b.emit(join, {reduced, start}) : reduced};
  const ValueId empty = b.emit("eq", {counts, number(0)});
  const ValueId sum = started ? b.emit("add", {reduced, start}) : reduced;
  const ValueId mean = b.emit("div", {sum, b.emit("where", {empty, number(1), counts})});
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  return {b.emit("where", {empty, started ? start : number(nothing), mean})};
}

constexpr Row counting_table[] = {
    {.targets = "histc", .read = histc},
    {.targets = "nonzero_static", .read = nonzero_static},
    {.targets = "segment_reduce", .inputs = "data", .read = segment_reduce},
};

}  // namespace

std::span<const Row> counting_rows() { return counting_table; }

}  // namespace isomer::aten
