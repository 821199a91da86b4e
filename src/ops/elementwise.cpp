#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "ops/arithmetic.h"
#include "ops/families.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

// Type rules ------------------------------------------------------------------------------------

void require_boolean(const TensorType& type) {
  if (type.dtype == DType::boolean) return;
  refuse(fmt::format("the input is {}; it should be bool (compare it first)", name_of(type.dtype)));
}

std::vector<TensorType> bits_type(const OpCall& call) {
  for (const TensorType& type : call.types) {
    if (is_integer(type.dtype)) continue;
    refuse(fmt::format("the input is {}; it should be an integer", name_of(type.dtype)));
  }
  if (call.types.size() == 1) return {call.types[0]};
  return arithmetic_type(call);
}

std::vector<TensorType> comparison_type(const OpCall& call) {
  require_same_dtype(call);
  return {{DType::boolean, broadcast(call.types[0].shape, call.types[1].shape)}};
}

std::vector<TensorType> logical_type(const OpCall& call) {
  for (const TensorType& type : call.types) require_boolean(type);
  Shape shape = call.types[0].shape;
  if (call.types.size() == 2) shape = broadcast(shape, call.types[1].shape);
  return {{DType::boolean, shape}};
}

std::vector<TensorType> test_type(const OpCall& call) {
  return {{DType::boolean, same_floating_type(call)[0].shape}};
}

std::vector<TensorType> where_type(const OpCall& call) {
  require_boolean(call.types[0]);
  require_same_dtype(call, 1);
  const Shape both = broadcast(call.types[1].shape, call.types[2].shape);
  return {{call.types[1].dtype, broadcast(call.types[0].shape, both)}};
}

std::vector<TensorType> cast_type(const OpCall& call) {
  return {{call.get<DType>("dtype"), call.types[0].shape}};
}

// A bound that is no integer would make integers real (torch.clamp).
std::vector<TensorType> clamp_type(const OpCall& call) {
  const DType dtype = call.types[0].dtype;
  for (const std::string_view name : {"min", "max"}) {
    if (is_floating(dtype) || !call.given(name)) continue;
    const double bound = call.real(name);
    if (bound != std::trunc(bound)) {
      refuse(fmt::format("{} is {} and the input {}; bounds of integers should be whole", name,
                         real_text(bound), name_of(dtype)));
    }
    require_within(dtype, bound, name);
  }
  return numeric_type(call);
}

// Fractions of integers' bounds are cut off (torch.nn.functional.hardtanh).
std::vector<TensorType> hardtanh_type(const OpCall& call) {
  for (const std::string_view name : {"min_val", "max_val"}) {
    if (!is_floating(call.types[0].dtype))
      require_within(call.types[0].dtype, std::trunc(call.real(name)), name);
  }
  return numeric_type(call);
}

std::vector<TensorType> gelu_type(const OpCall& call) {
  const std::string& form = call.get<std::string>("approximate");
  if (form != "none" && form != "tanh") {
    refuse(fmt::format("approximate is {}; it should be 'none' or 'tanh'", quoted(form)));
  }
  return same_floating_type(call);
}

// Derivatives -----------------------------------------------------------------------------------

ValueId sign_of(Emitter& b, ValueId x, ValueId) { return b.emit("sign", {x}); }
ValueId output_itself(Emitter&, ValueId, ValueId y) { return y; }
ValueId output_plus_one(Emitter& b, ValueId, ValueId y) { return add(b, y, 1.0); }
ValueId one_over_input(Emitter& b, ValueId x, ValueId) { return div(b, number(b, x, 1.0), x); }
ValueId one_over_input_plus_one(Emitter& b, ValueId x, ValueId) {
  return div(b, number(b, x, 1.0), add(b, x, 1.0));
}
ValueId atan_slope(Emitter& b, ValueId x, ValueId) {
  return div(b, number(b, x, 1.0), add(b, mul(b, x, x), 1.0));
}
ValueId half_over_output(Emitter& b, ValueId, ValueId y) { return div(b, number(b, y, 0.5), y); }
ValueId cos_of(Emitter& b, ValueId x, ValueId) { return b.emit("cos", {x}); }
ValueId minus_sin_of(Emitter& b, ValueId x, ValueId) { return neg(b, b.emit("sin", {x})); }
ValueId one_minus_output_squared(Emitter& b, ValueId, ValueId y) {
  return sub(b, number(b, y, 1.0), mul(b, y, y));
}
ValueId output_times_rest(Emitter& b, ValueId, ValueId y) {
  return mul(b, y, sub(b, number(b, y, 1.0), y));
}
ValueId log_sigmoid_slope(Emitter& b, ValueId x, ValueId) { return b.emit("sigmoid", {neg(b, x)}); }
ValueId erf_slope(Emitter& b, ValueId x, ValueId) {
  return mul(b, b.emit("exp", {neg(b, mul(b, x, x))}), 2.0 / std::sqrt(std::numbers::pi));
}

Values vjp_neg(Emitter& b, const OpCall&, const Cotangents& c) { return {neg(b, c.values[0])}; }

Values vjp_relu(Emitter& b, const OpCall&, const Cotangents& c) {
  return {b.emit("relu_backward", {c.values[0], c.outputs[0]})};
}

Values vjp_add(Emitter& b, const OpCall& call, const Cotangents& c) {
  return to_operands(b, call, c.values[0], c.values[0]);
}

Values vjp_sub(Emitter& b, const OpCall& call, const Cotangents& c) {
  return to_operands(b, call, c.values[0], neg(b, c.values[0]));
}

Values vjp_mul(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  // One statement each: C++ leaves open in which order arguments are made, and nodes have one.
  const ValueId for_y = mul(b, g, call.inputs[0]);
  const ValueId for_x = mul(b, g, call.inputs[1]);
  return to_operands(b, call, for_x, for_y);
}

Values vjp_div(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId y = call.inputs[1];
  const ValueId x_part = div(b, c.values[0], y);
  return to_operands(b, call, x_part, neg(b, mul(b, x_part, c.outputs[0])));
}

Values vjp_remainder(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId whole = b.emit("floor_divide", {call.inputs[0], call.inputs[1]});
  return to_operands(b, call, g, neg(b, mul(b, g, whole)));
}

// x**0 has slope 0 also at x = 0, and 0**y has slope 0 for y >= 0 (torch, derivatives of pow).
Values vjp_pow(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  const ValueId zero = number(b, g, 0.0);
  const ValueId slope = mul(b, y, b.emit("pow", {x, add(b, y, -1.0)}));
  const ValueId x_part = where(b, is(b, "eq", y, 0.0), zero, mul(b, g, slope));
  const ValueId vanishes =
      b.emit("logical_and", {is(b, "eq", x, 0.0), b.emit("le", {number(b, y, 0.0), y})});
  const ValueId y_part =
      where(b, vanishes, zero, mul(b, g, mul(b, c.outputs[0], b.emit("log", {x}))));
  return to_operands(b, call, x_part, y_part);
}

// Of two equal operands each gets half (torch.maximum).
template <bool largest>
Values vjp_extreme(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  const ValueId zero = number(b, g, 0.0);
  const ValueId shared = where(b, b.emit("eq", {x, y}), mul(b, g, 0.5), g);
  const ValueId x_loses = largest ? b.emit("lt", {x, y}) : b.emit("lt", {y, x});
  const ValueId y_loses = largest ? b.emit("lt", {y, x}) : b.emit("lt", {x, y});
  const ValueId for_y = where(b, y_loses, zero, shared);
  const ValueId for_x = where(b, x_loses, zero, shared);
  return to_operands(b, call, for_x, for_y);
}

Values vjp_where(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId zero = number(b, g, 0.0);
  return {ValueId::none, sum_to(b, where(b, call.inputs[0], g, zero), call.types[1].shape),
          sum_to(b, where(b, call.inputs[0], zero, g), call.types[2].shape)};
}

Values vjp_cast(Emitter& b, const OpCall& call, const Cotangents& c) {
  if (!is_floating(call.types[0].dtype)) return {ValueId::none};
  return {b.emit("cast", {c.values[0]}, {{"dtype", call.types[0].dtype}})};
}

Values vjp_fmod(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId whole = b.emit("trunc_divide", {call.inputs[0], call.inputs[1]});
  return to_operands(b, call, g, neg(b, mul(b, g, whole)));
}

// The bounds themselves let the cotangent through, NaN does not (torch up to 2.13).
Values vjp_clamp(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  ValueId g = c.values[0];
  const ValueId zero = number(b, g, 0.0);
  if (call.given("min")) g = where(b, b.emit("le", {number(b, x, call.real("min")), x}), g, zero);
  if (call.given("max")) g = where(b, is(b, "le", x, call.real("max")), g, zero);
  return {g};
}

// Of two equal operands x gets all, and of what cannot be compared nobody anything.
template <bool least>
Values vjp_clamp_by(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId x = call.inputs[0];
  const ValueId bound = call.inputs[1];
  const ValueId zero = number(b, g, 0.0);
  const ValueId kept = least ? b.emit("le", {bound, x}) : b.emit("le", {x, bound});
  const ValueId held = least ? b.emit("lt", {x, bound}) : b.emit("lt", {bound, x});
  const ValueId for_x = where(b, kept, g, zero);
  return to_operands(b, call, for_x, where(b, held, g, zero));
}

Values vjp_prelu(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId x = call.inputs[0];
  const ValueId positive = is(b, "gt", x, 0.0);
  const ValueId for_x = where(b, positive, g, mul(b, g, call.inputs[1]));
  return to_operands(b, call, for_x, where(b, positive, number(b, g, 0.0), mul(b, g, x)));
}

// Unlike clamp's, the bounds themselves stop the cotangent (torch hardtanh_backward).
Values vjp_hardtanh(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId zero = number(b, c.values[0], 0.0);
  const ValueId g = where(b, is(b, "le", x, call.real("min_val")), zero, c.values[0]);
  return {where(b, b.emit("le", {number(b, x, call.real("max_val")), x}), zero, g)};
}

// A NaN is not beyond the threshold, and has no slope.
Values vjp_softplus(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const double beta = call.real("beta");
  const ValueId scaled_x = beta == 1.0 ? x : mul(b, x, beta);
  const ValueId soft = mul(b, c.values[0], b.emit("sigmoid", {scaled_x}));
  const ValueId beyond = b.emit("lt", {number(b, x, call.real("threshold")), scaled_x});
  return {where(b, beyond, c.values[0], soft)};
}

// Meanings --------------------------------------------------------------------------------------

// relu'(0) = 0, and a NaN lets the cotangent through, as torch's threshold_backward.
Values expand_relu_backward(Emitter& b, const OpCall& call) {
  const ValueId g = call.inputs[0];
  return {where(b, is(b, "le", call.inputs[1], 0.0), number(b, g, 0.0), g)};
}

Values expand_reciprocal(Emitter& b, const OpCall& call) {
  return {div(b, number(b, call.inputs[0], 1.0), call.inputs[0])};
}

Values expand_rsqrt(Emitter& b, const OpCall& call) {
  return {div(b, number(b, call.inputs[0], 1.0), b.emit("sqrt", {call.inputs[0]}))};
}

Values expand_square(Emitter& b, const OpCall& call) {
  return {mul(b, call.inputs[0], call.inputs[0])};
}

Values expand_tan(Emitter& b, const OpCall& call) {
  const ValueId sine = b.emit("sin", {call.inputs[0]});
  return {div(b, sine, b.emit("cos", {call.inputs[0]}))};
}

Values expand_exp2(Emitter& b, const OpCall& call) {
  return {b.emit("pow", {number(b, call.inputs[0], 2.0), call.inputs[0]})};
}
Values expand_log2(Emitter& b, const OpCall& call) {
  return {mul(b, b.emit("log", {call.inputs[0]}), std::numbers::log2e)};
}
Values expand_log10(Emitter& b, const OpCall& call) {
  return {mul(b, b.emit("log", {call.inputs[0]}), std::numbers::log10e)};
}

Values expand_trunc(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId up = b.emit("ceil", {x});
  return {where(b, is(b, "lt", x, 0.0), up, b.emit("floor", {x}))};
}

/// Whether cutting the quotient of integers gives one more than rounding it down: it is negative
/// and leaves a rest. Magnitudes would not do: the least integer has none.
ValueId is_cut_upwards(Emitter& b, ValueId x, ValueId y, ValueId rest) {
  const ValueId unlike = b.emit("ne", {is(b, "lt", x, 0.0), is(b, "lt", y, 0.0)});
  return b.emit("logical_and", {is(b, "ne", rest, 0.0), unlike});
}

Values expand_trunc_divide(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  if (is_floating(b.dtype(x))) return {b.emit("trunc", {div(b, x, y)})};
  const ValueId down = b.emit("floor_divide", {x, y});
  const ValueId upwards = is_cut_upwards(b, x, y, b.emit("remainder", {x, y}));
  return {where(b, upwards, add(b, down, 1.0), down)};
}

// The remainder of magnitudes loses no digits of a small dividend of another sign.
Values expand_fmod(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  if (is_floating(b.dtype(x))) {
    const ValueId size = b.emit("abs", {x});
    return {mul(b, b.emit("sign", {x}), b.emit("remainder", {size, b.emit("abs", {y})}))};
  }
  const ValueId rest = b.emit("remainder", {x, y});
  return {where(b, is_cut_upwards(b, x, y, rest), sub(b, rest, y), rest)};
}

Values expand_softsign(Emitter& b, const OpCall& call) {
  return {div(b, call.inputs[0], add(b, b.emit("abs", {call.inputs[0]}), 1.0))};
}

Values expand_silu(Emitter& b, const OpCall& call) {
  return {mul(b, call.inputs[0], b.emit("sigmoid", {call.inputs[0]}))};
}

ValueId at_most(Emitter& b, ValueId x, double bound) {
  return b.emit("clamp", {x}, {{"max", bound}});
}

// The exponential sees no more than the threshold, so that neither it nor its derivative overflows.
Values expand_softplus(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const double beta = call.real("beta");
  const double threshold = call.real("threshold");
  const ValueId scaled_x = beta == 1.0 ? x : mul(b, x, beta);
  ValueId soft = b.emit("log1p", {b.emit("exp", {at_most(b, scaled_x, threshold)})});
  if (beta != 1.0) soft = div(b, soft, number(b, x, beta));
  return {where(b, b.emit("lt", {number(b, x, threshold), scaled_x}), x, soft)};
}

Values expand_gelu(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  ValueId inner;
  if (call.get<std::string>("approximate") == "tanh") {
    const ValueId cube = mul(b, mul(b, x, x), x);
    const ValueId bent = add(b, x, mul(b, cube, 0.044715));
    inner = b.emit("tanh", {mul(b, bent, std::sqrt(2.0 / std::numbers::pi))});
  } else {
    inner = b.emit("erf", {mul(b, x, 1.0 / std::numbers::sqrt2)});
  }
  return {mul(b, mul(b, x, 0.5), add(b, inner, 1.0))};
}

Values expand_leaky_relu(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  return {where(b, is(b, "gt", x, 0.0), x, mul(b, x, call.real("negative_slope")))};
}

Values expand_prelu(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  return {where(b, is(b, "gt", x, 0.0), x, mul(b, x, call.inputs[1]))};
}

Values expand_elu(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId low = mul(b, at_most(b, x, 0.0), call.real("input_scale"));
  const ValueId bent = mul(b, b.emit("expm1", {low}), call.real("alpha") * call.real("scale"));
  return {where(b, is(b, "le", x, 0.0), bent, mul(b, x, call.real("scale")))};
}

Values expand_clamp_min(Emitter& b, const OpCall& call) {
  return {b.emit("maximum", {call.inputs[0], call.inputs[1]})};
}
Values expand_clamp_max(Emitter& b, const OpCall& call) {
  return {b.emit("minimum", {call.inputs[0], call.inputs[1]})};
}

// Each bound is applied by a comparison, so that a NaN passes through, as in torch.
Values expand_clamp(Emitter& b, const OpCall& call) {
  ValueId x = call.inputs[0];
  if (call.given("min")) x = b.emit("maximum", {x, number(b, x, call.real("min"))});
  if (call.given("max")) x = b.emit("minimum", {x, number(b, x, call.real("max"))});
  return {x};
}

Values expand_detach(Emitter&, const OpCall& call) { return {call.inputs[0]}; }

Values expand_hardtanh(Emitter& b, const OpCall& call) {
  double least = call.real("min_val");
  double most = call.real("max_val");
  if (!is_floating(call.types[0].dtype)) {
    least = std::trunc(least);
    most = std::trunc(most);
  }
  return {b.emit("clamp", {call.inputs[0]}, {{"min", least}, {"max", most}})};
}

Values expand_hardsigmoid(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId bounded =
      b.emit("hardtanh", {add(b, x, 3.0)}, {{"min_val", 0.0}, {"max_val", 6.0}});
  return {div(b, bounded, number(b, x, 6.0))};
}

Values expand_hardswish(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId bounded =
      b.emit("hardtanh", {add(b, x, 3.0)}, {{"min_val", 0.0}, {"max_val", 6.0}});
  return {div(b, mul(b, x, bounded), number(b, x, 6.0))};
}

Values expand_mish(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  return {mul(b, x, b.emit("tanh", {b.emit("softplus", {x})}))};
}

Values expand_log_sigmoid(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId tail = b.emit("log1p", {b.emit("exp", {neg(b, b.emit("abs", {x}))})});
  return {sub(b, b.emit("minimum", {x, number(b, x, 0.0)}), tail)};
}

Values expand_isinf(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  return {is(b, "eq", b.emit("abs", {x}), std::numeric_limits<double>::infinity())};
}

// Of a NaN nothing is less.
Values expand_isfinite(Emitter& b, const OpCall& call) {
  const ValueId size = b.emit("abs", {call.inputs[0]});
  return {is(b, "lt", size, std::numeric_limits<double>::infinity())};
}

Values expand_ne(Emitter& b, const OpCall& call) {
  return {b.emit("logical_not", {b.emit("eq", {call.inputs[0], call.inputs[1]})})};
}

Values expand_gt(Emitter& b, const OpCall& call) {
  return {b.emit("lt", {call.inputs[1], call.inputs[0]})};
}
Values expand_ge(Emitter& b, const OpCall& call) {
  return {b.emit("le", {call.inputs[1], call.inputs[0]})};
}

Values expand_logical_xor(Emitter& b, const OpCall& call) {
  return {b.emit("ne", {call.inputs[0], call.inputs[1]})};
}

constexpr Traits holds_within{.rounds = Rounds::nearest, .own_slope = true};
constexpr Traits holds_by{.rounds = Rounds::never, .own_slope = true};
constexpr Traits tests_equality{
    .rounds = Rounds::never, .decides = Decision::comparison, .commutes = true};
constexpr Traits finds_larger{.rounds = Rounds::never, .commutes = true};
constexpr Traits adds{.rounds = Rounds::nearest, .commutes = true};

// signature, type rule, expansion (none: primitive), derivative, meaning
constexpr Traits bits_of_two{.rounds = Rounds::never, .commutes = true};

constexpr OpSchema elementwise_table[] = {
    {"neg(x) -> y", numeric_type, nullptr, vjp_neg, "-x", exact},
    {"abs(x) -> y", numeric_type, nullptr, scaled<sign_of>, "|x|", exact},
    {"sign(x) -> y", numeric_type, nullptr, no_gradient, "-1, 0 or 1", compares},
    {"exp(x) -> y", same_floating_type, nullptr, scaled<output_itself>, "e**x"},
    {"expm1(x) -> y", same_floating_type, nullptr, scaled<output_plus_one>, "e**x - 1"},
    {"log(x) -> y", same_floating_type, nullptr, scaled<one_over_input>, "natural logarithm"},
    {"log1p(x) -> y", same_floating_type, nullptr, scaled<one_over_input_plus_one>, "log(1 + x)"},
    {"sqrt(x) -> y", same_floating_type, nullptr, scaled<half_over_output>, "square root"},
    {"rsqrt(x) -> y", same_floating_type, expand_rsqrt, nullptr, "1 / sqrt(x)"},
    {"reciprocal(x) -> y", same_floating_type, expand_reciprocal, nullptr, "1 / x"},
    {"square(x) -> y", numeric_type, expand_square, nullptr, "x * x"},
    {"sin(x) -> y", same_floating_type, nullptr, scaled<cos_of>, "sine"},
    {"cos(x) -> y", same_floating_type, nullptr, scaled<minus_sin_of>, "cosine"},
    {"tan(x) -> y", same_floating_type, expand_tan, nullptr, "tangent", rounds_once},
    {"exp2(x) -> y", same_floating_type, expand_exp2, nullptr, "2**x", rounds_once},
    {"log2(x) -> y", same_floating_type, expand_log2, nullptr, "logarithm to base 2", rounds_once},
    {"log10(x) -> y", same_floating_type, expand_log10, nullptr, "logarithm to base 10",
     rounds_once},
    {"atan(x) -> y", same_floating_type, nullptr, scaled<atan_slope>, "arc tangent"},
    {"tanh(x) -> y", same_floating_type, nullptr, scaled<one_minus_output_squared>,
     "hyperbolic tangent"},
    {"sigmoid(x) -> y", same_floating_type, nullptr, scaled<output_times_rest>,
     "1 / (1 + exp(-x))"},
    {"erf(x) -> y", same_floating_type, nullptr, scaled<erf_slope>, "error function"},
    {"floor(x) -> y", same_floating_type, nullptr, no_gradient, "largest integer not above x",
     makes_whole},
    {"ceil(x) -> y", same_floating_type, nullptr, no_gradient, "smallest integer not below x",
     makes_whole},
    {"round(x) -> y", same_floating_type, nullptr, no_gradient, "nearest integer, halves to even",
     makes_whole},
    {"trunc(x) -> y", same_floating_type, expand_trunc, no_gradient, "x without its fraction",
     makes_whole},
    {"relu(x) -> y", numeric_type, nullptr, vjp_relu, "max(x, 0)", exact},
    {"relu_backward(grad, y) -> grad_x", floating_arithmetic_type, expand_relu_backward, nullptr,
     "cotangent of relu's input: grad where the output y is positive", exact},
    {"silu(x) -> y", same_floating_type, expand_silu, nullptr, "x * sigmoid(x)"},
    {"softplus(x, beta: float = 1.0, threshold: float = 20.0) -> y", same_floating_type,
     expand_softplus, vjp_softplus, "log(1 + exp(beta * x)) / beta; x above the threshold"},
    {"gelu(x, approximate: string = 'none') -> y", gelu_type, expand_gelu, nullptr,
     "x times the normal distribution function of x; or its tanh approximation"},
    {"leaky_relu(x, negative_slope: float = 0.01) -> y", same_floating_type, expand_leaky_relu,
     nullptr, "x, times the slope where x is negative"},
    {"prelu(x, weight) -> y", floating_arithmetic_type, expand_prelu, vjp_prelu,
     "x, times a learned slope where x is negative"},
    {"elu(x, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> y",
     same_floating_type, expand_elu, nullptr,
     "scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))"},
    {"hardtanh(x, min_val: float = -1.0, max_val: float = 1.0) -> y", hardtanh_type,
     expand_hardtanh, vjp_hardtanh, "x held between two bounds", holds_within},
    {"hardsigmoid(x) -> y", same_floating_type, expand_hardsigmoid, nullptr,
     "(x + 3) / 6 between 0 and 1"},
    {"hardswish(x) -> y", same_floating_type, expand_hardswish, nullptr, "x * hardsigmoid(x)"},
    {"mish(x) -> y", same_floating_type, expand_mish, nullptr, "x * tanh(softplus(x))"},
    {"log_sigmoid(x) -> y", same_floating_type, expand_log_sigmoid, scaled<log_sigmoid_slope>,
     "log(sigmoid(x))"},
    {"softsign(x) -> y", same_floating_type, expand_softsign, nullptr, "x / (1 + |x|)"},
    {"clamp(x, min: float?, max: float?) -> y", clamp_type, expand_clamp, vjp_clamp,
     "x held between two bounds, each of which may be absent", holds_within},
    {"clamp_min(x, least) -> y", arithmetic_type, expand_clamp_min, vjp_clamp_by<true>,
     "x, and the bound where it is below", holds_by},
    {"clamp_max(x, most) -> y", arithmetic_type, expand_clamp_max, vjp_clamp_by<false>,
     "x, and the bound where it is above", holds_by},
    {"detach(x) -> y",
     same_type,
     expand_detach,
     no_gradient,
     "x, through which no gradient flows",
     {.rounds = Rounds::never, .moves = Moves::in_order, .views = true, .stops_gradient = true}},
    {"logical_not(x) -> y", logical_type, nullptr, no_gradient, "not x", exact},
    {"isnan(x) -> y", test_type, nullptr, no_gradient, "whether x is not a number", compares},
    {"isinf(x) -> y", test_type, expand_isinf, nullptr, "whether x is infinite", compares},
    {"isfinite(x) -> y", test_type, expand_isfinite, nullptr,
     "whether x is neither infinite nor not a number", compares},
    {"add(x, y) -> z", arithmetic_type, nullptr, vjp_add, "x + y", adds},
    {"sub(x, y) -> z", arithmetic_type, nullptr, vjp_sub, "x - y", rounds_to_nearest},
    {"mul(x, y) -> z", arithmetic_type, nullptr, vjp_mul, "x * y", adds},
    {"div(x, y) -> z", floating_arithmetic_type, nullptr, vjp_div, "x / y"},
    {"pow(x, y) -> z", arithmetic_type, nullptr, vjp_pow, "x**y"},
    {"maximum(x, y) -> z", arithmetic_type, nullptr, vjp_extreme<true>,
     "the larger; NaN where either is", finds_larger},
    {"minimum(x, y) -> z", arithmetic_type, nullptr, vjp_extreme<false>,
     "the smaller; NaN where either is", finds_larger},
    {"floor_divide(x, y) -> z", arithmetic_type, nullptr, no_gradient, "floor(x / y)", makes_whole},
    {"remainder(x, y) -> z", arithmetic_type, nullptr, vjp_remainder,
     "x - y * floor(x / y): has the sign of y"},
    {"trunc_divide(x, y) -> z", arithmetic_type, expand_trunc_divide, no_gradient,
     "x / y without its fraction", makes_whole},
    {"fmod(x, y) -> z", arithmetic_type, expand_fmod, vjp_fmod,
     "x - y * trunc(x / y): has the sign of x", Traits{.rounds = Rounds::never, .own_slope = true}},
    {"eq(x, y) -> z", comparison_type, nullptr, no_gradient, "x == y", tests_equality},
    {"ne(x, y) -> z", comparison_type, expand_ne, nullptr, "x != y", tests_equality},
    {"lt(x, y) -> z", comparison_type, nullptr, no_gradient, "x < y", compares},
    {"le(x, y) -> z", comparison_type, nullptr, no_gradient, "x <= y", compares},
    {"gt(x, y) -> z", comparison_type, expand_gt, nullptr, "x > y", compares},
    {"ge(x, y) -> z", comparison_type, expand_ge, nullptr, "x >= y", compares},
    {"logical_and(x, y) -> z", logical_type, nullptr, no_gradient, "x and y", finds_larger},
    {"logical_or(x, y) -> z", logical_type, nullptr, no_gradient, "x or y", finds_larger},
    {"logical_xor(x, y) -> z", logical_type, expand_logical_xor, nullptr, "either, not both",
     finds_larger},
    {"bitwise_not(x) -> y", bits_type, nullptr, no_gradient, "each bit turned over", exact},
    {"bitwise_and(x, y) -> z", bits_type, nullptr, no_gradient, "the bits of both", bits_of_two},
    {"bitwise_or(x, y) -> z", bits_type, nullptr, no_gradient, "the bits of either", bits_of_two},
    {"bitwise_xor(x, y) -> z", bits_type, nullptr, no_gradient, "the bits of one and not the other",
     bits_of_two},
    {"shift_left(x, y) -> z", bits_type, nullptr, no_gradient, "x * 2**y in the bits of its type",
     exact},
    {"shift_right(x, y) -> z", bits_type, nullptr, no_gradient, "floor(x / 2**y)", exact},
    {"gcd(x, y) -> z", bits_type, nullptr, no_gradient, "greatest common divisor", bits_of_two},
    {"where(condition, x, y) -> z", where_type, nullptr, vjp_where,
     "x where the condition holds, else y", exact},
    {"cast(x, dtype: dtype) -> y", cast_type, nullptr, vjp_cast, "x in another type",
     Traits{.rounds = Rounds::nearest, .views = true, .decides = Decision::rounding}},
};

}  // namespace

std::vector<TensorType> arithmetic_type(const OpCall& call) {
  require_same_dtype(call);
  if (call.types[0].dtype == DType::boolean) {
    refuse("the operands are bool; arithmetic needs numbers (cast them first)");
  }
  return {{call.types[0].dtype, broadcast(call.types[0].shape, call.types[1].shape)}};
}

std::vector<TensorType> floating_arithmetic_type(const OpCall& call) {
  same_floating_type(call);
  return arithmetic_type(call);
}

std::vector<ValueId> to_operands(Emitter& b, const OpCall& call, ValueId x, ValueId y) {
  const auto fit = [&](ValueId g, std::size_t i) {
    return g == ValueId::none ? g : sum_to(b, g, call.types[i].shape);
  };
  return {fit(x, 0), fit(y, 1)};
}

std::span<const OpSchema> elementwise_ops() { return elementwise_table; }

}  // namespace isomer
