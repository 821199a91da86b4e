#include <array>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::onnx {
namespace {

using Values = std::vector<ValueId>;

// An input that is a single number, whatever its axes: bounds and axes often come as lists of one.
ValueId scalar(Emitter& e, ValueId id) {
  if (e.rank(id) == 0) return id;
  const auto known = e.known(id);
  if (known && known->count() == 1) return e.constant(known->reshaped({}));
  return e.emit("reshape", {id}, {{"shape", std::vector<Dim>()}});
}

Values emit_clip(Emitter& e, const OnnxCall& call) {
  ValueId result = call.inputs[0];
  if (call.has(1)) result = e.emit("maximum", {result, scalar(e, call.inputs[1])});
  if (call.has(2)) result = e.emit("minimum", {result, scalar(e, call.inputs[2])});
  return {result};
}

Values emit_leaky_relu(Emitter& e, const OnnxCall& call) {
  return {e.emit("leaky_relu", call.inputs, {{"negative_slope", call.real("alpha", 0.01)}})};
}

Values emit_elu(Emitter& e, const OnnxCall& call) {
  return {e.emit("elu", call.inputs, {{"alpha", call.real("alpha", 1)}})};
}

Values emit_selu(Emitter& e, const OnnxCall& call) {
  return {e.emit("elu", call.inputs,
                 {{"alpha", call.real("alpha", 1.67326319217681884765625)},
                  {"scale", call.real("gamma", 1.05070102214813232421875)}})};
}

// max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
Values emit_celu(Emitter& e, const OnnxCall& call) {
  const double alpha = call.real("alpha", 1);
  return {e.emit("elu", call.inputs, {{"alpha", alpha}, {"input_scale", 1 / alpha}})};
}

Values emit_hard_sigmoid(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId scaled = e.emit("mul", {x, number(e, x, call.real("alpha", 0.2))});
  const ValueId moved = e.emit("add", {scaled, number(e, x, call.real("beta", 0.5))});
  return {e.emit("clamp", {moved}, {{"min", 0.0}, {"max", 1.0}})};
}

Values emit_cast(Emitter& e, const OnnxCall& call) {
  const std::int64_t to = call.integer("to", 1);
  struct Code {
    std::int64_t code;
    DType dtype;
  };
  constexpr std::array<Code, 9> codes = {{{2, DType::u8},
                                          {3, DType::i8},
                                          {5, DType::i16},
                                          {6, DType::i32},
                                          {7, DType::i64},
                                          {9, DType::boolean},
                                          {10, DType::f16},
                                          {11, DType::f64},
                                          {16, DType::bf16}}};
  DType dtype = DType::f32;
  bool found = to == 1;
  for (const Code& code : codes) {
    if (code.code != to) continue;
    dtype = code.dtype;
    found = true;
  }
  if (!found) throw Error(Fault::unsupported, "", fmt::format("casts to type {} are not read", to));
  return {e.emit("cast", {call.inputs[0]}, {{"dtype", dtype}})};
}

template <std::size_t size>
Values chained(Emitter& e, const OnnxCall& call, const char (&op)[size]) {
  ValueId result = call.inputs[0];
  for (std::size_t i = 1; i < call.inputs.size(); ++i)
    result = e.emit(op, {result, call.inputs[i]});
  return {result};
}

Values emit_max(Emitter& e, const OnnxCall& call) { return chained(e, call, "maximum"); }
Values emit_min(Emitter& e, const OnnxCall& call) { return chained(e, call, "minimum"); }
Values emit_sum(Emitter& e, const OnnxCall& call) { return chained(e, call, "add"); }

Values emit_mean(Emitter& e, const OnnxCall& call) {
  const ValueId sum = emit_sum(e, call)[0];
  return {e.emit("div", {sum, number(e, sum, static_cast<double>(call.inputs.size()))})};
}

Values emit_div(Emitter& e, const OnnxCall& call) {
  if (is_floating(e.dtype(call.inputs[0]))) return {e.emit("div", call.inputs)};
  return {e.emit("trunc_divide", call.inputs)};
}

Values emit_mod(Emitter& e, const OnnxCall& call) {
  return {e.emit(call.integer("fmod", 0) == 0 ? "remainder" : "fmod", call.inputs)};
}

Values emit_identity(Emitter&, const OnnxCall& call) { return {call.inputs[0]}; }

Values emit_dropout(Emitter& e, const OnnxCall& call) {
  if (call.has(2)) {
    const auto training = e.known(call.inputs[2]);
    if (!training || training->doubles()[0] != 0) {
      throw Error(Fault::unsupported, "", "dropout in training is random and not carried out");
    }
  }
  return {call.inputs[0]};
}

constexpr OnnxOperator rows[] = {
    {"Abs", "X", "", nullptr, "abs"},
    {"Neg", "X", "", nullptr, "neg"},
    {"Sign", "input", "", nullptr, "sign"},
    {"Exp", "input", "", nullptr, "exp"},
    {"Log", "input", "", nullptr, "log"},
    {"Sqrt", "X", "", nullptr, "sqrt"},
    {"Reciprocal", "X", "", nullptr, "reciprocal"},
    {"Sin", "input", "", nullptr, "sin"},
    {"Cos", "input", "", nullptr, "cos"},
    {"Tan", "input", "", nullptr, "tan"},
    {"Tanh", "input", "", nullptr, "tanh"},
    {"Sigmoid", "X", "", nullptr, "sigmoid"},
    {"Erf", "input", "", nullptr, "erf"},
    {"Floor", "X", "", nullptr, "floor"},
    {"Ceil", "X", "", nullptr, "ceil"},
    {"Round", "X", "", nullptr, "round"},
    {"Relu", "X", "", nullptr, "relu"},
    {"Softplus", "X", "", nullptr, "softplus"},
    {"Softsign", "input", "", nullptr, "softsign"},
    {"HardSwish", "X", "", nullptr, "hardswish"},
    {"HardSigmoid", "X", "alpha:float beta:float", emit_hard_sigmoid},
    {"LeakyRelu", "X", "alpha:float", emit_leaky_relu},
    {"Elu", "X", "alpha:float", emit_elu},
    {"Selu", "X", "alpha:float gamma:float", emit_selu},
    {"Celu", "X", "alpha:float", emit_celu},
    {"PRelu", "X slope", "", nullptr, "prelu"},
    {"Clip", "input min? max?", "", emit_clip},
    {"Not", "X", "", nullptr, "logical_not"},
    {"IsNaN", "X", "", nullptr, "isnan"},
    {"IsInf", "X", "detect_negative:int detect_positive:int", nullptr, "isinf"},
    {"Identity", "input", "", emit_identity},
    {"Dropout", "data ratio? training_mode?", "seed:int", emit_dropout, "", true},
    {"Add", "A B", "", nullptr, "add"},
    {"Sub", "A B", "", nullptr, "sub"},
    {"Mul", "A B", "", nullptr, "mul"},
    {"Div", "A B", "", emit_div},
    {"Pow", "X Y", "", nullptr, "pow"},
    {"Mod", "A B", "fmod:int", emit_mod},
    {"Equal", "A B", "", nullptr, "eq"},
    {"Less", "A B", "", nullptr, "lt"},
    {"LessOrEqual", "A B", "", nullptr, "le"},
    {"Greater", "A B", "", nullptr, "gt"},
    {"GreaterOrEqual", "A B", "", nullptr, "ge"},
    {"And", "A B", "", nullptr, "logical_and"},
    {"Or", "A B", "", nullptr, "logical_or"},
    {"Xor", "A B", "", nullptr, "logical_xor"},
    {"Where", "condition X Y", "", nullptr, "where"},
    {"Cast", "input", "to:int!", emit_cast},
    {"Max", "*", "", emit_max},
    {"Min", "*", "", emit_min},
    {"Sum", "*", "", emit_sum},
    {"Mean", "*", "", emit_mean},
};

}  // namespace

std::span<const OnnxOperator> onnx_elementwise() { return rows; }

}  // namespace isomer::onnx
