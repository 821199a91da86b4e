#include "base/text.h"
#include "cli/model_file.h"
#include "cli/verb.h"
#include "prove/structure.h"

namespace isomer::cli {
namespace {

constexpr Option options[] = {
    {"A", "FILE", "a model", true},
    {"B", "FILE", "the model that is held against it", true},
};

/// What a model takes.
struct Interface {
  std::vector<Port> inputs;
  std::vector<LengthRange> lengths;
};

Interface interface_of(const Graph& graph) {
  Interface interface { {}, graph.signature.lengths };
  for (const ValueId id : graph.inputs)
    interface.inputs.push_back({graph[id].name, graph[id].type});
  return interface;
}

/// A program made ready; nothing where the file can be read.
std::optional<Runnable> program_in(const ModelFile& model) {
  if (model.system->read != nullptr || model.system->simulate == nullptr) return {};
  Runnable program = with_file(model.path, model.entry, [&] {
    return model.system->simulate(*model.files, model.entry, {});
  });
  return program.exported ? std::optional(std::move(program)) : std::nullopt;
}

Graph graph_of(const ModelFile& model, const std::optional<Runnable>& program,
               const Interface& interface) {
  if (!program) return read_graph(model).graph;
  return with_file(model.path, model.entry,
                   [&] { return program->exported(interface.inputs, interface.lengths); });
}

}  // namespace

Usage diff_usage() {
  return {options,
          "  isomer diff net.pt2 net.json\n"
          "  isomer diff net.pt2 net.py\n"
          "  isomer diff net.isomer changed.isomer"};
}

int diff(const Words& words) {
  const ModelFile a = open_model(words.text("A"), "");
  const ModelFile b = open_model(words.text("B"), "");
  const std::optional<Runnable> first = program_in(a), second = program_in(b);
  // Programs are exported for what the other takes; of two, for what the first one shows.
  const Graph known =
      first && second ? graph_of(a, first, {first->inputs, {}}) : graph_of(first ? b : a, {}, {});
  const Interface interface = interface_of(known);
  const LengthsOf lengths = first || second ? LengthsOf::exported : LengthsOf::file;
  const StructureReport report =
      first && !second ? compare_structure(graph_of(a, first, interface), known, lengths)
                       : compare_structure(known, graph_of(b, second, interface), lengths);
  print_links(a);
  print_links(b);
  print(to_text(report, a.path, b.path));
  return report.same ? yes : no;
}

}  // namespace isomer::cli
