#include "passes/copy.h"

namespace isomer {

std::vector<ValueId> copy_interface(Builder& out, const Graph& graph) {
  std::vector<ValueId> now(graph.values.size(), ValueId::none);
  const auto at = [&](ValueId id) -> ValueId& { return now[static_cast<std::size_t>(id)]; };
  out.assume(graph.signature.lengths);
  for (const ValueId id : graph.inputs) at(id) = out.input(graph[id].name, graph[id].type);
  for (const Constant& constant : graph.constants)
    at(constant.value) = out.constant(graph[constant.value].name, constant);
  for (const State& state : graph.states)
    at(state.now) = out.state(graph[state.now].name, state.initial, state.names);
  return now;
}

void copy_node(Builder& out, const Graph& graph, const Node& node, std::vector<ValueId>& now) {
  out.at(node.scope, node.place);
  const std::vector<ValueId> results =
      out.emit_all(node.op, mapped(node.inputs, now), node.attributes, node.bodies);
  for (std::size_t i = 0; i < results.size(); ++i) {
    now[static_cast<std::size_t>(node.outputs[i])] = results[i];
    out.name(results[i], graph[node.outputs[i]].name);
  }
}

std::vector<ValueId> copy_into(Builder& out, const Graph& graph) {
  std::vector<ValueId> now = copy_interface(out, graph);
  const auto at = [&](ValueId id) -> ValueId& { return now[static_cast<std::size_t>(id)]; };
  for (const Node& node : graph.nodes) copy_node(out, graph, node, now);
  out.at("", {});
  for (const State& state : graph.states) out.keep(at(state.now), at(state.next));
  return now;
}

}  // namespace isomer
