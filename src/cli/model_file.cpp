#include "cli/model_file.h"

#include <algorithm>
#include <filesystem>
#include <ranges>

#include "base/text.h"
#include "cli/verb.h"
#include "systems/decomposing.h"
#include "systems/replace_weights.h"

namespace isomer::cli {
namespace fs = std::filesystem;

ModelFile open_model(const std::string& path, const Words& words) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) throw Error(Fault::file, path, "there is no such file");
  if (fs::is_directory(status)) throw Error(Fault::file, path, "is a folder, not a model file");
  if (!fs::is_regular_file(status)) {
    throw Error(Fault::file, path, "is no regular file; save what it gives as a file first");
  }
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  ModelFile model{path, open_folder(folder), fs::path(path).filename().string(), nullptr};
  const std::string& from = words.text("from");
  model.system = from.empty() ? with_file(path, model.entry,
                                          [&] { return &recognise(*model.files, model.entry); })
                              : &system_named(from);
  if (words.has("decompose")) model.system = &decomposing(*model.system);
  return model;
}

Loaded read_graph(const ModelFile& model) {
  return with_file(model.path, model.entry,
                   [&] { return read_model(*model.system, *model.files, model.entry); });
}

Graph with_weights_asked(const Words& words, Graph graph) {
  const std::string& path = words.text("weights");
  if (path.empty()) return graph;
  const Bytes file = map_file(path);
  return with_place(path, [&] { return with_weights(std::move(graph), path, file); });
}

void refuse_weights(const Words& words, const ModelFile& model) {
  if (!words.has("weights")) return;
  throw Error(Fault::usage, "--weights",
              fmt::format("{} is run by {}'s own rules, and finds its weights itself; they are "
                          "given to a graph that is read",
                          model.path, model.system->name));
}

Loaded read_graph(const ModelFile& model, const Words& words) {
  Loaded loaded = read_graph(model);
  loaded.graph = with_weights_asked(words, std::move(loaded.graph));
  return loaded;
}

std::string dialect_asked(const Words& words, const System& system) {
  const std::string& dialect = words.text("dialect");
  if (!words.has("dialect")) return {};
  const std::vector<std::string_view> known = split_text(system.dialects, ' ');
  if (std::ranges::find(known, dialect) != known.end()) return dialect;
  throw Error(Fault::usage, "--dialect",
              known.empty() ? fmt::format("system '{}' has one only", system.name)
                            : fmt::format("there is no dialect {}; there are: {}", quoted(dialect),
                                          listed(known)));
}

void print_notes(std::string_view path, const std::vector<Note>& notes) {
  constexpr std::size_t most = 20;
  for (const Note& note : notes | std::views::take(most)) {
    const std::string_view where = place_in(fs::path(path).filename().string(), note.where);
    say(fmt::format("note: {}{}{}: {}", path, where.empty() ? "" : ": ", where, note.text));
  }
  if (notes.size() > most)
    say(fmt::format("note: {}: and {}", path, counted(notes.size() - most, "more note")));
}

void print_links(const ModelFile& model) {
  std::error_code failed;
  const fs::path named = fs::absolute(model.path, failed);
  const fs::path home = fs::canonical(named.parent_path(), failed);
  std::vector<Note> notes;
  for (const fs::path& used : model.files->used()) {
    const fs::path real = fs::canonical(used, failed);
    if (failed || used.filename() == named.filename()) continue;  // that one the user has named
    if (*real.lexically_relative(home).begin() == "..") {
      notes.push_back({used.filename().string(),
                       fmt::format("is a link out of the folder; read is {}", real.string())});
    }
  }
  print_notes(model.path, notes);
}

}  // namespace isomer::cli
