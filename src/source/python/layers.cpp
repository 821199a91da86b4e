#include "source/python/layers.h"

#include <algorithm>

#include "base/text.h"
#include "source/python/layer_finder.h"
#include "source/python/python_text.h"
#include "source/python/spelling.h"

namespace isomer::python {
namespace {

using Found = std::optional<LayerCall>;

/// A row says which layer a node can be: with a rule, or as one without tensors whose arguments are
/// the attributes named (ours=theirs, separated by blanks; `!` where it is always given).
struct Row {
  std::string_view op;
  std::string_view layer;
  std::string_view arguments;
  Found (*rule)(const LayerFinder&, const Node&, const OpCall&) = nullptr;
};

LayerCall called(std::string path, Construction made, const LayerFinder::Named& tensors,
                 const Node& node, ValueId input) {
  LayerCall call;
  call.layer = {std::move(path), std::move(made), {}};
  for (const auto& [name, id] : tensors) call.layer.tensors.push_back(id);
  call.inputs = {input};
  call.outputs = {node.outputs[0]};
  return call;
}

// The inputs from `first` on that are there, under the names that layers give them.
LayerFinder::Named named_inputs(const Node& node, const OpCall& call, std::size_t first,
                                std::initializer_list<std::string_view> names) {
  LayerFinder::Named tensors;
  for (const std::string_view name : names) {
    if (call.has(first)) tensors.emplace_back(name, node.inputs[first]);
    ++first;
  }
  return tensors;
}

Construction constructed(std::string_view layer, std::vector<Argument> arguments) {
  return {fmt::format("nn.{}", layer), std::move(arguments), {}, {}};
}

Argument with_bias(const OpCall& call, std::size_t bias) {
  return flag("bias", call.has(bias), true);
}

Argument by_axis(std::string_view name, const std::vector<std::int64_t>& lengths) {
  return {std::string(name), per_axis(lengths)};
}

// One argument takes either form, but a tuple says that all lengths are meant.
Argument normalized_shape(const OpCall& call) {
  const auto& shape = call.integers("normalized_shape");
  return {"normalized_shape", shape.size() == 1 ? std::to_string(shape[0])
                                                : fmt::format("({})", fmt::join(shape, ", "))};
}

Found linear(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const auto shape = lengths_of(finder.graph, node.inputs[1]);
  const Construction made = constructed(
      "Linear", {positional("in_features", shape[1]), positional("out_features", shape[0]),
                 with_bias(call, 2), in_type(call.types[1].dtype)});
  return called(*path, made, tensors, node, node.inputs[0]);
}

Found convolution(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  std::vector<std::int64_t> shape = lengths_of(finder.graph, node.inputs[1]);
  const std::int64_t groups = call.integer("groups");
  const bool transposed = call.flag("transposed");
  const std::int64_t channels_in = transposed ? shape[0] : shape[1] * groups;
  const std::int64_t channels_out = transposed ? shape[1] * groups : shape[0];
  const std::vector<std::int64_t> kernel(shape.begin() + 2, shape.end());
  const Construction made = constructed(
      fmt::format("Conv{}{}d", transposed ? "Transpose" : "", kernel.size()),
      {positional("in_channels", channels_in), positional("out_channels", channels_out),
       by_axis("kernel_size", kernel), stated(node, call, "stride"), stated(node, call, "padding"),
       stated(node, call, "output_padding"), stated(node, call, "dilation"),
       stated(node, call, "groups"), with_bias(call, 2), in_type(call.types[1].dtype)});
  return called(*path, made, tensors, node, node.inputs[0]);
}

Found batch_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors =
      named_inputs(node, call, 1, {"weight", "bias", "running_mean", "running_var"});
  const std::size_t rank = call.types[0].shape.size();
  if (tensors.size() == 3 || rank > 5) return std::nullopt;
  const auto path = finder.path_of(tensors, {"num_batches_tracked"}, node.scope);
  if (!path) return std::nullopt;
  const Construction made = constructed(
      fmt::format("BatchNorm{}d", rank < 4 ? 1 : rank - 2),
      {positional("num_features", lengths_of(finder.graph, node.inputs[3])[0]),
       stated(node, call, "eps"), flag("affine", call.has(1), true), in_type(call.types[3].dtype)});
  LayerCall found = called(*path, made, tensors, node, node.inputs[0]);
  found.only_evaluation = true;
  return found;
}

Found batch_norm_training(const LayerFinder& finder, const Node& node, const OpCall& call) {
  return batch_norm_in_training(finder, static_cast<std::size_t>(&node - finder.graph.nodes.data()),
                                call);
}

Found layer_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  // PyTorch's layer has no bias without a weight.
  if (!path || (call.has(2) && !call.has(1))) return std::nullopt;
  const Argument affine =
      call.has(1) ? with_bias(call, 2) : flag("elementwise_affine", false, true);
  const Construction made = constructed(
      "LayerNorm",
      {normalized_shape(call), stated(node, call, "eps"), affine, in_type(call.types[1].dtype)});
  return called(*path, made, tensors, node, node.inputs[0]);
}

Found rms_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const Construction made = constructed(
      "RMSNorm", {normalized_shape(call), stated(node, call, "eps"),
                  flag("elementwise_affine", call.has(1), true), in_type(call.types[1].dtype)});
  return called(*path, made, tensors, node, node.inputs[0]);
}

Found group_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  const Dim& channels = call.types[0].shape.at(1);
  if (!path || tensors.size() == 1 || !channels.known()) return std::nullopt;
  const Construction made = constructed(
      "GroupNorm", {positional("num_groups", call.integer("num_groups")),
                    positional("num_channels", channels.value()), stated(node, call, "eps"),
                    flag("affine", call.has(1), true), in_type(call.types[1].dtype)});
  return called(*path, made, tensors, node, node.inputs[0]);
}

Found embedding(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 0, {"weight"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const auto shape = lengths_of(finder.graph, node.inputs[0]);
  const Argument padding = call.integer("padding_idx") < 0
                               ? Argument{"padding_idx", "None", true, true}
                               : stated(node, call, "padding_idx");
  const Construction made = constructed(
      "Embedding", {positional("num_embeddings", shape[0]), positional("embedding_dim", shape[1]),
                    padding, in_type(call.types[0].dtype)});
  return called(*path, made, tensors, node, node.inputs[1]);
}

Found dropout(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  std::string layer = "Dropout";
  if (node.op == "feature_dropout") {
    const std::size_t rank = call.types[0].shape.size();
    if (rank < 3 || rank > 5) return std::nullopt;
    layer += std::to_string(rank - 2) + "d";
  }
  LayerCall found =
      called(*path, constructed(layer, {stated(node, call, "p")}), {}, node, node.inputs[0]);
  found.only_training = call.flag("training");
  found.only_evaluation = !found.only_training;
  return found;
}

// A stride that is not given is that of the kernel.
Argument own_stride(const Node& node, const OpCall& call) {
  const bool own =
      call.integers("stride") != call.integers("kernel_size") && is_stated(node, "stride");
  return {"stride", per_axis(call.integers(own ? "stride" : "kernel_size")), true, !own};
}

Found max_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path || finder.used(node.outputs[1])) return std::nullopt;
  const Construction made =
      constructed("MaxPool2d", {by_axis("kernel_size", call.integers("kernel_size")),
                                own_stride(node, call), stated(node, call, "padding"),
                                stated(node, call, "dilation"), stated(node, call, "ceil_mode")});
  return called(*path, made, {}, node, node.inputs[0]);
}

Found avg_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  const Construction made = constructed(
      "AvgPool2d",
      {by_axis("kernel_size", call.integers("kernel_size")), own_stride(node, call),
       stated(node, call, "padding"), stated(node, call, "ceil_mode"),
       stated(node, call, "count_include_pad"), stated(node, call, "divisor_override")});
  return called(*path, made, {}, node, node.inputs[0]);
}

Found adaptive_avg_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  return called(
      *path,
      constructed("AdaptiveAvgPool2d", {by_axis("output_size", call.integers("output_size"))}), {},
      node, node.inputs[0]);
}

Found upsample(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  Argument size = by_axis("size", call.integers("output_size"));
  size.by_name = true;
  return called(*path, constructed("Upsample", {size}), {}, node, node.inputs[0]);
}

Found elu(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path || call.real("scale") != 1.0 || call.real("input_scale") != 1.0) return std::nullopt;
  return called(*path, constructed("ELU", {stated(node, call, "alpha")}), {}, node, node.inputs[0]);
}

Found hardtanh(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  const bool six = call.real("min_val") == 0.0 && call.real("max_val") == 6.0;
  const Construction made =
      six ? constructed("ReLU6", {})
          : constructed("Hardtanh", {stated(node, call, "min_val"), stated(node, call, "max_val")});
  return called(*path, made, {}, node, node.inputs[0]);
}

// nn.Flatten may have been exported as a view.
Found flatten(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  const Shape& from = call.types[0].shape;
  const Shape& to = finder.graph[node.outputs[0]].type.shape;
  if (!path || from.size() < 2 || to.size() != 2 || !(from[0] == to[0])) return std::nullopt;
  return called(*path, constructed("Flatten", {}), {}, node, node.inputs[0]);
}

// The slopes come in the shape that the input's channels ask for.
Found prelu(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const std::size_t shaped = finder.maker_index(node.inputs[1]);
  const bool view = shaped != Uses::nobody && finder.graph.nodes[shaped].op == "reshape";
  const ValueId weight = view ? finder.graph.nodes[shaped].inputs[0] : node.inputs[1];
  const LayerFinder::Named tensors{{"weight", weight}};
  const auto path = finder.path_of(tensors, {}, node.scope);
  const std::vector<std::int64_t> slopes = lengths_of(finder.graph, weight);
  if (!path || slopes.size() != 1) return std::nullopt;
  const Shape& x = call.types[0].shape;
  Shape channels(x.size(), Dim(1));
  if (slopes[0] != 1 && x.size() > 1) channels[1] = slopes[0];
  const bool one = count_elements(call.types[1].shape) == Dim(1);
  if (!one && call.types[1].shape != channels) return std::nullopt;
  const std::size_t index = static_cast<std::size_t>(&node - finder.graph.nodes.data());
  if (view && !finder.used_only_by(node.inputs[1], {index})) return std::nullopt;
  Argument count = positional("num_parameters", slopes[0]);
  count.is_default = slopes[0] == 1;
  const Construction made = constructed("PReLU", {count, in_type(call.types[1].dtype)});
  LayerCall found = called(*path, made, tensors, node, node.inputs[0]);
  if (view) found.absorbed.insert(shaped);
  return found;
}

constexpr Row rows[] = {
    {"relu", "ReLU", ""},
    {"silu", "SiLU", ""},
    {"sigmoid", "Sigmoid", ""},
    {"tanh", "Tanh", ""},
    {"gelu", "GELU", "approximate"},
    {"softplus", "Softplus", "beta threshold"},
    {"leaky_relu", "LeakyReLU", "negative_slope"},
    {"elu", "", "", elu},
    {"hardtanh", "", "", hardtanh},
    {"hardsigmoid", "Hardsigmoid", ""},
    {"hardswish", "Hardswish", ""},
    {"mish", "Mish", ""},
    {"log_sigmoid", "LogSigmoid", ""},
    {"prelu", "", "", prelu},
    {"softmax", "Softmax", "dim"},
    {"log_softmax", "LogSoftmax", "dim"},
    {"flatten", "", "", flatten},
    {"reshape", "", "", flatten},
    {"embedding", "", "", embedding},
    {"linear", "", "", linear},
    {"convolution", "", "", convolution},
    {"max_pool2d", "", "", max_pool},
    {"avg_pool2d", "", "", avg_pool},
    {"adaptive_avg_pool2d", "", "", adaptive_avg_pool},
    {"upsample_nearest2d", "", "", upsample},
    {"batch_norm", "", "", batch_norm},
    {"batch_norm_training", "", "", batch_norm_training},
    {"layer_norm", "", "", layer_norm},
    {"group_norm", "", "", group_norm},
    {"rms_norm", "", "", rms_norm},
    {"dropout", "", "", dropout},
    {"feature_dropout", "", "", dropout},
};

Found by_attributes(const LayerFinder& finder, const Node& node, const OpCall& call,
                    const Row& row) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  std::vector<Argument> arguments;
  for (const std::string_view name : split_text(row.arguments, ' '))
    arguments.push_back(stated(node, call, name));
  return called(*path, constructed(row.layer, std::move(arguments)), {}, node, node.inputs[0]);
}

// The scope of whoever calls a layer: a layer's own scope is that of its work.
std::string caller_of(const Node& node, const Layer& layer) {
  return is_within(node.scope, layer.path) ? parent_path(layer.path) : node.scope;
}

// Calls by node, where one path is one layer: the first that was found.
using Calls = std::map<std::size_t, LayerCall>;

Calls agreeing(const LayerFinder& finder, bool& training) {
  Calls calls;
  for (std::size_t i = 0; i < finder.graph.nodes.size(); ++i) {
    std::optional<LayerCall> call = finder.call_at(i);
    if (!call) continue;
    call->borrowed = !is_within(call->layer.path, caller_of(finder.graph.nodes[i], call->layer));
    // The borrower writes one node; what goes beyond that is no call for it.
    if (call->borrowed && !(call->absorbed.empty() && call->kept.empty())) continue;
    calls.emplace(i, std::move(*call));
  }
  // A dropout that is no layer is written to follow its module's mode.
  training =
      std::ranges::any_of(finder.graph.nodes,
                          [](const Node& node) { return node.op != "bernoulli" && draws(node); }) ||
      std::ranges::any_of(calls, [](const auto& entry) { return entry.second.only_training; });
  std::map<std::string, std::string> constructors;
  std::erase_if(calls, [&](const auto& entry) {
    if (training && entry.second.only_evaluation) return true;
    const Layer& layer = entry.second.layer;
    const std::string text = to_text(layer.made);
    return constructors.try_emplace(layer.path, text).first->second != text;
  });
  return calls;
}

// A module that does anything besides calling is not one of torch.nn's layers.
std::set<std::string> busy_paths(const Graph& graph, const Calls& calls) {
  std::set<std::size_t> done;
  std::set<std::string> paths;
  for (const auto& [node, call] : calls) {
    done.insert(call.absorbed.begin(), call.absorbed.end());
    paths.insert(call.layer.path);
  }
  std::set<std::string> busy;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (done.contains(i)) continue;
    const auto call = calls.find(i);
    for (std::string path = graph.nodes[i].scope; !path.empty(); path = parent_path(path)) {
      const bool own = call != calls.end() && call->second.layer.path == path;
      if (paths.contains(path) && !own) busy.insert(path);
    }
  }
  return busy;
}

}  // namespace

std::optional<LayerCall> LayerFinder::call_at(std::size_t node_index) const {
  const Node& node = graph.nodes[node_index];
  const auto row = std::ranges::find(rows, node.op, &Row::op);
  if (row == std::end(rows)) return std::nullopt;
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  std::vector<TensorType> types;
  for (const ValueId id : node.inputs)
    types.push_back(id == ValueId::none ? TensorType{} : graph[id].type);
  const OpCall call{attributes, node.inputs, types};
  return row->rule != nullptr ? row->rule(*this, node, call)
                              : by_attributes(*this, node, call, *row);
}

Layered recover_layers(const Graph& graph) {
  const LayerFinder finder(graph);
  Layered result;
  Calls calls = agreeing(finder, result.training);
  const std::set<std::string> busy = busy_paths(graph, calls);
  std::erase_if(calls, [&](const auto& entry) { return busy.contains(entry.second.layer.path); });

  std::set<std::size_t> absorbed;
  for (auto& [node, call] : calls) {
    absorbed.insert(call.absorbed.begin(), call.absorbed.end());
    result.kept.insert(call.kept.begin(), call.kept.end());
    result.layers.try_emplace(call.layer.path, call.layer);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (absorbed.contains(i)) continue;
    const Node& node = graph.nodes[i];
    const auto call = calls.find(i);
    if (call == calls.end() || call->second.borrowed) {
      result.operations.push_back({&node, nullptr, node.scope, node.inputs, node.outputs});
      continue;
    }
    const Layer& layer = result.layers.at(call->second.layer.path);
    result.operations.push_back(
        {&node, &layer, caller_of(node, layer), call->second.inputs, call->second.outputs});
  }
  return result;
}

}  // namespace isomer::python
