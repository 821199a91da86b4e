#pragma once

// Functions of NumPy that are no operator of ours, said with operators, edges as NumPy's.

#include "ops/emitter.h"

namespace isomer::numpy {

ValueId emit_arcsin(Emitter& b, ValueId x);
ValueId emit_arccos(Emitter& b, ValueId x);
ValueId emit_sinh(Emitter& b, ValueId x);
ValueId emit_cosh(Emitter& b, ValueId x);
ValueId emit_arcsinh(Emitter& b, ValueId x);
ValueId emit_arccosh(Emitter& b, ValueId x);
ValueId emit_arctanh(Emitter& b, ValueId x);
ValueId emit_degrees(Emitter& b, ValueId x);
ValueId emit_radians(Emitter& b, ValueId x);
/// Of an integer it is one: 0 beyond 1 and -1.
ValueId emit_reciprocal(Emitter& b, ValueId x);
ValueId emit_cbrt(Emitter& b, ValueId x);
ValueId emit_gamma(Emitter& b, ValueId x);

/// The other operand, where one is a NaN.
ValueId emit_fmax(Emitter& b, ValueId x, ValueId y);
ValueId emit_fmin(Emitter& b, ValueId x, ValueId y);
ValueId emit_arctan2(Emitter& b, ValueId y, ValueId x);
/// log(exp(x) + exp(y)), and the same to the base of 2.
ValueId emit_logaddexp(Emitter& b, ValueId x, ValueId y);
ValueId emit_logaddexp2(Emitter& b, ValueId x, ValueId y);
/// 0 below 0, 1 above it, `half` at it.
ValueId emit_heaviside(Emitter& b, ValueId x, ValueId half);
ValueId emit_lcm(Emitter& b, ValueId x, ValueId y);
ValueId emit_hypot(Emitter& b, ValueId x, ValueId y);
/// Of integers, which have no negative powers, the graph fails where there is one.
ValueId emit_power(Emitter& b, ValueId x, ValueId y);

}  // namespace isomer::numpy
