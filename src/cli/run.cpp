#include "base/error.h"
#include "base/text.h"
#include "cli/model_file.h"
#include "cli/staging.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"
#include "passes/passes.h"

namespace isomer::cli {
namespace {

constexpr Option options[] = {
    {"MODEL", "FILE", "the model", true},
    {"--inputs", "FILE",
     "a safetensors file (tensors named as in the model, or in0, in1, ...), or npy files", true,
     true},
    {"-o,--output", "FILE",
     "a safetensors file for out0, out1, ..., or an npy file for a single output", true},
    {"--engine", "ENGINE", "run the model's graph on this engine: reference or torch"},
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

std::vector<Port> ports_of(const Graph& graph) {
  std::vector<Port> ports;
  for (const ValueId id : graph.inputs) ports.push_back({graph[id].name, graph[id].type});
  return ports;
}

}  // namespace

Usage run_usage() {
  return {options,
          "  isomer run net.pt2 --inputs digits.safetensors -o answers.safetensors\n"
          "  isomer run net.json --inputs x.npy -o y.npy\n"
          "  isomer run net.json --inputs x.npy -o y.npy --engine reference"};
}

int run(const Words& words) {
  check_output(words.text("output"), "out.safetensors");
  const ModelFile model = open_model(words.text("MODEL"), words.text("from"));
  const auto inputs = words.all("inputs");
  const bool by_own_rules = model.system->simulate != nullptr && !words.has("engine");
  std::vector<Port> ports;
  std::unique_ptr<Executor> executor;
  if (by_own_rules) {
    Simulation simulation = with_model(model.path, model.entry, [&] {
      return model.system->simulate(*model.files, model.entry, Precision::single);
    });
    print_notes(model.path, simulation.notes);
    ports = std::move(simulation.inputs);
    executor = std::move(simulation.executor);
  } else {
    const Engine& engine =
        words.has("engine") ? engine_named(words.text("engine")) : default_engine();
    Loaded loaded = read_graph(model);
    print_notes(model.path, loaded.notes);
    Graph graph = std::move(loaded.graph);
    ports = ports_of(graph);
    executor = with_model(model.path, model.entry, [&] { return engine.make(std::move(graph)); });
  }
  print_links(model);
  check_not_used(words.text("output"), *model.files);
  check_tensor_file(words.text("output"), inputs);
  const std::vector<Tensor> tensors = read_inputs(inputs, ports);
  write_outputs(words.text("output"),
                with_model(model.path, model.entry, [&] { return executor->run(tensors); }));
  return yes;
}

}  // namespace isomer::cli
