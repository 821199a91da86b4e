#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "systems/mdf/spelling.h"

namespace isomer::mdf {
namespace {

using Words = std::optional<Wording>;
using Integers = std::vector<std::int64_t>;

std::int64_t integer(const Phrase& p, std::string_view name) {
  return get<std::int64_t>(p.attributes, name);
}
double real(const Phrase& p, std::string_view name) { return get<double>(p.attributes, name); }
bool flag(const Phrase& p, std::string_view name) { return get<bool>(p.attributes, name); }
const Integers& integers(const Phrase& p, std::string_view name) {
  return get<Integers>(p.attributes, name);
}
std::string_view truth(bool value) { return value ? "True" : "False"; }

// --- reductions
// ------------------------------------------------------------------------------------

/// ",axis=(1,2),keepdims=True"; no axes: all.
std::string axes_text(const Phrase& p) {
  const Integers& axes = integers(p, "dim");
  return (axes.empty() ? "" : ",axis=" + tuple_text(axes)) +
         fmt::format(",keepdims={}", truth(flag(p, "keepdim")));
}

bool is_empty(const Phrase& p) {
  return std::ranges::find(p.type(0).shape, Dim(0)) != p.type(0).shape.end();
}

// ONNX's sum stops at the largest integer, where PyTorch wraps, and takes no
// truths and nothing empty.
Words word_sum(const Phrase& p) {
  if (!is_floating(p.type(0).dtype) || p.rank(0) == 0 || is_empty(p)) {
    return expression(fmt::format("numpy.sum({}{})", p.id(0), axes_text(p)));
  }
  return in_onnx(p);
}

Words word_mean(const Phrase& p) {
  if (is_empty(p)) return expression(fmt::format("numpy.mean({}{})", p.id(0), axes_text(p)));
  return in_onnx(p);
}

// NumPy's, not ONNX's: a NaN is an extreme, as in PyTorch.
Words word_extreme(const Phrase& p) {
  return expression(
      fmt::format("numpy.{}({}{})", p.op == "amax" ? "max" : "min", p.id(0), axes_text(p)));
}

Words word_prod(const Phrase& p) {
  if (p.type(0).dtype == DType::boolean)
    return expression(fmt::format("numpy.prod({}{})", p.id(0), axes_text(p)));
  return in_onnx(p);
}

Words word_truth(const Phrase& p) {
  return expression(fmt::format("numpy.{}({}{})", p.op, p.id(0), axes_text(p)));
}

Words word_var(const Phrase& p) {
  const Integers& axes = integers(p, "dim");
  return expression(fmt::format("numpy.var({}{},ddof={},keepdims={})", p.id(0),
                                axes.empty() ? "" : ",axis=" + tuple_text(axes),
                                number_text(real(p, "correction")), truth(flag(p, "keepdim"))));
}

// NumPy's, not ONNX's: it says where a NaN is, as PyTorch does.
Words word_position(const Phrase& p) {
  const Attribute* dim = find(p.attributes, "dim");
  const std::string axis =
      dim == nullptr ? "" : fmt::format(",axis={}", std::get<std::int64_t>(*dim));
  return expression(
      fmt::format("numpy.{}({}{},keepdims={})", p.op, p.id(0), axis, truth(flag(p, "keepdim"))));
}

Words word_cumsum(const Phrase& p) {
  // NumPy gives a value without axes one; PyTorch does not.
  if (p.rank(0) == 0) return expression(fmt::format("numpy.reshape(numpy.cumsum({}),())", p.id(0)));
  return expression(fmt::format("numpy.cumsum({},axis={})", p.id(0), integer(p, "dim")));
}

// --- matrices, convolution, pooling
// ----------------------------------------------------------------

// Gemm takes matrices only; what has more axes is said as an expression.
Words word_linear(const Phrase& p) {
  if (p.rank(0) == 2 && is_floating(p.type(0).dtype)) return in_onnx(p);
  return expression(fmt::format("{}@{}.T{}", p.id(0), p.id(1), p.has(2) ? "+" + p.id(2) : ""));
}

// ONNX needs a batch; without one, one is put in front and taken away again.
Words word_max_pool(const Phrase& p) {
  Phrase batched = p;
  const bool batch = p.rank(0) == 4;
  if (p.rank(0) == 3) {
    batched.inputs[0]->id = fmt::format("numpy.expand_dims({},0)", p.id(0));
    const auto widen = [](TensorType& type) { type.shape.insert(type.shape.begin(), Dim(1)); };
    widen(batched.inputs[0]->type);
    for (TensorType& output : batched.outputs) widen(output);
  }
  Words words = in_onnx(batched);
  if (!words) return words;
  // There indices count through the whole tensor, in PyTorch within each plane.
  const std::string plane = fmt::format("(numpy.size({0},{1})*numpy.size({0},{2}))", p.id(0),
                                        p.rank(0) - 2, p.rank(0) - 1);
  const std::string_view first = batch ? "" : "[0]";
  words->outputs = {fmt::format("onnx_MaxPool_1[0]{}", first),
                    fmt::format("onnx_MaxPool_1[1]{}%{}", first, plane)};
  return words;
}

// A divisor of its own: the mean over the whole window, times its size.
Words word_avg_pool(const Phrase& p) {
  const Attribute* divisor = find(p.attributes, "divisor_override");
  if (divisor == nullptr) return in_onnx(p);
  Attributes counting = p.attributes;
  std::erase_if(counting, [](const auto& a) { return a.name == "divisor_override"; });
  for (auto& [name, value] : counting) {
    if (name == "count_include_pad") value = true;
  }
  Words words = in_onnx({p.op, counting, p.inputs, p.outputs, p.length_text});
  if (!words) return words;
  const Integers& kernel = integers(p, "kernel_size");
  words->outputs = {fmt::format("{}*{}/{}", words->outputs[0], kernel.front() * kernel.back(),
                                std::get<std::int64_t>(*divisor))};
  return words;
}

// --- normalisation
// ---------------------------------------------------------------------------------

// A scale or shift that is absent is a parameter of ones or zeros.
Words word_batch_norm(const Phrase& p) {
  const Dim& channels = p.type(3).shape[0];
  if (!channels.known()) return std::nullopt;
  Phrase full = p;
  Elements<Parameter> absent;
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (p.has(i)) continue;
    const std::string formal = i == 1 ? "scale" : "B";
    absent.emplace_back(
        formal,
        parameter_of({fmt::format("numpy.{}({})", i == 1 ? "ones" : "zeros", channels.value())}));
    full.inputs[i] = Operand{formal, p.type(3), false};
  }
  Words words = in_onnx(full);
  if (!words) return words;
  words->parameters.insert(words->parameters.end() - 1, absent.begin(), absent.end());
  words->outputs = {"onnx_BatchNormalization_1[0]"};
  return words;
}

std::string affine(const Phrase& p, std::string text) {
  if (p.has(1)) text += "*" + p.id(1);
  if (p.has(2)) text += "+" + p.id(2);
  return text;
}

std::string trailing_axes(const Phrase& p) {
  Integers axes(integers(p, "normalized_shape").size());
  std::iota(axes.begin(), axes.end(), -static_cast<std::int64_t>(axes.size()));
  return tuple_text(axes);
}

Words word_layer_norm(const Phrase& p) {
  const std::string along = fmt::format("{},axis={},keepdims=True", p.id(0), trailing_axes(p));
  Wording wording;
  wording.parameters.emplace_back("mean", parameter_of({fmt::format("numpy.mean({})", along)}));
  wording.parameters.emplace_back("rstd",
                                  parameter_of({fmt::format("1/numpy.sqrt(numpy.var({})+{})", along,
                                                            real_text(real(p, "eps")))}));
  wording.parameters.emplace_back(
      "result", parameter_of({affine(p, fmt::format("({}-mean)*rstd", p.id(0)))}));
  wording.outputs = {"result"};
  return wording;
}

Words word_rms_norm(const Phrase& p) {
  const double added = get<double>(p.attributes, "eps");
  return expression(
      affine(p, fmt::format("{0}/numpy.sqrt(numpy.mean({0}*{0},axis={1},keepdims=True)+{2})",
                            p.id(0), trailing_axes(p), real_text(added))));
}

// Groups of channels are made an axis of their own, normalised, and put back.
Words word_group_norm(const Phrase& p) {
  Wording wording;
  const std::string& x = p.id(0);
  std::string channels = "-1,";
  for (std::int64_t i = 2; i < p.rank(0); ++i) channels += "1,";
  const auto add = [&](std::string_view id, std::string text) {
    wording.parameters.emplace_back(id, parameter_of({std::move(text)}));
  };
  add("flat",
      fmt::format("numpy.reshape({0},(numpy.size({0},0),{1},-1))", x, integer(p, "num_groups")));
  add("mean", "numpy.mean(flat,axis=2,keepdims=True)");
  add("rstd", fmt::format("1/numpy.sqrt(numpy.var(flat,axis=2,keepdims=True)+{})",
                          real_text(real(p, "eps"))));
  add("normal", fmt::format("numpy.reshape((flat-mean)*rstd,numpy.shape({}))", x));
  std::string text = "normal";
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (p.has(i))
      text += fmt::format("{}numpy.reshape({},({}))", i == 1 ? "*" : "+", p.id(i), channels);
  }
  add("result", text);
  wording.outputs = {"result"};
  return wording;
}

constexpr Spelling reductions[] = {
    {"sum", "", word_sum},         {"mean", "", word_mean},     {"amax", "", word_extreme},
    {"amin", "", word_extreme},    {"prod", "", word_prod},     {"any", "", word_truth},
    {"all", "", word_truth},       {"var", "", word_var},       {"argmax", "", word_position},
    {"argmin", "", word_position}, {"cumsum", "", word_cumsum},
};

constexpr Spelling layers[] = {
    {"linear", "", word_linear},         {"max_pool2d", "", word_max_pool},
    {"avg_pool2d", "", word_avg_pool},   {"batch_norm", "", word_batch_norm},
    {"layer_norm", "", word_layer_norm}, {"rms_norm", "", word_rms_norm},
    {"group_norm", "", word_group_norm},
};

}  // namespace

std::span<const Spelling> reduction_spellings() { return reductions; }
std::span<const Spelling> layer_spellings() { return layers; }

}  // namespace isomer::mdf
