#include "prove/known.h"

#include <algorithm>

#include "base/error.h"
#include "ops/schema.h"

namespace isomer {
namespace {

constexpr std::int64_t most_elements = 1 << 13;

bool is_small(const TensorType& type, const Lengths& lengths) {
  std::int64_t count = 1;
  for (const Dim& dim : type.shape) {
    count *= std::max<std::int64_t>(dim.evaluate(lengths), 1);
    if (count > most_elements) return false;
  }
  return !is_complex(type.dtype);
}

}  // namespace

KnownValues::KnownValues(const Graph& graph, const Lengths& lengths,
                         std::map<ValueId, Tensor> given)
    : graph_(graph),
      lengths_(lengths),
      uses_(graph),
      operators_(most_elements),
      fixed_(graph.values.size()) {
  const auto at = [&](ValueId id) { return static_cast<std::size_t>(id); };
  for (auto& [id, tensor] : given) {
    fixed_[at(id)] = true;
    known_[id] = std::move(tensor);
  }
  for (const Constant& constant : graph.constants) fixed_[at(constant.value)] = true;
  for (const Node& node : graph.nodes) {
    if (!node.bodies.empty() || draws(node)) continue;
    const bool fixed = std::ranges::all_of(
        node.inputs, [&](ValueId id) { return id == ValueId::none || fixed_[at(id)]; });
    for (const ValueId id : node.outputs) fixed_[at(id)] = fixed;
  }
}

const Tensor* KnownValues::find(ValueId id, int depth) {
  constexpr int deepest = 64;
  if (id == ValueId::none || !is_fixed(id) || depth > deepest) return nullptr;
  const auto [place, is_new] = known_.try_emplace(id);
  if (is_new && is_small(graph_[id].type, lengths_)) {
    const Constant* constant = uses_.constant(graph_, id);
    if (constant != nullptr)
      place->second = constant->data;
    else
      compute(*uses_.node(graph_, id), depth);
  }
  return place->second ? &*place->second : nullptr;
}

void KnownValues::compute(const Node& node, int depth) {
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(find(id, depth + 1));
    if (id != ValueId::none && inputs.back() == nullptr) return;
  }
  const Attributes attributes = evaluate(complete(op_named(node.op), node.attributes), lengths_);
  try {
    const std::vector<Tensor> results = operators_.run(node.op, inputs, attributes);
    for (std::size_t i = 0; i < results.size(); ++i) known_[node.outputs[i]] = results[i];
  } catch (const Error& error) {
    // What cannot be had at these lengths is not known.
    if (error.fault() == Fault::bug) throw;
  }
}

}  // namespace isomer
