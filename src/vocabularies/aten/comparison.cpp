#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

Values compare(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  return {r.b.emit(r.ours, {x, y})};
}

// True where it is not 0.
ValueId truth(Builder& b, const Operand& operand) { return as_type(b, operand, DType::boolean); }

Values logical(Reading& r) {
  return {r.b.emit(r.ours, {truth(r.b, r.operand("self")), truth(r.b, r.operand("other"))})};
}

Values logical_not(Reading& r) { return {r.b.emit("logical_not", {truth(r.b, r.tensor("self"))})}; }

void demand_boolean(const Reading& r, ValueId x) {
  if (r.b.dtype(x) != DType::boolean) r.refuse("bits of integers are not read; booleans are");
}

Values bitwise(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  demand_boolean(r, x);
  return {r.b.emit(r.ours, {x, y})};
}

Values bitwise_not(Reading& r) {
  const ValueId x = r.tensor("self");
  demand_boolean(r, x);
  return {r.b.emit("logical_not", {x})};
}

// Integers are never infinite nor undefined, which comparing their real images says.
Values classify(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit(r.ours, {as_type(r.b, x, floating(r.b.dtype(x)))})};
}

Values isfinite(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId real = as_type(r.b, x, floating(r.b.dtype(x)));
  const ValueId odd =
      r.b.emit("logical_or", {r.b.emit("isnan", {real}), r.b.emit("isinf", {real})});
  return {r.b.emit("logical_not", {odd})};
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

constexpr ImportRow rows[] = {
    {"eq.Tensor", compare, "eq"},
    {"eq.Scalar", compare, "eq"},
    {"ne.Tensor", compare, "ne"},
    {"ne.Scalar", compare, "ne"},
    {"lt.Tensor", compare, "lt"},
    {"lt.Scalar", compare, "lt"},
    {"le.Tensor", compare, "le"},
    {"le.Scalar", compare, "le"},
    {"gt.Tensor", compare, "gt"},
    {"gt.Scalar", compare, "gt"},
    {"ge.Tensor", compare, "ge"},
    {"ge.Scalar", compare, "ge"},
    {"logical_and", logical, "logical_and"},
    {"logical_or", logical, "logical_or"},
    {"logical_xor", logical, "logical_xor"},
    {"logical_not", logical_not},
    {"bitwise_and.Tensor", bitwise, "logical_and"},
    {"bitwise_and.Scalar", bitwise, "logical_and"},
    {"bitwise_or.Tensor", bitwise, "logical_or"},
    {"bitwise_or.Scalar", bitwise, "logical_or"},
    {"bitwise_xor.Tensor", bitwise, "logical_xor"},
    {"bitwise_xor.Scalar", bitwise, "logical_xor"},
    {"__and__.Tensor", bitwise, "logical_and"},
    {"__and__.Scalar", bitwise, "logical_and"},
    {"__or__.Tensor", bitwise, "logical_or"},
    {"__or__.Scalar", bitwise, "logical_or"},
    {"__xor__.Tensor", bitwise, "logical_xor"},
    {"__xor__.Scalar", bitwise, "logical_xor"},
    {"bitwise_not", bitwise_not},
    {"isnan", classify, "isnan"},
    {"isinf", classify, "isinf"},
    {"isfinite", isfinite},
    {"where.self", where},
    {"where.ScalarSelf", where},
    {"where.ScalarOther", where},
    {"where.Scalar", where},
    {"masked_fill.Scalar", masked_fill},
    {"masked_fill.Tensor", masked_fill},
};

}  // namespace

std::span<const ImportRow> comparison_rows() { return rows; }

}  // namespace isomer::aten
