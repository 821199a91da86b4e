#include "base/text.h"
#include "ops/rules.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// -- convolution ---------------------------------------------------------------------------------

PythonAssignments write_convolution(const PythonCall& call) {
  const std::size_t axes = call.type(0).shape.size() - 2;
  const std::string function =
      fmt::format("F.conv{}{}d", setting<bool>(call, "transposed") ? "_transpose" : "", axes);
  return one(call, function + filled(call,
                                     "({x}, {weight}<, {bias}><, stride={stride~}>"
                                     "<, padding={padding~}>"
                                     "<, output_padding={output_padding~}>"
                                     "<, groups={groups}><, dilation={dilation~}>)"));
}

PythonAssignments write_convolution_backward(const PythonCall& call) {
  const auto list = [&](std::string_view name) {
    const std::size_t axes = call.type(1).shape.size() - 2;
    return fmt::format("{}", per_axis(setting<std::vector<std::int64_t>>(call, name), axes, name));
  };
  const std::string text = filled(
      call, "torch.ops.aten.convolution_backward({grad}, {x}, {weight}, None, " + list("stride") +
                ", " + list("padding") + ", " + list("dilation") + ", {transposed}, " +
                list("output_padding") + ", {groups}, [True, True, False])[:2]");
  return {{call.node.outputs, {text}}};
}

// A stride that is not given is that of the kernel.
std::string pooled(const PythonCall& call, std::string_view settings) {
  const auto& stride = setting<std::vector<std::int64_t>>(call, "stride");
  const bool own =
      !stride.empty() && stride != setting<std::vector<std::int64_t>>(call, "kernel_size");
  return filled(call, fmt::format("F.{}({{x}}, {{kernel_size~}}{}{}", call.node.op,
                                  own ? ", stride={stride~}" : "", settings));
}

PythonAssignments write_max_pool(const PythonCall& call) {
  const std::string text =
      pooled(call, "<, padding={padding~}><, dilation={dilation~}><, ceil_mode={ceil_mode}>");
  if (!call.used(1)) return one(call, text + ")");
  return {{call.node.outputs, {text + ", return_indices=True)"}}};
}

PythonAssignments write_avg_pool(const PythonCall& call) {
  return one(call, pooled(call,
                          "<, padding={padding~}><, ceil_mode={ceil_mode}>"
                          "<, count_include_pad={count_include_pad}>"
                          "<, divisor_override={divisor_override}>)"));
}

// -- normalization -------------------------------------------------------------------------------

PythonAssignments write_batch_norm_training(const PythonCall& call) {
  std::vector<std::int64_t> axes{0};
  for (std::size_t i = 2; i < call.type(0).shape.size(); ++i)
    axes.push_back(static_cast<std::int64_t>(i));
  const std::string dim = python_value(axes);
  const std::string texts[] = {
      "F.batch_norm({x}, None, None<, weight={weight}><, bias={bias}>, "
      "training=True<, eps={eps}>)",
      "{x}.mean(dim=" + dim + ")", "{x}.var(dim=" + dim + ", correction=0)"};
  PythonAssignments assignments;
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    if (call.used(i)) assignments.push_back({{call.node.outputs[i]}, {filled(call, texts[i])}});
  }
  return assignments;
}

// -- Fourier transforms
// ----------------------------------------------------------------------------

// PyTorch takes and gives complex tensors where we have pairs.
std::string transform(const PythonCall& call, std::string_view prefix, const std::string& x) {
  const bool several = setting<std::vector<std::int64_t>>(call, "dim").size() > 1;
  return fmt::format("torch.fft.{}fft{}({}", prefix, several ? "n" : "", x);
}

std::string complex_argument(const PythonCall& call) {
  return fmt::format("torch.view_as_complex({}.contiguous())", receiver(call, 0));
}

constexpr std::string_view along = "dim={dim}<, norm={norm}>";

PythonAssignments write_fft(const PythonCall& call) {
  const std::string call_text =
      transform(call, setting<bool>(call, "inverse") ? "i" : "", complex_argument(call));
  return one(call, fmt::format("torch.view_as_real({}, {}))", call_text, filled(call, along)));
}

PythonAssignments write_rfft(const PythonCall& call) {
  return one(call, fmt::format("torch.view_as_real({}, {}))",
                               transform(call, "r", argument(call, 0)), filled(call, along)));
}

// Of several axes PyTorch asks for all lengths, of which the last alone is not that of x.
PythonAssignments write_irfft(const PythonCall& call) {
  const auto& dim = setting<std::vector<std::int64_t>>(call, "dim");
  std::string lengths;
  for (std::size_t i = 0; i + 1 < dim.size(); ++i) {
    const Shape& shape = call.type(0).shape;
    const auto axis = axis_in(dim[i], shape.size() - 1);
    lengths += call.length(shape[axis]).text + ", ";
  }
  const std::string n = call.length(setting<Dim>(call, "n")).text;
  const std::string size = dim.size() > 1 ? fmt::format("s=({}{})", lengths, n) : "n=" + n;
  return one(call, fmt::format("{}, {}, {})", transform(call, "ir", complex_argument(call)), size,
                               filled(call, along)));
}

// At work in training, and off in evaluation as every layer of its kind.
PythonAssignments write_dropout(const PythonCall& call) {
  const std::string mode = setting<bool>(call, "training") ? "self.training)" : "False)";
  return one(call,
             filled(call, call.node.op == "dropout" ? "F.dropout({x}, p={p}, training=" + mode
                                                    : "torch.feature_dropout({x}, {p}, " + mode));
}

constexpr Spelling layers_table[] = {
    // linear
    {"matmul", "{x} @ {y}", Binding::product},
    {"linear", "F.linear({x}, {weight}<, {bias}>)"},
    // convolution
    {.op = "convolution", .write = write_convolution},
    {.op = "convolution_backward", .write = write_convolution_backward},
    {.op = "max_pool2d", .write = write_max_pool},
    {.op = "avg_pool2d", .write = write_avg_pool},
    {"adaptive_avg_pool2d", "F.adaptive_avg_pool2d({x}, {output_size~})"},
    {"upsample_nearest2d", "F.interpolate({x}, size={output_size!}, mode=\"nearest\")"},
    // spectral
    {.op = "fft", .write = write_fft},
    {.op = "rfft", .write = write_rfft},
    {.op = "irfft", .write = write_irfft},
    // normalization
    {"layer_norm",
     "F.layer_norm({x}, {normalized_shape!}<, weight={weight}><, bias={bias}><, eps={eps}>)"},
    {"group_norm",
     "F.group_norm({x}, {num_groups}<, weight={weight}><, bias={bias}><, eps={eps}>)"},
    {"rms_norm", "F.rms_norm({x}, {normalized_shape!}<, weight={weight}><, eps={eps}>)"},
    {.op = "batch_norm_training", .write = write_batch_norm_training},
    {.op = "dropout", .write = write_dropout},
    {.op = "feature_dropout", .write = write_dropout},
};

}  // namespace

std::span<const Spelling> layers_spellings() { return layers_table; }

}  // namespace isomer::torch
