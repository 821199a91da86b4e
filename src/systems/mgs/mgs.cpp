#include "systems/mgs/mgs.h"

#include "base/error.h"
#include "base/text.h"
#include "systems/mgs/gsl/gsl.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/picture/outline.h"
#include "systems/mgs/picture/types.h"
#include "systems/mgs/run/run.h"

namespace isomer::mgs {

namespace {

/// What the first pass of a script finds, in which MGS makes all instances and tries all
/// connections. Nothing is run or written, and no command is carried out.
void check_first_pass(const Files& files, std::string_view entry, Problems& problems) {
  Outputs nothing(files, {}, [](std::string_view) {});
  RunRequest request;
  request.parse_only = true;
  try {
    for (Problem problem : run_network(files, entry, request, nothing).problems) {
      // A command that is left out is no mistake of the script.
      if (problem.mistake != Mistake::usage) problems.add(std::move(problem));
    }
  } catch (const Error& error) {
    if (error.fault() != Fault::unsupported) throw;
    problems.warning(Mistake::limit, {}, fmt::format("cannot be tried here: {}", error.what()));
  }
}

}  // namespace

bool is_mdl(std::string_view entry) { return entry.ends_with(".mdl"); }

std::vector<Diagnostic> check(const Files& files, std::string_view entry,
                              const RunOptions& /*options*/) {
  Problems problems;
  std::vector<std::string> names{std::string(entry)};
  try {
    names = is_mdl(entry) ? mdl::read(files, entry, problems).files
                          : gsl::read(files, entry, problems).files;
    if (!is_mdl(entry) && problems.errors() == 0) {
      problems = {};  // they are told again
      check_first_pass(files, entry, problems);
    }
  } catch (const Fatal& fatal) {
    problems.add(fatal.problem());
    names = fatal.files();
  }
  return problems.diagnostics(names);
}

std::string describe(const Files& files, std::string_view entry) {
  if (is_mdl(entry)) return mdl::to_text(mdl::read(files, entry), true);
  const gsl::Script script = gsl::read(files, entry);
  return fmt::format("script {}\n{}", entry, to_text(outline_of(script)));
}

std::string draw(const Files& files, std::string_view entry, int level) {
  if (is_mdl(entry)) return dot_of(mdl::read(files, entry), level);
  return dot_of(outline_of(gsl::read(files, entry)), level);
}

Written rewrite(const Files& files, std::string_view entry, std::string_view name,
                const RunOptions& /*options*/) {
  if (is_mdl(entry) != is_mdl(name))
    throw Error(Fault::usage, "", "types are written as .mdl, scripts as .gsl");
  std::string text = "// written by isomer\n";
  text +=
      is_mdl(entry) ? mdl::to_text(mdl::read(files, entry)) : gsl::to_text(gsl::read(files, entry));
  return {{{std::string(name), {bytes_of(std::move(text))}}}, {}};
}

}  // namespace isomer::mgs
