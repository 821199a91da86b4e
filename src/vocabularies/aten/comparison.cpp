#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// True where it is not 0.
ValueId truth(Builder& b, const Operand& operand) { return as_type(b, operand, DType::boolean); }

void demand_boolean(const Reading& r, ValueId x) {
  if (r.b.dtype(x) != DType::boolean) r.refuse("bits of integers are not read; booleans are");
}

Values bitwise(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  demand_boolean(r, x);
  return {r.b.emit(r.row.ours, {x, y})};
}

Values bitwise_not(Reading& r) {
  const ValueId x = r.tensor("self");
  demand_boolean(r, x);
  return {r.b.emit("logical_not", {x})};
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

constexpr Row table[] = {
    {.target = "eq.Tensor", .ours = "eq", .inputs = "self other", .promotion = common},
    {.target = "eq.Scalar", .ours = "eq", .inputs = "self other", .promotion = common},
    {.target = "ne.Tensor", .ours = "ne", .inputs = "self other", .promotion = common},
    {.target = "ne.Scalar", .ours = "ne", .inputs = "self other", .promotion = common},
    {.target = "lt.Tensor", .ours = "lt", .inputs = "self other", .promotion = common},
    {.target = "lt.Scalar", .ours = "lt", .inputs = "self other", .promotion = common},
    {.target = "le.Tensor", .ours = "le", .inputs = "self other", .promotion = common},
    {.target = "le.Scalar", .ours = "le", .inputs = "self other", .promotion = common},
    {.target = "gt.Tensor", .ours = "gt", .inputs = "self other", .promotion = common},
    {.target = "gt.Scalar", .ours = "gt", .inputs = "self other", .promotion = common},
    {.target = "ge.Tensor", .ours = "ge", .inputs = "self other", .promotion = common},
    {.target = "ge.Scalar", .ours = "ge", .inputs = "self other", .promotion = common},
    {.target = "logical_and", .ours = "logical_and", .inputs = "self other", .promotion = boolean},
    {.target = "logical_or", .ours = "logical_or", .inputs = "self other", .promotion = boolean},
    {.target = "logical_xor", .ours = "logical_xor", .inputs = "self other", .promotion = boolean},
    {.target = "logical_not", .ours = "logical_not", .promotion = boolean},
    {.target = "bitwise_and.Tensor", .ours = "logical_and", .read = bitwise},
    {.target = "bitwise_and.Scalar", .ours = "logical_and", .read = bitwise},
    {.target = "bitwise_or.Tensor", .ours = "logical_or", .read = bitwise},
    {.target = "bitwise_or.Scalar", .ours = "logical_or", .read = bitwise},
    {.target = "bitwise_xor.Tensor", .ours = "logical_xor", .read = bitwise},
    {.target = "bitwise_xor.Scalar", .ours = "logical_xor", .read = bitwise},
    {.target = "__and__.Tensor", .ours = "logical_and", .read = bitwise},
    {.target = "__and__.Scalar", .ours = "logical_and", .read = bitwise},
    {.target = "__or__.Tensor", .ours = "logical_or", .read = bitwise},
    {.target = "__or__.Scalar", .ours = "logical_or", .read = bitwise},
    {.target = "__xor__.Tensor", .ours = "logical_xor", .read = bitwise},
    {.target = "__xor__.Scalar", .ours = "logical_xor", .read = bitwise},
    {.target = "bitwise_not", .read = bitwise_not},
    // Integers are never infinite nor undefined, which comparing their real images says.
    {.target = "isnan", .ours = "isnan", .promotion = real},
    {.target = "isinf", .ours = "isinf", .promotion = real},
    {.target = "isfinite", .ours = "isfinite", .promotion = real},
    {.target = "where.self", .ours = "where", .read = where},
    {.target = "where.ScalarSelf", .read = where},
    {.target = "where.ScalarOther", .read = where},
    {.target = "where.Scalar", .read = where},
    {.target = "masked_fill.Scalar", .read = masked_fill},
    {.target = "masked_fill.Tensor", .read = masked_fill},
};

}  // namespace

std::span<const Row> comparison_rows() { return table; }

}  // namespace isomer::aten
