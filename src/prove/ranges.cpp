#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ops/schema.h"
#include "prove/inputs.h"

namespace isomer {
namespace {

std::size_t axis_of(const Node& node, const Indexing& indexing, std::size_t rank) {
  if (indexing.axis) return std::min(static_cast<std::size_t>(*indexing.axis), rank - 1);
  const Attribute* dim = find(node.attributes, "dim");
  const std::int64_t* value = dim == nullptr ? nullptr : std::get_if<std::int64_t>(dim);
  const std::int64_t axis = value == nullptr ? 0 : *value;
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

std::optional<std::int64_t> table_length(const Graph& graph, const Node& node,
                                         const Indexing& indexing, const Lengths& lengths) {
  const Shape& shape = graph[node.inputs[indexing.table]].type.shape;
  if (shape.empty()) return std::nullopt;
  const std::size_t axis = axis_of(node, indexing, shape.size());
  return axis < shape.size() ? std::optional(shape[axis].evaluate(lengths)) : std::nullopt;
}

/// Values that indices are computed from, in whatever way.
std::set<ValueId> leading_to_indices(const Graph& graph) {
  std::set<ValueId> found;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const std::optional<Indexing>& indexing = traits_of(*node).indexes;
    if (indexing) found.insert(node->inputs[indexing->indices]);
    const bool leads = std::ranges::any_of(
        node->outputs, [&](const ValueId output) { return found.contains(output); });
    if (leads) found.insert(node->inputs.begin(), node->inputs.end());
  }
  return found;
}

IntegerRange free_range(DType dtype) {
  constexpr std::int64_t far = 9;
  return {dtype == DType::u8 ? 0 : -far, far};
}

}  // namespace

std::vector<IntegerRange> integer_ranges(const Graph& graph, const Lengths& lengths) {
  // Backwards, so that what a moved value indexes is known when its mover is reached.
  std::map<ValueId, std::int64_t> shortest;
  const auto narrow = [&](ValueId id, std::int64_t length) {
    const auto [place, is_new] = shortest.try_emplace(id, length);
    if (!is_new) place->second = std::min(place->second, length);
  };
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const Traits& traits = traits_of(*node);
    if (traits.indexes) {
      if (const auto length = table_length(graph, *node, *traits.indexes, lengths))
        narrow(node->inputs[traits.indexes->indices], *length);
    }
    if (traits.moves == Moves::none && node->op != "cast") continue;
    for (const ValueId output : node->outputs) {
      const auto known = shortest.find(output);
      if (known != shortest.end()) narrow(node->inputs[0], known->second);
    }
  }
  const std::set<ValueId> indices = leading_to_indices(graph);
  std::vector<IntegerRange> ranges;
  for (const ValueId id : graph.inputs) {
    const DType dtype = graph[id].type.dtype;
    const auto known = shortest.find(id);
    if (known != shortest.end()) {
      ranges.push_back({0, std::max<std::int64_t>(known->second - 1, 0)});
    } else if (dtype == DType::boolean || is_floating(dtype) || is_complex(dtype)) {
      ranges.push_back({});
    } else {
      ranges.push_back(indices.contains(id) ? IntegerRange{0, 1, true} : free_range(dtype));
    }
  }
  return ranges;
}

}  // namespace isomer
