#include "systems/torch/layers.h"

#include <algorithm>

#include "base/text.h"

namespace isomer::torch {
namespace {

using Made = std::optional<Construction>;

Argument with_bias(const OpCall& op, std::size_t bias) { return flag("bias", op.has(bias), true); }

Argument by_axis(std::string_view name, const std::vector<std::int64_t>& lengths) {
  return {std::string(name), per_axis(lengths)};
}

// One argument takes either form, but a tuple says that all lengths are meant.
Argument normalized_shape(const OpCall& op) {
  const auto& shape = op.integers("normalized_shape");
  return {"normalized_shape", shape.size() == 1 ? std::to_string(shape[0])
                                                : fmt::format("({})", fmt::join(shape, ", "))};
}

Made linear(LayerCandidate& layer) {
  const TensorType& weight = layer.op.types[1];
  const auto shape = known_lengths(weight);
  return layer_of("Linear",
                  {positional("in_features", shape[1]), positional("out_features", shape[0]),
                   with_bias(layer.op, 2), in_type(weight.dtype)});
}

Made convolution(LayerCandidate& layer) {
  const TensorType& weight = layer.op.types[1];
  const std::vector<std::int64_t> shape = known_lengths(weight);
  const std::int64_t groups = layer.op.integer("groups");
  const bool transposed = layer.op.flag("transposed");
  const std::int64_t channels_in = transposed ? shape[0] : shape[1] * groups;
  const std::int64_t channels_out = transposed ? shape[1] * groups : shape[0];
  const std::vector<std::int64_t> kernel(shape.begin() + 2, shape.end());
  return layer_of(
      fmt::format("Conv{}{}d", transposed ? "Transpose" : "", kernel.size()),
      {positional("in_channels", channels_in), positional("out_channels", channels_out),
       by_axis("kernel_size", kernel), stated(layer, "stride"), stated(layer, "padding"),
       stated(layer, "output_padding"), stated(layer, "dilation"), stated(layer, "groups"),
       with_bias(layer.op, 2), in_type(weight.dtype)});
}

Made batch_norm(LayerCandidate& layer) {
  const OpCall& op = layer.op;
  const std::size_t rank = op.types[0].shape.size();
  if (op.has(1) != op.has(2) || rank > 5) return std::nullopt;
  layer.call.only_evaluation = true;
  return layer_of(batch_norm_name(rank),
                  {positional("num_features", known_lengths(op.types[3])[0]), stated(layer, "eps"),
                   flag("affine", op.has(1), true), in_type(op.types[3].dtype)});
}

Made layer_norm(LayerCandidate& layer) {
  const OpCall& op = layer.op;
  // PyTorch's layer has no bias without a weight.
  if (op.has(2) && !op.has(1)) return std::nullopt;
  const Argument affine = op.has(1) ? with_bias(op, 2) : flag("elementwise_affine", false, true);
  return layer_of("LayerNorm",
                  {normalized_shape(op), stated(layer, "eps"), affine, in_type(op.types[1].dtype)});
}

Made rms_norm(LayerCandidate& layer) {
  const OpCall& op = layer.op;
  return layer_of("RMSNorm",
                  {normalized_shape(op), stated(layer, "eps"),
                   flag("elementwise_affine", op.has(1), true), in_type(op.types[1].dtype)});
}

Made group_norm(LayerCandidate& layer) {
  const OpCall& op = layer.op;
  const Dim& channels = op.types[0].shape.at(1);
  if (op.has(1) != op.has(2) || !channels.known()) return std::nullopt;
  return layer_of("GroupNorm", {positional("num_groups", op.integer("num_groups")),
                                positional("num_channels", channels.value()), stated(layer, "eps"),
                                flag("affine", op.has(1), true), in_type(op.types[1].dtype)});
}

Made embedding(LayerCandidate& layer) {
  const TensorType& weight = layer.op.types[0];
  const auto shape = known_lengths(weight);
  const Argument padding = layer.op.integer("padding_idx") < 0
                               ? Argument{"padding_idx", "None", true, true}
                               : stated(layer, "padding_idx");
  return layer_of("Embedding",
                  {positional("num_embeddings", shape[0]), positional("embedding_dim", shape[1]),
                   padding, in_type(weight.dtype)});
}

Made dropout(LayerCandidate& layer) {
  std::string name = "Dropout";
  if (layer.node.op == "feature_dropout") {
    const std::size_t rank = layer.op.types[0].shape.size();
    if (rank < 3 || rank > 5) return std::nullopt;
    name += std::to_string(rank - 2) + "d";
  }
  layer.call.only_training = layer.op.flag("training");
  layer.call.only_evaluation = !layer.call.only_training;
  return layer_of(name, {stated(layer, "p")});
}

// A stride that is not given is that of the kernel.
Argument own_stride(const LayerCandidate& layer) {
  const OpCall& op = layer.op;
  const bool own =
      op.integers("stride") != op.integers("kernel_size") && is_stated(layer.node, "stride");
  return {"stride", per_axis(op.integers(own ? "stride" : "kernel_size")), true, !own};
}

Made max_pool(LayerCandidate& layer) {
  if (layer.finder.used(layer.node.outputs[1])) return std::nullopt;
  return layer_of("MaxPool2d", {by_axis("kernel_size", layer.op.integers("kernel_size")),
                                own_stride(layer), stated(layer, "padding"),
                                stated(layer, "dilation"), stated(layer, "ceil_mode")});
}

Made avg_pool(LayerCandidate& layer) {
  return layer_of("AvgPool2d",
                  {by_axis("kernel_size", layer.op.integers("kernel_size")), own_stride(layer),
                   stated(layer, "padding"), stated(layer, "ceil_mode"),
                   stated(layer, "count_include_pad"), stated(layer, "divisor_override")});
}

Made adaptive_avg_pool(LayerCandidate& layer) {
  return layer_of("AdaptiveAvgPool2d", {by_axis("output_size", layer.op.integers("output_size"))});
}

Made upsample(LayerCandidate& layer) {
  Argument size = by_axis("size", layer.op.integers("output_size"));
  size.by_name = true;
  return layer_of("Upsample", {size});
}

Made elu(LayerCandidate& layer) {
  if (layer.op.real("scale") != 1.0 || layer.op.real("input_scale") != 1.0) return std::nullopt;
  return layer_of("ELU", {stated(layer, "alpha")});
}

Made hardtanh(LayerCandidate& layer) {
  const bool six = layer.op.real("min_val") == 0.0 && layer.op.real("max_val") == 6.0;
  return six ? layer_of("ReLU6", {})
             : layer_of("Hardtanh", {stated(layer, "min_val"), stated(layer, "max_val")});
}

// nn.Flatten may have been exported as a view.
Made flatten(LayerCandidate& layer) {
  const Shape& from = layer.op.types[0].shape;
  const Shape& to = layer.finder.graph[layer.node.outputs[0]].type.shape;
  if (from.size() < 2 || to.size() != 2 || !(from[0] == to[0])) return std::nullopt;
  return layer_of("Flatten", {});
}

// The slopes come in the shape that the input's channels ask for.
Made prelu(LayerCandidate& layer) {
  const LayerFinder& finder = layer.finder;
  const Node& node = layer.node;
  const std::size_t shaped = finder.maker_index(node.inputs[1]);
  const bool view = shaped != Uses::nobody && finder.graph.nodes[shaped].op == "reshape";
  const ValueId weight = view ? finder.graph.nodes[shaped].inputs[0] : node.inputs[1];
  const auto path = finder.path_of({{"weight", weight}}, {}, node.scope);
  const std::vector<std::int64_t> slopes = known_lengths(finder.graph[weight].type);
  if (!path || slopes.size() != 1) return std::nullopt;
  const Shape& x = layer.op.types[0].shape;
  Shape channels(x.size(), Dim(1));
  if (slopes[0] != 1 && x.size() > 1) channels[1] = slopes[0];
  const bool one = count_elements(layer.op.types[1].shape) == Dim(1);
  if (!one && layer.op.types[1].shape != channels) return std::nullopt;
  const std::size_t index = static_cast<std::size_t>(&node - finder.graph.nodes.data());
  if (view && !finder.used_only_by(node.inputs[1], {index})) return std::nullopt;
  if (view) layer.call.absorbed.insert(shaped);
  layer.call.layer.path = *path;
  layer.call.layer.tensors = {weight};
  layer.call.inputs = {node.inputs[0]};
  Argument count = positional("num_parameters", slopes[0]);
  count.is_default = slopes[0] == 1;
  return layer_of("PReLU", {count, in_type(layer.op.types[1].dtype)});
}

constexpr LayerRule rules[] = {
    {"relu", "nn.ReLU"},
    {"silu", "nn.SiLU"},
    {"sigmoid", "nn.Sigmoid"},
    {"tanh", "nn.Tanh"},
    {"gelu", "nn.GELU", "approximate"},
    {"softplus", "nn.Softplus", "beta threshold"},
    {"leaky_relu", "nn.LeakyReLU", "negative_slope"},
    {.op = "elu", .make = elu},
    {.op = "hardtanh", .make = hardtanh},
    {"hardsigmoid", "nn.Hardsigmoid"},
    {"hardswish", "nn.Hardswish"},
    {"mish", "nn.Mish"},
    {"log_sigmoid", "nn.LogSigmoid"},
    {.op = "prelu", .operands = "", .make = prelu},
    {"softmax", "nn.Softmax", "dim"},
    {"log_softmax", "nn.LogSoftmax", "dim"},
    {.op = "flatten", .make = flatten},
    {.op = "reshape", .make = flatten},
    {.op = "embedding", .operands = "weight x", .make = embedding},
    {.op = "linear", .operands = "x weight bias", .make = linear},
    {.op = "convolution", .operands = "x weight bias", .make = convolution},
    {.op = "max_pool2d", .make = max_pool},
    {.op = "avg_pool2d", .make = avg_pool},
    {.op = "adaptive_avg_pool2d", .make = adaptive_avg_pool},
    {.op = "upsample_nearest2d", .make = upsample},
    {.op = "batch_norm",
     .operands = "x weight bias running_mean running_var",
     .buffers = "running_mean running_var num_batches_tracked",
     .make = batch_norm},
    {.op = "batch_norm_training",
     .operands = "x weight bias",
     .buffers = "running_mean running_var num_batches_tracked",
     .make = batch_norm_in_training},
    {.op = "layer_norm", .operands = "x weight bias", .make = layer_norm},
    {.op = "group_norm", .operands = "x weight bias", .make = group_norm},
    {.op = "rms_norm", .operands = "x weight", .make = rms_norm},
    {.op = "dropout", .make = dropout},
    {.op = "feature_dropout", .make = dropout},
};

}  // namespace

Construction layer_of(std::string_view name, std::vector<Argument> arguments) {
  return {fmt::format("nn.{}", name), std::move(arguments)};
}

Argument in_type(DType dtype) { return {"dtype", dtype_text(dtype), true, dtype == DType::f32}; }

std::string batch_norm_name(std::size_t rank) {
  return fmt::format("BatchNorm{}d", rank < 4 ? 1 : rank - 2);
}

std::span<const LayerRule> layer_rules() { return rules; }

}  // namespace isomer::torch
