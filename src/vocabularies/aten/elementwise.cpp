#include <cmath>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// -- one tensor -----------------------------------------------------------------------------------

// Of an integer they are the integer itself.
Values rounding(Reading& r) {
  const ValueId x = r.tensor("self");
  if (!is_floating(r.b.dtype(x))) return {x};
  return {r.b.emit(r.row.ours, {x})};
}

Values frac(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("sub", {x, r.b.emit("trunc", {x})})};
}

// -- activations ----------------------------------------------------------------------------------

ValueId elu_of(Builder& b, ValueId x, double alpha, double scale, double input_scale) {
  return b.emit("elu", {x}, {{"alpha", alpha}, {"scale", scale}, {"input_scale", input_scale}});
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

Values relu6(Reading& r) {
  return {r.b.emit("hardtanh", {r.tensor("self")}, {{"min_val", 0.0}, {"max_val", 6.0}})};
}

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

Values threshold(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.b.dtype(x);
  const ValueId limit = as_type(r.b, Operand(r.scalar("threshold")), dtype);
  const ValueId instead = as_type(r.b, Operand(r.scalar("value")), dtype);
  return {r.b.emit("where", {r.b.emit("le", {x, limit}), instead, x})};
}

// Of relu, whose threshold is 0.
Values threshold_backward(Reading& r) {
  if (real_of(r.scalar("threshold")) != 0) r.refuse("a threshold of 0 is read");
  return renamed(r);
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
Values clamp(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<Operand> operands = {x};
  Attributes bounds;
  for (const char* name : {"min", "max"}) {
    if (!r.given(name)) continue;
    operands.emplace_back(r.scalar(name));
    bounds.push_back({name, real_of(operands.back().scalar)});
  }
  if (bounds.empty()) r.fail("neither min nor max is given");
  return {r.b.emit("clamp", {as_type(r.b, x, result_type(r.b, operands))}, std::move(bounds))};
}

Values clamp_tensor(Reading& r) {
  ValueId x = r.tensor("self");
  if (r.given("min")) x = arithmetic(r.b, "maximum", x, r.tensor("min"));
  if (r.given("max")) x = arithmetic(r.b, "minimum", x, r.tensor("max"));
  return {x};
}

// -- two operands ---------------------------------------------------------------------------------

Values binary(Reading& r) {
  return {arithmetic(r.b, r.row.ours, r.operand("self"), r.operand("other"))};
}

// x + alpha * y, in the type of x + y.
ValueId with_alpha(Reading& r, std::string_view op, const Operand& x, const Operand& y) {
  const Scalar alpha = r.scalar("alpha", Scalar(std::int64_t{1}));
  if (is_one(alpha)) return arithmetic(r.b, op, x, y);
  const Operand both[] = {x, y};
  const DType dtype = result_type(r.b, both);
  if (!is_floating(dtype) && std::holds_alternative<double>(alpha))
    r.fail("alpha must be an integer for integers");
  const ValueId right =
      r.b.emit("mul", {as_type(r.b, y, dtype), as_type(r.b, Operand(alpha), dtype)});
  return r.b.emit(op, {as_type(r.b, x, dtype), right});
}

Values sum_or_difference(Reading& r) {
  const Operand x = r.operand("self");
  return {with_alpha(r, r.row.ours, x, r.operand("other"))};
}

Values rsub(Reading& r) {
  const Operand x = r.operand("other");
  return {with_alpha(r, "sub", x, r.operand("self"))};
}

// The quotient of integers is real.
ValueId quotient(Builder& b, const Operand& x, const Operand& y) {
  const Operand both[] = {x, y};
  const DType dtype = floating(result_type(b, both));
  return b.emit("div", {as_type(b, x, dtype), as_type(b, y, dtype)});
}

Values div(Reading& r) {
  const Operand x = r.operand("self");
  const Operand y = r.operand("other");
  const std::string mode = r.text("rounding_mode", "");
  if (mode.empty()) return {quotient(r.b, x, y)};
  const auto [left, right] = promote(r.b, x, y);
  if (mode == "floor") return {r.b.emit("floor_divide", {left, right})};
  if (mode == "trunc") return {r.b.emit("trunc_divide", {left, right})};
  r.fail("rounding_mode is neither floor nor trunc");
}

// self + value * (tensor1 op tensor2)
Values plus(Reading& r, std::string_view op) {
  const ValueId product = arithmetic(r.b, op, r.tensor("tensor1"), r.tensor("tensor2"));
  const Scalar value = r.scalar("value", Scalar(std::int64_t{1}));
  const ValueId right = is_one(value) ? product : arithmetic(r.b, "mul", product, Operand(value));
  return {arithmetic(r.b, "add", r.tensor("self"), right)};
}

Values addcmul(Reading& r) { return plus(r, "mul"); }
Values addcdiv(Reading& r) { return plus(r, "div"); }

Values lerp(Reading& r) {
  const ValueId start = r.tensor("self");
  const ValueId way = arithmetic(r.b, "sub", r.tensor("end"), start);
  return {arithmetic(r.b, "add", start, arithmetic(r.b, "mul", way, r.operand("weight")))};
}

using enum Promotion;

constexpr Row table[] = {
    {.targets = "neg", .ours = "neg"},
    {.targets = "abs", .ours = "abs"},
    {.targets = "sign", .ours = "sign"},
    {.targets = "relu", .ours = "relu", .python = "F.relu"},
    {.targets = "threshold_backward",
     .ours = "relu_backward",
     .inputs = "grad_output self",
     .fixed = "threshold=0",
     .read = threshold_backward},
    {.targets = "square", .ours = "square"},
    {.targets = "exp", .ours = "exp", .promotion = real},
    {.targets = "expm1", .ours = "expm1", .promotion = real},
    {.targets = "log", .ours = "log", .promotion = real},
    {.targets = "log1p", .ours = "log1p", .promotion = real},
    {.targets = "sqrt", .ours = "sqrt", .promotion = real},
    {.targets = "rsqrt", .ours = "rsqrt", .promotion = real},
    {.targets = "reciprocal", .ours = "reciprocal", .promotion = real},
    {.targets = "sin", .ours = "sin", .promotion = real},
    {.targets = "cos", .ours = "cos", .promotion = real},
    {.targets = "atan", .ours = "atan", .promotion = real},
    {.targets = "tanh", .ours = "tanh", .promotion = real},
    {.targets = "sigmoid", .ours = "sigmoid", .promotion = real},
    {.targets = "erf", .ours = "erf", .promotion = real},
    {.targets = "silu", .ours = "silu", .python = "F.silu", .promotion = real},
    {.targets = "hardsigmoid", .ours = "hardsigmoid", .python = "F.hardsigmoid", .promotion = real},
    {.targets = "hardswish", .ours = "hardswish", .python = "F.hardswish", .promotion = real},
    {.targets = "mish", .ours = "mish", .python = "F.mish", .promotion = real},
    {.targets = "floor", .ours = "floor", .python = "torch.floor", .read = rounding},
    {.targets = "ceil", .ours = "ceil", .python = "torch.ceil", .read = rounding},
    {.targets = "round", .ours = "round", .python = "torch.round", .read = rounding},
    {.targets = "trunc fix", .ours = "trunc", .python = "torch.trunc", .read = rounding},
    {.targets = "frac", .read = frac},
    {.targets = "log2", .ours = "log2", .promotion = real},
    {.targets = "log10", .ours = "log10", .promotion = real},
    {.targets = "exp2 special_exp2", .ours = "exp2", .promotion = real},
    {.targets = "tan", .ours = "tan", .promotion = real},
    {.targets = "softplus", .ours = "softplus", .python = "F.softplus"},
    {.targets = "gelu", .ours = "gelu", .python = "F.gelu"},
    {.targets = "leaky_relu", .ours = "leaky_relu", .python = "F.leaky_relu"},
    {.targets = "elu", .ours = "elu"},
    {.targets = "selu", .read = selu},
    {.targets = "celu", .read = celu},
    {.targets = "hardtanh", .ours = "hardtanh", .python = "F.hardtanh"},
    {.targets = "relu6", .read = relu6},
    {.targets = "log_sigmoid", .ours = "log_sigmoid", .python = "F.logsigmoid"},
    {.targets = "log_sigmoid_forward", .ours = "log_sigmoid", .read = renamed_and_saved<1>},
    {.targets = "prelu", .read = prelu},
    {.targets = "_prelu_kernel", .ours = "prelu", .inputs = "self weight"},
    {.targets = "threshold", .read = threshold},
    {.targets = "glu", .read = glu},
    {.targets = "clamp clip clamp_min clamp_max", .ours = "clamp", .read = clamp},
    {.targets = "clamp.Tensor clamp_min.Tensor clamp_max.Tensor", .read = clamp_tensor},
    {.targets = "add.Tensor add.Scalar", .ours = "add", .read = sum_or_difference},
    {.targets = "sub.Tensor sub.Scalar subtract.Tensor", .ours = "sub", .read = sum_or_difference},
    {.targets = "rsub.Tensor rsub.Scalar", .read = rsub},
    {.targets = "mul.Tensor mul.Scalar multiply.Tensor", .ours = "mul", .read = binary},
    {.targets = "maximum max.other", .ours = "maximum", .python = "torch.maximum", .read = binary},
    {.targets = "minimum min.other", .ours = "minimum", .python = "torch.minimum", .read = binary},
    {.targets = "remainder.Tensor remainder.Scalar",
     .ours = "remainder",
     .inputs = "self other",
     .promotion = common},
    {.targets = "fmod.Tensor fmod.Scalar",
     .ours = "fmod",
     .inputs = "self other",
     .promotion = common},
    {.targets = "div.Tensor div.Scalar divide.Tensor true_divide.Tensor",
     .ours = "div",
     .read = div},
    {.targets = "div.Tensor_mode div.Scalar_mode",
     .ours = "floor_divide",
     .fixed = "rounding_mode='floor'",
     .read = div},
    {.targets = "floor_divide floor_divide.Scalar",
     .ours = "floor_divide",
     .inputs = "self other",
     .promotion = common},
    {.targets = "pow.Tensor_Tensor pow.Tensor_Scalar pow.Scalar",
     .ours = "pow",
     .inputs = "self exponent",
     .promotion = common},
    {.targets = "addcmul", .read = addcmul},
    {.targets = "addcdiv", .read = addcdiv},
    {.targets = "lerp.Scalar lerp.Tensor", .read = lerp},
};

}  // namespace

std::span<const Row> elementwise_rows() { return table; }

}  // namespace isomer::aten
