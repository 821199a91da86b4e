#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "systems/mdf/spelling.h"

namespace isomer::mdf {
namespace {

using Words = std::optional<Wording>;

double setting(const Phrase& p, std::string_view name) { return get<double>(p.attributes, name); }

/// A call of one function on an expression, and an expression of its result.
Wording wrapped(std::string_view function, std::string_view formal, std::string argument,
                std::string output, Elements<Tree> settings = {}) {
  Wording wording =
      call_with(function, {{std::string(formal), {std::move(argument)}}}, std::move(settings));
  wording.outputs = {std::move(output)};
  return wording;
}

std::string scaled(const std::string& id, double factor) {
  return factor == 1 ? id : id + "*" + real_text(factor);
}

// x times the normal distribution's integral up to x
Words word_gelu(const Phrase& p) {
  const std::string& x = p.id(0);
  if (get<std::string>(p.attributes, "approximate") == "tanh") {
    return expression(
        fmt::format("0.5*{0}*(1+numpy.tanh(0.7978845608028654*({0}+0.044715*{0}*{0}*{0})))", x));
  }
  return wrapped("Erf", "input", argument({x + "*0.7071067811865476", p.type(0), false}, false),
                 fmt::format("0.5*{}*(1+onnx_Erf_1)", x));
}

Words word_softplus(const Phrase& p) {
  if (Words words = in_onnx(p)) return words;
  const double beta = setting(p, "beta");
  // Above the threshold it is x itself; the exponential is kept from
  // overflowing there.
  const std::string x = p.id(0);
  const std::string b = real_text(beta);
  const std::string limit = real_text(setting(p, "threshold"));
  return expression(
      fmt::format("numpy.where({0}*{1}>{2},{0},numpy.log1p(numpy."
                  "exp(numpy.minimum({0}*{1},{2})))/{1})",
                  x, b, limit));
}

Words word_log_sigmoid(const Phrase& p) {
  return expression(
      fmt::format("numpy.minimum({0},0)-numpy.log1p(numpy.exp(-numpy.abs({0})))", p.id(0)));
}

Words word_elu(const Phrase& p) {
  if (Words words = in_onnx(p)) return words;
  const double scale = setting(p, "scale");
  const double inner = setting(p, "input_scale");
  return expression(fmt::format("numpy.where({0}>0,{1},{2}*numpy.expm1(numpy.minimum({3},0)))",
                                p.id(0), scaled(p.id(0), scale),
                                real_text(setting(p, "alpha") * scale), scaled(p.id(0), inner)));
}

Words clipped(const Phrase& p, const double* least, const double* most) {
  std::string text = p.id(0);
  if (least != nullptr) text = fmt::format("numpy.maximum({},{})", text, number_text(*least));
  if (most != nullptr) text = fmt::format("numpy.minimum({},{})", text, number_text(*most));
  const bool bounded =
      least != nullptr && most != nullptr && std::isfinite(*least) && std::isfinite(*most);
  const bool plain = bounded && is_floating(p.type(0).dtype) && p.rank(0) > 0;
  return plain ? in_onnx(p) : expression(text);
}

Words word_clamp(const Phrase& p) {
  const auto bound = [&](std::string_view name) {
    const Attribute* found = find(p.attributes, name);
    return found == nullptr ? nullptr : std::get_if<double>(found);
  };
  return clipped(p, bound("min"), bound("max"));
}

Words word_hardtanh(const Phrase& p) {
  const double least = setting(p, "min_val");
  const double most = setting(p, "max_val");
  return clipped(p, &least, &most);
}

// Of a NaN it is 0 in PyTorch, but a NaN in ONNX and NumPy.
Words word_sign(const Phrase& p) {
  const std::string_view one = is_floating(p.type(0).dtype) ? "1.0" : "1";
  return expression(fmt::format("({0}>0)*{1}-({0}<0)*{1}", p.id(0), one));
}

// Two functions in one node: the second takes the first's result.
Words word_ne(const Phrase& p) {
  Wording wording = *in_onnx({"eq", p.attributes, p.inputs, p.outputs, p.length_text});
  Wording second = call_with("Not", {{"X", {std::string("onnx_Equal_1")}}});
  wording.parameters.push_back(second.parameters[0]);
  wording.outputs = second.outputs;
  return wording;
}

// Narrow integers are widened again behind the cast, which keeps their
// wrapping.
Words word_cast(const Phrase& p) {
  const DType dtype = get<DType>(p.attributes, "dtype");
  // The reference cannot take a half from ONNX.
  if (dtype == DType::f16)
    return expression(fmt::format("numpy.float64(numpy.float16({}))", p.id(0)));
  const Attributes wanted{{"dtype", dtype == DType::bf16 ? DType::f32 : dtype}};
  Words words = in_onnx({p.op, wanted, p.inputs, p.outputs, p.length_text});
  constexpr std::array narrow = {DType::i32, DType::i16, DType::i8, DType::u8};
  if (words && std::ranges::find(narrow, dtype) != narrow.end())
    words->outputs = {fmt::format("numpy.int64({})", words->outputs[0])};
  return words;
}

constexpr Spelling rows[] = {
    {"sign", "", word_sign},
    {"expm1", "numpy.expm1({0})"},
    {"log1p", "numpy.log1p({0})"},
    {"rsqrt", "1/numpy.sqrt({0})"},
    {"square", "{0}*{0}"},
    {"silu", "{0}/(1+numpy.exp(-{0}))"},
    {"softplus", "", word_softplus},
    {"gelu", "", word_gelu},
    {"elu", "", word_elu},
    {"hardtanh", "", word_hardtanh},
    {"log_sigmoid", "", word_log_sigmoid},
    {"clamp", "", word_clamp},
    {"maximum", "numpy.maximum({0},{1})"},
    {"minimum", "numpy.minimum({0},{1})"},
    {"floor_divide", "{0}//{1}"},
    {"remainder", "{0}%{1}"},
    {"ne", "", word_ne},
    {"cast", "", word_cast},
    {"atan", "numpy.arctan({0})"},
};

}  // namespace

std::span<const Spelling> elementwise_spellings() { return rows; }

}  // namespace isomer::mdf
