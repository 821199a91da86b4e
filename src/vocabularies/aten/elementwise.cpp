#include <cmath>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// One tensor
// -----------------------------------------------------------------------------------------------------------

Values same_unary(Reading& r) { return {r.b.emit(r.ours, {r.tensor("self")})}; }

ValueId real_self(Reading& r) {
  const ValueId x = r.tensor("self");
  return as_type(r.b, x, floating(r.b.dtype(x)));
}

Values real_unary(Reading& r) { return {r.b.emit(r.ours, {real_self(r)})}; }

// Of an integer they are the integer itself.
Values rounding(Reading& r) {
  const ValueId x = r.tensor("self");
  if (!is_floating(r.b.dtype(x))) return {x};
  return {r.b.emit(r.ours, {x})};
}

ValueId truncated(Builder& b, ValueId x) {
  if (!is_floating(b.dtype(x))) return x;
  const ValueId negative = b.emit("lt", {x, b.literal(b.dtype(x), 0.0)});
  return b.emit("where", {negative, b.emit("ceil", {x}), b.emit("floor", {x})});
}

Values trunc(Reading& r) { return {truncated(r.b, r.tensor("self"))}; }

Values frac(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("sub", {x, truncated(r.b, x)})};
}

ValueId scaled(Builder& b, ValueId x, double factor) {
  return b.emit("mul", {x, b.literal(b.dtype(x), factor)});
}

Values log2(Reading& r) {
  return {scaled(r.b, r.b.emit("log", {real_self(r)}), 1 / std::log(2.0))};
}
Values log10(Reading& r) {
  return {scaled(r.b, r.b.emit("log", {real_self(r)}), 1 / std::log(10.0))};
}

Values exp2(Reading& r) {
  const ValueId x = real_self(r);
  return {r.b.emit("pow", {r.b.literal(r.b.dtype(x), 2.0), x})};
}

Values tan(Reading& r) {
  const ValueId x = real_self(r);
  return {r.b.emit("div", {r.b.emit("sin", {x}), r.b.emit("cos", {x})})};
}

// Activations
// ----------------------------------------------------------------------------------------------------------

Values softplus(Reading& r) {
  return {r.b.emit("softplus", {r.tensor("self")},
                   {{"beta", r.real("beta", 1.0)}, {"threshold", r.real("threshold", 20.0)}})};
}

Values gelu(Reading& r) {
  return {r.b.emit("gelu", {r.tensor("self")}, {{"approximate", r.text("approximate", "none")}})};
}

Values leaky_relu(Reading& r) {
  return {r.b.emit("leaky_relu", {r.tensor("self")},
                   {{"negative_slope", r.real("negative_slope", 0.01)}})};
}

ValueId elu_of(Builder& b, ValueId x, double alpha, double scale, double input_scale) {
  return b.emit("elu", {x}, {{"alpha", alpha}, {"scale", scale}, {"input_scale", input_scale}});
}

Values elu(Reading& r) {
  return {elu_of(r.b, r.tensor("self"), r.real("alpha", 1.0), r.real("scale", 1.0),
                 r.real("input_scale", 1.0))};
}

// Klambauer et al. 2017; the digits are those of torch.nn.SELU.
Values selu(Reading& r) {
  return {elu_of(r.b, r.tensor("self"), 1.6732632423543772848170429916717,
                 1.0507009873554804934193349852946, 1.0)};
}

Values celu(Reading& r) {
  const double alpha = r.real("alpha", 1.0);
  if (alpha == 0) r.fail("alpha is 0");
  return {elu_of(r.b, r.tensor("self"), alpha, 1.0, 1 / alpha)};
}

Values hardtanh(Reading& r) {
  return {r.b.emit("hardtanh", {r.tensor("self")},
                   {{"min_val", r.real("min_val", -1.0)}, {"max_val", r.real("max_val", 1.0)}})};
}

Values relu6(Reading& r) {
  return {r.b.emit("hardtanh", {r.tensor("self")}, {{"min_val", 0.0}, {"max_val", 6.0}})};
}

Values log_sigmoid(Reading& r) { return {r.b.emit("log_sigmoid", {r.tensor("self")})}; }
Values log_sigmoid_forward(Reading& r) { return {log_sigmoid(r)[0], ValueId::none}; }

// One slope, or one per channel: axis 1.
Values prelu(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId weight = r.tensor("weight");
  Shape shape(r.b.shape(x).size(), Dim(1));
  const Dim slopes = count_elements(r.b.shape(weight));
  if (slopes != Dim(1)) {
    if (shape.size() < 2) r.fail("a slope for each channel needs an input with channels");
    shape[1] = slopes;
  }
  return {r.b.emit("prelu", {x, reshaped(r.b, weight, std::move(shape))})};
}

Values prelu_kernel(Reading& r) {
  return {r.b.emit("prelu", {r.tensor("self"), r.tensor("weight")})};
}

Values softsign(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId below = r.b.emit("add", {r.b.emit("abs", {x}), r.b.literal(r.b.dtype(x), 1.0)});
  return {r.b.emit("div", {x, below})};
}

Values threshold(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.b.dtype(x);
  const ValueId limit = as_type(r.b, Operand(r.scalar("threshold")), dtype);
  const ValueId instead = as_type(r.b, Operand(r.scalar("value")), dtype);
  return {r.b.emit("where", {r.b.emit("le", {x, limit}), instead, x})};
}

Values glu(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), -1);
  if (r.b.rank(x) == 0) r.fail("a scalar has no two halves");
  const Dim length = r.b.shape(x)[static_cast<std::size_t>(axis)];
  const Dim half = floor_divide(length, 2);
  if (half * Dim(2) != length) r.fail("the axis has an odd length");
  const ValueId gate = r.b.emit("sigmoid", {sliced(r.b, x, axis, half, length)});
  return {r.b.emit("mul", {sliced(r.b, x, axis, 0, half), gate})};
}

// clamp's bounds take part in type promotion.
Values clamp_between(Reading& r, std::string_view least, std::string_view most) {
  const ValueId x = r.tensor("self");
  std::vector<Operand> operands = {x};
  Attributes bounds;
  for (const auto& [ours, theirs] : {std::pair{"min", least}, std::pair{"max", most}}) {
    if (theirs.empty() || !r.given(theirs)) continue;
    operands.emplace_back(r.scalar(theirs));
    bounds.push_back({ours, real_of(operands.back().scalar)});
  }
  if (bounds.empty()) r.fail("neither min nor max is given");
  return {r.b.emit("clamp", {as_type(r.b, x, result_type(r.b, operands))}, std::move(bounds))};
}

Values clamp(Reading& r) { return clamp_between(r, "min", "max"); }
Values clamp_min(Reading& r) { return clamp_between(r, "min", ""); }
Values clamp_max(Reading& r) { return clamp_between(r, "", "max"); }

Values clamp_tensor(Reading& r) {
  ValueId x = r.tensor("self");
  if (r.given("min")) x = arithmetic(r.b, "maximum", x, r.tensor("min"));
  if (r.given("max")) x = arithmetic(r.b, "minimum", x, r.tensor("max"));
  return {x};
}

// Two operands
// -------------------------------------------------------------------------------------------------------

Values binary(Reading& r) {
  return {arithmetic(r.b, r.ours, r.operand("self"), r.operand("other"))};
}

bool is_one(const Scalar& scalar) {
  return !std::holds_alternative<Dim>(scalar) && real_of(scalar) == 1;
}

// x + alpha * y, in the type of x + y.
ValueId with_alpha(Reading& r, const Operand& x, const Operand& y) {
  const Scalar alpha = r.scalar("alpha", Scalar(std::int64_t{1}));
  if (is_one(alpha)) return arithmetic(r.b, r.ours, x, y);
  const Operand both[] = {x, y};
  const DType dtype = result_type(r.b, both);
  if (!is_floating(dtype) && std::holds_alternative<double>(alpha))
    r.fail("alpha must be an integer for integers");
  const ValueId right =
      r.b.emit("mul", {as_type(r.b, y, dtype), as_type(r.b, Operand(alpha), dtype)});
  return r.b.emit(r.ours, {as_type(r.b, x, dtype), right});
}

Values sum_or_difference(Reading& r) {
  const Operand x = r.operand("self");
  return {with_alpha(r, x, r.operand("other"))};
}

Values rsub(Reading& r) {
  const Operand x = r.operand("other");
  return {with_alpha(r, x, r.operand("self"))};
}

// The quotient of integers is real.
ValueId quotient(Builder& b, const Operand& x, const Operand& y) {
  const Operand both[] = {x, y};
  const DType dtype = floating(result_type(b, both));
  return b.emit("div", {as_type(b, x, dtype), as_type(b, y, dtype)});
}

// Integers are divided without a detour over reals, which would lose digits.
ValueId truncated_quotient(Builder& b, ValueId x, ValueId y) {
  if (is_floating(b.dtype(x))) return truncated(b, b.emit("div", {x, y}));
  const ValueId size = b.emit("floor_divide", {b.emit("abs", {x}), b.emit("abs", {y})});
  return b.emit("mul", {size, b.emit("mul", {b.emit("sign", {x}), b.emit("sign", {y})})});
}

Values div(Reading& r) {
  const Operand x = r.operand("self");
  const Operand y = r.operand("other");
  const std::string mode = r.text("rounding_mode", "");
  if (mode.empty()) return {quotient(r.b, x, y)};
  const auto [left, right] = promote(r.b, x, y);
  if (mode == "floor") return {r.b.emit("floor_divide", {left, right})};
  if (mode == "trunc") return {truncated_quotient(r.b, left, right)};
  r.fail("rounding_mode is neither floor nor trunc");
}

// The remainder of sizes, with the sign of the dividend.
Values fmod(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("other"));
  const ValueId size = r.b.emit("remainder", {r.b.emit("abs", {x}), r.b.emit("abs", {y})});
  return {r.b.emit("mul", {r.b.emit("sign", {x}), size})};
}

Values pow(Reading& r) {
  const auto [x, y] = promote(r.b, r.operand("self"), r.operand("exponent"));
  return {r.b.emit("pow", {x, y})};
}

Values addcmul(Reading& r) {
  const ValueId product = arithmetic(r.b, r.ours, r.tensor("tensor1"), r.tensor("tensor2"));
  const Scalar value = r.scalar("value", Scalar(std::int64_t{1}));
  const ValueId right = is_one(value) ? product : arithmetic(r.b, "mul", product, Operand(value));
  return {arithmetic(r.b, "add", r.tensor("self"), right)};
}

Values lerp(Reading& r) {
  const ValueId start = r.tensor("self");
  const ValueId way = arithmetic(r.b, "sub", r.tensor("end"), start);
  return {arithmetic(r.b, "add", start, arithmetic(r.b, "mul", way, r.operand("weight")))};
}

constexpr ImportRow rows[] = {
    {"neg", same_unary, "neg"},
    {"abs", same_unary, "abs"},
    {"sign", same_unary, "sign"},
    {"relu", same_unary, "relu"},
    {"square", same_unary, "square"},
    {"exp", real_unary, "exp"},
    {"expm1", real_unary, "expm1"},
    {"log", real_unary, "log"},
    {"log1p", real_unary, "log1p"},
    {"sqrt", real_unary, "sqrt"},
    {"rsqrt", real_unary, "rsqrt"},
    {"reciprocal", real_unary, "reciprocal"},
    {"sin", real_unary, "sin"},
    {"cos", real_unary, "cos"},
    {"tanh", real_unary, "tanh"},
    {"sigmoid", real_unary, "sigmoid"},
    {"erf", real_unary, "erf"},
    {"silu", real_unary, "silu"},
    {"hardsigmoid", real_unary, "hardsigmoid"},
    {"hardswish", real_unary, "hardswish"},
    {"mish", real_unary, "mish"},
    {"floor", rounding, "floor"},
    {"ceil", rounding, "ceil"},
    {"round", rounding, "round"},
    {"trunc", trunc},
    {"fix", trunc},
    {"frac", frac},
    {"log2", log2},
    {"log10", log10},
    {"exp2", exp2},
    {"special_exp2", exp2},
    {"tan", tan},
    {"softplus", softplus},
    {"gelu", gelu},
    {"leaky_relu", leaky_relu},
    {"elu", elu},
    {"selu", selu},
    {"celu", celu},
    {"hardtanh", hardtanh},
    {"relu6", relu6},
    {"log_sigmoid", log_sigmoid},
    {"log_sigmoid_forward", log_sigmoid_forward},
    {"prelu", prelu},
    {"_prelu_kernel", prelu_kernel},
    {"softsign", softsign},
    {"threshold", threshold},
    {"glu", glu},
    {"clamp", clamp},
    {"clip", clamp},
    {"clamp.Tensor", clamp_tensor},
    {"clamp_min", clamp_min},
    {"clamp_max", clamp_max},
    {"clamp_min.Tensor", clamp_tensor},
    {"clamp_max.Tensor", clamp_tensor},
    {"add.Tensor", sum_or_difference, "add"},
    {"add.Scalar", sum_or_difference, "add"},
    {"sub.Tensor", sum_or_difference, "sub"},
    {"sub.Scalar", sum_or_difference, "sub"},
    {"subtract.Tensor", sum_or_difference, "sub"},
    {"rsub.Tensor", rsub, "sub"},
    {"rsub.Scalar", rsub, "sub"},
    {"mul.Tensor", binary, "mul"},
    {"mul.Scalar", binary, "mul"},
    {"multiply.Tensor", binary, "mul"},
    {"maximum", binary, "maximum"},
    {"minimum", binary, "minimum"},
    {"max.other", binary, "maximum"},
    {"min.other", binary, "minimum"},
    {"floor_divide", binary, "floor_divide"},
    {"floor_divide.Scalar", binary, "floor_divide"},
    {"remainder.Tensor", binary, "remainder"},
    {"remainder.Scalar", binary, "remainder"},
    {"fmod.Tensor", fmod},
    {"fmod.Scalar", fmod},
    {"div.Tensor", div},
    {"div.Scalar", div},
    {"div.Tensor_mode", div},
    {"div.Scalar_mode", div},
    {"divide.Tensor", div},
    {"true_divide.Tensor", div},
    {"pow.Tensor_Tensor", pow},
    {"pow.Tensor_Scalar", pow},
    {"pow.Scalar", pow},
    {"addcmul", addcmul, "mul"},
    {"addcdiv", addcmul, "div"},
    {"lerp.Scalar", lerp},
    {"lerp.Tensor", lerp},
};

}  // namespace

std::span<const ImportRow> elementwise_rows() { return rows; }

}  // namespace isomer::aten
