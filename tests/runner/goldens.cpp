#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "graph/text.h"
#include "runner/case.h"
#include "systems/text/text.h"

namespace isomer::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view stem = "model";

/// Where two texts part, as a line of each.
std::string first_difference(std::string_view given, std::string_view expected) {
  const std::vector<std::string_view> a = split_text(given, '\n');
  const std::vector<std::string_view> b = split_text(expected, '\n');
  std::size_t line = 0;
  while (line < a.size() && line < b.size() && a[line] == b[line]) ++line;
  return fmt::format("line {} is\n    {}\n  and should be\n    {}", line + 1,
                     line < a.size() ? a[line] : "missing", line < b.size() ? b[line] : "missing");
}

std::string check_file(const File& written, const fs::path& folder, const Options& options) {
  const fs::path path = folder / written.name;
  if (options.bless) write_file(path, written.parts);
  const Bytes expected = map_file(path);
  const Bytes given = bytes_of(written.parts);
  if (expected.text() == given.text()) return "";
  return fmt::format("{}: {}", written.name, first_difference(given.text(), expected.text()));
}

/// What is read from the system's file: "read.isomer", or the model where there is none.
std::string check_read(const Graph& graph, const fs::path& folder, const Options& options) {
  const fs::path path = folder / "read.isomer";
  if (options.bless && fs::exists(path)) write_file(path, to_text(graph, Data::all));
  const fs::path expected = fs::exists(path) ? path : folder / "model.isomer";
  const std::string wanted =
      nameless_text(read_text(*open_folder(folder), expected.filename().string()).graph);
  const std::string given = nameless_text(graph);
  return given == wanted ? "" : "read, " + first_difference(given, wanted);
}

}  // namespace

Result run_golden(const fs::path& folder, const Options& options) {
  Result result;
  const System& system = system_named(folder.parent_path().filename().string());
  const std::unique_ptr<Files> files = open_folder(folder);
  const Graph model = read_text(*files, "model.isomer").graph;
  const std::string entry = entry_of(system, stem);
  if (system.write != nullptr) {
    const Written written = system.write(prepare_for(system, model), entry);
    for (const File& file : written.files) {
      result.check(fmt::format("{} writes {}", system.name, file.name),
                   [&] { return check_file(file, folder, options); });
    }
  }
  if (system.read == nullptr) return result;
  result.check(fmt::format("{} reads {}", system.name, entry), [&] {
    return check_read(read_model(system, *files, entry).graph, folder, options);
  });
  return result;
}

}  // namespace isomer::runner
