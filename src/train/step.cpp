#include "train/step.h"

#include <algorithm>

#include "base/text.h"
#include "passes/copy.h"
#include "passes/passes.h"

namespace isomer::train {
namespace {

Graph with_loss(const Graph& model, const Loss& loss) {
  if (model.outputs.empty()) throw Error(Fault::model, model.name, "it has no outputs to train");
  Signature signature;
  signature.lengths = model.signature.lengths;
  Builder b(model.name);
  const std::vector<ValueId> values = copy_into(b, model);
  const ValueId output = values[static_cast<std::size_t>(model.outputs[0])];
  return with_place(fmt::format("loss {}", loss.name), [&] {
    const TensorType type = b.type(output);
    if (!is_floating(type.dtype)) {
      throw Error(
          Fault::model, "",
          fmt::format("the first output of the model is {}; it should be floating", to_text(type)));
    }
    const ValueId target = b.input("target", loss.target(type));
    return std::move(b).finish({loss.emit(b, output, target)}, signature);
  });
}

bool is_trained(const Constant& constant) {
  return constant.trainable && is_floating(constant.data.dtype());
}

/// What is trained changes in each run: a state.
Graph with_parameters_as_states(Graph graph) {
  for (Constant& constant : graph.constants) {
    if (!is_trained(constant)) continue;
    graph.states.push_back({constant.value, constant.value, constant.data, constant.names});
  }
  std::erase_if(graph.constants, is_trained);
  return graph;
}

/// What an optimizer remembers has names that begin so.
void check_names(const Graph& graph) {
  for (const State& state : graph.states) {
    for (const std::string& name : state.names) {
      if (!name.starts_with("optimizer.")) continue;
      throw Error(Fault::unsupported, quoted(name),
                  "names that begin with 'optimizer.' are the optimizer's own; call the module "
                  "otherwise");
    }
  }
}

/// The values through which a gradient flows from the loss.
std::vector<bool> reached_by_gradient(const Graph& graph) {
  std::vector<bool> reached(graph.values.size());
  const auto reach = [&](ValueId id) {
    if (id != ValueId::none && is_floating(graph[id].type.dtype))
      reached[static_cast<std::size_t>(id)] = true;
  };
  reach(graph.outputs[0]);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool any = std::ranges::any_of(
        node.outputs, [&](ValueId id) { return reached[static_cast<std::size_t>(id)]; });
    if (any && !traits_of(node).stops_gradient) std::ranges::for_each(node.inputs, reach);
  }
  return reached;
}

}  // namespace

Graph training_step(const Graph& model, const Recipe& recipe) {
  const std::size_t own = model.states.size();
  Graph forward = with_parameters_as_states(with_loss(model, *recipe.loss));
  Joint joint{.loss = true, .states = {}};
  for (std::size_t i = own; i < forward.states.size(); ++i) joint.states.push_back(i);
  if (joint.states.empty()) {
    throw Error(
        Fault::model, model.name,
        "it has no trainable parameters; export a model whose parameters require gradients");
  }
  check_names(forward);
  const Graph both = differentiate_jointly(forward, joint);
  Builder b(model.name + "_step");
  const std::vector<ValueId> values = copy_into(b, both);
  const auto value = [&](ValueId id) { return values[static_cast<std::size_t>(id)]; };
  std::vector<Updates::Parameter> parameters;
  const std::vector<bool> reached = reached_by_gradient(forward);
  const std::size_t first = both.outputs.size() - joint.states.size();  // of the gradients
  for (std::size_t i = own; i < both.states.size(); ++i) {
    // As torch.optim, which passes over a parameter that has no gradient.
    if (!reached[static_cast<std::size_t>(forward.states[i].now)]) continue;
    const State& state = both.states[i];
    const std::string name = state.names.empty() ? both[state.now].name : state.names[0];
    parameters.push_back({value(state.now), value(both.outputs[first + i - own]), name});
  }
  Updates updates(b, std::move(parameters), recipe.settings);
  recipe.optimizer->update(updates);
  Signature signature;
  signature.lengths = both.signature.lengths;
  return simplify(std::move(b).finish({value(both.outputs[0])}, std::move(signature)));
}

Graph trained(Graph model, std::span<const Tensor> states) {
  std::size_t next = 0;
  for (State& state : model.states) state.initial = states[next++];
  for (Constant& constant : model.constants) {
    if (is_trained(constant)) constant.data = states[next++];
  }
  return model;
}

}  // namespace isomer::train
