#include "run/runnable.h"

#include <algorithm>

#include "graph/text.h"
#include "graph/uses.h"
#include "passes/passes.h"

namespace isomer {
namespace {

using Make = std::function<std::unique_ptr<Executor>()>;

/// Is made when it is first asked for something.
class Lazy final : public Executor {
 public:
  explicit Lazy(Make make) : make_(std::move(make)) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) override { return made().run(inputs); }
  std::vector<Tensor> states() override { return made().states(); }
  void set_states(std::span<const Tensor> states) override { made().set_states(states); }
  void reset() override {
    if (executor_ != nullptr) executor_->reset();
  }
  void set_constants(std::span<const Tensor> values) override { made().set_constants(values); }

 private:
  Executor& made() {
    if (executor_ == nullptr) executor_ = make_();
    return *executor_;
  }

  Make make_;
  std::unique_ptr<Executor> executor_;
};

std::unique_ptr<Executor> lazy(Make make) { return std::make_unique<Lazy>(std::move(make)); }

std::vector<Port> ports_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<Port> ports;
  for (const ValueId id : ids) ports.push_back({graph[id].name, graph[id].type});
  return ports;
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

/// Runs a graph with all its inner values as outputs.
class Tracer {
 public:
  Tracer(const Graph& graph, const Engine& engine, const EngineOptions& options)
      : graph_(expose_values(graph, exposed_)),
        first_(graph.outputs.size()),
        executor_(engine.make(graph_, options)) {}
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  std::vector<Step> trace(std::span<const Tensor> states, std::span<const Tensor> inputs) {
    executor_->set_states(states);
    const std::vector<Tensor> outputs = executor_->run(inputs);
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
  std::unique_ptr<Executor> executor_;
};

}  // namespace

Runnable on_engine(const Graph& original, const Engine& engine, Precision precision,
                   const EngineOptions& options) {
  const auto graph =
      std::make_shared<const Graph>(precision == Precision::f64 ? to_float64(original) : original);
  Runnable runnable;
  runnable.inputs = ports_of(*graph, graph->inputs);
  runnable.outputs = ports_of(*graph, graph->outputs);
  runnable.states = states_of(*graph);
  runnable.parameters = parameters_of(*graph);
  runnable.results = to_text(graph->signature.results);
  runnable.weights = weights_of(*graph);
  runnable.executor = lazy([=, &engine] { return engine.make(*graph, options); });
  if (std::ranges::any_of(runnable.outputs,
                          [](const Port& port) { return is_floating(port.type.dtype); })) {
    runnable.gradient = lazy([=, &engine] { return engine.make(differentiate(*graph), options); });
    if (engine.gradient != nullptr)
      runnable.autograd = lazy([=, &engine] { return engine.make_gradient(*graph, options); });
  }
  runnable.trace = [=, &engine, executor = runnable.executor.get(),
                    tracer = std::shared_ptr<Tracer>()](std::span<const Tensor> inputs) mutable {
    if (tracer == nullptr) tracer = std::make_shared<Tracer>(*graph, engine, options);
    return tracer->trace(executor->states(), inputs);
  };
  return runnable;
}

}  // namespace isomer
