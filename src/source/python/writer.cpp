#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "codecs/safetensors.h"
#include "ops/validate.h"
#include "source/python/check_names.h"
#include "source/python/classes.h"
#include "source/python/dialect.h"
#include "source/python/initialisation.h"
#include "source/python/source.h"
#include "systems/stored.h"

namespace isomer::python {
namespace {

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
    if (!names.empty()) {
      content.tensors.push_back(stored(data, names[0]));
    } else if (const auto hidden = modules.name_within(id, "")) {
      content.tensors.push_back(stored(data, fmt::format("{}{}", hidden_prefix, *hidden)));
    }
  };
  for (const Constant& constant : modules.graph.constants) {
    add(constant.data, constant.names, constant.value);
  }
  for (const State& state : modules.graph.states) add(state.initial, state.names, state.now);
  return content;
}

void check_spelled(const Dialect& dialect, const Graph& graph) {
  std::vector<std::string> missing;
  for (const Node& node : graph.nodes) {
    if (!dialect.spells(node.op)) missing.push_back(describe(graph, node));
    for (const Body& body : node.bodies) check_spelled(dialect, *body);
  }
  if (missing.empty()) return;
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} without {} spelling:\n  {}", counted(missing.size(), "operator"),
                          dialect.name, listed(missing, "\n  ")));
}

}  // namespace

Written write(const Dialect& dialect, const Graph& whole, std::string_view stem) {
  check_spelled(dialect, whole);
  const Graph graph = with_constants_outside(whole);
  check_names(dialect, graph, stem);
  const Layered layered = recover_layers(graph, dialect.layers);
  const Bodies bodies(dialect, graph);
  const Modules modules(dialect, graph, layered, bodies);
  const std::string hint = class_name(graph.name);
  const Parameters parameters = parameters_of(modules);
  const Classes classes(modules, parameters, hint.empty() ? "Model" : hint);
  const SafeTensors weights = weights_of(modules);
  const bool any = !weights.tensors.empty();
  const std::string text =
      dialect.program({modules, parameters, stem, classes.model(), bodies.text(), classes.text(),
                       any, modules.hidden, layered.training});

  Written written;
  add_renamed(graph.signature.arguments, parameters.positional, graph.name, written.notes);
  add_renamed(graph.signature.keywords, parameters.keywords, graph.name, written.notes);
  written.files.push_back({fmt::format("{}.py", stem), {bytes_of(text)}});
  if (any) {
    written.files.push_back({fmt::format("{}.safetensors", stem), write_safetensors(weights)});
  }
  return written;
}

}  // namespace isomer::python
