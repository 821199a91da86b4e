#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

/// Whether the model's own numbers are halves: then they are its precision, and not a rounding that
/// its author wrote.
bool lives_in_half(const Graph& graph) {
  const auto half = [&](const ValueId id) { return is_half(graph[id].type.dtype); };
  return std::ranges::any_of(graph.inputs, half) ||
         std::ranges::any_of(graph.constants,
                             [&](const Constant& c) { return !is_literal(c) && half(c.value); });
}

struct Widening {
  bool halves = false;

  DType operator()(DType dtype) const {
    return dtype == DType::f32 || (halves && is_half(dtype)) ? DType::f64 : dtype;
  }
};

/// A literal becomes the double that its author wrote, which a float could not hold.
void widen(Constant& constant, const Widening& widened) {
  if (widened(constant.data.dtype()) == constant.data.dtype()) return;
  const double number = is_literal(constant) ? number_of(constant) : 0.0;
  constant.data = is_literal(constant) ? Tensor::from_doubles(DType::f64, {}, std::span(&number, 1))
                                       : constant.data.converted(DType::f64);
  constant.written.reset();
}

/// Types are inferred anew on the way, so only the interfaces of the graph and its bodies and the
/// dtypes among the attributes change.
Graph with_wide_interface(Graph graph, const Widening& widened) {
  for (const ValueId id : graph.inputs) graph[id].type.dtype = widened(graph[id].type.dtype);
  for (Constant& constant : graph.constants) widen(constant, widened);
  for (State& state : graph.states) {
    state.initial = state.initial.converted(widened(state.initial.dtype()));
  }
  change_bodies(graph, [&](const Graph& body) { return with_wide_interface(body, widened); });
  return graph;
}

std::vector<ValueId> in_double(Builder& out, const Node& node, std::span<const ValueId> inputs,
                               const Widening& widened) {
  Attributes attributes = complete(op_named(node.op), node.attributes);
  for (NamedAttribute& attribute : attributes) {
    if (auto* dtype = std::get_if<DType>(&attribute.value)) *dtype = widened(*dtype);
  }
  return out.emit_all(node.op, {inputs.begin(), inputs.end()}, attributes, node.bodies);
}

}  // namespace

Graph to_float64(const Graph& graph) {
  const Widening widened{lives_in_half(graph)};
  return rewrite(
      with_wide_interface(graph, widened),
      [&](Builder& out, const Graph&, const Node& node, std::span<const ValueId> inputs) {
        return std::optional(in_double(out, node, inputs, widened));
      });
}

}  // namespace isomer
