#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {

namespace {

/// What is known of a name goes to the one that stands for it.
void change_ranges(std::vector<LengthRange>& ranges, const Replacements& replacements) {
  std::erase_if(ranges, [&](const LengthRange& range) {
    const auto found = replacements.find(range.name);
    return found != replacements.end() && !range.input && !found->second.lone_symbol();
  });
  for (LengthRange& range : ranges) {
    const auto found = replacements.find(range.name);
    if (found == replacements.end()) continue;
    if (found->second.known()) range.least = *(range.most = found->second.value());
    if (const auto name = found->second.lone_symbol()) range.name = *name;
  }
}

/// The lengths put in wherever named ones are said; other types follow.
Graph with_lengths(Graph changed, const Replacements& replacements) {
  const auto put_in = [&](Dim& dim) { dim = substituted(dim, replacements); };
  for (const ValueId id : changed.inputs) std::ranges::for_each(changed[id].type.shape, put_in);
  change_bodies(changed, [&](const Graph& body) { return with_lengths(body, replacements); });
  for (Node& node : changed.nodes) {
    for (NamedAttribute& attribute : node.attributes) {
      if (auto* length = std::get_if<Dim>(&attribute.value)) put_in(*length);
      if (auto* lengths = std::get_if<std::vector<Dim>>(&attribute.value))
        std::ranges::for_each(*lengths, put_in);
    }
  }
  change_ranges(changed.signature.lengths, replacements);
  return changed;
}

}  // namespace

Graph replace_lengths(const Graph& graph, const Replacements& replacements) {
  return rewrite(
      with_lengths(graph, replacements),
      [](Builder&, const Graph&, const Node&, std::span<const ValueId>) { return std::nullopt; });
}

Graph fix_lengths(const Graph& graph, const Lengths& numbers) {
  return replace_lengths(graph, {numbers.begin(), numbers.end()});
}

}  // namespace isomer
