#include "cli/network.h"

#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "cli/mgs_program.h"
#include "codecs/json.h"
#include "systems/mgs/run/run.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t most_threads_of_network = 1024;
constexpr std::size_t most_bytes_of_lines = std::size_t{1} << 30U;

/// What stands in the file that the user named, in the words of `isomer check`.
struct NetworkRun {
  std::string path;
  std::string mode;
  std::optional<int> mgs_exit = {};
  std::int64_t iterations = 0;
  std::vector<std::string> lines = {};
  std::vector<std::string> files = {};
  std::vector<mgs::Problem> problems = {};
  std::vector<std::string> sources = {};
};

std::string_view severity_name(const mgs::Problem& problem) {
  return problem.severity == Diagnostic::Severity::error ? "error" : "warning";
}

std::string place_text(const NetworkRun& run, const mgs::Problem& problem) {
  if (problem.place.line == 0) return run.path;
  const bool main = problem.place.file == 0 || problem.place.file >= run.sources.size();
  return fmt::format("{}:{}:{}", main ? run.path : run.sources[problem.place.file],
                     problem.place.line, problem.place.column);
}

Tree number_or_nothing(std::int64_t number) { return number == 0 ? Tree{} : Tree{number}; }

Tree tree_of(const NetworkRun& run, const mgs::Problem& problem) {
  return {Tree::Map{
      {"severity", {std::string(severity_name(problem))}},
      {"class", {std::string(name_of(problem.mistake))}},
      {"file",
       {problem.place.file < run.sources.size() ? run.sources[problem.place.file] : std::string()}},
      {"line", number_or_nothing(problem.place.line)},
      {"column", number_or_nothing(problem.place.column)},
      {"message", {problem.what}},
      {"instead", problem.instead.empty() ? Tree{} : Tree{problem.instead}}}};
}

void print_report(const NetworkRun& run) {
  Tree::List lines, files, problems;
  for (const std::string& line : run.lines) lines.push_back({line});
  for (const std::string& file : run.files) files.push_back({file});
  for (const mgs::Problem& problem : run.problems) problems.push_back(tree_of(run, problem));
  print(
      write_json({Tree::Map{{"file", {run.path}},
                            {"mode", {run.mode}},
                            {"mgs_exit", run.mgs_exit ? Tree{std::int64_t{*run.mgs_exit}} : Tree{}},
                            {"iterations", {run.iterations}},
                            {"stdout", {std::move(lines)}},
                            {"files", {std::move(files)}},
                            {"problems", {std::move(problems)}}}}) +
      "\n");
}

void tell(const NetworkRun& run) {
  constexpr std::size_t most = 50;
  std::size_t told = 0;
  for (const mgs::Problem& problem : run.problems) {
    if (++told > most) break;
    say(fmt::format("{}: {}: {}", place_text(run, problem), severity_name(problem),
                    problem.text()));
  }
  if (run.problems.size() > most)
    say(fmt::format("{}: and {}", run.path, counted(run.problems.size() - most, "more message")));
  if (run.mgs_exit.value_or(0) != 0)
    say(fmt::format("{}: MGS ends with exit status {}", run.path, *run.mgs_exit));
}

int finish(const NetworkRun& run, const Words& words) {
  if (words.has("json")) {
    print_report(run);
  } else {
    tell(run);
  }
  return run.mgs_exit == 0 ? yes : faulty;
}

mgs::RunRequest request_of(const Words& words) {
  mgs::RunRequest request;
  if (words.has("mode")) request.mode = mgs::mode_named(words.text("mode"));
  request.threads = static_cast<int>(words.number("threads", 1, 1, most_threads_of_network));
  request.seed = static_cast<std::uint64_t>(words.number("seed", 12345, 0));
  request.most_iterations =
      words.number("iterations", request.most_iterations, 1, std::int64_t{1} << 40U);
  request.allow_system = words.has("allow-system");
  request.parse_only = words.has("parse-only");
  if (words.has("start")) request.start = std::string(map_file(words.text("start")).text());
  return request;
}

void refuse_others(const Words& words) {
  for (const std::string_view option :
       {"inputs", "output", "weights", "decompose", "steps", "dt", "record", "plot", "states",
        "save-states", "engine", "device", "dialect"}) {
    if (!words.has(option)) continue;
    throw Error(Fault::usage, fmt::format("--{}", option),
                "a network of GSL reads and writes the files that it names itself, by MGS's rules");
  }
}

void run_here(const Words& words, NetworkRun& run) {
  const fs::path path = run.path;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string entry = path.filename();
  const auto files = open_folder(folder);
  const bool json = words.has("json");
  std::size_t bytes = 0;
  mgs::Outputs outputs(*files, folder, [&](std::string_view line) {
    if (!json) return print(fmt::format("{}\n", line));
    run.lines.emplace_back(line);
    if ((bytes += line.size()) > most_bytes_of_lines)
      throw Error(Fault::model, run.path, "its nodes print more than 1 GiB, which is our limit");
  });
  const mgs::RunReport report = with_file(
      run.path, entry, [&] { return mgs::run_network(*files, entry, request_of(words), outputs); });
  run.mgs_exit = report.mgs_exit;
  run.iterations = report.iterations;
  run.problems = report.problems;
  run.sources = report.files;
  with_file(run.path, entry, [&] { files->check_unchanged(); });
  if (!report.mgs_exit) return;
  run.files = outputs.names();
  outputs.publish();
}

}  // namespace

bool is_network(const std::string& path, const Words& words) {
  return words.has("from") ? words.text("from") == "mgs" : path.ends_with(".gsl");
}

int run_network_file(const Words& words) {
  refuse_others(words);
  NetworkRun run{words.text("MODEL"), words.has("mode") ? words.text("mode") : "reference"};
  if (words.has("mgs-program")) {
    run.mode = "mgs";
    const ProgramEnd end = run_mgs_program(words, run.path, [&](std::string_view line) {
      if (words.has("json")) run.lines.emplace_back(line);
      if (!words.has("json")) print(fmt::format("{}\n", line));
    });
    run.mgs_exit = end.status;
    return finish(run, words);
  }
  std::error_code unknown;
  if (!fs::is_regular_file(run.path, unknown)) {
    run.problems.push_back({mgs::Mistake::file, {}, "there is no such file"});
    run.mgs_exit = 1;
    return finish(run, words);
  }
  run_here(words, run);
  return finish(run, words);
}

}  // namespace isomer::cli
