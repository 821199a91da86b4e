#include "systems/torch/program.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/names.h"
#include "base/text.h"
#include "systems/torch/spelling.h"
#include "vocabularies/aten/aten.h"

namespace isomer::torch {
namespace {

std::string described(const Graph& graph, const std::vector<ValueId>& values,
                      std::string_view stem) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value& value = graph[values[i]];
    const std::string name = value.name.empty() ? fmt::format("{}{}", stem, i) : value.name;
    parts.push_back(fmt::format("    {}: {}{}", name, aten::dtype_name(value.type.dtype),
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

void write_load(PythonText& out, const Program& model, const std::string& file) {
  out.open(model.weights ? "def load(folder=Path(__file__).parent):" : "def load():");
  out.line("\"\"\"Gives the model, ready to run.\"\"\"");
  out.line(fmt::format("model = {}()", model.model));
  if (model.weights) out.line(fmt::format("tensors = load_file(Path(folder) / {})", file));
  if (model.hidden) {
    out.open("for name in [name for name in tensors if name.startswith(\"constant:\")]:");
    out.line("model.get_buffer(name.removeprefix(\"constant:\")).copy_(tensors.pop(name))");
    out.close();
  }
  for (const Tie& tie : model.modules.ties) {
    out.line(fmt::format("tensors[{}] = tensors[{}]", python_literal(std::string_view(tie.other)),
                         python_literal(std::string_view(tie.first))));
  }
  if (model.weights) out.line("model.load_state_dict(tensors, strict=True)");
  out.line(model.training ? "return model.train()" : "return model.eval()");
  out.close();
}

// The example is run: integers that are zero must not be divided by.
std::string example(const TensorType& type, const std::map<std::string, std::string>& variable) {
  std::vector<std::string> lengths;
  for (const Dim& dim : type.shape) {
    lengths.push_back(
        python_length(dim, [&](const std::string& name) { return variable.at(name); }).text);
  }
  const std::string shape = lengths.empty() ? "()" : fmt::format("{}", fmt::join(lengths, ", "));
  return fmt::format("torch.{}({}{})", is_integer(type.dtype) ? "ones" : "zeros", shape,
                     unless_default(type.dtype));
}

void write_example(PythonText& out, const Graph& graph, const Parameters& names) {
  std::set<std::string> lengths;
  for (const ValueId id : graph.inputs) {
    for (const Dim& dim : graph[id].type.shape) dim.collect_symbols(lengths);
  }
  for (const LengthRange& range : graph.signature.lengths) {
    if (range.input) lengths.insert(range.name);
  }
  Names variables([](std::string_view word) { return is_python_word(word) || word == "torch"; });
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
  const auto leaf = [&](const Structure&) {
    const LengthRange* told = length_told_by(graph, next);
    const TensorType& type = graph[graph.inputs[next++]].type;
    return told != nullptr ? variable.at(told->name) : example(type, variable);
  };
  const std::string positional = python_nested(graph.signature.arguments, leaf);
  Structure keywords = graph.signature.keywords;
  keywords.keys = names.keywords;
  out.line(fmt::format("return {}, {}", positional, python_nested(keywords, leaf)));
  out.close();
}

// Autograd may have kept the old value, and an export loses what inner modules assign.
constexpr std::string_view keeper = R"(

def _keep(module, name, value):
    """Makes a buffer something else: assigned, but while an export looks on, copied into."""
    if torch.compiler.is_exporting():
        getattr(module, name).copy_(value.detach())
    else:
        setattr(module, name, value.detach())
)";

}  // namespace

std::string program(const Program& model) {
  const Graph& graph = model.modules.graph;
  PythonText out;
  out.append(heading(graph, model.stem, model.model, model.weights));
  out.append(model.weights ? "from pathlib import Path\n\nimport torch\n" : "import torch\n");
  const bool keeps = python_names(model.classes).contains("_keep");
  const std::string body = std::string(keeps ? keeper : std::string_view()) +
                           control_functions(graph) + model.functions + model.classes;
  if (python_names(body).contains("F")) out.append("import torch.nn.functional as F\n");
  if (model.hidden) out.append("from safetensors import safe_open\n");
  if (model.weights) out.append("from safetensors.torch import load_file\n");
  out.append("from torch import nn\n");
  out.append(body);
  out.append("\n\n");
  const std::string file = python_literal(std::string(model.stem) + ".safetensors");
  if (model.hidden) {
    write_fill(out, file);
    out.append("\n\n");
  }
  write_load(out, model, file);
  out.append("\n\n");
  write_example(out, graph, model.parameters);
  return out.text();
}

}  // namespace isomer::torch
