#include "base/text.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// -- convolution ---------------------------------------------------------------------------------

PythonAssignments write_convolution(const PythonCall& call) {
  const bool transposed = setting<bool>(call, "transposed");
  const std::size_t axes = call.type(0).shape.size() - 2;
  std::string text = fmt::format("F.conv{}{}d({}, {}", transposed ? "_transpose" : "", axes,
                                 argument(call, 0), argument(call, 1));
  if (call.has(2)) text += ", " + argument(call, 2);
  for (const std::string_view name :
       {"stride", "padding", "output_padding", "groups", "dilation"}) {
    if (stated(call, name)) text += fmt::format(", {}={}", name, axes_of(call, name));
  }
  return one(call, text + ")");
}

std::string spread(const PythonCall& call, std::string_view name, std::size_t axes) {
  std::vector<std::int64_t> values = setting<std::vector<std::int64_t>>(call, name);
  if (values.size() == 1) values.assign(axes, values[0]);
  return fmt::format("[{}]", fmt::join(values, ", "));
}

PythonAssignments write_convolution_backward(const PythonCall& call) {
  const std::size_t axes = call.type(1).shape.size() - 2;
  const std::string text = fmt::format(
      "torch.ops.aten.convolution_backward({}, {}, {}, None, {}, {}, {}, {}, {}, {}, [True, True, "
      "False])[:2]",
      argument(call, 0), argument(call, 1), argument(call, 2), spread(call, "stride", axes),
      spread(call, "padding", axes), spread(call, "dilation", axes), value_of(call, "transposed"),
      spread(call, "output_padding", axes), value_of(call, "groups"));
  return {{call.node.outputs, {text}}};
}

// A stride that is not given is that of the kernel.
bool has_own_stride(const PythonCall& call) {
  const auto& stride = setting<std::vector<std::int64_t>>(call, "stride");
  return !stride.empty() && stride != setting<std::vector<std::int64_t>>(call, "kernel_size");
}

std::string pooled(const PythonCall& call, std::initializer_list<std::string_view> settings) {
  std::string text =
      fmt::format("F.{}({}, {}", call.node.op, argument(call, 0), axes_of(call, "kernel_size"));
  if (has_own_stride(call)) text += ", stride=" + axes_of(call, "stride");
  for (const std::string_view name : settings) {
    if (stated(call, name)) text += fmt::format(", {}={}", name, axes_of(call, name));
  }
  return text;
}

PythonAssignments write_max_pool(const PythonCall& call) {
  const std::string text = pooled(call, {"padding", "dilation", "ceil_mode"});
  if (!call.used(1)) return one(call, text + ")");
  return {{call.node.outputs, {text + ", return_indices=True)"}}};
}

PythonAssignments write_avg_pool(const PythonCall& call) {
  const std::string text =
      pooled(call, {"padding", "ceil_mode", "count_include_pad", "divisor_override"});
  return one(call, text + ")");
}

// -- normalization -------------------------------------------------------------------------------

PythonAssignments write_batch_norm_training(const PythonCall& call) {
  PythonAssignments all;
  if (call.used(0)) {
    std::string text = fmt::format("F.batch_norm({}, None, None", argument(call, 0));
    if (call.has(1)) text += fmt::format(", weight={}", argument(call, 1));
    if (call.has(2)) text += fmt::format(", bias={}", argument(call, 2));
    text += ", training=True";
    if (stated(call, "eps")) text += ", eps=" + value_of(call, "eps");
    all.push_back({{call.node.outputs[0]}, {text + ")"}});
  }
  std::vector<std::int64_t> axes{0};
  for (std::size_t i = 2; i < call.type(0).shape.size(); ++i)
    axes.push_back(static_cast<std::int64_t>(i));
  const std::string dim = python_value(axes);
  if (call.used(1)) {
    all.push_back(
        {{call.node.outputs[1]}, {fmt::format("{}.mean(dim={})", receiver(call, 0), dim)}});
  }
  if (call.used(2)) {
    all.push_back({{call.node.outputs[2]},
                   {fmt::format("{}.var(dim={}, correction=0)", receiver(call, 0), dim)}});
  }
  return all;
}

// At work in training, and off in evaluation as every layer of its kind.
PythonAssignments write_dropout(const PythonCall& call) {
  const std::string_view pattern = call.node.op == "dropout" ? "F.dropout({}, p={}, training={})"
                                                             : "torch.feature_dropout({}, {}, {})";
  return one(call, fmt::format(fmt::runtime(pattern), argument(call, 0),
                               python_literal(setting<double>(call, "p")),
                               setting<bool>(call, "training") ? "self.training" : "False"));
}

constexpr Spelling table[] = {
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

std::span<const Spelling> layers_spellings() { return table; }

}  // namespace isomer::torch
