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

LayerCall called(std::string path, std::string constructor, const LayerFinder::Named& tensors,
                 const Node& node, ValueId input) {
  LayerCall call;
  call.layer = {std::move(path), std::move(constructor), {}};
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

std::string without_bias(const OpCall& call, std::size_t bias) {
  return call.has(bias) ? "" : "bias=False";
}

Found linear(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const auto shape = lengths_of(finder.graph, node.inputs[1]);
  const std::string constructor =
      constructed("Linear", {std::to_string(shape[1]), std::to_string(shape[0]),
                             without_bias(call, 2), in_type(call.types[1].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[0]);
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
  const std::string constructor =
      constructed(fmt::format("Conv{}{}d", transposed ? "Transpose" : "", kernel.size()),
                  {std::to_string(channels_in), std::to_string(channels_out), per_axis(kernel),
                   stated(node, "stride"), stated(node, "padding"), stated(node, "output_padding"),
                   stated(node, "dilation"), stated(node, "groups"), without_bias(call, 2),
                   in_type(call.types[1].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[0]);
}

Found batch_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors =
      named_inputs(node, call, 1, {"weight", "bias", "running_mean", "running_var"});
  const std::size_t rank = call.types[0].shape.size();
  if (tensors.size() == 3 || rank > 5) return std::nullopt;
  const auto path = finder.path_of(tensors, {"num_batches_tracked"}, node.scope);
  if (!path) return std::nullopt;
  const std::string constructor =
      constructed(fmt::format("BatchNorm{}d", rank < 4 ? 1 : rank - 2),
                  {std::to_string(lengths_of(finder.graph, node.inputs[3])[0]), stated(node, "eps"),
                   call.has(1) ? "" : "affine=False", in_type(call.types[3].dtype)});
  LayerCall found = called(*path, constructor, tensors, node, node.inputs[0]);
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
  const auto& shape = call.integers("normalized_shape");
  // PyTorch's layer has no bias without a weight.
  if (!path || (call.has(2) && !call.has(1))) return std::nullopt;
  // One argument takes either form, but a tuple says that all lengths are meant.
  const std::string lengths =
      shape.size() == 1 ? std::to_string(shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
  const std::string affine = call.has(1) ? without_bias(call, 2) : "elementwise_affine=False";
  const std::string constructor = constructed(
      "LayerNorm", {lengths, stated(node, "eps"), affine, in_type(call.types[1].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[0]);
}

Found rms_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const auto& shape = call.integers("normalized_shape");
  const std::string lengths =
      shape.size() == 1 ? std::to_string(shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
  const std::string constructor = constructed(
      "RMSNorm", {lengths, stated(node, "eps"), call.has(1) ? "" : "elementwise_affine=False",
                  in_type(call.types[1].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[0]);
}

Found group_norm(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 1, {"weight", "bias"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  const Dim& channels = call.types[0].shape.at(1);
  if (!path || tensors.size() == 1 || !channels.known()) return std::nullopt;
  const std::string constructor =
      constructed("GroupNorm", {std::to_string(call.integer("num_groups")),
                                std::to_string(channels.value()), stated(node, "eps"),
                                call.has(1) ? "" : "affine=False", in_type(call.types[1].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[0]);
}

Found embedding(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const LayerFinder::Named tensors = named_inputs(node, call, 0, {"weight"});
  const auto path = finder.path_of(tensors, {}, node.scope);
  if (!path) return std::nullopt;
  const auto shape = lengths_of(finder.graph, node.inputs[0]);
  const std::string constructor =
      constructed("Embedding", {std::to_string(shape[0]), std::to_string(shape[1]),
                                call.integer("padding_idx") < 0 ? "" : stated(node, "padding_idx"),
                                in_type(call.types[0].dtype)});
  return called(*path, constructor, tensors, node, node.inputs[1]);
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
      called(*path, constructed(layer, {stated(node, "p")}), {}, node, node.inputs[0]);
  found.only_training = call.flag("training");
  found.only_evaluation = !found.only_training;
  return found;
}

// A stride that is not given is that of the kernel.
std::string own_stride(const Node& node, const OpCall& call) {
  const bool own = call.integers("stride") != call.integers("kernel_size");
  return own ? stated(node, "stride") : "";
}

Found max_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path || finder.used(node.outputs[1])) return std::nullopt;
  const std::string constructor = constructed(
      "MaxPool2d", {per_axis(call.integers("kernel_size")), own_stride(node, call),
                    stated(node, "padding"), stated(node, "dilation"), stated(node, "ceil_mode")});
  return called(*path, constructor, {}, node, node.inputs[0]);
}

Found avg_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  const std::string constructor = constructed(
      "AvgPool2d", {per_axis(call.integers("kernel_size")), own_stride(node, call),
                    stated(node, "padding"), stated(node, "ceil_mode"),
                    stated(node, "count_include_pad"), stated(node, "divisor_override")});
  return called(*path, constructor, {}, node, node.inputs[0]);
}

Found adaptive_avg_pool(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  return called(*path, constructed("AdaptiveAvgPool2d", {per_axis(call.integers("output_size"))}),
                {}, node, node.inputs[0]);
}

Found upsample(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  const std::string size = "size=" + per_axis(call.integers("output_size"));
  return called(*path, constructed("Upsample", {size}), {}, node, node.inputs[0]);
}

Found elu(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path || call.real("scale") != 1.0 || call.real("input_scale") != 1.0) return std::nullopt;
  return called(*path, constructed("ELU", {stated(node, "alpha")}), {}, node, node.inputs[0]);
}

Found hardtanh(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  const bool six = call.real("min_val") == 0.0 && call.real("max_val") == 6.0;
  const std::string constructor =
      six ? "nn.ReLU6()"
          : constructed("Hardtanh", {stated(node, "min_val"), stated(node, "max_val")});
  return called(*path, constructor, {}, node, node.inputs[0]);
}

// nn.Flatten may have been exported as a view.
Found flatten(const LayerFinder& finder, const Node& node, const OpCall& call) {
  const auto path = finder.path_of({}, {}, node.scope);
  const Shape& from = call.types[0].shape;
  const Shape& to = finder.graph[node.outputs[0]].type.shape;
  if (!path || from.size() < 2 || to.size() != 2 || !(from[0] == to[0])) return std::nullopt;
  return called(*path, "nn.Flatten()", {}, node, node.inputs[0]);
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
  const std::string constructor = constructed(
      "PReLU", {slopes[0] == 1 ? "" : std::to_string(slopes[0]), in_type(call.types[1].dtype)});
  LayerCall found = called(*path, constructor, tensors, node, node.inputs[0]);
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

Found by_attributes(const LayerFinder& finder, const Node& node, const Row& row) {
  const auto path = finder.path_of({}, {}, node.scope);
  if (!path) return std::nullopt;
  std::vector<std::string> arguments;
  for (const std::string_view name : split_text(row.arguments, ' '))
    arguments.push_back(stated(node, name));
  return called(*path, constructed(row.layer, arguments), {}, node, node.inputs[0]);
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
    return constructors.try_emplace(layer.path, layer.constructor).first->second !=
           layer.constructor;
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
  if (row->rule == nullptr) return by_attributes(*this, node, *row);
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  std::vector<TensorType> types;
  for (const ValueId id : node.inputs)
    types.push_back(id == ValueId::none ? TensorType{} : graph[id].type);
  return row->rule(*this, node, {attributes, node.inputs, types});
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
