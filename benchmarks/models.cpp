// Speed of our own code on real exports: reading, preparing, writing, differentiating, running on
// each engine, and running the written document by MDF's rules.

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/text.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "systems/system.h"

namespace isomer {
namespace {

constexpr std::string_view models[] = {"mlp", "lenet", "residual", "encoder_layer"};

Graph read(std::string_view model) {
  const auto files = open_folder(ISOMER_MODELS);
  const std::string entry = std::string(model) + ".pt2";
  return read_model(recognise(*files, entry), *files, entry).graph;
}

/// Ones, with 8 for every named length: what they hold hardly matters for time.
std::vector<Tensor> inputs_of(const Graph& graph) {
  Lengths lengths;
  for (const LengthRange& length : graph.signature.lengths) lengths[length.name] = 8;
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs) {
    const TensorType& type = graph[id].type;
    const auto shape = evaluate(type.shape, lengths);
    const std::vector<double> ones(static_cast<std::size_t>(count_elements(shape)), 1.0);
    inputs.push_back(Tensor::from_doubles(type.dtype, shape, ones));
  }
  return inputs;
}

void bench_read(benchmark::State& state, std::string_view model) {
  for (auto _ : state) benchmark::DoNotOptimize(read(model));
}

void bench_prepare(benchmark::State& state, std::string_view model) {
  const Graph graph = read(model);
  const System& target = system_named("mdf");
  for (auto _ : state) benchmark::DoNotOptimize(prepare_for(target, graph));
}

void bench_differentiate(benchmark::State& state, std::string_view model) {
  const Graph graph = read(model);
  for (auto _ : state) benchmark::DoNotOptimize(differentiate(graph));
}

void bench_run(benchmark::State& state, const Engine& engine, std::string_view model) {
  const Graph graph = read(model);
  const auto executor = engine.make(graph);
  const auto inputs = inputs_of(graph);
  for (auto _ : state) benchmark::DoNotOptimize(executor->run(inputs));
}

void bench_write(benchmark::State& state, std::string_view system, std::string_view model) {
  const System& target = system_named(system);
  const Graph graph = prepare_for(target, read(model));
  for (auto _ : state) benchmark::DoNotOptimize(target.write(graph, "net.json"));
}

std::unique_ptr<Files> document_of(const Graph& graph) {
  const System& mdf = system_named("mdf");
  std::map<std::string, std::string> contents;
  for (const File& file : mdf.write(prepare_for(mdf, graph), "net.json").files)
    contents.emplace(file.name, std::string(bytes_of(file.parts).text()));
  return in_memory(std::move(contents));
}

void bench_read_document(benchmark::State& state, std::string_view model) {
  const auto files = document_of(read(model));
  for (auto _ : state) {
    benchmark::DoNotOptimize(read_model(system_named("mdf"), *files, "net.json"));
  }
}

void bench_run_document(benchmark::State& state, const Files& files,
                        const std::vector<Tensor>& inputs, const RunOptions& options = {}) {
  const Runnable runnable = system_named("mdf").simulate(files, "net.json", options);
  for (auto _ : state) benchmark::DoNotOptimize(runnable.executor->run(inputs));
}

/// A leaky integrator of one number: what an evaluation costs besides arithmetic.
constexpr std::string_view integrator = R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {
  "nodes": {"leaky": {
    "input_ports": {"current": {"shape": [1], "type": "float"}},
    "parameters": {"leak": {"value": 0.1},
                   "v": {"default_initial_value": 0.0, "value": "v + current - leak*v"}},
    "output_ports": {"out": {"value": "v"}}}}, "edges": {}}}}})";

/// Counters of which each sends to the next, two ways of being scheduled in turn: what a schedule
/// costs for a node and an edge.
std::string scheduled(int count) {
  std::string nodes;
  std::string edges;
  std::string conditions;
  for (int i = 0; i < count; ++i) {
    const char* comma = i == 0 ? "" : ",";
    nodes += fmt::format(R"({}"n{}": {{"input_ports": {{"i": {{}}}},
      "parameters": {{"c": {{"value": "c + 1"}}}}, "output_ports": {{"o": {{"value": "c"}}}}}})",
                         comma, i);
    if (i == 0) continue;
    edges += fmt::format(R"({}"e{}": {{"sender": "n{}", "receiver": "n{}", "sender_port": "o",
      "receiver_port": "i"}})",
                         i == 1 ? "" : ",", i, i - 1, i);
    if (i % 2 == 0) {
      conditions += fmt::format(R"({}"n{}": {{"type": "All", "kwargs": {{"args": [
        {{"type": "EveryNCalls", "kwargs": {{"dependency": "n{}", "n": 1}}}},
        {{"type": "AfterPass", "kwargs": {{"n": 0}}}}]}}}})",
                                i == 2 ? "" : ",", i, i - 1);
    }
  }
  return fmt::format(R"({{"m": {{"format": "ModECI MDF v0.4", "graphs": {{"g": {{
    "nodes": {{{}}}, "edges": {{{}}}, "conditions": {{"node_specific": {{{}}}}}}}}}}}}})",
                     nodes, edges, conditions);
}

void register_all() {
  using Bench = std::function<void(benchmark::State&)>;
  for (const std::string_view model : models) {
    const auto add = [&](std::string verb, Bench bench) {
      benchmark::RegisterBenchmark((verb + "/" + std::string(model)).c_str(), std::move(bench))
          ->Unit(benchmark::kMicrosecond);
    };
    add("read", [=](auto& state) { bench_read(state, model); });
    add("prepare for mdf", [=](auto& state) { bench_prepare(state, model); });
    for (const std::string_view system : {"pytorch", "mdf"}) {
      add("write " + std::string(system), [=](auto& state) { bench_write(state, system, model); });
    }
    add("read document", [=](auto& state) { bench_read_document(state, model); });
    add("run document", [=](auto& state) {
      const Graph graph = read(model);
      bench_run_document(state, *document_of(graph), inputs_of(graph));
    });
    add("run document, operators on the default engine", [=](auto& state) {
      const Graph graph = read(model);
      bench_run_document(state, *document_of(graph), inputs_of(graph),
                         {.operators = default_engine});
    });
    add("differentiate", [=](auto& state) { bench_differentiate(state, model); });
    for (const Engine& engine : all_engines()) {
      if (!engine.available()) continue;
      add("run on " + std::string(engine.name),
          [=, &engine](auto& state) { bench_run(state, engine, model); });
    }
  }
  for (const int count : {3, 1'000, 10'000, 100'000}) {
    const std::string name = fmt::format("run document/schedule of {} nodes", count);
    benchmark::RegisterBenchmark(name.c_str(), [count](auto& state) {
      const auto files = in_memory({{"net.json", scheduled(count)}});
      bench_run_document(state, *files, {Tensor::from_doubles(DType::f32, {}, std::vector{1.0})});
      state.counters["per node"] = benchmark::Counter(
          static_cast<double>(count),
          benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::RegisterBenchmark("run document/integrator", [](auto& state) {
    const auto files = in_memory({{"net.json", std::string(integrator)}});
    const double one = 1;
    bench_run_document(state, *files, {Tensor::from_doubles(DType::f32, {1}, {&one, 1})});
  })->Unit(benchmark::kMicrosecond);
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  isomer::register_all();
  benchmark::Initialize(&count, words);
  benchmark::RunSpecifiedBenchmarks();
}
