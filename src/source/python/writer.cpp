#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "codecs/safetensors.h"
#include "ops/schema.h"
#include "ops/validate.h"
#include "source/python/classes.h"
#include "source/python/forward.h"
#include "source/python/initialisation.h"
#include "source/python/names.h"
#include "source/python/source.h"
#include "source/python/spelling.h"
#include "systems/stored.h"

namespace isomer::python {
namespace {

// Constants without a name in the state_dict are stored under this prefix; no module may have such
// a name.
constexpr std::string_view hidden_prefix = "constant:";

std::string described(const Graph& graph, const std::vector<ValueId>& values,
                      std::string_view stem) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value& value = graph[values[i]];
    const std::string name = value.name.empty() ? fmt::format("{}{}", stem, i) : value.name;
    parts.push_back(fmt::format("    {}: {}{}", name, torch_dtype(value.type.dtype).substr(6),
                                to_text(value.type.shape)));
  }
  return fmt::format("{}", fmt::join(parts, "\n"));
}

// Names from outside must not end the text that they stand in.
std::string harmless(std::string text) {
  std::ranges::replace_if(
      text,
      [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return c == '"' || c == '\\' || (code < 0x20 && c != '\n') || code == 0x7f;
      },
      '_');
  return text;
}

std::string heading(const Graph& graph, std::string_view stem, const std::string& model,
                    bool weights) {
  const std::string whence =
      weights ? fmt::format(" with the weights of {}.safetensors", stem) : "";
  return fmt::format(
      "\"\"\"{}: a PyTorch model, written by isomer.\n\n`load()` gives it{}.\n\n"
      "Takes:\n{}\nGives:\n{}\n\"\"\"\n\n",
      model, harmless(whence), harmless(described(graph, graph.inputs, "in")),
      harmless(described(graph, graph.outputs, "out")));
}

// Whether the text uses a name, and not only longer ones that end in it.
bool mentions(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    if (at == 0 || identifier(text.substr(at - 1, 1)) == "_") return true;
  }
  return false;
}

// So that the class is right by itself, and its state_dict has what the author's has.
void write_fill(PythonText& out, const std::string& file) {
  out.open("def fill_constants(model):");
  out.line("\"\"\"Gives the buffers outside the state_dict their values.\"\"\"");
  out.open(fmt::format("with safe_open(Path(__file__).with_name({}), \"pt\") as tensors:", file));
  out.open("for name in sorted(tensors.keys()):");
  out.open(fmt::format("if name.startswith(\"{}\"):", hidden_prefix));
  out.line("buffer = model.get_buffer(name.removeprefix(\"constant:\"))");
  out.line("buffer.copy_(tensors.get_tensor(name))");
  for (int i = 0; i < 4; ++i) out.close();
}

void write_load(PythonText& out, const std::string& model, const std::string& file, bool any,
                bool hidden, bool training) {
  out.open(any ? "def load(folder=Path(__file__).parent):" : "def load():");
  out.line("\"\"\"Gives the model, ready to run.\"\"\"");
  out.line(fmt::format("model = {}()", model));
  if (any) out.line(fmt::format("tensors = load_file(Path(folder) / {})", file));
  if (hidden) {
    out.open("for name in [name for name in tensors if name.startswith(\"constant:\")]:");
    out.line("model.get_buffer(name.removeprefix(\"constant:\")).copy_(tensors.pop(name))");
    out.close();
  }
  if (any) out.line("model.load_state_dict(tensors, strict=True)");
  out.line(training ? "return model.train()" : "return model.eval()");
  out.close();
}

std::string example(const Structure& structure, const Graph& graph,
                    const std::map<std::string, std::string>& variable, std::size_t& next) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < structure.children.size(); ++i) {
    const std::string part = example(structure.children[i], graph, variable, next);
    const bool keyed = structure.kind == Structure::Kind::dict;
    parts.push_back(
        keyed ? fmt::format("{}: {}", python_literal(std::string_view(structure.keys[i])), part)
              : part);
  }
  switch (structure.kind) {
    case Structure::Kind::none: return "None";
    case Structure::Kind::tuple: return python_tuple(parts);
    case Structure::Kind::list: return fmt::format("[{}]", fmt::join(parts, ", "));
    case Structure::Kind::dict: return fmt::format("{{{}}}", fmt::join(parts, ", "));
    case Structure::Kind::leaf: break;
  }
  const TensorType& type = graph[graph.inputs[next++]].type;
  std::vector<std::string> lengths;
  for (const Dim& dim : type.shape) {
    lengths.push_back(
        python_length(dim, [&](const std::string& name) { return variable.at(name); }).text);
  }
  const std::string shape = lengths.empty() ? "()" : fmt::format("{}", fmt::join(lengths, ", "));
  // The example is run: integers that are zero must not be divided by.
  return fmt::format("torch.{}({}{})", is_integer(type.dtype) ? "ones" : "zeros", shape,
                     type.dtype == DType::f32 ? "" : ", dtype=" + torch_dtype(type.dtype));
}

void write_example(PythonText& out, const Graph& graph, const Parameters& names) {
  std::set<std::string> lengths;
  for (const ValueId id : graph.inputs) {
    for (const Dim& dim : graph[id].type.shape) dim.collect_symbols(lengths);
  }
  std::vector<std::string_view> reserved = python_words();
  reserved.emplace_back("torch");
  Names variables(std::move(reserved));
  std::map<std::string, std::string> variable;
  std::vector<std::string> parameters;
  for (const std::string& name : lengths) {
    std::int64_t value = 2;
    for (const LengthRange& range : graph.signature.lengths) {
      if (range.name != name) continue;
      value =
          std::max(range.least, range.most ? std::min<std::int64_t>(value, *range.most) : value);
    }
    variable[name] = variables.take(name);
    parameters.push_back(fmt::format("{}={}", variable[name], value));
  }
  out.open(fmt::format("def example_inputs({}):", fmt::join(parameters, ", ")));
  out.line("\"\"\"Positional and keyword inputs of the right types and shapes.\"\"\"");
  std::size_t next = 0;
  const std::string positional = example(graph.signature.arguments, graph, variable, next);
  Structure keywords = graph.signature.keywords;
  keywords.keys = names.keywords;
  out.line(fmt::format("return {}, {}", positional, example(keywords, graph, variable, next)));
  out.close();
}

void add_renamed(const Structure& side, const std::vector<std::string>& names,
                 const std::string& where, std::vector<Note>& notes) {
  for (std::size_t i = 0; i < std::min(side.keys.size(), names.size()); ++i) {
    if (side.keys[i] == names[i]) continue;
    notes.push_back({where, fmt::format("the argument {} is called {} in the source, where that "
                                        "name is taken or none of Python's",
                                        quoted(side.keys[i]), names[i])});
  }
}

SafeTensors weights_of(const Modules& modules) {
  SafeTensors content;
  const auto add = [&](const Tensor& data, const std::vector<std::string>& names, ValueId id) {
    for (const std::string& name : names) content.tensors.push_back(stored(data, name));
    if (!names.empty()) return;
    if (const auto hidden = modules.name_within(id, "")) {
      content.tensors.push_back(stored(data, fmt::format("{}{}", hidden_prefix, *hidden)));
    }
  };
  for (const Constant& constant : modules.graph.constants) {
    add(constant.data, constant.names, constant.value);
  }
  for (const State& state : modules.graph.states) add(state.initial, state.names, state.now);
  return content;
}

void demand_spelled(const Graph& graph) {
  std::vector<std::string> missing;
  for (const Node& node : graph.nodes) {
    if (!spells(node.op) || !node.bodies.empty()) missing.push_back(describe(graph, node));
  }
  if (missing.empty()) return;
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} without PyTorch spelling:\n  {}", counted(missing.size(), "operator"),
                          listed(missing, "\n  ")));
}

}  // namespace

Written write(const Graph& graph, std::string_view stem) {
  demand_spelled(graph);
  demand_names(graph, stem);
  const Layered layered = recover_layers(graph);
  const Modules modules(graph, layered);
  const std::string hint = class_name(graph.name);
  const Parameters parameters = parameters_of(modules);
  const Classes classes(modules, parameters, hint.empty() ? "Model" : hint);
  const SafeTensors weights = weights_of(modules);
  const bool any = !weights.tensors.empty();
  const bool hidden = has_hidden(modules);

  PythonText out;
  out.append(heading(graph, stem, classes.model(), any));
  out.append(any ? "from pathlib import Path\n\nimport torch\n" : "import torch\n");
  if (mentions(classes.text(), "F.")) out.append("import torch.nn.functional as F\n");
  if (hidden) out.append("from safetensors import safe_open\n");
  if (any) out.append("from safetensors.torch import load_file\n");
  out.append("from torch import nn\n");
  out.append(classes.text());
  out.append("\n\n");
  const std::string file = python_literal(std::string(stem) + ".safetensors");
  if (hidden) {
    write_fill(out, file);
    out.append("\n\n");
  }
  write_load(out, classes.model(), file, any, hidden, layered.training);
  out.append("\n\n");
  write_example(out, graph, parameters);

  Written written;
  add_renamed(graph.signature.arguments, parameters.positional, graph.name, written.notes);
  add_renamed(graph.signature.keywords, parameters.keywords, graph.name, written.notes);
  written.files.push_back({fmt::format("{}.py", stem), bytes_of(out.text())});
  if (any) {
    written.files.push_back(
        {fmt::format("{}.safetensors", stem), bytes_of(write_safetensors(weights))});
  }
  return written;
}

}  // namespace isomer::python
