#include <algorithm>

#include "base/text.h"
#include "graph/text.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "runner/case.h"

namespace isomer::runner {
namespace {

/// "simplify", or "expand_unsupported gelu, silu": everything but these is spelled.
Graph passed(std::string_view pass, const Graph& graph) {
  constexpr std::string_view expand = "expand_unsupported";
  if (!pass.starts_with(expand)) {
    const auto known = std::ranges::find(all_passes(), pass, &Pass::name);
    if (known == all_passes().end()) {
      throw Error(Fault::file, "", fmt::format("there is no pass {}", quoted(pass)));
    }
    return known->run(graph);
  }
  std::vector<std::string_view> unknown;
  for (const std::string_view op : split_text(pass.substr(expand.size()), ','))
    unknown.push_back(trimmed(op));
  return expand_unsupported(
      graph, [&](std::string_view op) { return std::ranges::find(unknown, op) == unknown.end(); });
}

/// The text behind a line that holds `word` alone, up to the next such line of `ends` or the end.
/// Lines keep their numbers.
struct Section {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
};

Section section(std::string_view text, std::string_view word, std::string_view end_word) {
  Section result;
  const std::string line = "\n" + std::string(word) + "\n";
  const std::size_t at = text.find(line);
  if (at == std::string_view::npos) return result;
  result.begin = at + line.size();
  const std::size_t end = text.find("\n" + std::string(end_word) + "\n", result.begin - 1);
  result.end = end_word.empty() || end == std::string_view::npos ? text.size() : end + 1;
  return result;
}

Graph graph_in(std::string_view text, const Section& section, std::string_view word) {
  if (section.begin == std::string_view::npos) {
    throw Error(Fault::file, "", fmt::format("a line {} is missing", quoted(word)));
  }
  const auto lines = std::ranges::count(text.substr(0, section.begin), '\n');
  return parse_graph(std::string(static_cast<std::size_t>(lines), '\n') +
                     std::string(text.substr(section.begin, section.end - section.begin)));
}

std::string compare(const Graph& given, const Graph& expected) {
  if (nameless_text(given) == nameless_text(expected)) return "";
  return fmt::format("gives\n{}and should give\n{}", to_text(given, Data::all),
                     to_text(expected, Data::all));
}

/// "pass simplify": the graph after "before" becomes the one after "after".
void run_before_after(Result& result, const Case& one, std::string_view pass) {
  const Section before = section(one.text, "before", "after");
  const Section after = section(one.text, "after", "");
  const Graph given = passed(pass, graph_in(one.text, before, "before"));
  result.check("passes", [&] {
    validate(given);
    return compare(given, graph_in(one.text, after, "after"));
  });
  std::string text = to_text(given, Data::all);
  text.erase(0, text.find('\n') + 1);  // the version
  result.blessed = one.text;
  result.blessed->replace(after.begin, after.end - after.begin, text);
}

/// "same after simplify": the graphs after "one" and "other" become equal.
void run_same_after(Result& result, const Case& one, std::string_view pass) {
  const Graph left = passed(pass, graph_in(one.text, section(one.text, "one", "other"), "one"));
  const Graph right = passed(pass, graph_in(one.text, section(one.text, "other", ""), "other"));
  result.check("passes", [&] {
    validate(left);
    validate(right);
    return compare(left, right);
  });
}

}  // namespace

Result run_pass_case(const Case& one, const Options& /*options*/) {
  Result result;
  for (const std::string_view line : split_text(one.text, '\n')) {
    if (line.starts_with("pass ")) {
      run_before_after(result, one, trimmed(line.substr(5)));
      return result;
    }
    if (line.starts_with("same after ")) {
      run_same_after(result, one, trimmed(line.substr(11)));
      return result;
    }
  }
  throw Error(Fault::file, fmt::format("line {}", one.line),
              "a case says 'pass NAME' or 'same after NAME'");
}

}  // namespace isomer::runner
