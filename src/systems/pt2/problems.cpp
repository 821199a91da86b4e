#include "systems/pt2/problems.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/aten/aten.h"

namespace isomer::pt2 {
namespace {

/// "aten.add.Tensor", without the words that all targets share.
std::string_view short_target(std::string_view target) {
  constexpr std::string_view prefix = "torch.ops.";
  return target.starts_with(prefix) ? target.substr(prefix.size()) : target;
}

bool aten_decomposes(std::string_view target) {
  constexpr std::string_view prefix = "aten.";
  return target.starts_with(prefix) && aten::decomposes(target.substr(prefix.size()));
}

/// "in encoder.0, net.py:12"; empty where nothing is known.
std::string site(const ExportNode& node) {
  std::vector<std::string> parts;
  if (!node.scope.empty()) parts.push_back("in " + node.scope);
  if (!node.place.file.empty())
    parts.push_back(fmt::format("{}:{}", node.place.file, node.place.line));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string describe(const ExportNode& node) {
  const std::string where = site(node);
  return fmt::format("node {} ({}){}{}", quoted(node.name), short_target(node.target),
                     where.empty() ? "" : ", ", where);
}

void Problems::add(Problem problem) {
  const auto found = std::ranges::find(problems_, problem.what, &Problem::what);
  if (found == problems_.end()) {
    problems_.push_back(std::move(problem));
  } else {
    found->count += problem.count;
  }
}

void Problems::add(const ExportNode& node, std::string_view reason) {
  std::string what(short_target(node.target));
  const bool decomposes = reason.empty() && aten_decomposes(what);
  if (!reason.empty()) what += fmt::format(": {}", reason);
  add({std::move(what), 1, site(node), decomposes});
}

void Problems::add(const Problems& inner) {
  for (const Problem& problem : inner.problems_) add(problem);
}

void Problems::throw_if_any(bool decomposed) const {
  if (problems_.empty()) return;
  const bool helps =
      !decomposed && std::ranges::all_of(problems_, [](const Problem& p) { return p.decomposes; });
  std::vector<std::string> items;
  for (const Problem& problem : problems_) {
    items.push_back(fmt::format("{} ({}x{}{})", problem.what, problem.count,
                                problem.first.empty() ? "" : ", first ", problem.first));
  }
  throw Error(
      Fault::unsupported, "",
      fmt::format(
          "{} not read: {}{}",
          items.size() == 1 ? "1 operator is" : fmt::format("{} operators are", items.size()),
          listed(items, "; "),
          helps ? "\n  --decompose asks PyTorch to say them in operators that we read" : ""));
}

}  // namespace isomer::pt2
