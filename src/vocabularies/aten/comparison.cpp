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
    {.targets = "eq.Tensor eq.Scalar", .ours = "eq", .inputs = "self other", .promotion = common},
    {.targets = "ne.Tensor ne.Scalar", .ours = "ne", .inputs = "self other", .promotion = common},
    {.targets = "lt.Tensor lt.Scalar", .ours = "lt", .inputs = "self other", .promotion = common},
    {.targets = "le.Tensor le.Scalar", .ours = "le", .inputs = "self other", .promotion = common},
    {.targets = "gt.Tensor gt.Scalar", .ours = "gt", .inputs = "self other", .promotion = common},
    {.targets = "ge.Tensor ge.Scalar", .ours = "ge", .inputs = "self other", .promotion = common},
    {.targets = "logical_and", .ours = "logical_and", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_or", .ours = "logical_or", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_xor", .ours = "logical_xor", .inputs = "self other", .promotion = boolean},
    {.targets = "logical_not", .ours = "logical_not", .promotion = boolean},
    {.targets = "bitwise_and.Tensor bitwise_and.Scalar __and__.Tensor __and__.Scalar",
     .ours = "logical_and",
     .read = bitwise},
    {.targets = "bitwise_or.Tensor bitwise_or.Scalar __or__.Tensor __or__.Scalar",
     .ours = "logical_or",
     .read = bitwise},
    {.targets = "bitwise_xor.Tensor bitwise_xor.Scalar __xor__.Tensor __xor__.Scalar",
     .ours = "logical_xor",
     .read = bitwise},
    {.targets = "bitwise_not", .read = bitwise_not},
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

std::span<const Row> comparison_rows() { return table; }

}  // namespace isomer::aten
