#include "systems/mgs/run/run.h"

#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "codecs/json.h"
#include "systems/mgs/gsl/gsl.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/run/interpreter.h"
#include "systems/mgs/run/strict.h"

namespace isomer::mgs {
namespace {

struct ModeName {
  std::string_view name;
  Mode mode;
};

constexpr ModeName mode_names[] = {
    {"reference", Mode::reference}, {"strict", Mode::strict}, {"fast", Mode::fast}};

double start_number(const Tree& tree) {
  if (const auto* integer = tree.integer()) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&tree.value)) return *real;
  throw Error(Fault::file, "start", "a number is expected");
}

const Tree::List& start_list(const Tree& tree) {
  if (const Tree::List* list = tree.list()) return *list;
  throw Error(Fault::file, "start", "a list is expected");
}

void read_start(const std::string& text, Simulation& simulation) {
  if (text.empty()) return;
  const Tree tree = read_json(text);
  if (const Tree* weights = tree.find("initial_weights"); weights && weights->map()) {
    for (const auto& [layer, rows] : *weights->map()) {
      auto& kept = simulation.initial_weights.emplace_back(layer, std::vector<Reals>{}).second;
      for (const Tree& row : start_list(rows)) {
        Reals& values = kept.emplace_back();
        for (const Tree& value : start_list(row)) values.push_back(start_number(value));
      }
    }
  }
  if (const Tree* samples = tree.find("sample_sequence"); samples && samples->list()) {
    for (const Tree& sample : *samples->list()) {
      const Tree::List& pair = start_list(sample);
      if (pair.size() != 2 || pair[1].integer() == nullptr || *pair[1].integer() < 0)
        throw Error(Fault::file, "start", "a sample is a set's name and a number");
      simulation.samples.push_back(static_cast<std::size_t>(*pair[1].integer()));
    }
  }
}

/// Runs `action`; whether the program goes on, and else how it ended.
template <class Action>
bool goes_on(RunReport& report, Problems& problems, const Action& action) {
  try {
    action();
    return true;
  } catch (const Ended& ended) {
    Problem problem = ended.problem;
    if (ended.status == 0) problem.severity = Diagnostic::Severity::warning;
    problems.add(std::move(problem));
    report.mgs_exit = ended.status;
    return false;
  }
}

/// Where what is wrong ends the program: with exit status 1.
bool is_clean(RunReport& report, const Problems& problems) {
  if (problems.errors() == 0) return true;
  report.mgs_exit = 1;
  return false;
}

void run_script(const Files& files, std::string_view entry, const RunRequest& request,
                Outputs& outputs, Problems& problems, RunReport& report) {
  const gsl::Script script = gsl::read(files, entry, problems);
  report.files = script.files;
  if (!is_clean(report, problems)) return;
  const mdl::Document types = mdl::known_types(files, problems);
  Simulation simulation(files, outputs, request.seed);
  simulation.mode = request.mode;
  simulation.threads = request.threads;
  simulation.most_iterations = request.most_iterations;
  simulation.problems = &problems;
  read_start(request.start, simulation);
  Interpreter interpreter(script, types, simulation, problems, request.allow_system);
  if (!goes_on(report, problems, [&] { interpreter.execute(false); })) return;
  if (!is_clean(report, problems)) {
    outputs.line("Quitting due to errors...");
    return;
  }
  if (request.parse_only) {
    outputs.line("Simulation suppressed.");
    report.mgs_exit = 0;
    return;
  }
  if (!goes_on(report, problems, [&] { interpreter.execute(true); })) return;
  if (simulation.mode == Mode::strict) check_network(simulation, problems);
  if (problems.errors() > 0) {
    const bool silent = std::ranges::any_of(problems.all(), [](const Problem& problem) {
      return problem.severity == Diagnostic::Severity::error && problem.mistake == Mistake::silent;
    });
    if (!silent) report.mgs_exit = 1;
    return;
  }
  const bool ran = goes_on(report, problems, [&] { simulation.run(); });
  report.iterations = simulation.iteration;
  if (!ran) return;
  if (simulation.mode == Mode::strict && problems.errors() > 0) return;
  if (interpreter.crashes_at_exit()) {
    problems.error(Mistake::crash, {},
                   "the run is complete, and MGS crashes at its exit: a float "
                   "was declared or a list summed",
                   "a #define holds numbers");
    report.mgs_exit = crashed;
    return;
  }
  outputs.line("Simulation complete.");
  report.mgs_exit = 0;
}

}  // namespace

Mode mode_named(std::string_view name) { return row_named("mode", name, mode_names).mode; }

RunReport run_network(const Files& files, std::string_view entry, const RunRequest& request,
                      Outputs& outputs) {
  RunReport report;
  report.files = {std::string(entry)};
  Problems problems;
  try {
    run_script(files, entry, request, outputs, problems, report);
  } catch (const Fatal& fatal) {
    problems.add(fatal.problem());
    report.mgs_exit = 1;
  }
  report.problems = problems.all();
  return report;
}

}  // namespace isomer::mgs
