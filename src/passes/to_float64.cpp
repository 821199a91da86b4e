#include <charconv>

#include "base/text.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

DType widened(DType dtype) { return dtype == DType::f32 ? DType::f64 : dtype; }

/// The double that the author of a float literal wrote: its shortest decimal, read again.
double written(float value) {
  const std::string text = real_text(value);
  double result = value;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

Tensor widened(const Tensor& tensor, bool literal) {
  if (tensor.dtype() != DType::f32) return tensor;
  if (!literal) return tensor.converted(DType::f64);
  const double value = written(tensor.view().as<float>()[0]);
  return Tensor::from_doubles(DType::f64, {}, std::span(&value, 1));
}

/// Types are inferred anew on the way, so only the graph's door and the dtypes among the attributes
/// change.
Graph with_wide_door(Graph graph) {
  for (const ValueId id : graph.inputs) graph[id].type.dtype = widened(graph[id].type.dtype);
  for (Constant& constant : graph.constants) {
    const bool literal = constant.names.empty() && constant.data.shape().empty();
    constant.data = widened(constant.data, literal);
  }
  for (State& state : graph.states) state.initial = widened(state.initial, false);
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
