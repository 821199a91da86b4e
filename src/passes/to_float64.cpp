#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/widening.h"

namespace isomer {

Widening::Widening(const Graph& graph) : widened_{DType::f32} {
  const auto own = [&](ValueId id) {
    if (is_half(graph[id].type.dtype)) widened_.insert(graph[id].type.dtype);
  };
  std::ranges::for_each(graph.inputs, own);
  for (const State& state : graph.states) own(state.now);
  for (const Constant& constant : graph.constants) {
    if (!is_literal(constant)) own(constant.value);
  }
}

Widening Widening::of_all() {
  Widening all;
  all.widened_ = {DType::f16, DType::bf16, DType::f32};
  return all;
}

void Widening::change(Attributes& attributes) const {
  for (NamedAttribute& attribute : attributes) {
    if (auto* dtype = std::get_if<DType>(&attribute.value)) *dtype = (*this)(*dtype);
  }
}

namespace {

/// A literal becomes the double that its author wrote, which a float could not hold.
void widen(Constant& constant, const Widening& widened) {
  if (widened(constant.data.dtype()) == constant.data.dtype()) return;
  const double number = is_literal(constant) ? number_of(constant) : 0.0;
  constant.data = is_literal(constant) ? Tensor::from_doubles(DType::f64, {}, std::span(&number, 1))
                                       : constant.data.converted(DType::f64);
  constant.written.reset();
}

}  // namespace

Graph with_wide_interface(Graph graph, const Widening& widened,
                          const std::function<bool(const Constant&)>& stays) {
  for (const ValueId id : graph.inputs) graph[id].type.dtype = widened(graph[id].type.dtype);
  for (Constant& constant : graph.constants) {
    if (!stays || !stays(constant)) widen(constant, widened);
  }
  for (State& state : graph.states)
    state.initial = state.initial.converted(widened(state.initial.dtype()));
  change_bodies(graph, [&](const Graph& body) { return with_wide_interface(body, widened); });
  return graph;
}

Graph to_float64(const Graph& graph) {
  const Widening widened(graph);
  return rewrite(with_wide_interface(graph, widened),
                 [&](Builder& out, const Graph&, const Node& node,
                     std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
                   Attributes attributes = complete(op_named(node.op), node.attributes);
                   widened.change(attributes);
                   return out.emit_all(node.op, {inputs.begin(), inputs.end()},
                                       std::move(attributes), node.bodies);
                 });
}

}  // namespace isomer
