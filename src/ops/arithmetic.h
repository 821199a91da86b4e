#pragma once

// Arithmetic as it reads, and the derivatives of what works on single elements: for the families of
// such operators.

#include "ops/rules.h"

namespace isomer {

inline ValueId neg(Emitter& b, ValueId x) { return b.emit("neg", {x}); }
inline ValueId add(Emitter& b, ValueId x, ValueId y) { return b.emit("add", {x, y}); }
inline ValueId sub(Emitter& b, ValueId x, ValueId y) { return b.emit("sub", {x, y}); }
inline ValueId mul(Emitter& b, ValueId x, ValueId y) { return b.emit("mul", {x, y}); }
inline ValueId mul(Emitter& b, ValueId x, double factor) { return mul(b, x, number(b, x, factor)); }
inline ValueId add(Emitter& b, ValueId x, double term) { return add(b, x, number(b, x, term)); }
inline ValueId div(Emitter& b, ValueId x, ValueId y) { return b.emit("div", {x, y}); }
inline ValueId where(Emitter& b, ValueId condition, ValueId x, ValueId y) {
  return b.emit("where", {condition, x, y});
}
inline ValueId is(Emitter& b, std::string_view comparison, ValueId x, double y) {
  return b.emit(comparison, {x, number(b, x, y)});
}

/// The cotangent of a unary operator's input: the output's, times a factor made from input and
/// output.
template <ValueId (*factor)(Emitter&, ValueId x, ValueId y)>
std::vector<ValueId> scaled(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {mul(b, c.values[0], factor(b, call.inputs[0], c.outputs[0]))};
}

/// Cotangents of two operands that broadcast, in their own shapes; none stays none.
std::vector<ValueId> to_operands(Emitter& b, const OpCall& call, ValueId x, ValueId y);

/// Two numbers of one type, which broadcast.
std::vector<TensorType> arithmetic_type(const OpCall& call);
/// The same, for floating operands only.
std::vector<TensorType> floating_arithmetic_type(const OpCall& call);

}  // namespace isomer
