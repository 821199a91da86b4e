// Speed of our own code on real exports: reading, preparing, differentiating, and running on each
// engine.

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "passes/passes.h"
#include "run/engine.h"
#include "systems/system.h"

namespace isomer {
namespace {

constexpr std::string_view models[] = {"mlp", "lenet", "residual", "encoder_layer"};

Graph read(std::string_view model) {
  const auto files = open_folder(ISOMER_MODELS);
  const std::string entry = std::string(model) + ".pt2";
  return recognise(*files, entry).read(*files, entry).graph;
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

void register_all() {
  using Bench = std::function<void(benchmark::State&)>;
  for (const std::string_view model : models) {
    const auto add = [&](std::string verb, Bench bench) {
      benchmark::RegisterBenchmark((verb + "/" + std::string(model)).c_str(), std::move(bench))
          ->Unit(benchmark::kMicrosecond);
    };
    add("read", [=](auto& state) { bench_read(state, model); });
    add("prepare for mdf", [=](auto& state) { bench_prepare(state, model); });
    add("differentiate", [=](auto& state) { bench_differentiate(state, model); });
    for (const Engine& engine : all_engines()) {
      if (!engine.available()) continue;
      add("run on " + std::string(engine.name),
          [=, &engine](auto& state) { bench_run(state, engine, model); });
    }
  }
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  isomer::register_all();
  benchmark::Initialize(&count, words);
  benchmark::RunSpecifiedBenchmarks();
}
