#include "cli/model_file.h"

#include <filesystem>

#include "base/text.h"
#include "cli/verb.h"

namespace isomer::cli {
namespace fs = std::filesystem;

ModelFile open_model(const std::string& path, std::string_view from) {
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
  model.system = from.empty() ? with_model(path, model.entry,
                                           [&] { return &recognise(*model.files, model.entry); })
                              : &system_named(from);
  return model;
}

Loaded read_graph(const ModelFile& model) {
  if (model.system->read == nullptr) {
    throw Error(
        Fault::unsupported, model.path,
        fmt::format("{} files can be run and proved, not read as a graph", model.system->name));
  }
  return with_model(model.path, model.entry,
                    [&] { return model.system->read(*model.files, model.entry); });
}

std::string placed(std::string_view path, std::string_view entry, std::string_view where) {
  if (where.starts_with(path)) return std::string(where);
  if (where.starts_with(entry)) where.remove_prefix(entry.size());
  if (where.starts_with(": ")) where.remove_prefix(2);
  return where.empty() ? std::string(path) : fmt::format("{}: {}", path, where);
}

void print_notes(std::string_view path, const std::vector<Note>& notes) {
  for (const Note& note : notes) {
    const std::string where = placed(path, fs::path(path).filename().string(), note.where);
    say(fmt::format("note: {}: {}\n", where, note.text));
  }
}

}  // namespace isomer::cli
