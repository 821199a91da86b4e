#include <limits>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// True where it is not 0.
ValueId truth(Builder& b, const Operand& operand) { return as_type(b, operand, DType::boolean); }

// Of booleans it is logic.
Values bitwise(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  if (r.b.dtype(x) != DType::boolean) return {r.b.emit(r.row.ours, {x, y})};
  constexpr std::string_view bits = "bitwise";
  return {r.b.emit("logical" + std::string(r.row.ours.substr(bits.size())), {x, y})};
}

Values bitwise_not(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit(r.b.dtype(x) == DType::boolean ? "logical_not" : "bitwise_not", {x})};
}

// |x * y| / gcd, and 0 where both are 0.
Values lcm(Reading& r) {
  const auto [x, y] = promote(r.b, r.tensor("self"), r.tensor("other"));
  const ValueId divisor = r.b.emit("gcd", {x, y});
  const ValueId zero = r.b.literal(r.b.dtype(x), std::int64_t{0});
  const ValueId one = r.b.literal(r.b.dtype(x), std::int64_t{1});
  const ValueId safe = r.b.emit("where", {r.b.emit("eq", {divisor, zero}), one, divisor});
  const ValueId part = r.b.emit("floor_divide", {x, safe});
  return {r.b.emit("abs", {r.b.emit("mul", {part, y})})};
}

constexpr double infinity = std::numeric_limits<double>::infinity();

// Whether it is an infinity of that sign; integers have none.
template <bool positive>
Values is_infinity(Reading& r) {
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, floating(r.b.dtype(given)));
  return {r.b.emit("eq", {x, r.b.literal(r.b.dtype(x), positive ? infinity : -infinity)})};
}

Values isreal(Reading& r) {
  const Shape shape = r.b.shape(r.tensor("self"));
  return {expanded(r.b, r.b.literal(DType::boolean, std::int64_t{1}), shape)};
}

// Of zeros and NaNs, too: whether the sign that they give is minus 1.
Values signbit(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.b.dtype(x);
  if (dtype == DType::boolean)
    return {expanded(r.b, r.b.literal(DType::boolean, std::int64_t{0}), r.b.shape(x))};
  const ValueId zero = as_type(r.b, Operand(Scalar(std::int64_t{0})), dtype);
  if (!is_floating(dtype)) return {r.b.emit("lt", {x, zero})};
  const ValueId sign = r.b.emit("copysign", {r.b.literal(dtype, 1.0), x});
  return {r.b.emit("lt", {sign, zero})};
}

// |x - y| <= atol + rtol * |y| for finite ones, equality for infinities, and NaNs as asked.
Values isclose(Reading& r) {
  const auto [x, y] = promote(r.b, r.tensor("self"), r.tensor("other"));
  const double relative = r.real("rtol", 1e-5);
  const double absolute = r.real("atol", 1e-8);
  const bool both_undefined = r.flag("equal_nan", false);
  const DType own = r.b.dtype(x);
  ValueId close = r.b.emit("eq", {x, y});
  if (both_undefined && is_floating(own)) {
    const ValueId undefined =
        r.b.emit("logical_and", {r.b.emit("isnan", {x}), r.b.emit("isnan", {y})});
    close = r.b.emit("logical_or", {close, undefined});
  }
  if (relative == 0 && absolute == 0) return {close};
  const DType dtype = floating(own);
  const ValueId left = as_type(r.b, x, dtype);
  const ValueId right = as_type(r.b, y, dtype);
  const ValueId size = r.b.emit("abs", {right});
  const ValueId scaled = r.b.emit("mul", {r.b.literal(dtype, relative), size});
  const ValueId allowed = r.b.emit("add", {r.b.literal(dtype, absolute), scaled});
  const ValueId apart = r.b.emit("abs", {r.b.emit("sub", {left, right})});
  const ValueId near =
      r.b.emit("logical_and", {r.b.emit("isfinite", {apart}), r.b.emit("le", {apart, allowed})});
  return {r.b.emit("logical_or", {close, near})};
}

// Whether an element is one of a list.
Values isin(Reading& r) {
  const auto [x, list] =
      promote(r.b, r.operand(r.given("elements") ? "elements" : "element"),
              r.operand(r.given("test_elements") ? "test_elements" : "test_element"));
  r.ignore({"assume_unique"});
  const ValueId flat = reshaped(r.b, list, {count_elements(r.b.shape(list))});
  const ValueId hits = r.b.emit("eq", {unsqueezed(r.b, x, r.b.rank(x)), flat});
  const ValueId found = r.b.emit("any", {hits}, {{"dim", ints({r.b.rank(x)})}});
  return {r.flag("invert", false) ? r.b.emit("logical_not", {found}) : found};
}

Values where(Reading& r) {
  const ValueId condition = truth(r.b, r.tensor("condition"));
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  return {r.b.emit("where", {condition, x, y})};
}

// The result has the tensor's type, whatever the value's is.
Values masked_fill(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId mask = truth(r.b, r.tensor("mask"));
  return {r.b.emit("where", {mask, as_type(r.b, r.operand("value"), r.b.dtype(x)), x})};
}

using enum Promotion;

constexpr Row comparison_table[] = {
    {.targets = "eq.Tensor eq.Scalar", .ours = "eq", .inputs = "self other", .promotion = common},
    {.targets = "ne.Tensor ne.Scalar not_equal.Tensor not_equal.Scalar",
     .ours = "ne",
     .inputs = "self other",
     .promotion = common},
    {.targets = "lt.Tensor lt.Scalar less.Tensor less.Scalar",
     .ours = "lt",
     .inputs = "self other",
     .promotion = common},
    {.targets = "le.Tensor le.Scalar less_equal.Tensor less_equal.Scalar",
     .ours = "le",
     .inputs = "self other",
     .promotion = common},
    {.targets = "gt.Tensor gt.Scalar greater.Tensor greater.Scalar",
     .ours = "gt",
     .inputs = "self other",
     .promotion = common},
    {.targets = "ge.Tensor ge.Scalar greater_equal.Tensor greater_equal.Scalar",
     .ours = "ge",
     .inputs = "self other",
     .promotion = common},
    {.targets = "logical_and", .ours = "logical_and", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_or", .ours = "logical_or", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_xor", .ours = "logical_xor", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_not", .ours = "logical_not", .promotion = boolean},
    {.targets = "bitwise_and.Tensor bitwise_and.Scalar __and__.Tensor __and__.Scalar",
     .ours = "bitwise_and",
     .inputs = "self other",
     .python = "torch.bitwise_and",
     .read = bitwise},
    {.targets = "bitwise_or.Tensor bitwise_or.Scalar __or__.Tensor __or__.Scalar",
     .ours = "bitwise_or",
     .inputs = "self other",
     .python = "torch.bitwise_or",
     .read = bitwise},
    {.targets = "bitwise_xor.Tensor bitwise_xor.Scalar __xor__.Tensor __xor__.Scalar",
     .ours = "bitwise_xor",
     .inputs = "self other",
     .python = "torch.bitwise_xor",
     .read = bitwise},
    {.targets = "bitwise_not",
     .ours = "bitwise_not",
     .python = "torch.bitwise_not",
     .read = bitwise_not},
    {.targets = "bitwise_left_shift.Tensor bitwise_left_shift.Tensor_Scalar "
                "bitwise_left_shift.Scalar_Tensor __lshift__.Tensor __lshift__.Scalar",
     .ours = "shift_left",
     .inputs = "self other",
     .promotion = common},
    {.targets = "bitwise_right_shift.Tensor bitwise_right_shift.Tensor_Scalar "
                "bitwise_right_shift.Scalar_Tensor __rshift__.Tensor __rshift__.Scalar",
     .ours = "shift_right",
     .inputs = "self other",
     .promotion = common},
    {.targets = "gcd", .ours = "gcd", .inputs = "self other", .promotion = common},
    {.targets = "lcm", .read = lcm},
    {.targets = "isposinf", .read = is_infinity<true>},
    {.targets = "isneginf", .read = is_infinity<false>},
    {.targets = "isreal", .read = isreal},
    {.targets = "signbit", .read = signbit},
    {.targets = "isclose", .read = isclose},
    {.targets = "isin.Tensor_Tensor isin.Tensor_Scalar isin.Scalar_Tensor",
     .inputs = "elements",
     .read = isin},
    // Integers are never infinite nor undefined, which comparing their real images says.
    {.targets = "isnan", .ours = "isnan", .promotion = real},
    {.targets = "isinf", .ours = "isinf", .promotion = real},
    {.targets = "isfinite", .ours = "isfinite", .promotion = real},
    {.targets = "where.self where.ScalarSelf where.ScalarOther where.Scalar",
     .ours = "where",
     .read = where},
    {.targets = "masked_fill.Scalar masked_fill.Tensor", .read = masked_fill},
};

}  // namespace

std::span<const Row> comparison_rows() { return comparison_table; }

}  // namespace isomer::aten
