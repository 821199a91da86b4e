#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cli/lengths.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/staging.h"
#include "cli/verb.h"
#include "graph/text.h"
#include "passes/passes.h"
#include "prove/certificate.h"
#include "prove/prove.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

constexpr Option convert_table[] = {
    {"MODEL", "FILE", "the model", true},
    {"-o,--output", "FILE", "the file to write; others go beside it", true},
    {"--to", "SYSTEM", "the system to write for; default: by the output's extension"},
    weights_option,
    decompose_option,
    dialect_option,
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
    {"--strict", "", "write nothing and exit with 1 when something would be lost or assumed"},
    {"--prove", "", "compare what was written with MODEL; keep it only when both are equivalent"},
    {"--length", "NAME=NUMBER", "write the model for this one number of a named length", false,
     true},
    {"--dump", "FOLDER", "write the graph after each pass, as text, into FOLDER"},
    {"--without", "PASS", "passes to leave out", false, true},
};

/// Does what `--length` asks for.
void fix_asked(Loaded& loaded, const Words& words) {
  const Lengths numbers = lengths_asked(words, loaded.graph);
  loaded.graph = fix_lengths(loaded.graph, numbers);
  for (const auto& [name, number] : numbers) {
    loaded.notes.push_back({fmt::format("length {}", quoted(name)),
                            fmt::format("is {} in what is written, which takes no other", number)});
  }
}

std::vector<std::string_view> extensions_of(const System& system) {
  return split_text(system.extensions, ' ');
}

const System& target_of(const Words& words, const fs::path& output) {
  if (words.has("to")) return system_named(words.text("to"));
  std::vector<std::string> known;
  for (const System& system : all_systems()) {
    if (system.write == nullptr) continue;
    for (const std::string_view extension : extensions_of(system)) {
      if (output.extension() == extension) return system;
      known.push_back(fmt::format("{} ({})", extension, system.name));
    }
  }
  throw Error(Fault::usage, output.string(),
              fmt::format("no system writes such a file; these are written: {}", listed(known)));
}

void check_writes(const System& target, const fs::path& output) {
  if (target.write == nullptr) {
    throw Error(Fault::unsupported, output.string(),
                fmt::format("{} can be read, not written", target.name));
  }
  for (const std::string_view extension : extensions_of(target)) {
    if (output.extension() == extension) return;
  }
  throw Error(Fault::usage, output.string(),
              fmt::format("{} writes {} files", target.name, listed(extensions_of(target))));
}

/// What we write names the weights beside it.
void check_utf8(const fs::path& output) {
  if (is_utf8(output.filename().string())) return;
  throw Error(Fault::usage, output.string(), "cannot be named in what is written; use UTF-8");
}

/// Collects "00.read.isomer", "01.simplify.isomer", ... while the pipeline runs.
class Dump {
 public:
  explicit Dump(std::string folder) : folder_(std::move(folder)) {}

  void add(std::string_view step, const Graph& graph) {
    if (folder_.empty()) return;
    files_.push_back(
        {fmt::format("{:02}.{}.isomer", files_.size(), step), {bytes_of(to_text(graph))}});
  }
  void save(const Files& source) const {
    if (folder_.empty()) return;
    Staging staging(folder_, Staging::Missing::made);
    for (const File& file : files_) staging.write(file);
    staging.publish([&] {
      for (const File& file : files_) check_not_used(fs::path(folder_) / file.name, source);
    });
  }

 private:
  std::string folder_;
  std::vector<File> files_;
};

/// Whether the file is to become another one of the same system, and nothing asks for its graph.
bool is_rewriting(const ModelFile& source, const System& target, const Words& words) {
  return source.system == &target && target.rewrite != nullptr &&
         std::ranges::none_of(
             std::array<std::string_view, 4>{"length", "weights", "dump", "without"},
             [&](std::string_view option) { return words.has(option); });
}

Written written_for(const System& target, const Loaded& loaded, const std::string& entry,
                    const Words& words, Dump& dump) {
  PipelineOptions pipeline;
  const auto without = words.all("without");
  pipeline.without.assign(without.begin(), without.end());
  pipeline.watch = [&](const PassReport& report, const Graph& graph) {
    dump.add(report.name, graph);
  };
  return target.write(prepare_for(target, loaded.graph, pipeline), entry);
}

/// The graph that was read is gone by the end; `notes` are the reader's.
Written converted(const ModelFile& source, const System& target, const std::string& entry,
                  const Words& words, std::vector<Note>& notes) {
  if (words.has("dialect")) {
    throw Error(Fault::usage, "--dialect",
                "is for documents that are run, checked or written in another form, and this makes "
                "a graph");
  }
  Loaded loaded = read_graph(source, words);
  with_file(source.path, source.entry, [&] { fix_asked(loaded, words); });
  Dump dump(words.text("dump"));
  dump.add("read", loaded.graph);
  Written written = with_file(source.path, source.entry,
                              [&] { return written_for(target, loaded, entry, words, dump); });
  dump.save(*source.files);
  notes = std::move(loaded.notes);
  return written;
}

int proved(const ModelFile& source, const System& target, const Staging& staging,
           const std::string& entry, const Words& words) {
  const auto files = open_folder(staging.folder());
  try {
    let_threads_sleep();
    const Certificate certificate = isomer::prove(
        {source.path, source.system, source.files.get(), source.entry, preparing_asked(words)},
        {entry, &target, files.get(), entry}, {.progress = progress_bar()});
    print(staging.outside(to_text(certificate)));
    if (certificate.equivalent()) return yes;
    return certificate.verdict == Verdict::different ? no : unproved;
  } catch (const Error& error) {
    throw staging.outside(error);
  }
}

/// Whether the file is there, with just this content.
bool holds(const fs::path& path, const File& file) {
  std::error_code unknown;
  std::size_t size = 0;
  for (const Bytes& part : file.parts) size += part.size();
  if (!fs::is_regular_file(path, unknown) || fs::file_size(path, unknown) != size) return false;
  return map_file(path).text() == bytes_of(file.parts).text();
}

/// A weight is looked at when it is written, and what is wrong with it is said of the model.
void write_all(Staging& staging, const Written& written, const ModelFile& source) {
  for (const File& file : written.files) {
    try {
      staging.write(file);
    } catch (const Error& error) {
      if (!error.where().starts_with(source.entry + ":")) throw;
      with_file(source.path, source.entry, [&] { throw Error(error); });
    }
  }
}

}  // namespace

Usage convert_usage() {
  return {convert_table,
          "  isomer convert net.pt2 -o net.py\n"
          "  isomer convert net.pt2 -o net.json --prove\n"
          "  isomer convert net.pt2 -o out/net.json --to mdf --strict --dump steps"};
}

int convert(const Words& words) {
  const ModelFile source = open_model(words.text("MODEL"), words);
  const fs::path output = words.text("output");
  const System& target = target_of(words, output);
  check_writes(target, output);
  check_output(output, output.filename().string());
  check_utf8(output);
  const std::string entry = output.filename().string();
  std::vector<Note> notes;
  const Written written =
      is_rewriting(source, target, words)
          ? with_file(source.path, source.entry,
                      [&] {
                        return target.rewrite(*source.files, source.entry, entry,
                                              {.dialect = dialect_asked(words, target)});
                      })
          : converted(source, target, entry, words, notes);
  print_notes(source.path, notes);
  print_links(source);
  print_notes(output.string(), written.notes);
  if (words.has("strict") && !(notes.empty() && written.notes.empty())) {
    say(fmt::format("isomer: {}: not written: something would be lost, see the notes",
                    output.string()));
    return no;
  }
  const auto check = [&] {
    with_file(source.path, source.entry, [&] { source.files->check_unchanged(); });
    for (const File& file : written.files)
      check_not_used(output.parent_path() / file.name, *source.files);
    // What is there already was written by the same conversion.
    if (!holds(output, written.files.at(0))) check_ours(output, target.mark);
    check_beside(output.parent_path(), written.files);
  };
  check();
  Staging staging(output.parent_path());
  write_all(staging, written, source);
  if (words.has("prove")) {
    const int answer = proved(source, target, staging, written.files.at(0).name, words);
    if (answer != yes) {
      say(fmt::format("isomer: {}: not written: it {}", output.string(),
                      answer == no ? "would not be equivalent" : "is not proved to be equivalent"));
      return answer;
    }
  }
  staging.publish(check);
  return yes;
}

}  // namespace isomer::cli
