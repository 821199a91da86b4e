#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

DType widened(DType dtype) { return dtype == DType::f32 ? DType::f64 : dtype; }

/// A literal becomes the double that its author wrote, which a float could not hold.
void widen(Constant& constant) {
  if (constant.data.dtype() != DType::f32) return;
  const double number = is_literal(constant) ? number_of(constant) : 0.0;
  constant.data = is_literal(constant) ? Tensor::from_doubles(DType::f64, {}, std::span(&number, 1))
                                       : constant.data.converted(DType::f64);
  constant.written.reset();
}

/// Types are inferred anew on the way, so only the graph's door and the dtypes among the attributes
/// change.
Graph with_wide_door(Graph graph) {
  for (const ValueId id : graph.inputs) graph[id].type.dtype = widened(graph[id].type.dtype);
  for (Constant& constant : graph.constants) widen(constant);
  for (State& state : graph.states) {
    if (state.initial.dtype() == DType::f32) state.initial = state.initial.converted(DType::f64);
  }
  return graph;
}

std::optional<std::vector<ValueId>> in_double(Builder& out, const Graph&, const Node& node,
                                              std::span<const ValueId> inputs) {
  Attributes attributes = complete(op_named(node.op), node.attributes);
  for (NamedAttribute& attribute : attributes) {
    if (auto* dtype = std::get_if<DType>(&attribute.value)) *dtype = widened(*dtype);
  }
  return out.emit_all(node.op, {inputs.begin(), inputs.end()}, attributes);
}

}  // namespace

Graph to_float64(const Graph& graph) { return rewrite(with_wide_door(graph), in_double); }

}  // namespace isomer
