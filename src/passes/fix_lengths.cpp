#include <algorithm>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {

Graph fix_lengths(const Graph& graph, const Lengths& numbers) {
  Graph fixed = graph;
  const auto put_in = [&](Dim& dim) { dim = substituted(dim, numbers); };
  for (const ValueId id : fixed.inputs) std::ranges::for_each(fixed[id].type.shape, put_in);
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
  // All other types follow.
  return rewrite(fixed, [](Builder&, const Graph&, const Node&, std::span<const ValueId>) {
    return std::nullopt;
  });
}

}  // namespace isomer
