#include "source/python/initialisation.h"

#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "source/python/access.h"
#include "source/python/dialect.h"

namespace isomer::python {
namespace {

using Own = std::function<Construction(std::size_t)>;

std::vector<Construction> parts_of(const Modules& modules, const Module& module, const Own& own);

Construction made(const Modules& modules, std::size_t index, const Own& own) {
  const Module& module = modules.all[index];
  const Dialect& dialect = modules.dialect;
  const auto container = [&](std::string_view name, Takes takes) {
    return Construction{std::string(name), {}, takes, parts_of(modules, module, own)};
  };
  switch (module.kind) {
    case ModuleKind::layer: return module.layer->made;
    case ModuleKind::own: return own(index);
    case ModuleKind::sequential: return container(dialect.sequential, Takes::parts);
    case ModuleKind::list: return container(dialect.list, Takes::list);
    case ModuleKind::dict: return container(dialect.dict, Takes::dict);
    case ModuleKind::parameters: return container(dialect.parameters, Takes::list);
  }
  throw Error(Fault::bug, "", "a module of no kind");
}

// The children, by number where they have one. What an exporter left out, such as dropout that is
// off, keeps its place.
std::vector<Construction> parts_of(const Modules& modules, const Module& module, const Own& own) {
  std::vector<Construction> parts;
  if (module.kind == ModuleKind::parameters) {
    for (const OwnTensor& tensor : module.tensors)
      parts.push_back(modules.dialect.zeros(modules.graph[tensor.value].type));
  }
  for (const std::size_t child : module.children) {
    const std::string& name = modules.all[child].name;
    if (module.kind == ModuleKind::dict) {
      parts.push_back(made(modules, child, own));
      parts.back().key = python_literal(std::string_view(name));
      continue;
    }
    while (static_cast<std::size_t>(std::stoll(name)) > parts.size())
      parts.push_back({std::string(modules.dialect.identity)});
    parts.push_back(made(modules, child, own));
  }
  return parts;
}

// A class that makes the module, whether or not it calls it.
std::size_t maker_of(const Modules& modules, const std::string& path) {
  std::size_t module = modules.at(path);
  while (module != 0 && modules.all[module].kind != ModuleKind::own)
    module = modules.all[module].parent;
  return module;
}

std::string tied(const Modules& modules, std::size_t index, const Tie& tie) {
  const std::string first = tensor_access(modules, index, tie.first);
  const bool of_layer = modules.all[modules.at(parent_path(tie.other))].kind == ModuleKind::layer;
  if (tie.trainable || of_layer) return assignment(modules, index, tie.other, first);
  return modules.dialect.buffer(module_access(modules, index, parent_path(tie.other)),
                                last_part(tie.other), first);
}

void freeze(const Modules& modules, std::size_t index, const Layer& layer,
            std::vector<std::string>& lines) {
  std::vector<std::string> frozen;
  std::size_t parameters = 0;
  for (const ValueId id : layer.tensors) {
    const Constant* constant = modules.constant(id);
    if (constant == nullptr) continue;
    for (const std::string& name : constant->names) {
      const bool parameter = is_listed(last_part(name), modules.dialect.layer_parameters);
      if (parent_path(name) != layer.path || !parameter) continue;
      ++parameters;
      if (!constant->trainable) frozen.push_back(tensor_access(modules, index, name));
    }
  }
  if (frozen.size() == parameters && parameters > 0) {
    frozen = {module_access(modules, index, layer.path)};
  }
  for (const std::string& one : frozen) lines.push_back(modules.dialect.frozen(one));
}

}  // namespace

Initialisation::Initialisation(const Modules& modules) : modules_(modules) {
  for (const Tie& tie : modules.ties) {
    const std::string path = common_part(parent_path(tie.first), parent_path(tie.other));
    ties_[maker_of(modules, path)].push_back(&tie);
  }
  trainable_ = std::ranges::any_of(modules.graph.constants, &Constant::trainable);
  for (const Module& module : modules.all) {
    if (module.layer != nullptr && !module.layer->tensors.empty())
      layers_[maker_of(modules, module.path)].push_back(module.layer);
  }
}

std::vector<InitLine> Initialisation::lines(std::size_t index, const Own& own) const {
  const Module& module = modules_.all[index];
  std::vector<InitLine> lines;
  for (const OwnTensor& tensor : module.tensors)
    lines.push_back(modules_.dialect.registered(tensor, modules_.graph[tensor.value].type));
  for (const std::size_t child : module.children) {
    const std::string& name = modules_.all[child].name;
    InitLine line{fmt::format("self.{} = ", name), made(modules_, child, own), "", name};
    if (!is_python_name(name)) {
      line.before = fmt::format("self.add_module({}, ", python_literal(std::string_view(name)));
      line.after = ")";
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Construction Initialisation::sequence(const Own& own) const {
  return {"super().__init__", {}, Takes::parts, parts_of(modules_, modules_.all[0], own)};
}

std::vector<std::string> Initialisation::fixes(std::size_t index) const {
  std::vector<std::string> lines;
  if (index == 0 && modules_.hidden) lines.emplace_back(modules_.dialect.filled);
  if (const auto ties = ties_.find(index); ties != ties_.end()) {
    for (const Tie* tie : ties->second) lines.push_back(tied(modules_, index, *tie));
  }
  if (!trainable_ && !layers_.empty() && index == 0)
    lines.push_back(modules_.dialect.frozen("self"));
  if (const auto layers = layers_.find(index); trainable_ && layers != layers_.end()) {
    for (const Layer* layer : layers->second) freeze(modules_, index, *layer, lines);
  }
  return lines;
}

}  // namespace isomer::python
