#pragma once

// Models in text and a system with rules of its own, for proofs in tests.

#include <map>
#include <memory>
#include <string>

#include "ops/text.h"
#include "passes/passes.h"
#include "prove/prove.h"
#include "systems/text/text.h"

namespace isomer::test {

inline const System text_only{
    .name = "text", .about = "", .extensions = ".isomer", .read = read_text};

/// Runs the graph in the file on the reference engine, and can neither read it back nor
/// differentiate it: as a system whose documents have a behaviour and no derivatives.
inline Simulation simulate_plainly(const Files& files, std::string_view entry,
                                   Precision precision) {
  struct Plain {
    Graph graph;
    std::unique_ptr<Executor> executor;
  };
  struct Forward final : Executor {
    std::shared_ptr<Plain> plain;
    std::vector<Tensor> run(std::span<const Tensor> inputs) override {
      return plain->executor->run(inputs);
    }
  };
  auto plain = std::make_shared<Plain>();
  const Graph stored = parse_graph(files.read(entry).text());
  plain->graph = precision == Precision::doubled ? to_float64(stored) : stored;
  plain->executor = make_reference_executor(plain->graph);

  Simulation simulation;
  const Graph& graph = plain->graph;
  for (const ValueId id : graph.inputs)
    simulation.inputs.push_back({graph[id].name, graph[id].type});
  for (const ValueId id : graph.outputs)
    simulation.outputs.push_back({graph[id].name, graph[id].type});
  for (const Constant& constant : stored.constants) {
    if (constant.names.empty()) continue;
    simulation.weights.emplace_back(constant.names[0], constant.data);
    if (constant.trainable)
      simulation.parameters.push_back({constant.names[0], stored[constant.value].type});
  }
  auto executor = std::make_unique<Forward>();
  executor->plain = plain;
  simulation.executor = std::move(executor);
  simulation.set_parameters = [plain](std::span<const Tensor> values) {
    std::size_t next = 0;
    for (Constant& constant : plain->graph.constants) {
      if (constant.trainable) constant.data = values[next++];
    }
    plain->executor = make_reference_executor(plain->graph);
  };
  return simulation;
}

inline const System own_rules{
    .name = "plain", .about = "", .extensions = ".isomer", .simulate = simulate_plainly};

/// Proves two texts equivalent or not, on the reference engine.
inline Certificate prove_texts(const std::string& a, const std::string& b,
                               const System& system_of_b = text_only, ProofOptions options = {}) {
  const auto files = in_memory({{"a.isomer", "isomer 1\n" + a}, {"b.isomer", "isomer 1\n" + b}});
  if (options.engines.empty()) options.engines = {&engine_named("reference")};
  return prove({"a.isomer", &text_only, files.get(), "a.isomer"},
               {"b.isomer", &system_of_b, files.get(), "b.isomer"}, options);
}

}  // namespace isomer::test
