#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {

namespace {

/// The numbers put in wherever lengths are said; other types follow.
Graph with_numbers(Graph fixed, const Lengths& numbers) {
  const auto put_in = [&](Dim& dim) { dim = substituted(dim, numbers); };
  for (const ValueId id : fixed.inputs) std::ranges::for_each(fixed[id].type.shape, put_in);
  change_bodies(fixed, [&](const Graph& body) { return with_numbers(body, numbers); });
  for (Node& node : fixed.nodes) {
    for (NamedAttribute& attribute : node.attributes) {
      if (auto* length = std::get_if<Dim>(&attribute.value)) put_in(*length);
      if (auto* lengths = std::get_if<std::vector<Dim>>(&attribute.value))
        std::ranges::for_each(*lengths, put_in);
    }
  }
  auto& ranges = fixed.signature.lengths;
  std::erase_if(ranges, [&](const LengthRange& range) {
    return !range.input && numbers.contains(range.name);
  });
  for (LengthRange& range : ranges) {
    const auto number = numbers.find(range.name);
    if (number != numbers.end()) range.least = *(range.most = number->second);
  }
  return fixed;
}

}  // namespace

Graph fix_lengths(const Graph& graph, const Lengths& numbers) {
  return rewrite(
      with_numbers(graph, numbers),
      [](Builder&, const Graph&, const Node&, std::span<const ValueId>) { return std::nullopt; });
}

}  // namespace isomer
