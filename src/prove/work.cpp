#include "prove/work.h"

#include "base/error.h"
#include "ops/schema.h"
#include "passes/rewrite.h"
#include "run/engine.h"

namespace isomer {
namespace {

double elements(const Shape& shape, const Lengths& lengths) {
  double count = 1;
  for (const std::int64_t length : evaluate(shape, lengths)) count *= static_cast<double>(length);
  return count;
}

double terms_of(const Graph& graph, const Node& node, const Lengths& lengths) {
  const Traits& traits = traits_of(node);
  if (traits.terms == nullptr) return 1;
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  std::vector<TensorType> types;
  for (const ValueId id : node.inputs)
    types.push_back(id == ValueId::none ? TensorType{} : graph[id].type);
  return static_cast<double>(traits.terms({attributes, node.inputs, types}).evaluate(lengths));
}

double work_of(const Graph& graph, const Lengths& lengths) {
  double work = 0;
  for (const Node& node : graph.nodes) {
    double made = 0;
    for (const ValueId id : node.outputs) made += elements(graph[id].type.shape, lengths);
    work += made * terms_of(graph, node, lengths);
    for (const Body& body : node.bodies) {
      Lengths known = lengths;
      for (const LengthRange& range : body->signature.lengths) known.try_emplace(range.name, 1);
      work += work_of(*body, known);
    }
  }
  return work;
}

}  // namespace

Work::Work(const Graph& graph) : graph_(expand_unsupported(graph, reference_engine().runs)) {}

double Work::of(std::span<const Tensor> inputs) const {
  try {
    return work_of(graph_, bind_lengths(graph_, inputs));
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return 0;
  }
}

}  // namespace isomer
