#include <cmath>
#include <limits>
#include <numbers>

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

// Signs and squares of booleans: the sign is the boolean itself, the square an integer.
Values sign(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.dtype(x) == DType::boolean ? x : r.b.emit("sign", {x})};
}

Values square(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("square", {r.b.dtype(x) == DType::boolean ? as_type(r.b, x, DType::i64) : x})};
}

// Halves to even, at a decimal place; to the left of the point for negative ones.
Values round_decimals(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t decimals = r.integer("decimals", 0);
  if (!is_floating(r.b.dtype(x))) r.refuse("floating numbers are rounded to decimals");
  if (decimals == 0) return {r.b.emit("round", {x})};
  return {rounded_once(r.b, {x}, [&](const Values& in) {
    const double size = std::pow(10.0, static_cast<double>(std::abs(decimals)));
    const ValueId ten = r.b.literal(r.b.dtype(in[0]), size);
    const bool left = decimals < 0;
    const ValueId moved = r.b.emit("round", {r.b.emit(left ? "div" : "mul", {in[0], ten})});
    return r.b.emit(left ? "mul" : "div", {moved, ten});
  })};
}

template <bool to_degrees>
Values angle_unit(Reading& r) {
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, floating(r.b.dtype(given)));
  return {rounded_once(r.b, {x}, [&](const Values& in) {
    const double factor = to_degrees ? 180 / std::numbers::pi : std::numbers::pi / 180;
    return r.b.emit("mul", {in[0], r.b.literal(r.b.dtype(in[0]), factor)});
  })};
}

// Of a real number: pi for negative ones, else 0.
Values angle(Reading& r) {
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, floating(r.b.dtype(given)));
  const ValueId zero = r.b.literal(r.b.dtype(x), 0.0);
  const ValueId half_turn = r.b.literal(r.b.dtype(x), std::numbers::pi);
  const ValueId turned = r.b.emit("where", {r.b.emit("lt", {x, zero}), half_turn, zero});
  return {r.b.emit("where", {r.b.emit("isnan", {x}), r.b.emit("detach", {x}), turned})};
}

// What is no number, and infinities, become numbers; without such, they stay.
Values nan_to_num(Reading& r) {
  ValueId x = r.tensor("self");
  const DType dtype = r.b.dtype(x);
  if (!is_floating(dtype)) return {x};
  const double most = largest_of(dtype);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const ValueId undefined = r.b.emit("isnan", {x});
  const auto literal = [&](double value) { return r.b.literal(dtype, value); };
  const ValueId above = r.b.emit("eq", {x, literal(infinity)});
  const ValueId below = r.b.emit("eq", {x, literal(-infinity)});
  x = r.b.emit("where", {undefined, literal(r.real("nan", 0.0)), x});
  x = r.b.emit("where", {above, literal(r.real("posinf", most)), x});
  return {r.b.emit("where", {below, literal(r.real("neginf", -most)), x})};
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
  if (r.given("min")) x = arithmetic(r.b, "clamp_min", x, r.tensor("min"));
  if (r.given("max")) x = arithmetic(r.b, "clamp_max", x, r.tensor("max"));
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

// The larger or smaller of two, the first of equal ones; of a NaN and a number the number.
Values extreme_of_numbers(Reading& r) {
  const auto [x, y] = promote(r.b, r.tensor("self"), r.tensor("other"));
  ValueId first = r.b.emit(r.row.target() == "fmax" ? "ge" : "le", {x, y});
  if (is_floating(r.b.dtype(x))) first = r.b.emit("logical_or", {first, r.b.emit("isnan", {y})});
  return {r.b.emit("where", {first, x, y})};
}

// 0 below 0, 1 above, the value at 0.
Values heaviside(Reading& r) {
  const auto [x, value] = promote(r.b, r.tensor("self"), r.tensor("values"));
  const DType dtype = r.b.dtype(x);
  const ValueId zero = as_type(r.b, Operand(Scalar(std::int64_t{0})), dtype);
  const ValueId above = as_type(r.b, r.b.emit("lt", {zero, x}), dtype);
  return {r.b.emit("where", {r.b.emit("eq", {x, zero}), value, above})};
}

// x * 2**other
Values ldexp(Reading& r) {
  const Operand two{Scalar(2.0)};
  const auto [base, exponent] = promote(r.b, two, r.operand("other"));
  return {arithmetic(r.b, "mul", r.operand("self"), r.b.emit("pow", {base, exponent}))};
}

Values float_power(Reading& r) {
  const ValueId base = as_type(r.b, r.operand("self"), DType::f64);
  return {r.b.emit("pow", {base, as_type(r.b, r.operand("exponent"), DType::f64)})};
}

// x where it is beyond lambd, else 0; soft: and nearer to 0 by lambd.
Values hardshrink(Reading& r) {
  const ValueId x = r.tensor("self");
  const double lambda = real_of(r.scalar("lambd", Scalar(0.5)));
  const auto literal = [&](double value) { return r.b.literal(r.b.dtype(x), value); };
  const ValueId inside = r.b.emit(
      "logical_and", {r.b.emit("le", {literal(-lambda), x}), r.b.emit("le", {x, literal(lambda)})});
  return {r.b.emit("where", {inside, literal(0.0), x})};
}

Values softshrink(Reading& r) {
  const ValueId x = r.tensor("self");
  const double lambda = real_of(r.scalar("lambd", Scalar(0.5)));
  return {rounded_once(r.b, {x}, [&](const Values& in) {
    const auto literal = [&](double value) { return r.b.literal(r.b.dtype(in[0]), value); };
    const ValueId from_above = r.b.emit("sub", {in[0], literal(lambda)});
    const ValueId from_below = r.b.emit("add", {in[0], literal(lambda)});
    const ValueId nothing = r.b.emit("mul", {in[0], literal(0.0)});
    const ValueId below =
        r.b.emit("where", {r.b.emit("lt", {in[0], literal(-lambda)}), from_below, nothing});
    return r.b.emit("where", {r.b.emit("gt", {in[0], literal(lambda)}), from_above, below});
  })};
}

Values lerp(Reading& r) {
  const ValueId start = r.tensor("self");
  const ValueId way = arithmetic(r.b, "sub", r.tensor("end"), start);
  return {arithmetic(r.b, "add", start, arithmetic(r.b, "mul", way, r.operand("weight")))};
}

using enum Promotion;

constexpr Row elementwise_table[] = {
    {.targets = "neg negative", .ours = "neg"},
    {.targets = "abs absolute", .ours = "abs"},
    {.targets = "sign sgn", .ours = "sign", .python = "torch.sign", .read = sign},
    {.targets = "relu", .ours = "relu", .python = "F.relu"},
    {.targets = "threshold_backward",
     .ours = "relu_backward",
     .inputs = "grad_output self",
     .fixed = "threshold=0",
     .read = threshold_backward},
    {.targets = "square", .ours = "square", .python = "torch.square", .read = square},
    {.targets = "round.decimals", .read = round_decimals},
    {.targets = "deg2rad", .read = angle_unit<false>},
    {.targets = "rad2deg", .read = angle_unit<true>},
    {.targets = "angle", .read = angle},
    {.targets = "nan_to_num", .read = nan_to_num},
    {.targets = "hardshrink", .read = hardshrink},
    {.targets = "softshrink", .read = softshrink},
    {.targets = "fmax", .read = extreme_of_numbers},
    {.targets = "fmin", .read = extreme_of_numbers},
    {.targets = "heaviside", .read = heaviside},
    {.targets = "ldexp.Tensor", .read = ldexp},
    {.targets = "float_power.Tensor_Tensor float_power.Tensor_Scalar float_power.Scalar",
     .read = float_power},
    {.targets = "exp", .ours = "exp", .promotion = real},
    {.targets = "expm1", .ours = "expm1", .promotion = real},
    {.targets = "log", .ours = "log", .promotion = real},
    {.targets = "log1p special_log1p", .ours = "log1p", .promotion = real},
    {.targets = "sqrt", .ours = "sqrt", .promotion = real},
    {.targets = "rsqrt", .ours = "rsqrt", .promotion = real},
    {.targets = "reciprocal", .ours = "reciprocal", .promotion = real},
    {.targets = "sin", .ours = "sin", .promotion = real},
    {.targets = "cos", .ours = "cos", .promotion = real},
    {.targets = "atan", .ours = "atan", .promotion = real},
    {.targets = "tanh", .ours = "tanh", .promotion = real},
    {.targets = "sigmoid special_expit", .ours = "sigmoid", .promotion = real},
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
    {.targets = "clamp.Tensor clip.Tensor", .read = clamp_tensor},
    {.targets = "clamp_min.Tensor", .ours = "clamp_min", .inputs = "self min", .promotion = common},
    {.targets = "clamp_max.Tensor", .ours = "clamp_max", .inputs = "self max", .promotion = common},
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

std::span<const Row> elementwise_rows() { return elementwise_table; }

}  // namespace isomer::aten
