#include "run/runnable.h"

#include <algorithm>

#include "graph/text.h"
#include "passes/passes.h"

namespace isomer {
namespace {

using Make = std::function<std::unique_ptr<Executor>(const Graph&)>;

/// Is made when it is first asked for something.
class Lazy final : public Executor {
 public:
  Lazy(SharedGraph graph, Make make) : make_graph_(std::move(graph)), make_(std::move(make)) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) override { return made().run(inputs); }
  std::vector<Tensor> states() override { return made().states(); }
  void set_states(std::span<const Tensor> states) override { made().set_states(states); }
  void reset() override {
    if (executor_ != nullptr) executor_->reset();
  }
  void set_constants(std::span<const Tensor> values) override { made().set_constants(values); }
  void release() override {
    executor_.reset();
    graph_.reset();
  }

 private:
  Executor& made() {
    if (executor_ == nullptr) {
      graph_ = make_graph_();
      executor_ = make_(*graph_);
    }
    return *executor_;
  }

  SharedGraph make_graph_;
  Make make_;
  std::shared_ptr<const Graph> graph_;  // for others who run it
  std::unique_ptr<Executor> executor_;
};

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

std::vector<CallArgument> arguments_of(const Signature& signature) {
  std::vector<CallArgument> arguments;
  for (const std::string& name : signature.arguments.keys)
    arguments.push_back({name, CallArgument::Kind::either, {}});
  for (const std::string& name : signature.keywords.keys)
    arguments.push_back({name, CallArgument::Kind::name, {}});
  return arguments;
}

}  // namespace

Graph exported_like(const Runnable& program, const Graph& like) {
  return program.exported(ports_of(like, like.inputs), like.signature.lengths);
}

Runnable on_engine(const Graph& graph, const Engine& engine, const EngineOptions& options) {
  return on_engine(std::make_shared<const Graph>(graph), engine, options);
}

Runnable on_engine(std::shared_ptr<const Graph> graph, const Engine& engine,
                   const EngineOptions& options) {
  Runnable runnable = on_engine([graph] { return graph; }, engine, options);
  runnable.weights = weights_of(*graph);
  return runnable;
}

SharedGraph in_double(std::shared_ptr<const Graph> graph) {
  return [graph = std::move(graph), wide = std::make_shared<std::weak_ptr<const Graph>>()] {
    std::shared_ptr<const Graph> kept = wide->lock();
    if (kept == nullptr) *wide = kept = std::make_shared<const Graph>(to_float64(*graph));
    return kept;
  };
}

Runnable on_engine(const SharedGraph& make, const Engine& engine, const EngineOptions& options) {
  const std::shared_ptr<const Graph> graph = make();
  Runnable runnable;
  runnable.inputs = ports_of(*graph, graph->inputs);
  runnable.outputs = ports_of(*graph, graph->outputs);
  runnable.states = states_of(*graph);
  runnable.parameters = parameters_of(*graph);
  runnable.results = graph->signature.results;
  runnable.arguments = arguments_of(graph->signature);
  const auto lazy = [&](Make executor) {
    return std::make_unique<Lazy>(make, std::move(executor));
  };
  runnable.executor = lazy([=, &engine](const Graph& g) { return engine.make(g, options); });
  if (std::ranges::any_of(runnable.outputs,
                          [](const Port& port) { return is_floating(port.type.dtype); })) {
    runnable.gradient =
        lazy([=, &engine](const Graph& g) { return engine.make(differentiate(g), options); });
    if (engine.gradient != nullptr) {
      runnable.autograd =
          lazy([=, &engine](const Graph& g) { return engine.make_gradient(g, options); });
    }
  }
  runnable.trace = [=, &engine, executor = runnable.executor.get(),
                    tracer = std::shared_ptr<Tracer>()](std::span<const Tensor> inputs) mutable {
    if (tracer == nullptr) tracer = std::make_shared<Tracer>(*make(), engine, options);
    tracer->set_states(executor->states());
    return tracer->trace(inputs);
  };
  return runnable;
}

}  // namespace isomer
