#include "systems/mdf/initial_states.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "systems/mdf/executor.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/wiring.h"

namespace isomer::mdf {
namespace {

using States = std::map<StateId, Tensor>;

States states_of(const DocumentExecutor& executor) {
  States states;
  for (const auto& node : executor.nodes()) {
    for (const std::string& name : node->stateful_parameters()) {
      const Value value = node->state(name);
      if (!value.is_none()) states.emplace(std::pair(node->id(), name), tensor_of(value));
    }
  }
  return states;
}

/// Numbers of no special kind for all that is open.
void give_inputs(DocumentExecutor& executor, const DocumentGraph& graph) {
  Random random(1);
  for (const InterfacePort& port : open_ports(graph)) {
    const auto shape = known_shape(port.type.shape);
    if (!shape || !is_floating(port.type.dtype)) continue;
    std::vector<double> values(static_cast<std::size_t>(count_elements(std::span(*shape))));
    for (double& value : values) value = random.normal();
    executor.set_input(port.id,
                       numpy::array_value(Tensor::from_doubles(DType::f64, *shape, values)));
  }
}

/// All that nodes hold after the first evaluation from these states.
std::vector<Tensor> first_evaluation(const DocumentGraph& graph, const States& states) {
  DocumentExecutor executor(graph);
  give_inputs(executor, graph);
  const States known = states_of(executor);
  for (const auto& [place, tensor] : states) {
    if (!known.contains(place)) continue;
    executor.node(place.first)->set_state(place.second, numpy::array_value(tensor));
  }
  executor.evaluate();
  std::vector<Tensor> found;
  for (const auto& node : executor.nodes()) {
    for (const auto& [id, value] : node->quantities()) {
      Tensor tensor;
      if (to_tensor(*value, tensor)) found.push_back(tensor.converted(DType::f64));
    }
  }
  return found;
}

/// The states when they have found their shapes, which may go from node to node.
States settled_states(DocumentExecutor& executor) {
  executor.evaluate();
  executor.evaluate({1.0});
  States states = states_of(executor);
  constexpr int most = 16;
  for (int i = 0; i < most; ++i) {
    executor.evaluate({1.0});
    States later = states_of(executor);
    const bool settled = std::ranges::equal(states, later, [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.shape() == b.second.shape();
    });
    states = std::move(later);
    // A value that goes through two nodes needs as many evaluations.
    if (settled && i > 1) break;
  }
  return states;
}

/// One number may get axes: what begins as [1] and is [1, 1] from then on has that shape at once.
bool same_numbers(const Tensor& a, const Tensor& b) {
  const bool one = a.count() == 1 && b.count() == 1;
  return one ? a.reshaped({}).same_bits(b.reshaped({})) : a.same_bits(b);
}

}  // namespace

States initial_states(const DocumentGraph& graph) {
  try {
    DocumentExecutor executor(graph);
    give_inputs(executor, graph);
    const States before = states_of(executor);
    States wanted = before;
    bool grows = false;
    for (const auto& [place, after] : settled_states(executor)) {
      // What has no value yet is read by nobody in the first evaluation.
      if (!before.contains(place)) {
        wanted.emplace(place, Tensor::zeros(after.dtype(), after.shape()));
        continue;
      }
      Tensor& initial = wanted.at(place);
      const DType dtype = promoted(initial.dtype(), after.dtype());
      const bool number = initial.count() == 1 && after.shape() != initial.shape();
      initial = number ? Tensor::filled(dtype, after.shape(), initial.doubles()[0])
                       : initial.converted(dtype);
      grows = grows || number;
    }
    if (!grows || std::ranges::equal(first_evaluation(graph, {}), first_evaluation(graph, wanted),
                                     same_numbers))
      return wanted;
    return before;
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return {};
  }
}

}  // namespace isomer::mdf
