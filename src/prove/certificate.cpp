#include "prove/certificate.h"

#include <cmath>

#include "base/text.h"
#include "codecs/json.h"

namespace isomer {
namespace {

std::string how_near(const Check& check) {
  if (!check.same) return "DIFFERENT";
  if (!check.worst) return "the same";
  return fmt::format("the same, worst at {:.2g} of its bound", check.worst->ratio);
}

std::string counts(const Check& check) {
  std::string text =
      fmt::format("{}, {}", counted(check.tensors, "tensor"), counted(check.elements, "element"));
  if (check.inputs > 0) text = fmt::format("{}, {}", counted(check.inputs, "input set"), text);
  if (check.excused > 0) text += fmt::format(", {} excused by rounding", check.excused);
  return text;
}

std::string place_of(const FirstDifference& first) {
  std::string text = fmt::format("'{}' ({})", first.value, first.op);
  if (!first.scope.empty()) text += " in " + first.scope;
  if (first.place.line > 0) text += fmt::format(", {}:{}", first.place.file, first.place.line);
  if (!first.trips.empty())
    text += fmt::format(", trip {} (the first is 0)", fmt::join(first.trips, ", "));
  return text;
}

std::string described(const WorstElement& worst) {
  return fmt::format("{} at [{}]: {} in the source (exactly {}), {} in the other, bound {:.3g}",
                     worst.tensor, fmt::join(worst.index, ", "), real_text(worst.source),
                     real_text(worst.exact), real_text(worst.other), worst.bound);
}

/// The worst element of all checks, of the differing ones when there are some.
const WorstElement* worst_of(const Certificate& certificate) {
  const WorstElement* worst = nullptr;
  for (const Check& check : certificate.checks) {
    if (!check.worst || (check.same && !certificate.equivalent)) continue;
    if (worst == nullptr || check.worst->ratio > worst->ratio) worst = &*check.worst;
  }
  return worst;
}

Tree texts(const std::vector<std::string>& items) {
  Tree::List list;
  for (const std::string& item : items) list.push_back({item});
  return {std::move(list)};
}

Tree number(std::size_t value) { return {static_cast<std::int64_t>(value)}; }

Tree tree_of(const WorstElement& worst) {
  Tree::List index;
  for (const std::int64_t i : worst.index) index.push_back({i});
  return {Tree::Map{{"tensor", {worst.tensor}},
                    {"index", {std::move(index)}},
                    {"source", {worst.source}},
                    {"exact", {worst.exact}},
                    {"other", {worst.other}},
                    {"bound", {worst.bound}},
                    {"ratio", {worst.ratio}}}};
}

Tree tree_of(const Check& check) {
  return {Tree::Map{{"what", {check.what}},
                    {"where", {check.where}},
                    {"same", {check.same}},
                    {"inputs", number(check.inputs)},
                    {"tensors", number(check.tensors)},
                    {"elements", number(check.elements)},
                    {"excused", number(check.excused)},
                    {"worst", check.worst ? tree_of(*check.worst) : Tree{}},
                    {"differences", texts(check.differences)}}};
}

Tree tree_of(const Control& control) {
  return {
      Tree::Map{{"name", {control.name}}, {"what", {control.what}}, {"passed", {control.passed}}}};
}

Tree tree_of(const FirstDifference& first) {
  Tree::List trips;
  for (const std::int64_t trip : first.trips) trips.push_back({trip});
  return {Tree::Map{{"value", {first.value}},
                    {"op", {first.op}},
                    {"scope", {first.scope}},
                    {"file", {first.place.file}},
                    {"line", {static_cast<std::int64_t>(first.place.line)}},
                    {"trips", {std::move(trips)}},
                    {"ratio", {first.ratio}}}};
}

template <class Items>
Tree trees(const Items& items) {
  Tree::List list;
  for (const auto& item : items) list.push_back(tree_of(item));
  return {std::move(list)};
}

constexpr std::string_view verdict(bool equivalent) {
  return equivalent ? "EQUIVALENT" : "NOT EQUIVALENT";
}

}  // namespace

std::string to_text(const Certificate& certificate) {
  std::string text = fmt::format("{}: {} and {}\n", verdict(certificate.equivalent),
                                 certificate.source, certificate.other);
  if (certificate.first)
    text += fmt::format("first differing operator\n  {}\n", place_of(*certificate.first));
  if (const WorstElement* worst = worst_of(certificate))
    text += fmt::format("worst element\n  {}\n", described(*worst));
  constexpr std::size_t most_reasons = 12;
  if (!certificate.differences.empty()) text += "differences\n";
  for (std::size_t i = 0; i < std::min(most_reasons, certificate.differences.size()); ++i) {
    text += fmt::format("  {}\n", certificate.differences[i]);
  }
  if (certificate.differences.size() > most_reasons) {
    text += fmt::format("  and {}\n",
                        counted(certificate.differences.size() - most_reasons, "more difference"));
  }
  if (!certificate.checks.empty()) text += "compared\n";
  for (const Check& check : certificate.checks) {
    text += fmt::format("  {:<10} {}: {} ({})\n", check.what, check.where, how_near(check),
                        counts(check));
  }
  if (!certificate.inputs.empty()) {
    text += fmt::format("inputs (seed {})\n  {}\n", certificate.seed,
                        fmt::join(certificate.inputs, "; "));
  }
  if (!certificate.controls.empty()) text += "controls\n";
  for (const Control& control : certificate.controls) {
    text += fmt::format("  {:<10} {}: {}\n", control.name, control.passed ? "passed" : "FAILED",
                        control.what);
  }
  if (!certificate.notes.empty()) text += "notes\n";
  for (const std::string& note : certificate.notes) text += fmt::format("  {}\n", note);
  return text;
}

std::string to_json(const Certificate& certificate) {
  const WorstElement* worst = worst_of(certificate);
  return write_json({Tree::Map{{"result", {std::string(verdict(certificate.equivalent))}},
                               {"source", {certificate.source}},
                               {"other", {certificate.other}},
                               {"differences", texts(certificate.differences)},
                               {"first", certificate.first ? tree_of(*certificate.first) : Tree{}},
                               {"worst", worst != nullptr ? tree_of(*worst) : Tree{}},
                               {"checks", trees(certificate.checks)},
                               {"inputs", texts(certificate.inputs)},
                               {"seed", {static_cast<std::int64_t>(certificate.seed)}},
                               {"controls", trees(certificate.controls)},
                               {"notes", texts(certificate.notes)}}}) +
         "\n";
}

}  // namespace isomer
