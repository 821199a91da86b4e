#include "runner/case.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/text.h"
#include "graph/text.h"
#include "passes/rewrite.h"

namespace isomer::runner {
namespace {

/// "ops/add.case" of "/somewhere/tests/cases/ops/add.case".
std::string short_name(const std::filesystem::path& file) {
  return (file.parent_path().filename() / file.filename()).generic_string();
}

std::string claim_of(std::string_view text) {
  for (const std::string_view line : split_text(text, '\n')) {
    const std::string_view words = trimmed(line);
    if (words.starts_with("#")) return std::string(trimmed(words.substr(1)));
    if (!words.empty()) break;
  }
  return "";
}

}  // namespace

std::vector<Case> read_cases(const std::filesystem::path& file) {
  const Bytes bytes = map_file(file);
  std::vector<Case> cases;
  std::size_t line = 0;
  std::size_t begin = 0;
  std::string text;
  const auto finish = [&] {
    Case one{file, "", std::string(begin, '\n') + text, begin + 1};
    const std::string claim = claim_of(text);
    if (claim.empty()) {
      throw Error(Fault::file, fmt::format("{}:{}", file.string(), begin + 1),
                  "a case opens with its claim: # large values stay finite");
    }
    one.name = short_name(file) + ": " + claim;
    cases.push_back(std::move(one));
    text.clear();
  };
  for (const std::string_view words : split_text(bytes.text(), '\n')) {
    ++line;
    if (words == "===") {
      finish();
      begin = line;
    } else {
      text += std::string(words) + "\n";
    }
  }
  finish();
  return cases;
}

std::string_view first_word(const Case& one) {
  for (const std::string_view line : split_text(one.text, '\n')) {
    const std::string_view words = trimmed(line);
    if (!words.empty() && words[0] != '#') return words.substr(0, words.find(' '));
  }
  return "";
}

namespace {

Graph without_names(Graph graph) {
  for (Value& value : graph.values) value.name.clear();
  change_bodies(graph, without_names);
  return graph;
}

}  // namespace

std::string nameless_text(const Graph& graph) {
  Graph copy = without_names(graph);
  copy.name = "g";
  // The parameters' names are those of the inputs where callers say nothing else.
  copy.signature.arguments.keys.clear();
  return to_text(copy, Data::all);
}

std::string difference(const Tensor& given, const Tensor& expected, double tolerance) {
  const std::string both = fmt::format("\n    given    {}\n    expected {}", elements_text(given),
                                       elements_text(expected));
  if (given.dtype() != expected.dtype() || given.shape() != expected.shape()) {
    return fmt::format("is {} and should be {}{}", to_text(given.dtype(), given.shape()),
                       to_text(expected.dtype(), expected.shape()), both);
  }
  if (!is_floating(given.dtype())) return given.same_bits(expected) ? "" : "differs" + both;
  const std::vector<double> a = given.doubles();
  const std::vector<double> b = expected.doubles();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((std::isnan(a[i]) && std::isnan(b[i])) || a[i] == b[i]) continue;
    const double error = std::abs(a[i] - b[i]);
    // Written so that a NaN is not within.
    if (std::isfinite(a[i]) && error <= tolerance * (1 + std::abs(b[i]))) continue;
    return fmt::format("differs at element {} by {:.3g}{}", i, error, both);
  }
  return "";
}

}  // namespace isomer::runner
