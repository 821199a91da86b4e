#include "torch/plan.h"

#include <ATen/ops/from_blob.h>

#include "ops/validate.h"
#include "passes/rewrite.h"

namespace isomer::libtorch {
namespace {

std::vector<PlannedNode> planned_nodes(const Graph& graph) {
  std::vector<char> read(graph.values.size());
  for (const ValueId id : graph.outputs) read[static_cast<std::size_t>(id)] = 1;
  for (const State& state : graph.states) read[static_cast<std::size_t>(state.next)] = 1;
  std::vector<PlannedNode> nodes(graph.nodes.size());
  // Backwards: the first reader met is the last one.
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    PlannedNode& planned = nodes[i];
    for (const ValueId id : node.outputs)
      planned.wanted.push_back(read[static_cast<std::size_t>(id)] != 0);
    planned.action = with_place([&] { return describe(graph, node); },
                                [&] { return libtorch::bind(graph, node, planned.wanted); });
    for (const ValueId id : node.inputs) {
      if (id == ValueId::none) continue;
      if (std::exchange(read[static_cast<std::size_t>(id)], 1) != 0) continue;
      planned.done_with.push_back(id);
    }
  }
  return nodes;
}

std::string type_text(const at::Tensor& tensor) {
  for (int i = 0; i <= static_cast<int>(DType::c128); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (scalar_type(dtype) == tensor.scalar_type()) return to_text(dtype, tensor.sizes().vec());
  }
  return c10::toString(tensor.scalar_type());
}

/// Exact, or the type rules and libtorch disagree and nothing after it could be trusted.
void require_promised(const Graph& graph, const Node& node, std::size_t i, const at::Tensor& output,
                      const Lengths& lengths) {
  const TensorType& type = graph[node.outputs[i]].type;
  const std::vector<std::int64_t> shape = evaluate(type.shape, lengths);
  if (output.scalar_type() == scalar_type(type.dtype) && output.sizes().equals(shape)) return;
  throw Error(
      Fault::bug, describe(graph, node),
      "libtorch gives " + type_text(output) + "; it should be " + to_text(type.dtype, shape));
}

void run_node(const Graph& graph, const Node& node, const PlannedNode& planned, Values& values,
              const Context& context) {
  std::vector<at::Tensor> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId id : node.inputs)
    inputs.push_back(id == ValueId::none ? at::Tensor() : values[id]);
  std::vector<at::Tensor> outputs = translated([&] { return describe(graph, node); },
                                               [&] { return planned.action(inputs, context); });
  expect(outputs.size() >= node.outputs.size(), "libtorch gives every output of a node");
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (!planned.wanted[i]) continue;
    require_promised(graph, node, i, outputs[i], context.lengths);
    values[node.outputs[i]] = std::move(outputs[i]);
  }
}

}  // namespace

at::Tensor wrapped(const Tensor& tensor) {
  const Bytes& bytes = tensor.bytes();
  void* data = const_cast<std::byte*>(bytes.data().data());
  return at::from_blob(
      data, tensor.shape(), [owner = bytes.owner()](void*) {}, scalar_type(tensor.dtype()));
}

at::Tensor wrapped(const Constant& constant, const Tensor& value) {
  at::Tensor tensor = wrapped(value);
  if (constant.trainable && is_floating(value.dtype())) tensor.requires_grad_(true);
  return tensor;
}

Plan plan_for(const Graph& graph) { return plan_for_runnable(expand_unsupported(graph, runs)); }

Plan plan_for_runnable(Graph graph) {
  Plan plan;
  plan.graph = std::move(graph);
  plan.nodes = planned_nodes(plan.graph);
  for (const Constant& constant : plan.graph.constants) {
    plan.constants.emplace_back(constant.value, wrapped(constant, constant.data));
  }
  return plan;
}

void run_all(const Plan& plan, Values& values, const Context& context) {
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    run_node(plan.graph, plan.graph.nodes[i], plan.nodes[i], values, context);
    for (const ValueId id : plan.nodes[i].done_with) values[id].reset();
  }
}

}  // namespace isomer::libtorch
