#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

std::vector<bool> used_values(const Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  const auto use = [&](ValueId id) {
    if (id != ValueId::none) used[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.outputs) use(id);
  for (const State& state : graph.states) use(state.next);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    bool needed = false;
    for (const ValueId id : node.outputs) needed = needed || used[static_cast<std::size_t>(id)];
    if (!needed) continue;
    for (const ValueId id : node.inputs) use(id);
  }
  return used;
}

}  // namespace

Graph remove_unused(const Graph& graph) {
  const std::vector<bool> used = used_values(graph);
  const auto is_used = [&](ValueId id) { return used[static_cast<std::size_t>(id)]; };
  Graph kept = graph;
  std::erase_if(kept.constants, [&](const Constant& constant) {
    return constant.names.empty() && !is_used(constant.value);
  });
  std::erase_if(kept.nodes, [&](const Node& node) {
    for (const ValueId id : node.outputs) {
      if (is_used(id)) return false;
    }
    return true;
  });
  change_bodies(kept, remove_unused);
  // A walk that changes nothing else numbers the remaining values anew.
  return rewrite(kept, [](Builder&, const Graph&, const Node&, std::span<const ValueId>) {
    return std::nullopt;
  });
}

}  // namespace isomer
