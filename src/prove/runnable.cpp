#include "prove/runnable.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "graph/uses.h"
#include "passes/passes.h"

namespace isomer {
namespace {

/// An executor that is made at its first run, and whose states begin anew at each.
class Lazy {
 public:
  explicit Lazy(std::function<std::unique_ptr<Executor>()> make) : make_(std::move(make)) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) {
    if (executor_ == nullptr) {
      executor_ = make_();
      initial_ = executor_->states();
    }
    if (!initial_.empty()) executor_->set_states(initial_);
    return executor_->run(inputs);
  }
  std::vector<Tensor> states() const {
    return executor_ == nullptr ? std::vector<Tensor>{} : executor_->states();
  }

 private:
  std::function<std::unique_ptr<Executor>()> make_;
  std::unique_ptr<Executor> executor_;
  std::vector<Tensor> initial_;
};

std::vector<Tensor> as_taken(std::span<const Tensor> tensors, std::span<const DType> wanted) {
  std::vector<Tensor> result(tensors.begin(), tensors.end());
  for (std::size_t i = 0; i < result.size() && i < wanted.size(); ++i) {
    const bool floating = is_floating(wanted[i]) && is_floating(result[i].dtype());
    if (floating && result[i].dtype() != wanted[i]) result[i] = result[i].converted(wanted[i]);
  }
  return result;
}

std::vector<DType> dtypes(std::span<const Port> ports, bool only_floating = false) {
  std::vector<DType> result;
  for (const Port& port : ports) {
    if (!only_floating || is_floating(port.type.dtype)) result.push_back(port.type.dtype);
  }
  return result;
}

Function function_of(std::vector<DType> wanted, std::function<std::unique_ptr<Executor>()> make) {
  auto lazy = std::make_shared<Lazy>(std::move(make));
  return [lazy, wanted = std::move(wanted)](std::span<const Tensor> inputs) {
    return lazy->run(as_taken(inputs, wanted));
  };
}

/// What a gradient takes: the inputs, then the cotangents of the floating outputs.
std::vector<DType> gradient_dtypes(std::span<const Port> inputs, std::span<const Port> outputs) {
  std::vector<DType> result = dtypes(inputs);
  const std::vector<DType> cotangents = dtypes(outputs, true);
  result.insert(result.end(), cotangents.begin(), cotangents.end());
  return result;
}

std::vector<Port> ports_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<Port> ports;
  for (const ValueId id : ids) ports.push_back({graph[id].name, graph[id].type});
  return ports;
}

std::vector<Port> parameters_of(const Graph& graph) {
  std::vector<Port> ports;
  for (const Constant& constant : graph.constants) {
    if (!constant.trainable) continue;
    ports.push_back({constant.names.empty() ? graph[constant.value].name : constant.names[0],
                     graph[constant.value].type});
  }
  return ports;
}

std::vector<std::string> states_of(const Graph& graph) {
  std::vector<std::string> names;
  std::size_t nameless = 0;
  for (const State& state : graph.states) {
    names.push_back(state.names.empty() ? fmt::format("nameless {}", nameless++) : state.names[0]);
  }
  return names;
}

std::vector<std::pair<std::string, Tensor>> weights_of(const Graph& graph) {
  std::vector<std::pair<std::string, Tensor>> weights;
  for (const Constant& constant : graph.constants) {
    for (const std::string& name : constant.names) weights.emplace_back(name, constant.data);
  }
  for (const State& state : graph.states) {
    for (const std::string& name : state.names) weights.emplace_back(name, state.initial);
  }
  return weights;
}

/// The graph on an engine, with the values of its trainable constants replaceable.
struct Held {
  Graph graph;
  const Engine& engine;
  std::shared_ptr<Lazy> lazy;

  void rebuild() {
    lazy = std::make_shared<Lazy>([this] { return engine.make(graph); });
  }
  void set(std::span<const Tensor> values) {
    std::size_t next = 0;
    for (Constant& constant : graph.constants) {
      if (constant.trainable) constant.data = values[next++].converted(constant.data.dtype());
    }
    expect(next == values.size(), "one value for each parameter");
    rebuild();
  }
};

class Tracer {
 public:
  Tracer(const Graph& graph, const Engine& engine)
      : graph_(expose_values(graph, exposed_)), first_(graph.outputs.size()) {
    lazy_.emplace([this, &engine] { return engine.make(graph_); });
  }
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  std::vector<Step> trace(std::span<const Tensor> inputs) {
    const std::vector<Tensor> outputs =
        lazy_->run(as_taken(inputs, dtypes(ports_of(graph_, graph_.inputs))));
    std::vector<Step> steps;
    for (std::size_t i = 0; i < exposed_.size(); ++i) {
      const Node& node = *uses_.node(graph_, exposed_[i]);
      steps.push_back(
          {graph_[exposed_[i]].name, node.op, node.scope, node.place, outputs.at(first_ + i)});
    }
    return steps;
  }

 private:
  std::vector<ValueId> exposed_;
  Graph graph_;
  std::size_t first_;
  Uses uses_{graph_};
  std::optional<Lazy> lazy_;
};

}  // namespace

Runnable on_engine(const Graph& original, const Engine& engine, Precision precision) {
  auto held = std::make_shared<Held>(
      Held{precision == Precision::doubled ? to_float64(original) : original, engine, {}});
  held->rebuild();
  const Graph& graph = held->graph;
  Runnable runnable;
  runnable.how = engine.name;
  runnable.inputs = ports_of(graph, graph.inputs);
  runnable.outputs = ports_of(graph, graph.outputs);
  runnable.results = to_text(graph.signature.results);
  runnable.parameters = parameters_of(graph);
  runnable.weights = weights_of(graph);
  runnable.run = [held, wanted = dtypes(runnable.inputs)](std::span<const Tensor> inputs) {
    return held->lazy->run(as_taken(inputs, wanted));
  };
  runnable.states = states_of(graph);
  for (const State& state : graph.states) runnable.initial.push_back(state.initial);
  runnable.left = [held] { return held->lazy->states(); };
  runnable.set_parameters = [held](std::span<const Tensor> values) { held->set(values); };
  if (count_floating(runnable.outputs) > 0) {
    const std::vector<DType> wanted = gradient_dtypes(runnable.inputs, runnable.outputs);
    runnable.gradient =
        function_of(wanted, [held] { return held->engine.make(differentiate(held->graph)); });
    if (engine.make_gradient != nullptr) {
      runnable.autograd =
          function_of(wanted, [held] { return held->engine.make_gradient(held->graph); });
    }
  }
  runnable.trace = [held,
                    tracer = std::shared_ptr<Tracer>()](std::span<const Tensor> inputs) mutable {
    if (tracer == nullptr) tracer = std::make_shared<Tracer>(held->graph, held->engine);
    return tracer->trace(inputs);
  };
  return runnable;
}

Runnable by_own_rules(std::string_view name, Simulation simulation) {
  struct Owned {
    Simulation simulation;
    std::vector<Tensor> initial;

    void begin_anew() const {
      if (!initial.empty()) simulation.executor->set_states(initial);
    }
  };
  auto owned = std::make_shared<Owned>(Owned{std::move(simulation), {}});
  owned->initial = owned->simulation.executor->states();
  const Simulation& own = owned->simulation;
  Runnable runnable;
  runnable.how = std::string(name) + "'s own rules";
  runnable.inputs = own.inputs;
  runnable.outputs = own.outputs;
  runnable.results = own.results;
  runnable.parameters = own.parameters;
  runnable.states = own.states;
  runnable.initial = owned->initial;
  runnable.weights = own.weights;
  runnable.set_parameters = own.set_parameters;
  const std::vector<DType> wanted = dtypes(own.inputs);
  runnable.run = [owned, wanted](std::span<const Tensor> inputs) {
    owned->begin_anew();
    return owned->simulation.executor->run(as_taken(inputs, wanted));
  };
  runnable.left = [owned] { return owned->simulation.executor->states(); };
  if (own.gradient != nullptr) {
    runnable.gradient =
        [owned, taken = gradient_dtypes(own.inputs, own.outputs)](std::span<const Tensor> inputs) {
          owned->begin_anew();
          return owned->simulation.gradient->run(as_taken(inputs, taken));
        };
  }
  if (own.trace) {
    runnable.trace = [owned, wanted](std::span<const Tensor> inputs) {
      owned->begin_anew();
      return owned->simulation.trace(as_taken(inputs, wanted));
    };
  }
  return runnable;
}

std::size_t count_floating(std::span<const Port> ports) {
  return static_cast<std::size_t>(
      std::ranges::count_if(ports, [](const Port& port) { return is_floating(port.type.dtype); }));
}

}  // namespace isomer
