#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "codecs/safetensors.h"
#include "ops/schema.h"
#include "ops/validate.h"
#include "source/python/forward.h"
#include "source/python/names.h"
#include "source/python/source.h"
#include "source/python/spelling.h"
#include "systems/stored.h"

namespace isomer::python {
namespace {

// Constants without a name in the state_dict are stored under this prefix; no module may have such
// a name.
constexpr std::string_view hidden_prefix = "constant:";

/// Whether some tensor has no name in the state_dict and is too long to stand in the text.
bool has_hidden(const Modules& modules) {
  const Graph& graph = modules.graph;
  const auto hidden = [&](const auto& names, ValueId id) {
    return names.empty() && modules.name_within(id, "").has_value();
  };
  return std::ranges::any_of(graph.constants,
                             [&](const Constant& one) { return hidden(one.names, one.value); }) ||
         std::ranges::any_of(graph.states,
                             [&](const State& one) { return hidden(one.names, one.now); });
}

/// Writes the classes of a model, one per module that needs one; equal ones are written once.
class Classes {
 public:
  Classes(const Modules& modules, const Parameters& parameters, std::string model)
      : modules_(modules), parameters_(parameters), names_(reserved()) {
    class_of_.resize(modules.all.size());
    class_of_[0] = names_.take(model);
    plan_fixes();
    write(0);
  }

  const std::string& model() const { return class_of_[0]; }
  const std::string& text() const { return text_; }

 private:
  static std::vector<std::string_view> reserved() {
    std::vector<std::string_view> words = python_words();
    words.insert(words.end(), {"torch", "nn", "F", "Path", "load_file", "safe_open",
                               "fill_constants", "load", "example_inputs"});
    return words;
  }

  void write(std::size_t index) {
    const Module& module = modules_.all[index];
    for (const std::size_t child : module.children) write(child);
    if (module.kind != ModuleKind::own && index != 0) return;
    std::string& name = class_of_[index];
    if (index != 0) {
      const std::string canonical = body(index, Naming::by_position);
      const auto [known, fresh] = written_.try_emplace(canonical, "");
      if (fresh) known->second = fresh_name(hint(index));
      name = known->second;
      if (!fresh) return;
    }
    const std::string_view base =
        module.kind == ModuleKind::sequential ? "nn.Sequential" : "nn.Module";
    text_ += fmt::format("\n\nclass {}({}):\n{}", name, base, body(index, Naming::by_hint));
  }

  // "Block", "Block2", ...
  std::string fresh_name(const std::string& hint) {
    std::string name;
    do {
      const int i = ++uses_[hint];
      name = names_.take(i == 1 ? hint : hint + std::to_string(i));
    } while (name.find('_') != std::string::npos);
    return name;
  }

  // "layers.0" is a Layer.
  std::string hint(std::size_t index) const {
    std::string path = modules_.all[index].path;
    bool numbered = false;
    while (!path.empty() && class_name(last_part(path)).starts_with("Part")) {
      path = parent_path(path);
      numbered = true;
    }
    std::string name = class_name(last_part(path));
    if (numbered && name.size() > 3 && name.ends_with('s') && !name.ends_with("ss"))
      name.pop_back();
    return name.empty() ? "Part" : name;
  }

  std::string body(std::size_t index, Naming naming) const {
    const Module& module = modules_.all[index];
    const std::vector<std::string> lines = making(index);
    PythonText out;
    out.open("");
    const bool made = !lines.empty();
    if (made) {
      out.open("def __init__(self):");
      for (const std::string& line : lines) out.line(line);
      out.close();
    }
    if (module.called && module.kind != ModuleKind::sequential) {
      if (made) out.blank();
      write_forward(modules_, index, naming, parameters_, out);
    } else if (!made) {
      out.line("pass");
    }
    // `open` wrote an empty line for its head.
    return out.text().substr(1);
  }

  // -- __init__
  // ------------------------------------------------------------------------------------

  std::vector<std::string> making(std::size_t index) const {
    const Module& module = modules_.all[index];
    if (module.kind == ModuleKind::sequential) {
      std::vector<std::string> lines{
          fmt::format("super().__init__({})", fmt::join(parts(module), ", "))};
      add_fixes(index, lines);
      return lines;
    }
    std::vector<std::string> lines{"super().__init__()"};
    for (const OwnTensor& tensor : module.tensors) lines.push_back(registered(tensor));
    for (const std::size_t child : module.children) {
      const std::string& name = modules_.all[child].name;
      const bool plain = identifier(name) == name && !is_python_keyword(name);
      lines.push_back(plain ? fmt::format("self.{} = {}", name, constructor(child))
                            : fmt::format("self.add_module({}, {})",
                                          python_literal(std::string_view(name)),
                                          constructor(child)));
    }
    add_fixes(index, lines);
    if (lines.size() == 1) lines.clear();
    return lines;
  }

  std::string zeros(const OwnTensor& tensor) const {
    const TensorType& type = modules_.graph[tensor.value].type;
    std::vector<std::string> lengths;
    for (const Dim& dim : type.shape) lengths.push_back(std::to_string(dim.value()));
    const std::string shape = lengths.empty() ? "()" : fmt::format("{}", fmt::join(lengths, ", "));
    const std::string dtype = type.dtype == DType::f32 ? "" : ", dtype=" + torch_dtype(type.dtype);
    return fmt::format("torch.zeros({}{})", shape, dtype);
  }

  std::string registered(const OwnTensor& tensor) const {
    const bool plain = identifier(tensor.name) == tensor.name && !is_python_keyword(tensor.name);
    const std::string quoted_name = python_literal(std::string_view(tensor.name));
    if (!tensor.trainable) {
      return fmt::format("self.register_buffer({}, {}{})", quoted_name, zeros(tensor),
                         tensor.persistent ? "" : ", persistent=False");
    }
    const std::string parameter = fmt::format("nn.Parameter({})", zeros(tensor));
    return plain ? fmt::format("self.{} = {}", tensor.name, parameter)
                 : fmt::format("self.register_parameter({}, {})", quoted_name, parameter);
  }

  std::string constructor(std::size_t index) const {
    const Module& module = modules_.all[index];
    switch (module.kind) {
      case ModuleKind::layer: return module.layer->constructor;
      case ModuleKind::own: return class_of_[index] + "()";
      case ModuleKind::sequential:
        return fmt::format("nn.Sequential({})", fmt::join(parts(module), ", "));
      case ModuleKind::list:
        return fmt::format("nn.ModuleList([{}])", fmt::join(parts(module), ", "));
      case ModuleKind::dict: {
        std::vector<std::string> entries;
        for (const std::size_t child : module.children) {
          entries.push_back(fmt::format("{}: {}",
                                        python_literal(std::string_view(modules_.all[child].name)),
                                        constructor(child)));
        }
        return fmt::format("nn.ModuleDict({{{}}})", fmt::join(entries, ", "));
      }
      case ModuleKind::parameters: {
        std::vector<std::string> entries;
        for (const OwnTensor& tensor : module.tensors) entries.push_back(zeros(tensor));
        return fmt::format("nn.ParameterList([{}])", fmt::join(entries, ", "));
      }
    }
    throw Error(Fault::bug, "", "a module of no kind");
  }

  // The children by number. What an exporter left out, such as dropout that is off, keeps its
  // place.
  std::vector<std::string> parts(const Module& module) const {
    std::vector<std::string> made;
    for (const std::size_t child : module.children) {
      while (static_cast<std::size_t>(std::stoll(modules_.all[child].name)) > made.size()) {
        made.emplace_back("nn.Identity()");
      }
      made.push_back(constructor(child));
    }
    return made;
  }

  // Tied and frozen tensors: said by the nearest class around all the modules concerned.
  void plan_fixes() {
    for (const Tie& tie : modules_.ties) {
      std::string path = parent_path(tie.first);
      while (!is_within(parent_path(tie.other), path)) path = parent_path(path);
      ties_[maker_of(path)].push_back(&tie);
    }
    trainable_ = std::ranges::any_of(modules_.graph.constants, &Constant::trainable);
    for (const Module& module : modules_.all) {
      if (module.layer != nullptr && !module.layer->tensors.empty())
        layers_[maker_of(module.path)].push_back(module.layer);
    }
  }

  void add_fixes(std::size_t index, std::vector<std::string>& lines) const {
    if (index == 0 && has_hidden(modules_)) lines.emplace_back("fill_constants(self)");
    if (const auto ties = ties_.find(index); ties != ties_.end()) {
      for (const Tie* tie : ties->second) lines.push_back(tied(index, *tie));
    }
    if (!trainable_ && !layers_.empty() && index == 0)
      lines.emplace_back("self.requires_grad_(False)");
    if (const auto layers = layers_.find(index); trainable_ && layers != layers_.end()) {
      for (const Layer* layer : layers->second) freeze(index, *layer, lines);
    }
  }

  // A class that makes the module, whether or not it calls it.
  std::size_t maker_of(const std::string& path) const {
    std::size_t module = modules_.at(path);
    while (module != 0 && modules_.all[module].kind != ModuleKind::own)
      module = modules_.all[module].parent;
    return module;
  }

  std::string tied(std::size_t index, const Tie& tie) const {
    const std::string first = tensor_access(modules_, index, tie.first);
    const bool of_layer =
        modules_.all[modules_.at(parent_path(tie.other))].kind == ModuleKind::layer;
    if (tie.trainable || of_layer) return assignment(modules_, index, tie.other, first);
    return fmt::format("{}.register_buffer({}, {})",
                       module_access(modules_, index, parent_path(tie.other)),
                       python_literal(std::string_view(last_part(tie.other))), first);
  }

  void freeze(std::size_t index, const Layer& layer, std::vector<std::string>& lines) const {
    std::vector<std::string> frozen;
    std::size_t parameters = 0;
    for (const ValueId id : layer.tensors) {
      const Constant* constant = modules_.constant(id);
      if (constant == nullptr) continue;
      for (const std::string& name : constant->names) {
        const std::string last = last_part(name);
        if (parent_path(name) != layer.path || (last != "weight" && last != "bias")) continue;
        ++parameters;
        if (!constant->trainable) frozen.push_back(tensor_access(modules_, index, name));
      }
    }
    if (frozen.size() == parameters && parameters > 0) {
      frozen = {module_access(modules_, index, layer.path)};
    }
    for (const std::string& one : frozen) lines.push_back(one + ".requires_grad_(False)");
  }

  const Modules& modules_;
  const Parameters& parameters_;
  Names names_;
  std::map<std::string, int> uses_;                          // of a hint for a class
  std::map<std::size_t, std::vector<const Tie*>> ties_;      // by who says them
  std::map<std::size_t, std::vector<const Layer*>> layers_;  // with tensors, by who makes them
  bool trainable_ = false;                                   // whether anything is
  std::vector<std::string> class_of_;
  std::map<std::string, std::string> written_;  // canonical text -> name
  std::string text_;
};

// -- the rest of the file ------------------------------------------------------------------------

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
