#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "systems/mdf/spelling.h"

namespace isomer::mdf {
namespace {

/// A call of one function on an expression, and an expression of its result.
Lowering wrapped(std::string_view function, std::string_view formal, std::string argument,
                 std::string output, OrderedMap<Tree> settings = {}) {
  Lowering lowering =
      call_with(function, {{std::string(formal), {std::move(argument)}}}, std::move(settings));
  lowering.outputs = {std::move(output)};
  return lowering;
}

std::string scaled(const std::string& id, double factor) {
  return factor == 1 ? id : id + "*" + real_text(factor);
}

// x times the normal distribution's integral up to x
Lowered lower_gelu(const Operation& op) {
  const std::string& x = op.id(0);
  if (op.get<std::string>("approximate") == "tanh") {
    return expression(
        fmt::format("0.5*{0}*(1+numpy.tanh(0.7978845608028654*({0}+0.044715*{0}*{0}*{0})))", x));
  }
  return wrapped("Erf", "input", argument({x + "*0.7071067811865476", op.type(0), false}, false),
                 fmt::format("0.5*{}*(1+onnx_Erf_1)", x));
}

Lowered lower_softplus(const Operation& op) {
  if (Lowered lowered = in_onnx(op)) return lowered;
  const double beta = op.real("beta");
  // Above the threshold it is x itself; the exponential is kept from overflowing there.
  const std::string x = op.id(0);
  const std::string b = real_text(beta);
  const std::string limit = real_text(op.real("threshold"));
  return expression(fmt::format(
      "numpy.where({0}*{1}>{2},{0},numpy.log1p(numpy.exp(numpy.minimum({0}*{1},{2})))/{1})", x, b,
      limit));
}

Lowered lower_elu(const Operation& op) {
  if (Lowered lowered = in_onnx(op)) return lowered;
  const double scale = op.real("scale");
  const double inner = op.real("input_scale");
  return expression(fmt::format("numpy.where({0}>0,{1},{2}*numpy.expm1(numpy.minimum({3},0)))",
                                op.id(0), scaled(op.id(0), scale),
                                real_text(op.real("alpha") * scale), scaled(op.id(0), inner)));
}

Lowered clipped(const Operation& op, const double* least, const double* most) {
  std::string text = op.id(0);
  if (least != nullptr) text = fmt::format("numpy.maximum({},{})", text, number_text(*least));
  if (most != nullptr) text = fmt::format("numpy.minimum({},{})", text, number_text(*most));
  const bool bounded =
      least != nullptr && most != nullptr && std::isfinite(*least) && std::isfinite(*most);
  const bool plain = bounded && is_floating(op.type(0).dtype) && op.rank(0) > 0;
  return plain ? in_onnx(op) : expression(text);
}

Lowered lower_clamp(const Operation& op) {
  const auto bound = [&](std::string_view name) {
    const Attribute* found = find(op.attributes, name);
    return found == nullptr ? nullptr : std::get_if<double>(found);
  };
  return clipped(op, bound("min"), bound("max"));
}

Lowered lower_hardtanh(const Operation& op) {
  const double least = op.real("min_val");
  const double most = op.real("max_val");
  return clipped(op, &least, &most);
}

// Of a NaN it is 0 in PyTorch, but a NaN in ONNX and NumPy.
Lowered lower_sign(const Operation& op) {
  const std::string_view one = is_floating(op.type(0).dtype) ? "1.0" : "1";
  return expression(fmt::format("({0}>0)*{1}-({0}<0)*{1}", op.id(0), one));
}

// Two functions in one node: the second takes the first's result.
Lowered lower_ne(const Operation& op) {
  Lowering lowering = *in_onnx({"eq", op.attributes, op.inputs, op.outputs, op.length_text});
  Lowering second = call_with("Not", {{"X", {std::string("onnx_Equal_1")}}});
  lowering.parameters.push_back(second.parameters[0]);
  lowering.outputs = second.outputs;
  return lowering;
}

// Narrow integers are widened again behind the cast, which keeps their wrapping.
Lowered lower_cast(const Operation& op) {
  const DType dtype = op.get<DType>("dtype");
  // The reference cannot take a half from ONNX.
  if (dtype == DType::f16)
    return expression(fmt::format("numpy.float64(numpy.float16({}))", op.id(0)));
  const Attributes wanted{{"dtype", dtype == DType::bf16 ? DType::f32 : dtype}};
  Lowered lowered = in_onnx({op.name, wanted, op.inputs, op.outputs, op.length_text});
  constexpr std::array narrow = {DType::i32, DType::i16, DType::i8, DType::u8};
  if (lowered && std::ranges::find(narrow, dtype) != narrow.end())
    lowered->outputs = {fmt::format("numpy.int64({})", lowered->outputs[0])};
  return lowered;
}

constexpr Spelling elementwise_table[] = {
    {"sign", "", lower_sign},
    {"expm1", "numpy.expm1({0})"},
    {"log1p", "numpy.log1p({0})"},
    {"rsqrt", "1/numpy.sqrt({0})"},
    {"square", "{0}*{0}"},
    {"silu", "{0}/(1+numpy.exp(-{0}))"},
    {"softplus", "", lower_softplus},
    {"gelu", "", lower_gelu},
    {"elu", "", lower_elu},
    {"hardtanh", "", lower_hardtanh},
    {"log_sigmoid", "numpy.minimum({0},0)-numpy.log1p(numpy.exp(-numpy.abs({0})))"},
    {"clamp", "", lower_clamp},
    {"maximum", "numpy.maximum({0},{1})"},
    {"minimum", "numpy.minimum({0},{1})"},
    {"floor_divide", "{0}//{1}"},
    {"remainder", "{0}%{1}"},
    {"ne", "", lower_ne},
    {"cast", "", lower_cast},
    {"atan", "numpy.arctan({0})"},
};

}  // namespace

std::span<const Spelling> elementwise_spellings() { return elementwise_table; }

}  // namespace isomer::mdf
