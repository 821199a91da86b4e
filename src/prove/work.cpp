#include "prove/work.h"

#include <algorithm>

#include "base/error.h"
#include "ops/schema.h"

namespace isomer {
namespace {

// A multiplication in a sum costs less than an operator's element.
constexpr double of_term = 1.0 / 8;
constexpr double trips = 8;
// What the reference engine does in about a second.
constexpr double much = 3e8 * of_term;

double count_of(const TensorType& type, const Lengths& lengths) {
  double count = 1;
  for (const Dim& dim : type.shape) count *= static_cast<double>(dim.evaluate(lengths));
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

/// 0 for inputs that the graph does not take.
double work_of(const Graph& graph, const InputSet& set) {
  try {
    return work_of(graph, bind_lengths(graph, set.calls[0])) *
           static_cast<double>(set.calls.size());
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return 0;
  }
}

}  // namespace

double work_of(const Graph& graph, const Lengths& lengths) {
  double work = 0;
  for (const Node& node : graph.nodes) {
    const double of_element = 1 + of_term * terms_of(graph, node, lengths);
    for (const ValueId id : node.outputs) work += of_element * count_of(graph[id].type, lengths);
    for (const Body& body : node.bodies) {
      Lengths known = lengths;
      for (const LengthRange& range : body->signature.lengths) known.try_emplace(range.name, 1);
      work += trips * work_of(*body, known);
    }
  }
  return work;
}

std::size_t mark_costly(std::vector<InputSet>& sets, const Graph& graph, double for_cheapest) {
  std::vector<double> costs;
  for (const InputSet& set : sets) costs.push_back(work_of(graph, set));
  double parameters = 0;
  for (const Constant& constant : graph.constants)
    parameters += constant.trainable ? static_cast<double>(constant.data.count()) : 0;
  const auto least = std::ranges::min_element(costs) - costs.begin();
  std::size_t costly = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    constexpr double derivative = 3, each_parameter = 20 * of_term;
    constexpr double measuring = 20;  // many runs of a fast engine, which move all parameters
    sets[i].costly = costs[i] > (std::cmp_equal(i, least) ? for_cheapest : 1) * much;
    // A derivative reads and gives all parameters, however small the inputs are.
    sets[i].costly_to_differentiate = derivative * costs[i] + each_parameter * parameters > much;
    sets[i].costly_to_measure = measuring * (costs[i] + parameters) > much;
    costly += sets[i].costly ? 1 : 0;
  }
  return costly;
}

}  // namespace isomer
