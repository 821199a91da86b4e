#include <map>

#include "base/text.h"
#include "codecs/safetensors.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "systems/pt2/pt2.h"
#include "systems/stored.h"
#include "systems/torch/python.h"
#include "systems/torch/torch.h"

namespace isomer::torch {
namespace {

void save_tensors(const std::filesystem::path& path, std::span<const Tensor> tensors,
                  std::string_view prefix, std::span<const Tensor> more = {},
                  std::string_view more_prefix = {}) {
  SafeTensors content;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    content.tensors.push_back(stored(tensors[i], fmt::format("{}{}", prefix, i)));
  }
  for (std::size_t i = 0; i < more.size(); ++i) {
    content.tensors.push_back(stored(more[i], fmt::format("{}{}", more_prefix, i)));
  }
  write_file(path, write_safetensors(content));
}

std::map<std::string, Tensor> tensors_in(const std::filesystem::path& path) {
  std::map<std::string, Tensor> found;
  for (const StoredTensor& tensor : read_safetensors(map_file(path)).tensors) {
    found.emplace(tensor.name, tensor_of(tensor));
  }
  return found;
}

std::vector<Tensor> numbered_tensors(const std::filesystem::path& path) {
  const std::map<std::string, Tensor> found = tensors_in(path);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < found.size(); ++i)
    result.push_back(found.at(fmt::format("out{}", i)));
  return result;
}

Tree text(const std::filesystem::path& path) { return Tree{path.string(), 0}; }

// Forward, or gradients: both take tensors in a file and give tensors in another.
class PythonExecutor final : public Executor {
 public:
  PythonExecutor(std::shared_ptr<Python> python, std::string verb, std::size_t inputs)
      : python_(std::move(python)), verb_(std::move(verb)), inputs_(inputs) {}

  std::vector<Tensor> run(std::span<const Tensor> tensors) override {
    if (tensors.size() < inputs_ || (verb_ == "run" && tensors.size() != inputs_)) {
      throw Error(Fault::usage, "",
                  fmt::format("{} needed, {} given", counted(inputs_, "input"), tensors.size()));
    }
    const std::filesystem::path inputs = python_->folder() / "inputs.safetensors";
    save_tensors(inputs, tensors.first(inputs_), "in", tensors.subspan(inputs_), "cotangent");
    return answer({{"do", text(verb_)}, {"inputs", text(inputs)}});
  }

  // All buffers: which of them a run changes is the program's affair.
  std::vector<Tensor> states() const override { return answer({{"do", text("states")}}); }

  void set_states(std::span<const Tensor> states) override {
    const std::filesystem::path inputs = python_->folder() / "states.safetensors";
    save_tensors(inputs, states, "in");
    python_->ask({{"do", text("set_states")}, {"inputs", text(inputs)}});
  }

 private:
  // What a request gives as tensors in a file. They keep the file mapped, so each has its own.
  std::vector<Tensor> answer(Tree::Map request) const {
    const std::filesystem::path outputs = python_->folder() / "outputs.safetensors";
    std::filesystem::remove(outputs);
    request.emplace_back("outputs", text(outputs));
    python_->ask(request);
    return numbered_tensors(outputs);
  }

  std::shared_ptr<Python> python_;
  std::string verb_;
  std::size_t inputs_;
};

DType dtype_of_torch(std::string_view name) {
  constexpr std::pair<std::string_view, DType> names[] = {
      {"bool", DType::boolean}, {"int8", DType::i8},       {"uint8", DType::u8},
      {"int16", DType::i16},    {"int32", DType::i32},     {"int64", DType::i64},
      {"float16", DType::f16},  {"bfloat16", DType::bf16}, {"float32", DType::f32},
      {"float64", DType::f64},  {"complex64", DType::c64}, {"complex128", DType::c128},
  };
  for (const auto& [theirs, ours] : names) {
    if (theirs == name) return ours;
  }
  throw Error(Fault::unsupported, "", fmt::format("tensors of torch.{}", name));
}

std::vector<Port> ports_of(const Tree& reply, std::string_view key) {
  std::vector<Port> ports;
  const Tree* list = reply.find(key);
  if (list == nullptr || list->list() == nullptr) return ports;
  for (const Tree& item : *list->list()) {
    Port port{*item.find("name")->text(), {}};
    if (const Tree* dtype = item.find("dtype"); dtype != nullptr) {
      port.type.dtype = dtype_of_torch(*dtype->text());
      for (const Tree& length : *item.find("shape")->list())
        port.type.shape.push_back(parse_dim(*length.text()));
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

// Programs need a place on the disk: files that exist only in memory are laid into the process's
// folder.
std::filesystem::path place_of(const Files& files, std::string_view entry,
                               const std::filesystem::path& folder) {
  if (std::filesystem::path path = files.path(entry); !path.empty()) {
    // The program reads its weights by itself.
    files.path(std::filesystem::path(entry).replace_extension(".safetensors").string());
    return path;
  }
  for (const std::string& name : files.names()) {
    const std::filesystem::path path = folder / "program" / name;
    std::filesystem::create_directories(path.parent_path());
    write_file(path, files.read(name).data);
  }
  return folder / "program" / entry;
}

// Inner values as PyTorch's exporter sees them: the model is exported for these very inputs, and
// the export runs here. Its steps have the module paths and lines of the user's program.
std::vector<Step> trace_of(Python& python, std::span<const Tensor> inputs) {
  const std::filesystem::path given = python.folder() / "inputs.safetensors";
  const std::filesystem::path program = python.folder() / "trace.pt2";
  save_tensors(given, inputs, "in");
  python.ask({{"do", text("export")}, {"inputs", text(given)}, {"outputs", text(program)}});
  std::vector<ValueId> exposed;
  const Graph graph =
      expose_values(pt2::read(*open_folder(python.folder()), "trace.pt2").graph, exposed);
  const std::vector<Tensor> outputs = default_engine().make(graph)->run(inputs);

  std::map<ValueId, const Node*> makers;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) makers[id] = &node;
  }
  std::vector<Step> steps;
  const std::size_t before = outputs.size() - exposed.size();
  for (std::size_t i = 0; i < exposed.size(); ++i) {
    const Node& node = *makers.at(exposed[i]);
    steps.push_back({graph[exposed[i]].name, node.op, node.scope, node.place, outputs[before + i]});
  }
  return steps;
}

}  // namespace

Simulation simulate(const Files& files, std::string_view entry, Precision precision) {
  const auto python =
      std::make_shared<Python>(precision == Precision::doubled ? "doubled" : "single");
  python->serve(place_of(files, entry, python->folder()));

  const std::filesystem::path weights = python->folder() / "weights.safetensors";
  const Tree reply = python->ask({{"do", text("describe")}, {"outputs", text(weights)}});

  Simulation simulation;
  simulation.inputs = ports_of(reply, "inputs");
  simulation.outputs = ports_of(reply, "outputs");
  if (const Tree* results = reply.find("results")) simulation.results = *results->text();
  simulation.parameters = ports_of(reply, "parameters");
  const std::map<std::string, Tensor> stored_weights = tensors_in(weights);
  for (const Tree& name : *reply.find("weights")->list()) {
    simulation.weights.emplace_back(*name.text(), stored_weights.at(*name.text()));
  }
  for (const Tree& name : *reply.find("states")->list()) {
    simulation.states.push_back(*name.text());
  }
  simulation.executor = std::make_unique<PythonExecutor>(python, "run", simulation.inputs.size());
  simulation.gradient =
      std::make_unique<PythonExecutor>(python, "gradient", simulation.inputs.size());
  simulation.set_parameters = [python](std::span<const Tensor> values) {
    const std::filesystem::path inputs = python->folder() / "parameters.safetensors";
    save_tensors(inputs, values, "in");
    python->ask({{"do", text("set_parameters")}, {"inputs", text(inputs)}});
  };
  simulation.trace = [python](std::span<const Tensor> inputs) { return trace_of(*python, inputs); };
  return simulation;
}

}  // namespace isomer::torch
