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

// ONNX's sum stops at the largest integer, where PyTorch wraps, and takes no truths and nothing
// empty.
Words word_sum(const Phrase& p) {
  if (!is_floating(p.type(0).dtype) || p.rank(0) == 0 || is_empty(p)) {
    return expression(fmt::format("numpy.sum({}{})", p.id(0), axes_text(p)));
  }
  Elements<Tree> args{{"data", {p.id(0)}}};
  Elements<Tree> settings;
  if (!integers(p, "dim").empty()) {
    args.emplace_back("axes", Tree{std::string("axes")});
    settings.emplace_back("axes", tree_of(integers(p, "dim")));
  }
  settings.emplace_back("keepdims", Tree{std::int64_t{flag(p, "keepdim")}});
  return call_with("ReduceSum", args, std::move(settings));
}

Words reduced(const Phrase& p, std::string_view function) {
  Elements<Tree> settings;
  if (!integers(p, "dim").empty()) settings.emplace_back("axes", tree_of(integers(p, "dim")));
  settings.emplace_back("keepdims", Tree{std::int64_t{flag(p, "keepdim")}});
  return call(p, function, std::move(settings));
}

Words word_mean(const Phrase& p) {
  if (is_empty(p)) return expression(fmt::format("numpy.mean({}{})", p.id(0), axes_text(p)));
  return reduced(p, "ReduceMean");
}

// NumPy's, not ONNX's: a NaN is an extreme, as in PyTorch.
Words word_extreme(const Phrase& p) {
  return expression(
      fmt::format("numpy.{}({}{})", p.op == "amax" ? "max" : "min", p.id(0), axes_text(p)));
}

Words word_prod(const Phrase& p) {
  if (p.type(0).dtype == DType::boolean)
    return expression(fmt::format("numpy.prod({}{})", p.id(0), axes_text(p)));
  return reduced(p, "ReduceProd");
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

Words along(const Phrase& p, std::string_view function) {
  if (p.rank(0) == 0) return std::nullopt;
  return call(p, function, {{"axis", {integer(p, "dim")}}});
}

Words word_softmax(const Phrase& p) { return along(p, "Softmax"); }
Words word_log_softmax(const Phrase& p) { return along(p, "LogSoftmax"); }
Words word_logsumexp(const Phrase& p) {
  return integers(p, "dim").empty() ? std::nullopt : reduced(p, "ReduceLogSumExp");
}

// --- matrices, convolution, pooling
// ----------------------------------------------------------------

// Gemm takes matrices only; what has more axes is said as an expression.
Words word_linear(const Phrase& p) {
  if (p.rank(0) == 2 && is_floating(p.type(0).dtype)) {
    return call(p, "Gemm", {{"alpha", {1.0}}, {"beta", {1.0}}, {"transB", {std::int64_t{1}}}});
  }
  return expression(fmt::format("{}@{}.T{}", p.id(0), p.id(1), p.has(2) ? "+" + p.id(2) : ""));
}

Integers per_axis(const Integers& list, std::size_t axes) {
  return list.size() == axes ? list : Integers(axes, list.empty() ? 0 : list[0]);
}

Integers twice(Integers list) {
  const Integers again = list;
  list.insert(list.end(), again.begin(), again.end());
  return list;
}

Words word_convolution(const Phrase& p) {
  const auto axes = static_cast<std::size_t>(p.rank(0)) - 2;
  Integers kernel;
  for (std::size_t i = 2; i < axes + 2; ++i) {
    const Dim& length = p.type(1).shape[i];
    if (!length.known()) return std::nullopt;
    kernel.push_back(length.value());
  }
  const auto list = [&](std::string_view name) { return per_axis(integers(p, name), axes); };
  Elements<Tree> settings{{"kernel_shape", tree_of(kernel)},
                          {"strides", tree_of(list("stride"))},
                          {"pads", tree_of(twice(list("padding")))},
                          {"dilations", tree_of(list("dilation"))},
                          {"group", {integer(p, "groups")}}};
  const bool transposed = flag(p, "transposed");
  if (transposed) settings.emplace_back("output_padding", tree_of(list("output_padding")));
  return call(p, transposed ? "ConvTranspose" : "Conv", std::move(settings));
}

/// Windows of a pooling. With ceil_mode, a last window that sticks out needs padding at the end;
/// the reference program and PyTorch differ in which windows they count, so the padding is written
/// out.
struct Windows {
  Integers kernel, stride, dilation, pads;
  bool sticks_out = false;
};

std::optional<Windows> windows_of(const Phrase& p, const Integers& dilation) {
  Windows w;
  w.kernel = per_axis(integers(p, "kernel_size"), 2);
  w.stride = integers(p, "stride").empty() ? w.kernel : per_axis(integers(p, "stride"), 2);
  w.dilation = dilation;
  const Integers padding = per_axis(integers(p, "padding"), 2);
  w.pads = twice(padding);
  if (!flag(p, "ceil_mode")) return w;
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim& from = p.type(0).shape[static_cast<std::size_t>(p.rank(0)) - 2 + i];
    const Dim& to = p.outputs[0].shape[static_cast<std::size_t>(p.rank(0)) - 2 + i];
    if (!from.known() || !to.known()) return std::nullopt;
    const std::int64_t needed =
        (to.value() - 1) * w.stride[i] + w.dilation[i] * (w.kernel[i] - 1) + 1;
    const std::int64_t more = needed - from.value() - 2 * padding[i];
    if (more <= 0) continue;
    w.pads[2 + i] += more;
    w.sticks_out = true;
  }
  return w;
}

Elements<Tree> settings_of(const Windows& w) {
  return {{"kernel_shape", tree_of(w.kernel)},
          {"strides", tree_of(w.stride)},
          {"pads", tree_of(w.pads)}};
}

// The operator needs a batch; without one, one is put in front and taken away again.
Words word_max_pool(const Phrase& p) {
  if ((p.rank(0) != 4 && p.rank(0) != 3) || !is_floating(p.type(0).dtype)) return std::nullopt;
  const auto windows = windows_of(p, per_axis(integers(p, "dilation"), 2));
  if (!windows) return std::nullopt;
  for (std::size_t i = 0; i < 4; ++i) {
    if (windows->pads[i] >= windows->kernel[i % 2]) return std::nullopt;
  }
  Elements<Tree> settings = settings_of(*windows);
  settings.emplace_back("dilations", tree_of(windows->dilation));
  const bool batch = p.rank(0) == 4;
  const std::string x = batch ? p.id(0) : fmt::format("numpy.expand_dims({},0)", p.id(0));
  Wording wording = call_with("MaxPool", {{"X", {x}}}, std::move(settings));
  // There indices count through the whole tensor, in PyTorch within each plane.
  const std::string plane = fmt::format("(numpy.size({0},{1})*numpy.size({0},{2}))", p.id(0),
                                        p.rank(0) - 2, p.rank(0) - 1);
  const std::string_view first = batch ? "" : "[0]";
  wording.outputs = {fmt::format("onnx_MaxPool_1[0]{}", first),
                     fmt::format("onnx_MaxPool_1[1]{}%{}", first, plane)};
  return wording;
}

Words word_avg_pool(const Phrase& p) {
  if (p.rank(0) != 4) return std::nullopt;
  const auto windows = windows_of(p, {1, 1});
  if (!windows || windows->sticks_out) return std::nullopt;
  Elements<Tree> settings = settings_of(*windows);
  const Attribute* divisor = find(p.attributes, "divisor_override");
  const bool counts = flag(p, "count_include_pad") || divisor != nullptr;
  settings.emplace_back("count_include_pad", Tree{std::int64_t{counts}});
  Wording wording = call(p, "AveragePool", std::move(settings));
  if (divisor != nullptr) {
    wording.outputs = {fmt::format("{}*{}/{}", wording.outputs[0],
                                   windows->kernel[0] * windows->kernel[1],
                                   std::get<std::int64_t>(*divisor))};
  }
  return wording;
}

Words word_adaptive_pool(const Phrase& p) {
  const Integers& size = integers(p, "output_size");
  if (p.rank(0) != 4 ||
      std::ranges::any_of(size, [](std::int64_t length) { return length != 1; })) {
    return std::nullopt;
  }
  return call(p, "GlobalAveragePool");
}

// --- normalisation
// ---------------------------------------------------------------------------------

Words word_batch_norm(const Phrase& p) {
  Elements<Tree> settings{{"epsilon", {real(p, "eps")}}, {"training_mode", {std::int64_t{0}}}};
  const Dim& channels = p.type(3).shape[0];
  if (!channels.known()) return std::nullopt;
  Elements<Tree> args{{"X", {p.id(0)}}};
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    const std::string formal = i == 1 ? "scale" : "B";
    if (!p.has(i)) {
      settings.emplace_back(
          formal, Tree{fmt::format("numpy.{}({})", i == 1 ? "ones" : "zeros", channels.value())});
    }
    args.emplace_back(formal, Tree{p.has(i) ? p.id(i) : formal});
  }
  args.emplace_back("input_mean", Tree{p.id(3)});
  args.emplace_back("input_var", Tree{p.id(4)});
  Wording wording = call_with("BatchNormalization", args, std::move(settings));
  wording.outputs = {"onnx_BatchNormalization_1[0]"};
  return wording;
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
    {"sum", "", "", "", word_sum},
    {"mean", "", "", "", word_mean},
    {"amax", "", "", "", word_extreme},
    {"amin", "", "", "", word_extreme},
    {"prod", "", "", "", word_prod},
    {"any", "", "", "", word_truth},
    {"all", "", "", "", word_truth},
    {"var", "", "", "", word_var},
    {"argmax", "", "", "", word_position},
    {"argmin", "", "", "", word_position},
    {"cumsum", "", "", "", word_cumsum},
    {"softmax", "", "", "", word_softmax},
    {"log_softmax", "", "", "", word_log_softmax},
    {"logsumexp", "", "", "", word_logsumexp},
};

constexpr Spelling layers[] = {
    {"matmul", "MatMul"},
    {"linear", "", "", "", word_linear},
    {"convolution", "", "", "", word_convolution},
    {"max_pool2d", "", "", "", word_max_pool},
    {"avg_pool2d", "", "", "", word_avg_pool},
    {"adaptive_avg_pool2d", "", "", "", word_adaptive_pool},
    {"batch_norm", "", "", "", word_batch_norm},
    {"layer_norm", "", "", "", word_layer_norm},
    {"rms_norm", "", "", "", word_rms_norm},
    {"group_norm", "", "", "", word_group_norm},
};

}  // namespace

std::span<const Spelling> reduction_spellings() { return reductions; }
std::span<const Spelling> layer_spellings() { return layers; }

}  // namespace isomer::mdf
