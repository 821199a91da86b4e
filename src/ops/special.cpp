#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "ops/arithmetic.h"
#include "ops/families.h"

// Functions of tables and handbooks. Composites of the other families would be less exact than
// PyTorch is, or slower by a factor.

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

constexpr double root_of_pi = 1.0 / std::numbers::inv_sqrtpi;

// Type rules ------------------------------------------------------------------------------------

// PyTorch has no kernels of these for half precision.
void require_wide(const TensorType& type) {
  if (is_half(type.dtype)) {
    refuse(fmt::format("the input is {}; it should be f32 or f64 (cast it first)",
                       name_of(type.dtype)));
  }
}

std::vector<TensorType> wide_type(const OpCall& call) {
  require_wide(call.types[0]);
  return same_floating_type(call);
}

std::vector<TensorType> wide_arithmetic_type(const OpCall& call) {
  require_wide(call.types[0]);
  return floating_arithmetic_type(call);
}

std::vector<TensorType> frexp_type(const OpCall& call) {
  const TensorType type = same_floating_type(call)[0];
  return {type, {DType::i32, type.shape}};
}

std::vector<TensorType> polygamma_type(const OpCall& call) {
  if (call.integer("n") < 0) refuse("n should not be negative");
  if (call.integer("n") > std::numeric_limits<std::int32_t>::max())
    refuse("n should be below 2**31");
  return same_floating_type(call);
}

// Derivatives -----------------------------------------------------------------------------------

ValueId one(Emitter& b, ValueId like) { return number(b, like, 1.0); }
ValueId square(Emitter& b, ValueId x) { return mul(b, x, x); }
ValueId sign(Emitter& b, ValueId x) { return b.emit("sign", {x}); }

ValueId asin_slope(Emitter& b, ValueId x, ValueId) {
  return b.emit("rsqrt", {sub(b, one(b, x), square(b, x))});
}
ValueId acos_slope(Emitter& b, ValueId x, ValueId y) { return neg(b, asin_slope(b, x, y)); }
ValueId asinh_slope(Emitter& b, ValueId x, ValueId) {
  return b.emit("rsqrt", {add(b, square(b, x), 1.0)});
}
ValueId acosh_slope(Emitter& b, ValueId x, ValueId) {
  return b.emit("rsqrt", {add(b, square(b, x), -1.0)});
}
ValueId atanh_slope(Emitter& b, ValueId x, ValueId) {
  return div(b, one(b, x), sub(b, one(b, x), square(b, x)));
}
ValueId cosh_of(Emitter& b, ValueId x, ValueId) { return b.emit("cosh", {x}); }
ValueId sinh_of(Emitter& b, ValueId x, ValueId) { return b.emit("sinh", {x}); }
ValueId erfc_slope(Emitter& b, ValueId x, ValueId) {
  return mul(b, b.emit("exp", {neg(b, square(b, x))}), -2.0 / root_of_pi);
}
ValueId erfinv_slope(Emitter& b, ValueId, ValueId y) {
  return mul(b, b.emit("exp", {square(b, y)}), root_of_pi / 2);
}
ValueId erfcx_slope(Emitter& b, ValueId x, ValueId y) {
  return add(b, mul(b, mul(b, x, y), 2.0), -2.0 / root_of_pi);
}
ValueId ndtr_slope(Emitter& b, ValueId x, ValueId) {
  const ValueId bell = b.emit("exp", {mul(b, square(b, x), -0.5)});
  return mul(b, bell, std::numbers::inv_sqrtpi / std::numbers::sqrt2);
}
ValueId log_ndtr_slope(Emitter& b, ValueId x, ValueId) {
  const ValueId tail = b.emit("erfcx", {mul(b, x, -1.0 / std::numbers::sqrt2)});
  return div(b, number(b, x, std::numbers::sqrt2 / root_of_pi), tail);
}
ValueId ndtri_slope(Emitter& b, ValueId, ValueId y) {
  return mul(b, b.emit("exp", {mul(b, square(b, y), 0.5)}), std::numbers::sqrt2 * root_of_pi);
}
ValueId lgamma_slope(Emitter& b, ValueId x, ValueId) { return b.emit("digamma", {x}); }
ValueId digamma_slope(Emitter& b, ValueId x, ValueId) {
  return b.emit("polygamma", {x}, {{"n", std::int64_t{1}}});
}
ValueId i0_slope(Emitter& b, ValueId x, ValueId) { return b.emit("i1", {x}); }
ValueId i0e_slope(Emitter& b, ValueId x, ValueId y) {
  return sub(b, b.emit("i1e", {x}), mul(b, sign(b, x), y));
}
// At 0 both have the slope 1/2, which the formula does not give; PyTorch takes it for all that is
// not larger than the epsilon of the type, and so for NaN.
ValueId half_at_zero(Emitter& b, ValueId x, ValueId slope) {
  const ValueId away = is(b, "gt", b.emit("abs", {x}), epsilon_of(b.dtype(x)));
  return where(b, away, slope, number(b, x, 0.5));
}
ValueId i1_slope(Emitter& b, ValueId x, ValueId y) {
  return half_at_zero(b, x, sub(b, b.emit("i0", {x}), div(b, y, x)));
}
ValueId i1e_slope(Emitter& b, ValueId x, ValueId y) {
  const ValueId factor = add(b, sign(b, x), div(b, one(b, x), x));
  return half_at_zero(b, x, sub(b, b.emit("i0e", {x}), mul(b, y, factor)));
}

Values vjp_polygamma(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId slope = b.emit("polygamma", {call.inputs[0]}, {{"n", call.integer("n") + 1}});
  return {mul(b, c.values[0], slope)};
}

Values vjp_frexp(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId exponent = b.emit("cast", {c.outputs[1]}, {{"dtype", b.dtype(call.inputs[0])}});
  return {div(b, c.values[0], b.emit("exp2", {exponent}))};
}

// What was 0 has no size to be scaled by.
Values vjp_copysign(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId ratio = div(b, c.outputs[0], x);
  const ValueId slope = where(b, is(b, "eq", x, 0.0), number(b, x, 0.0), ratio);
  return to_operands(b, call, mul(b, c.values[0], slope), ValueId::none);
}

Values vjp_hypot(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId for_x = mul(b, c.values[0], div(b, call.inputs[0], c.outputs[0]));
  const ValueId for_y = mul(b, c.values[0], div(b, call.inputs[1], c.outputs[0]));
  return to_operands(b, call, for_x, for_y);
}

Values vjp_atan2(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId y = call.inputs[0];
  const ValueId x = call.inputs[1];
  const ValueId size = add(b, square(b, y), square(b, x));
  // The origin has no angle, and no slope.
  const ValueId divisor = where(b, is(b, "eq", size, 0.0), one(b, size), size);
  const ValueId share = div(b, c.values[0], divisor);
  const ValueId for_y = mul(b, share, x);
  return to_operands(b, call, for_y, neg(b, mul(b, share, y)));
}

// x * log(y + `moved`) has no slope in x where x is 0 and the logarithm no number below infinity.
template <double moved>
Values vjp_times_logarithm(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  const ValueId g = c.values[0];
  const std::string_view op = moved == 0 ? "xlogy" : "xlog1py";
  const ValueId vanishes = b.emit("logical_and", {is(b, "eq", x, 0.0), is(b, "le", y, -moved)});
  const ValueId for_x = where(b, vanishes, number(b, g, 0.0), b.emit(op, {g, y}));
  const ValueId inner = moved == 0 ? y : add(b, y, moved);
  return to_operands(b, call, for_x, div(b, mul(b, g, x), inner));
}

ValueId entr_slope(Emitter& b, ValueId x, ValueId) {
  return neg(b, add(b, b.emit("log", {x}), 1.0));
}

// Beyond the bounds it is flat; without bounds there is nothing beyond 0 and 1.
Values vjp_logit(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const bool bounded = call.given("eps");
  const double least = bounded ? call.real("eps") : 0.0;
  const ValueId size = b.emit("abs", {mul(b, x, sub(b, one(b, x), x))});
  const ValueId outside =
      b.emit("logical_or", {is(b, "lt", x, least), is(b, "gt", x, 1.0 - least)});
  const double beyond = bounded ? 0.0 : std::numeric_limits<double>::quiet_NaN();
  return {where(b, outside, number(b, x, beyond), div(b, c.values[0], size))};
}

// Meanings --------------------------------------------------------------------------------------

// x * f(y), and 0 for x = 0 whatever f(y) is, unless y is no number.
ValueId times_logarithm(Emitter& b, const OpCall& call, std::string_view logarithm) {
  const ValueId x = call.inputs[0];
  const ValueId y = call.inputs[1];
  const ValueId product = mul(b, x, b.emit(logarithm, {y}));
  const ValueId value = where(b, is(b, "eq", x, 0.0), number(b, x, 0.0), product);
  return where(b, b.emit("isnan", {y}), y, value);
}

Values expand_xlogy(Emitter& b, const OpCall& call) { return {times_logarithm(b, call, "log")}; }
Values expand_xlog1py(Emitter& b, const OpCall& call) {
  return {times_logarithm(b, call, "log1p")};
}

// -x * log(x), 0 at 0 and minus infinity below.
Values expand_entr(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId inside = mul(b, neg(b, x), b.emit("log", {x}));
  const ValueId infinite = number(b, x, -std::numeric_limits<double>::infinity());
  const ValueId below = where(b, b.emit("isnan", {x}), x, infinite);
  const ValueId edge = where(b, is(b, "eq", x, 0.0), number(b, x, 0.0), below);
  return {where(b, is(b, "gt", x, 0.0), inside, edge)};
}

Values expand_logit(Emitter& b, const OpCall& call) {
  ValueId x = call.inputs[0];
  if (call.given("eps")) {
    const double eps = call.real("eps");
    x = b.emit("clamp", {x}, {{"min", eps}, {"max", 1 - eps}});
  }
  return {b.emit("log", {div(b, x, sub(b, one(b, x), x))})};
}

// Each side by the function that loses nothing there.
Values expand_ndtr(Emitter& b, const OpCall& call) {
  const ValueId x = mul(b, call.inputs[0], 1.0 / std::numbers::sqrt2);
  const ValueId size = b.emit("abs", {x});
  const ValueId middle = add(b, mul(b, b.emit("erf", {x}), 0.5), 0.5);
  const ValueId tail = mul(b, b.emit("erfc", {size}), 0.5);
  const ValueId outer = where(b, is(b, "lt", x, 0.0), tail, sub(b, one(b, x), tail));
  return {where(b, is(b, "lt", size, 1.0), middle, outer)};
}

constexpr Traits bends{.rounds = Rounds::once, .own_slope = true};

constexpr OpSchema special_table[] = {
    {"acos(x) -> y", same_floating_type, nullptr, scaled<acos_slope>, "arc cosine"},
    {"asin(x) -> y", same_floating_type, nullptr, scaled<asin_slope>, "arc sine"},
    {"sinh(x) -> y", same_floating_type, nullptr, scaled<cosh_of>, "hyperbolic sine"},
    {"cosh(x) -> y", same_floating_type, nullptr, scaled<sinh_of>, "hyperbolic cosine"},
    {"asinh(x) -> y", same_floating_type, nullptr, scaled<asinh_slope>, "inverse of sinh"},
    {"acosh(x) -> y", same_floating_type, nullptr, scaled<acosh_slope>, "inverse of cosh"},
    {"atanh(x) -> y", same_floating_type, nullptr, scaled<atanh_slope>, "inverse of tanh"},
    {"erfc(x) -> y", same_floating_type, nullptr, scaled<erfc_slope>, "1 - erf(x)"},
    {"erfinv(x) -> y", same_floating_type, nullptr, scaled<erfinv_slope>, "inverse of erf"},
    {"erfcx(x) -> y", wide_type, nullptr, scaled<erfcx_slope>, "exp(x**2) * erfc(x)"},
    {"ndtr(x) -> y", same_floating_type, expand_ndtr, scaled<ndtr_slope>,
     "distribution function of the normal distribution", rounds_once},
    {"log_ndtr(x) -> y", wide_type, nullptr, scaled<log_ndtr_slope>, "log(ndtr(x))"},
    {"ndtri(x) -> y", wide_type, nullptr, scaled<ndtri_slope>, "inverse of ndtr"},
    {"xlogy(x, y) -> z", floating_arithmetic_type, expand_xlogy, vjp_times_logarithm<0.0>,
     "x * log(y), and 0 where x is", bends},
    {"xlog1py(x, y) -> z", floating_arithmetic_type, expand_xlog1py, vjp_times_logarithm<1.0>,
     "x * log(1 + y), and 0 where x is", bends},
    {"entr(x) -> y", same_floating_type, expand_entr, scaled<entr_slope>, "-x * log(x), and 0 at 0",
     bends},
    {"logit(x, eps: float?) -> y", same_floating_type, expand_logit, vjp_logit,
     "log(x / (1 - x)), of x held between eps and 1 - eps where that is given", bends},
    {"lgamma(x) -> y", same_floating_type, nullptr, scaled<lgamma_slope>, "log(|gamma(x)|)"},
    {"digamma(x) -> y", same_floating_type, nullptr, scaled<digamma_slope>, "slope of lgamma"},
    {"polygamma(x, n: int) -> y", polygamma_type, nullptr, vjp_polygamma,
     "n-th derivative of digamma"},
    {"igamma(a, x) -> y", floating_arithmetic_type, nullptr, nullptr,
     "regularized lower incomplete gamma function"},
    {"igammac(a, x) -> y", floating_arithmetic_type, nullptr, nullptr, "1 - igamma(a, x)"},
    {"zeta(x, q) -> y", wide_arithmetic_type, nullptr, nullptr,
     "sum of (k + q)**-x over k = 0, 1, ..."},
    {"i0(x) -> y", same_floating_type, nullptr, scaled<i0_slope>,
     "modified Bessel function of the first kind, order 0"},
    {"i1(x) -> y", same_floating_type, nullptr, scaled<i1_slope>, "the same of order 1"},
    {"i0e(x) -> y", same_floating_type, nullptr, scaled<i0e_slope>, "exp(-|x|) * i0(x)"},
    {"i1e(x) -> y", same_floating_type, nullptr, scaled<i1e_slope>, "exp(-|x|) * i1(x)"},
    {"bessel_j0(x) -> y", wide_type, nullptr, nullptr,
     "Bessel function of the first kind, order 0"},
    {"bessel_j1(x) -> y", wide_type, nullptr, nullptr, "the same of order 1"},
    {"bessel_y0(x) -> y", wide_type, nullptr, nullptr,
     "Bessel function of the second kind, order 0"},
    {"bessel_y1(x) -> y", wide_type, nullptr, nullptr, "the same of order 1"},
    {"modified_bessel_k0(x) -> y", wide_type, nullptr, nullptr,
     "modified Bessel function of the second kind, order 0"},
    {"modified_bessel_k1(x) -> y", wide_type, nullptr, nullptr, "the same of order 1"},
    {"scaled_modified_bessel_k0(x) -> y", wide_type, nullptr, nullptr,
     "exp(x) * modified_bessel_k0(x)"},
    {"scaled_modified_bessel_k1(x) -> y", wide_type, nullptr, nullptr,
     "exp(x) * modified_bessel_k1(x)"},
    {"spherical_bessel_j0(x) -> y", wide_type, nullptr, nullptr, "sin(x) / x, and 1 at 0"},
    {"airy_ai(x) -> y", wide_type, nullptr, nullptr, "Airy function"},
    {"chebyshev_polynomial_t(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "Chebyshev polynomial of the first kind and degree n"},
    {"chebyshev_polynomial_u(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "the same of the second kind"},
    {"chebyshev_polynomial_v(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "the same of the third kind"},
    {"chebyshev_polynomial_w(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "the same of the fourth kind"},
    {"hermite_polynomial_h(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "physicists' Hermite polynomial of degree n"},
    {"hermite_polynomial_he(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "probabilists' Hermite polynomial of degree n"},
    {"laguerre_polynomial_l(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "Laguerre polynomial of degree n"},
    {"legendre_polynomial_p(x, n) -> y", wide_arithmetic_type, nullptr, nullptr,
     "Legendre polynomial of degree n"},
    {"frexp(x) -> (mantissa, exponent)", frexp_type, nullptr, vjp_frexp,
     "x as a number from 0.5 to 1, times a power of 2", makes_whole},
    {"nextafter(x, y) -> z", floating_arithmetic_type, nullptr, nullptr,
     "the next number that the type has, from x towards y"},
    {"copysign(x, y) -> z", floating_arithmetic_type, nullptr, vjp_copysign,
     "the size of x with the sign of y, also that of a zero", exact},
    {"hypot(x, y) -> z", floating_arithmetic_type, nullptr, vjp_hypot, "sqrt(x**2 + y**2)",
     commutes},
    {"atan2(y, x) -> z", floating_arithmetic_type, nullptr, vjp_atan2,
     "the angle of the point (x, y)"},
};

}  // namespace

std::span<const OpSchema> special_ops() { return special_table; }

}  // namespace isomer
