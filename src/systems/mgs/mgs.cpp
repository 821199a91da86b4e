#include "systems/mgs/mgs.h"

#include "base/error.h"
#include "systems/mgs/gsl/gsl.h"
#include "systems/mgs/mdl/mdl.h"

namespace isomer::mgs {

bool is_mdl(std::string_view entry) { return entry.ends_with(".mdl"); }

std::vector<Diagnostic> check(const Files& files, std::string_view entry,
                              const RunOptions& /*options*/) {
  Problems problems;
  std::vector<std::string> names{std::string(entry)};
  try {
    names = is_mdl(entry) ? mdl::read(files, entry, problems).files
                          : gsl::read(files, entry, problems).files;
  } catch (const Fatal& fatal) {
    problems.add(fatal.problem());
    names = fatal.files();
  }
  return problems.diagnostics(names);
}

std::string describe(const Files& files, std::string_view entry) {
  if (is_mdl(entry)) return mdl::to_text(mdl::read(files, entry));
  return gsl::to_text(gsl::read(files, entry));
}

}  // namespace isomer::mgs
