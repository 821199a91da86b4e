#include "base/text.h"
#include "cli/model_file.h"
#include "cli/verb.h"
#include "prove/structure.h"

namespace isomer::cli {
namespace {

constexpr Option diff_table[] = {
    {"A", "FILE", "a model", true},
    {"B", "FILE", "the model that is held against it", true},
    decompose_option,
};

/// A program made ready; nothing where the file can be read.
std::optional<Runnable> program_in(const ModelFile& model) {
  if (model.system->read != nullptr || model.system->simulate == nullptr) return {};
  Runnable program = with_file(model.path, model.entry, [&] {
    return model.system->simulate(*model.files, model.entry, {});
  });
  return program.exported ? std::optional(std::move(program)) : std::nullopt;
}

/// A program is exported for what `like` takes.
Graph graph_of(const ModelFile& model, const std::optional<Runnable>& program, const Graph& like) {
  if (!program) return read_graph(model).graph;
  return with_file(model.path, model.entry, [&] { return exported_like(*program, like); });
}

}  // namespace

Usage diff_usage() {
  return {diff_table,
          "  isomer diff net.pt2 net.json\n"
          "  isomer diff net.pt2 net.py\n"
          "  isomer diff net.isomer changed.isomer"};
}

int diff(const Words& words) {
  const ModelFile a = open_model(words.text("A"), words);
  const ModelFile b = open_model(words.text("B"), words);
  const std::optional<Runnable> first = program_in(a), second = program_in(b);
  // Of two programs, the first one is exported for what its own example shows.
  const Graph known =
      first && second
          ? with_file(a.path, a.entry, [&] { return first->exported(first->inputs, {}); })
          : read_graph(first ? b : a).graph;
  const LengthsOf lengths = first || second ? LengthsOf::exported : LengthsOf::file;
  const StructureReport report =
      first && !second ? compare_structure(graph_of(a, first, known), known, lengths)
                       : compare_structure(known, graph_of(b, second, known), lengths);
  print_links(a);
  print_links(b);
  print(to_text(report, a.path, b.path));
  return report.same ? yes : no;
}

}  // namespace isomer::cli
