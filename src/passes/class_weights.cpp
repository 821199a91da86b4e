#include "passes/class_weights.h"

#include <algorithm>

#include "ops/schema.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

constexpr std::size_t weight = 2;

bool weighs_classes(const Node& node) {
  return (node.op == "cross_entropy" || node.op == "nll_loss") && node.inputs.size() > weight &&
         node.inputs[weight] != ValueId::none;
}

}  // namespace

Graph detach_class_weights(const Graph& graph) {
  return rewrite(graph,
                 [](Builder& out, const Graph&, const Node& node,
                    std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
                   if (!weighs_classes(node)) return std::nullopt;
                   std::vector<ValueId> detached(inputs.begin(), inputs.end());
                   detached[weight] = out.emit("detach", {inputs[weight]});
                   return out.emit_all(node.op, detached, node.attributes, node.bodies);
                 });
}

std::set<ValueId> makers_of_class_weights(const Graph& graph) {
  std::set<ValueId> makers;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (weighs_classes(node)) makers.insert(node.inputs[weight]);
    const bool makes =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return makers.contains(id); });
    if (makes && !traits_of(node).stops_gradient)
      makers.insert(node.inputs.begin(), node.inputs.end());
  }
  return makers;
}

}  // namespace isomer
