#include "cli/lengths.h"

#include <charconv>
#include <set>

#include "base/text.h"
#include "cli/model_file.h"
#include "graph/text.h"
#include "passes/passes.h"

namespace isomer::cli {
namespace {

/// The range of the length that the user names.
LengthRange range_named(const std::string& name, const Graph& graph) {
  std::set<std::string> named;
  for (const LengthRange& range : graph.signature.lengths) {
    if (range.name == name) return range;
    named.insert(range.name);
  }
  for (const ValueId id : graph.inputs) {
    for (const Dim& dim : graph[id].type.shape) {
      if (!dim.known() && to_text(dim) == name && !dim.lone_symbol()) {
        std::set<std::string> parts;
        dim.collect_symbols(parts);
        throw Error(Fault::usage, "--length",
                    fmt::format("{} follows from {}; give that", quoted(name), listed(parts)));
      }
      dim.collect_symbols(named);
    }
  }
  if (named.contains(name)) return {name, 0, std::nullopt};
  throw Error(Fault::usage, "--length",
              named.empty() ? "the model has no named lengths"
                            : fmt::format("the model has no length {}; it has: {}", quoted(name),
                                          listed(named)));
}

}  // namespace

Lengths lengths_asked(const Words& words, const Graph& graph) {
  Lengths numbers;
  for (const std::string& word : words.all("length")) {
    const std::size_t sign = word.find('=');
    const std::string name = word.substr(0, sign);
    std::int64_t number = 0;
    const char* end = word.data() + word.size();
    const char* begin = sign == std::string::npos ? end : word.data() + sign + 1;
    const auto [stop, failed] = std::from_chars(begin, end, number);
    if (begin == end || failed != std::errc() || stop != end) {
      throw Error(Fault::usage, "--length",
                  fmt::format("{} gives no number; write {}=32", quoted(word), name));
    }
    const LengthRange range = range_named(name, graph);
    if (number < range.least || number > range.most.value_or(number)) {
      throw Error(Fault::usage, "--length",
                  fmt::format("{} = {} is out of range: {}", name, number, to_text(range)));
    }
    if (!numbers.emplace(name, number).second)
      throw Error(Fault::usage, "--length", fmt::format("gives {} twice", quoted(name)));
  }
  return numbers;
}

std::function<Graph(const Graph&)> preparing_asked(const Words& words) {
  if (!words.has("length") && !words.has("weights")) return {};
  return [&words](const Graph& graph) {
    const Graph weighted = with_weights_asked(words, graph);
    return fix_lengths(weighted, lengths_asked(words, weighted));
  };
}

}  // namespace isomer::cli
