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
  std::string text =
      first.value.empty() ? first.op : fmt::format("'{}' ({})", first.value, first.op);
  if (!first.scope.empty()) text += " in " + first.scope;
  if (first.place.line > 0) text += fmt::format(", {}:{}", first.place.file, first.place.line);
  if (!first.trips.empty())
    text += fmt::format(", trip {} (the first is 0)", fmt::join(first.trips, ", "));
  return text;
}

std::string worst_text(const WorstElement& worst) {
  return fmt::format("{} at [{}]: {} in the source (exactly {}), {} in the other, bound {:.3g}",
                     worst.tensor, fmt::join(worst.index, ", "), real_text(worst.source),
                     real_text(worst.exact), real_text(worst.other), worst.bound);
}

/// The worst element of all checks; where a difference was seen, of those that show it.
const WorstElement* worst_of(const Certificate& certificate) {
  const WorstElement* worst = nullptr;
  for (const Check& check : certificate.checks) {
    if (!check.worst || (certificate.verdict != Verdict::equivalent &&
                         certificate.verdict != Verdict::within && check.same))
      continue;
    if (certificate.verdict == Verdict::different && !check.own) continue;
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

Tree tree_of(const Difference& difference) {
  return {Tree::Map{{"tensor", {difference.tensor}},
                    {"text", {difference.text}},
                    {"set", {difference.set}},
                    {"why", {difference.why}},
                    {"trial", number(difference.trial)}}};
}

Tree tree_of(const HashedFile& file) {
  return {Tree::Map{{"path", {file.path}},
                    {"bytes", number(file.bytes)},
                    {"crc32", {fmt::format("{:08x}", file.crc32)}}}};
}

template <class Items>
Tree trees(const Items& items);

Tree tree_of(const Check& check) {
  return {Tree::Map{{"what", {check.what}},
                    {"where", {check.where}},
                    {"same", {check.same}},
                    {"inputs", number(check.inputs)},
                    {"tensors", number(check.tensors)},
                    {"elements", number(check.elements)},
                    {"excused", number(check.excused)},
                    {"own", {check.own}},
                    {"worst", check.worst ? tree_of(*check.worst) : Tree{}},
                    {"differences", trees(check.differences)},
                    {"doubts", trees(check.doubts)}}};
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

/// What the answer rests on.
std::string basis_of(const Certificate& certificate) {
  if (!certificate.structure) return "what was tried: they could not be compared as graphs";
  const StructureReport& structure = *certificate.structure;
  if (structure.same) {
    return fmt::format("the same graph: {} with bit-equal weights",
                       counted(structure.nodes, "operator"));
  }
  return fmt::format("what was tried: {} of {} are the same in both", structure.matched,
                     counted(structure.nodes, "operator"));
}

std::string list_of(std::string_view head, const std::vector<std::string>& lines,
                    std::size_t most = 8) {
  std::string text;
  if (!lines.empty()) text += fmt::format("{}\n", head);
  for (std::size_t i = 0; i < std::min(most, lines.size()); ++i)
    text += fmt::format("  {}\n", lines[i]);
  if (lines.size() > most) text += fmt::format("  and {} more\n", lines.size() - most);
  return text;
}

/// Whose inputs are whose.
std::string relation_of(const Certificate& certificate) {
  return fmt::format("{} {} all that {} takes", certificate.other,
                     certificate.takes_all ? "takes" : "does not take", certificate.source);
}

/// What the user chose.
Tree options_of(const Certificate& certificate) {
  Tree allowed;
  if (certificate.allowed) {
    allowed = {Tree::Map{{"relative", {certificate.allowed->relative}},
                         {"absolute", {certificate.allowed->absolute}}}};
  }
  return {Tree::Map{{"seed", {static_cast<std::int64_t>(certificate.seed)}},
                    {"effort", {std::string(certificate.effort)}},
                    {"allow", std::move(allowed)}}};
}

/// Inputs in the order in which they were tried: with the seed, a number says which.
Tree sets_of(const Certificate& certificate) {
  Tree::List sets;
  for (const std::string& label : certificate.inputs)
    sets.push_back({Tree::Map{{"index", number(sets.size())}, {"label", {label}}}});
  return {std::move(sets)};
}

Tree seconds_of(const Certificate& certificate) {
  Tree::Map seconds;
  for (const auto& [phase, time] : certificate.seconds) seconds.emplace_back(phase, Tree{time});
  return {std::move(seconds)};
}

/// What the graphs have in common, and where they part.
std::vector<std::string> parting(const Certificate& certificate) {
  if (!certificate.structure || certificate.structure->same) return {};
  std::vector<std::string> lines;
  for (const OperatorDifference& one : certificate.structure->operators)
    lines.push_back(to_text(one));
  const auto& others = certificate.structure->differences;
  lines.insert(lines.end(), others.begin(), others.end());
  return lines;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::equivalent: return "EQUIVALENT";
    case Verdict::within: return "WITHIN";
    case Verdict::different: return "NOT EQUIVALENT";
    case Verdict::not_proved: return "NOT PROVED";
  }
  return "";
}

std::string to_text(const Certificate& certificate) {
  std::string text = fmt::format("{}: {} and {}\nbasis\n  {}\n  {}\n", name_of(certificate.verdict),
                                 certificate.source, certificate.other, basis_of(certificate),
                                 relation_of(certificate));
  if (certificate.first)
    text += fmt::format("first differing operator\n  {}\n", place_of(*certificate.first));
  if (const WorstElement* worst = worst_of(certificate))
    text += fmt::format("worst element\n  {}\n", worst_text(*worst));
  if (certificate.allowed) {
    text += list_of(
        fmt::format("allowed: {:.3g} relative, {:.3g} absolute; differences from what is exact",
                    certificate.allowed->relative, certificate.allowed->absolute),
        certificate.distances);
  }
  text += list_of("differences", certificate.differences);
  const bool seen = certificate.verdict == Verdict::different;
  text +=
      list_of(seen ? "doubted besides" : "not proved, since", certificate.doubts, seen ? 4 : 12);
  text += list_of("shown again by", certificate.repeat);
  text += list_of("differ in structure", parting(certificate));
  if (!certificate.checks.empty()) text += "compared\n";
  for (const Check& check : certificate.checks) {
    text += fmt::format("  {:<10} {}: {} ({})\n", check.what, check.where, how_near(check),
                        counts(check));
  }
  if (!certificate.inputs.empty()) {
    text += fmt::format("inputs (seed {})\n  {}\n", certificate.seed,
                        fmt::join(certificate.inputs, "; "));
  }
  std::vector<std::string> tried = certificate.tried;
  tried.push_back(fmt::format("engines: {}", fmt::join(certificate.engines, ", ")));
  text += list_of("tried", tried);
  text += list_of("covered", certificate.coverage);
  if (!certificate.controls.empty()) text += "controls\n";
  for (const Control& control : certificate.controls) {
    text += fmt::format("  {:<10} {}: {}\n", control.name, control.passed ? "passed" : "FAILED",
                        control.what);
  }
  return text + list_of("notes", certificate.notes);
}

std::string to_json(const Certificate& certificate) {
  const WorstElement* worst = worst_of(certificate);
  return write_json({Tree::Map{{"schema", {std::int64_t{1}}},
                               {"program", {certificate.program}},
                               {"processor", {certificate.processor}},
                               {"result", {std::string(name_of(certificate.verdict))}},
                               {"source", {certificate.source}},
                               {"other", {certificate.other}},
                               {"basis", {basis_of(certificate)}},
                               {"differences", texts(certificate.differences)},
                               {"doubts", texts(certificate.doubts)},
                               {"structure", texts(parting(certificate))},
                               {"first", certificate.first ? tree_of(*certificate.first) : Tree{}},
                               {"worst", worst != nullptr ? tree_of(*worst) : Tree{}},
                               {"checks", trees(certificate.checks)},
                               {"takes_all", {certificate.takes_all}},
                               {"inputs", sets_of(certificate)},
                               {"tried", texts(certificate.tried)},
                               {"engines", texts(certificate.engines)},
                               {"options", options_of(certificate)},
                               {"seconds", seconds_of(certificate)},
                               {"source_files", trees(certificate.source_files)},
                               {"other_files", trees(certificate.other_files)},
                               {"repeat", texts(certificate.repeat)},
                               {"distances", texts(certificate.distances)},
                               {"coverage", texts(certificate.coverage)},
                               {"controls", trees(certificate.controls)},
                               {"notes", texts(certificate.notes)}}}) +
         "\n";
}

}  // namespace isomer
