// Runs the cases of tests/cases: case_runner FILE_OR_FOLDER... [--engine NAME] [--gradients]
// [--systems NAME,...] [--bless] Prints what failed and a count; ends with 1 when something failed
// that tests/known_failures.txt does not list, or when something listed there passes.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "ops/schema.h"
#include "runner/case.h"

namespace isomer::runner {
namespace {

namespace fs = std::filesystem;

/// "case | engine or system | reason | issue"
using Known = std::set<std::pair<std::string, std::string>>;

Known read_known(const fs::path& path) {
  Known known;
  if (!fs::exists(path)) return known;
  const Bytes bytes = map_file(path);
  for (const std::string_view line : split_text(bytes.text(), '\n')) {
    const std::string_view words = trimmed(line);
    if (words.empty() || words[0] == '#') continue;
    const std::vector<std::string_view> parts = split_text(words, '|');
    if (parts.size() != 4) {
      throw Error(
          Fault::file, path.string(),
          fmt::format("{} is not 'case | engine or system | reason | issue'", quoted(words)));
    }
    known.emplace(trimmed(parts[0]), trimmed(parts[1]));
  }
  return known;
}

/// Counts outcomes and prints those that are not as they should be.
class Report {
 public:
  explicit Report(Known known) : known_(std::move(known)) {}

  void add(const std::string& name, const std::string& place, const Result& result) {
    ++cases_;
    for (const Outcome& outcome : result.outcomes) {
      const bool listed = known_.contains({name, outcome.check});
      const bool failed = !outcome.failure.empty();
      ++checks_;
      if (failed && listed) ++expected_;
      if (failed && !listed) fail(name, place, outcome.check, outcome.failure);
      if (!failed && listed) {
        fail(name, place, outcome.check, "passes; take it from tests/known_failures.txt");
      }
    }
  }

  void fail(const std::string& name, const std::string& place, std::string_view check,
            std::string_view what) {
    ++failed_;
    fmt::print("{}: {}\n  {}: {}\n", place, name, check, what);
  }

  int finish() const {
    fmt::print("{}, {}, {} failed, {} failed as known\n", counted(cases_, "case"),
               counted(checks_, "check"), failed_, expected_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  Known known_;
  std::size_t cases_ = 0;
  std::size_t checks_ = 0;
  std::size_t failed_ = 0;
  std::size_t expected_ = 0;
};

Result run_case(const Case& one, const Options& options) {
  const std::string_view word = first_word(one);
  if (word == "graph") return run_operator_case(one, options);
  if (word == "pass" || word == "same") return run_pass_case(one, options);
  if (word == "onnx") return run_onnx_case(one, options);
  return run_error_case(one, options);
}

bool passed(const Result& result) {
  return std::ranges::all_of(result.outcomes, [](const Outcome& o) { return o.failure.empty(); });
}

/// The case's text without the line ends that keep its place.
std::string_view without_padding(const Case& one, std::string_view text) {
  return text.substr(std::min(one.line - 1, text.size()));
}

void run_file(const fs::path& path, const Options& options, Report& report) {
  std::string blessed;
  const std::vector<Case> cases = read_cases(path);
  for (const Case& one : cases) {
    const std::string place = fmt::format("{}:{}", path.string(), one.line);
    std::string text = one.text;
    try {
      const Result result = run_case(one, options);
      if (options.bless && result.blessed && !passed(result)) text = *result.blessed;
      report.add(one.name, place, result);
    } catch (const Error& error) {
      report.fail(one.name, place, "case", error.what());
    }
    if (!blessed.empty()) blessed += "===\n";
    blessed += without_padding(one, text);
  }
  if (find_op(path.stem().string()) != nullptr && path.parent_path().filename() == "ops") {
    const std::string name = fmt::format("ops/{}: all cases", path.filename().string());
    report.add(name, path.string(), run_traits(path.stem().string(), cases));
  }
  if (options.bless && map_file(path).text() != blessed) write_file(path, blessed);
}

void run_path(const fs::path& path, const Options& options, Report& report) {
  if (!fs::is_directory(path)) return run_file(path, options, report);
  if (fs::exists(path / "model.isomer")) {
    const std::string name =
        fmt::format("{}/{}", path.parent_path().filename().string(), path.filename().string());
    try {
      report.add(name, path.string(), run_golden(path, options));
    } catch (const Error& error) {
      report.fail(name, path.string(), "case", error.what());
    }
    return;
  }
  std::set<fs::path> inside;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.is_directory() || entry.path().extension() == ".case") inside.insert(entry.path());
  }
  for (const fs::path& one : inside) run_path(one, options, report);
}

struct Words {
  std::vector<fs::path> paths;
  std::string engine = "all";
  std::vector<std::string> systems;
  Options options;
};

Words parse(std::span<char*> arguments) {
  Words words;
  words.options.program = fs::read_symlink("/proc/self/exe").parent_path() / "isomer";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const auto value = [&]() -> std::string_view {
      if (i + 1 == arguments.size()) throw Error(Fault::usage, std::string(word), "needs a value");
      return arguments[++i];
    };
    if (word == "--gradients") {
      words.options.gradients = true;
    } else if (word == "--bless") {
      words.options.bless = true;
    } else if (word == "--engine") {
      words.engine = value();
    } else if (word == "--systems") {
      for (const std::string_view name : split_text(value(), ',')) words.systems.emplace_back(name);
    } else if (word.starts_with("-")) {
      throw Error(Fault::usage, std::string(word),
                  "is none of --engine, --gradients, --systems and --bless");
    } else {
      words.paths.push_back(fs::absolute(word).lexically_normal());
    }
  }
  if (words.paths.empty()) throw Error(Fault::usage, "", "name case files or folders of them");
  return words;
}

Options chosen(const Words& words) {
  Options options = words.options;
  for (const Engine& engine : all_engines()) {
    if (words.engine == engine.name || (words.engine == "all" && engine.available())) {
      options.engines.push_back(&engine);
    }
  }
  if (options.engines.empty()) engine_named(words.engine);
  for (const std::string& name : words.systems) options.systems.push_back(&system_named(name));
  return options;
}

int main(std::span<char*> arguments) {
  const Words words = parse(arguments);
  const Options options = chosen(words);
  Report report(read_known(fs::path(ISOMER_SOURCE) / "tests/known_failures.txt"));
  for (const fs::path& path : words.paths) run_path(path, options, report);
  return report.finish();
}

}  // namespace
}  // namespace isomer::runner

int main(int count, char** words) {
  try {
    return isomer::runner::main(std::span(words, static_cast<std::size_t>(count)).subspan(1));
  } catch (const isomer::Error& error) {
    fmt::print(stderr, "case_runner: {}\n", error.what());
    return 2;
  }
}
