#include "vocabularies/numpy/composites.h"

#include <algorithm>
#include <limits>
#include <numbers>

#include "ops/rules.h"
#include "vocabularies/numpy/whole.h"

namespace isomer::numpy {
namespace {

ValueId add(Emitter& b, ValueId x, ValueId y) { return b.emit("add", {x, y}); }
ValueId add(Emitter& b, ValueId x, double y) { return add(b, x, number(b, x, y)); }
ValueId sub(Emitter& b, ValueId x, ValueId y) { return b.emit("sub", {x, y}); }
ValueId sub(Emitter& b, double x, ValueId y) { return sub(b, number(b, y, x), y); }
ValueId mul(Emitter& b, ValueId x, ValueId y) { return b.emit("mul", {x, y}); }
ValueId mul(Emitter& b, ValueId x, double y) { return mul(b, x, number(b, x, y)); }
ValueId div(Emitter& b, ValueId x, ValueId y) { return b.emit("div", {x, y}); }
ValueId below(Emitter& b, ValueId x, double y) { return b.emit("lt", {x, number(b, x, y)}); }
ValueId where(Emitter& b, ValueId condition, ValueId x, ValueId y) {
  return b.emit("where", {condition, x, y});
}
ValueId either(Emitter& b, ValueId x, ValueId y) { return b.emit("logical_or", {x, y}); }

/// Whether the sign is a minus, that of -0.0 included.
ValueId is_negative(Emitter& b, ValueId x) {
  return either(b, below(b, x, 0), below(b, b.emit("reciprocal", {x}), 0));
}

/// The smaller of two sizes by the larger, at most 1; 0 where both are 0 and 1 where both are
/// infinite.
ValueId ratio(Emitter& b, ValueId smaller, ValueId larger) {
  const ValueId none = b.emit("eq", {larger, number(b, larger, 0)});
  const ValueId divisor = where(b, none, number(b, larger, 1), larger);
  return where(b, b.emit("isinf", {smaller}), number(b, smaller, 1), div(b, smaller, divisor));
}

}  // namespace

// At the ends the quotient is infinite, and its arc tangent right.
ValueId emit_arcsin(Emitter& b, ValueId x) {
  const ValueId rest = mul(b, sub(b, 1, x), add(b, x, 1));
  return b.emit("atan", {div(b, x, b.emit("sqrt", {rest}))});
}
ValueId emit_arccos(Emitter& b, ValueId x) {
  const ValueId quotient = div(b, sub(b, 1, x), add(b, x, 1));
  return mul(b, b.emit("atan", {b.emit("sqrt", {quotient})}), 2);
}

// With `expm1` nothing is lost near 0.
ValueId emit_sinh(Emitter& b, ValueId x) {
  const ValueId minus = b.emit("expm1", {b.emit("neg", {x})});
  return mul(b, sub(b, b.emit("expm1", {x}), minus), 0.5);
}
ValueId emit_cosh(Emitter& b, ValueId x) {
  return mul(b, add(b, b.emit("exp", {x}), b.emit("exp", {b.emit("neg", {x})})), 0.5);
}

// Where the square might overflow, log(2x) is the same.
ValueId emit_arcsinh(Emitter& b, ValueId x) {
  constexpr double far = 1e8;
  const ValueId size = b.emit("abs", {x});
  const ValueId near = b.emit("minimum", {size, number(b, x, far)});
  const ValueId root = b.emit("sqrt", {add(b, mul(b, near, near), 1)});
  const ValueId inside = add(b, near, div(b, mul(b, near, near), add(b, root, 1)));
  const ValueId outside =
      add(b, b.emit("log", {b.emit("maximum", {size, number(b, x, far)})}), std::numbers::ln2);
  const ValueId both = where(b, below(b, size, far), b.emit("log1p", {inside}), outside);
  return mul(b, b.emit("sign", {x}), both);
}
ValueId emit_arccosh(Emitter& b, ValueId x) {
  const ValueId rest = add(b, x, -1);
  const ValueId root = mul(b, b.emit("sqrt", {rest}), b.emit("sqrt", {add(b, x, 1)}));
  return b.emit("log1p", {add(b, rest, root)});
}
ValueId emit_arctanh(Emitter& b, ValueId x) {
  const ValueId minus = b.emit("log1p", {b.emit("neg", {x})});
  return mul(b, sub(b, b.emit("log1p", {x}), minus), 0.5);
}

ValueId emit_degrees(Emitter& b, ValueId x) { return mul(b, x, 180 / std::numbers::pi); }
ValueId emit_radians(Emitter& b, ValueId x) { return mul(b, x, std::numbers::pi / 180); }

ValueId emit_reciprocal(Emitter& b, ValueId x) {
  if (is_floating(b.dtype(x))) return b.emit("reciprocal", {x});
  const ValueId one = b.emit("eq", {b.emit("abs", {x}), number(b, x, 1)});
  return where(b, one, x, number(b, x, 0));
}

namespace {

ValueId unless_nan(Emitter& b, std::string_view op, ValueId x, ValueId y) {
  const ValueId extreme = b.emit(op, {x, y});
  if (!is_floating(b.dtype(x))) return extreme;
  return where(b, b.emit("isnan", {x}), y, where(b, b.emit("isnan", {y}), x, extreme));
}

}  // namespace

ValueId emit_fmax(Emitter& b, ValueId x, ValueId y) { return unless_nan(b, "maximum", x, y); }
ValueId emit_fmin(Emitter& b, ValueId x, ValueId y) { return unless_nan(b, "minimum", x, y); }

// The angle in the first eighth of the circle, mirrored into the others.
ValueId emit_arctan2(Emitter& b, ValueId y, ValueId x) {
  const ValueId wide = b.emit("abs", {x});
  const ValueId high = b.emit("abs", {y});
  const ValueId small = b.emit("minimum", {wide, high});
  ValueId angle = b.emit("atan", {ratio(b, small, b.emit("maximum", {wide, high}))});
  angle = where(b, b.emit("lt", {wide, high}), sub(b, std::numbers::pi / 2, angle), angle);
  angle = where(b, is_negative(b, x), sub(b, std::numbers::pi, angle), angle);
  return where(b, is_negative(b, y), b.emit("neg", {angle}), angle);
}

ValueId emit_power(Emitter& b, ValueId x, ValueId y) {
  const ValueId power = b.emit("pow", {x, y});
  if (is_floating(b.dtype(y))) return power;
  if (const auto known = b.known(y)) {
    if (std::ranges::any_of(known->integers(), [](std::int64_t exponent) { return exponent < 0; }))
      refuse("integers of an array cannot be raised to negative powers");
    return power;
  }
  return only_where(b, power, b.emit("all", {b.emit("ge", {y, number(b, y, 0)})}));
}

// The larger side is taken out, so that no square overflows; an infinite side outweighs a NaN.
ValueId emit_hypot(Emitter& b, ValueId x, ValueId y) {
  const ValueId wide = b.emit("abs", {x});
  const ValueId high = b.emit("abs", {y});
  const ValueId large = b.emit("maximum", {wide, high});
  const ValueId part = ratio(b, b.emit("minimum", {wide, high}), large);
  const ValueId length = mul(b, large, b.emit("sqrt", {add(b, mul(b, part, part), 1)}));
  const ValueId far = either(b, b.emit("isinf", {x}), b.emit("isinf", {y}));
  return where(b, far, number(b, x, std::numeric_limits<double>::infinity()), length);
}

ValueId emit_cbrt(Emitter& b, ValueId x) {
  const ValueId root = b.emit("pow", {b.emit("abs", {x}), number(b, x, 1.0 / 3)});
  return b.emit("copysign", {root, x});
}

// Below a half by its mirror image, where the sine has what the logarithm hides: a sign.
ValueId emit_gamma(Emitter& b, ValueId x) {
  const auto above = [&](ValueId y) { return b.emit("exp", {b.emit("lgamma", {y})}); };
  const ValueId mirrored = b.emit("sub", {number(b, x, 1), x});
  const ValueId sine = b.emit("sin", {b.emit("mul", {x, number(b, x, std::numbers::pi)})});
  const ValueId below =
      b.emit("div", {number(b, x, std::numbers::pi), b.emit("mul", {sine, above(mirrored)})});
  return b.emit("where", {b.emit("lt", {x, number(b, x, 0.5)}), below, above(x)});
}

namespace {

/// Where both are the same, infinite ones too, by `twice`; else above the larger one.
ValueId above_larger(Emitter& b, ValueId x, ValueId y, double twice, ValueId rest, ValueId apart) {
  const ValueId sum = b.emit("add", {b.emit("maximum", {x, y}), rest});
  const ValueId same = b.emit("add", {x, number(b, x, twice)});
  const ValueId either = b.emit("where", {b.emit("eq", {x, y}), same, sum});
  const ValueId lost = b.emit("logical_and", {b.emit("isnan", {apart}), b.emit("ne", {x, y})});
  return b.emit("where", {lost, apart, either});
}

}  // namespace

ValueId emit_logaddexp(Emitter& b, ValueId x, ValueId y) {
  const ValueId apart = b.emit("sub", {x, y});
  const ValueId rest = b.emit("log1p", {b.emit("exp", {b.emit("neg", {b.emit("abs", {apart})})})});
  return above_larger(b, x, y, std::numbers::ln2, rest, apart);
}

ValueId emit_logaddexp2(Emitter& b, ValueId x, ValueId y) {
  const ValueId apart = b.emit("sub", {x, y});
  const ValueId rest = b.emit("log1p", {b.emit("exp2", {b.emit("neg", {b.emit("abs", {apart})})})});
  const ValueId scaled = b.emit("mul", {rest, number(b, rest, std::numbers::log2e)});
  return above_larger(b, x, y, 1, scaled, apart);
}

ValueId emit_heaviside(Emitter& b, ValueId x, ValueId half) {
  const ValueId zero = number(b, x, 0);
  const ValueId step = b.emit("where", {b.emit("lt", {x, zero}), zero, number(b, x, 1)});
  const ValueId y = b.emit("where", {b.emit("eq", {x, zero}), half, step});
  return b.emit("where", {b.emit("isnan", {x}), x, y});
}

ValueId emit_lcm(Emitter& b, ValueId x, ValueId y) {
  const ValueId divisor = b.emit("gcd", {x, y});
  const ValueId none = b.emit("eq", {divisor, number(b, x, 0)});
  const ValueId by = b.emit("where", {none, number(b, x, 1), divisor});
  return b.emit("abs", {b.emit("mul", {b.emit("floor_divide", {x, by}), y})});
}

}  // namespace isomer::numpy
