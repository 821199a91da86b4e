#include "prove/summary.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace isomer {
namespace {

std::string_view witness_of(const Check& check) {
  return check.witness.empty() ? check.where : check.witness;
}

/// A tensor that a witness gives in each call counts as one.
std::string_view without_call(std::string_view tensor) {
  return tensor.substr(0, tensor.rfind(" of call "));
}

/// One tensor of one witness.
struct Finding {
  const Check* check = nullptr;
  const Difference* first = nullptr;
  std::set<std::size_t> trials = {};
  std::size_t of = 0;
  bool in_single = false;
  bool in_double = false;
};

/// In the order in which they are met.
std::vector<Finding> findings_of(std::span<const Check> checks,
                                 std::vector<Difference> Check::*list) {
  std::vector<Finding> findings;
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> known;
  for (const Check& check : checks) {
    for (const Difference& difference : check.*list) {
      const auto [place, is_new] =
          known.try_emplace({witness_of(check), without_call(difference.tensor)}, findings.size());
      if (is_new) findings.push_back({&check, &difference});
      Finding& finding = findings[place->second];
      finding.trials.insert(difference.trial);
      finding.of = std::max(finding.of, check.inputs);
      (check.in_double ? finding.in_double : finding.in_single) = true;
    }
  }
  return findings;
}

std::string to_text(const Finding& finding, std::string_view prefix) {
  std::string text = fmt::format("{}, {}: {}{}", finding.check->what, witness_of(*finding.check),
                                 prefix, finding.first->text);
  if (!finding.first->set.empty()) text += fmt::format(" ({})", finding.first->set);
  if (!finding.first->why.empty()) text += ": " + finding.first->why;
  if (finding.of > 1) text += fmt::format("; in {} of {} sets", finding.trials.size(), finding.of);
  const bool compared_in_both = !finding.check->witness.empty() && !finding.first->tensor.empty();
  if (compared_in_both && finding.in_single != finding.in_double)
    text += fmt::format("; shows in {} precision only", finding.in_double ? "double" : "single");
  return text;
}

}  // namespace

Summary summary_of(std::span<const Check> checks) {
  Summary summary;
  for (const Finding& finding : findings_of(checks, &Check::differences))
    (finding.check->own ? summary.differences : summary.doubts).push_back(to_text(finding, ""));
  for (const Finding& finding : findings_of(checks, &Check::doubts)) {
    summary.doubts.push_back(to_text(finding, "differs where the source does from itself: "));
  }
  return summary;
}

std::string percentiles(std::vector<double> distances) {
  std::ranges::sort(distances);
  std::vector<std::string> parts;
  for (const int percent : {50, 90, 99, 100}) {
    if (distances.empty()) break;
    const std::size_t place = (distances.size() - 1) * static_cast<std::size_t>(percent) / 100;
    parts.push_back(fmt::format("{} % within {:.3g}", percent, distances[place]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace isomer
