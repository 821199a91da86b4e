#include <numeric>

#include "base/text.h"
#include "systems/mdf/spelling.h"

namespace isomer::mdf {
namespace {

using Integers = std::vector<std::int64_t>;

// --- reductions

bool is_empty(const Operation& op) { return has_zero(op.type(0).shape); }

// ONNX's sum stops at the largest integer, where PyTorch wraps, and takes no truths and nothing
// empty.
Lowered lower_sum(const Operation& op) {
  const bool plain = is_floating(op.type(0).dtype) && op.rank(0) > 0 && !is_empty(op);
  return plain ? in_onnx(op) : filled("numpy.sum({0}{axes},keepdims={keepdim})", op);
}

Lowered lower_mean(const Operation& op) {
  return is_empty(op) ? filled("numpy.mean({0}{axes},keepdims={keepdim})", op) : in_onnx(op);
}

Lowered lower_prod(const Operation& op) {
  const bool truths = op.type(0).dtype == DType::boolean;
  return truths ? filled("numpy.prod({0}{axes},keepdims={keepdim})", op) : in_onnx(op);
}

// NumPy gives a value without axes one; PyTorch does not.
Lowered lower_cumsum(const Operation& op) {
  if (op.rank(0) == 0) return filled("numpy.reshape(numpy.cumsum({0}),())", op);
  return filled("numpy.cumsum({0},axis={dim})", op);
}

// --- matrices, convolution, pooling

// Gemm takes matrices only; what has more axes is said as an expression.
Lowered lower_linear(const Operation& op) {
  if (op.rank(0) == 2 && is_floating(op.type(0).dtype)) return in_onnx(op);
  return expression(fmt::format("{}@{}.T{}", op.id(0), op.id(1), op.has(2) ? "+" + op.id(2) : ""));
}

// ONNX needs a batch; without one, one is put in front and taken away again.
Lowered lower_max_pool(const Operation& op) {
  Operation batched = op;
  const bool batch = op.rank(0) == 4;
  if (op.rank(0) == 3) {
    batched.inputs[0]->id = fmt::format("numpy.expand_dims({},0)", op.id(0));
    const auto widen = [](TensorType& type) { type.shape.insert(type.shape.begin(), Dim(1)); };
    widen(batched.inputs[0]->type);
    for (TensorType& output : batched.outputs) widen(output);
  }
  Lowered lowered = in_onnx(batched);
  if (!lowered) return lowered;
  // There indices count through the whole tensor, in PyTorch within each plane.
  const std::string plane = fmt::format("(numpy.size({0},{1})*numpy.size({0},{2}))", op.id(0),
                                        op.rank(0) - 2, op.rank(0) - 1);
  const std::string_view first = batch ? "" : "[0]";
  lowered->outputs = {fmt::format("onnx_MaxPool_1[0]{}", first),
                      fmt::format("onnx_MaxPool_1[1]{}%{}", first, plane)};
  return lowered;
}

// A divisor of its own: the mean over the whole window, times its size.
Lowered lower_avg_pool(const Operation& op) {
  const Attribute* divisor = find(op.attributes, "divisor_override");
  if (divisor == nullptr) return in_onnx(op);
  Attributes counting = op.attributes;
  std::erase_if(counting, [](const auto& a) { return a.name == "divisor_override"; });
  for (auto& [name, value] : counting) {
    if (name == "count_include_pad") value = true;
  }
  Lowered lowered = in_onnx({op.name, counting, op.inputs, op.outputs, op.length_text});
  if (!lowered) return lowered;
  const Integers& kernel = op.integers("kernel_size");
  lowered->outputs = {fmt::format("{}*{}/{}", lowered->outputs[0], kernel.front() * kernel.back(),
                                  std::get<std::int64_t>(*divisor))};
  return lowered;
}

// --- normalisation

// A scale or shift that is absent is a parameter of ones or zeros.
Lowered lower_batch_norm(const Operation& op) {
  const Dim& channels = op.type(3).shape[0];
  if (!channels.known()) return std::nullopt;
  Operation full = op;
  OrderedMap<Parameter> absent;
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (op.has(i)) continue;
    const std::string formal = i == 1 ? "scale" : "B";
    absent.emplace_back(
        formal,
        parameter_of({fmt::format("numpy.{}({})", i == 1 ? "ones" : "zeros", channels.value())}));
    full.inputs[i] = Operand{formal, op.type(3), false};
  }
  Lowered lowered = in_onnx(full);
  if (!lowered) return lowered;
  lowered->parameters.insert(lowered->parameters.end() - 1, absent.begin(), absent.end());
  lowered->outputs = {"onnx_BatchNormalization_1[0]"};
  return lowered;
}

std::string affine(const Operation& op, std::string text) {
  if (op.has(1)) text += "*" + op.id(1);
  if (op.has(2)) text += "+" + op.id(2);
  return text;
}

std::string trailing_axes(const Operation& op) {
  Integers axes(op.integers("normalized_shape").size());
  std::iota(axes.begin(), axes.end(), -static_cast<std::int64_t>(axes.size()));
  return tuple_text(axes);
}

Lowered lower_layer_norm(const Operation& op) {
  const std::string along = fmt::format("{},axis={},keepdims=True", op.id(0), trailing_axes(op));
  Lowering lowering;
  lowering.parameters.emplace_back("mean", parameter_of({fmt::format("numpy.mean({})", along)}));
  lowering.parameters.emplace_back(
      "rstd", parameter_of({fmt::format("1/numpy.sqrt(numpy.var({})+{})", along,
                                        real_text(op.real("eps")))}));
  lowering.parameters.emplace_back(
      "result", parameter_of({affine(op, fmt::format("({}-mean)*rstd", op.id(0)))}));
  lowering.outputs = {"result"};
  return lowering;
}

Lowered lower_rms_norm(const Operation& op) {
  return expression(
      affine(op, fmt::format("{0}/numpy.sqrt(numpy.mean({0}*{0},axis={1},keepdims=True)+{2})",
                             op.id(0), trailing_axes(op), real_text(op.real("eps")))));
}

// Groups of channels are made an axis of their own, normalised, and put back.
Lowered lower_group_norm(const Operation& op) {
  Lowering lowering;
  const std::string& x = op.id(0);
  std::string channels = "-1,";
  for (std::int64_t i = 2; i < op.rank(0); ++i) channels += "1,";
  const auto add = [&](std::string_view id, std::string text) {
    lowering.parameters.emplace_back(id, parameter_of({std::move(text)}));
  };
  add("flat",
      fmt::format("numpy.reshape({0},(numpy.size({0},0),{1},-1))", x, op.integer("num_groups")));
  add("mean", "numpy.mean(flat,axis=2,keepdims=True)");
  add("rstd", fmt::format("1/numpy.sqrt(numpy.var(flat,axis=2,keepdims=True)+{})",
                          real_text(op.real("eps"))));
  add("normal", fmt::format("numpy.reshape((flat-mean)*rstd,numpy.shape({}))", x));
  std::string text = "normal";
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (op.has(i))
      text += fmt::format("{}numpy.reshape({},({}))", i == 1 ? "*" : "+", op.id(i), channels);
  }
  add("result", text);
  lowering.outputs = {"result"};
  return lowering;
}

// Extremes and their places are NumPy's, not ONNX's: a NaN is one, as in PyTorch.
constexpr Spelling reductions[] = {
    {"sum", "", lower_sum},
    {"mean", "", lower_mean},
    {"amax", "numpy.max({0}{axes},keepdims={keepdim})"},
    {"amin", "numpy.min({0}{axes},keepdims={keepdim})"},
    {"prod", "", lower_prod},
    {"any", "numpy.any({0}{axes},keepdims={keepdim})"},
    {"all", "numpy.all({0}{axes},keepdims={keepdim})"},
    {"var", "numpy.var({0}{axes},ddof={correction},keepdims={keepdim})"},
    {"argmax", "numpy.argmax({0}{axes},keepdims={keepdim})"},
    {"argmin", "numpy.argmin({0}{axes},keepdims={keepdim})"},
    {"cumsum", "", lower_cumsum},
};

constexpr Spelling layers[] = {
    {"linear", "", lower_linear},         {"max_pool2d", "", lower_max_pool},
    {"avg_pool2d", "", lower_avg_pool},   {"batch_norm", "", lower_batch_norm},
    {"layer_norm", "", lower_layer_norm}, {"rms_norm", "", lower_rms_norm},
    {"group_norm", "", lower_group_norm},
};

}  // namespace

std::span<const Spelling> reduction_spellings() { return reductions; }
std::span<const Spelling> layer_spellings() { return layers; }

}  // namespace isomer::mdf
