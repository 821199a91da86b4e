#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "prove/inputs.h"

namespace isomer {
namespace {

/// Where an operator takes indices into a table: which input they are, and how to find the table's
/// length.
struct Indexing {
  std::string_view op;
  std::size_t index;  // the input of indices
  std::size_t table;  // the input that is indexed
  bool by_attribute;  // along the attribute "dim"; otherwise along `axis`
  std::size_t axis;
};

constexpr Indexing indexings[] = {
    {"embedding", 1, 0, false, 0},     {"index_select", 1, 0, true, 0},
    {"index_add", 1, 0, true, 0},      {"gather", 1, 0, true, 0},
    {"scatter_add", 1, 0, true, 0},    {"nll_loss", 1, 0, false, 1},
    {"cross_entropy", 1, 0, false, 1},
};

std::size_t axis_of(const Node& node, const Indexing& row, std::size_t rank) {
  if (!row.by_attribute) return std::min(row.axis, rank - 1);
  const Attribute* dim = find(node.attributes, "dim");
  const std::int64_t* value = dim == nullptr ? nullptr : std::get_if<std::int64_t>(dim);
  const std::int64_t axis = value == nullptr ? 0 : *value;
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

std::optional<std::int64_t> table_length(const Graph& graph, const Node& node, const Indexing& row,
                                         const Lengths& lengths) {
  const Shape& shape = graph[node.inputs[row.table]].type.shape;
  if (shape.empty()) return std::nullopt;
  const std::size_t axis = axis_of(node, row, shape.size());
  return axis < shape.size() ? std::optional(shape[axis].evaluate(lengths)) : std::nullopt;
}

/// Values that indices are computed from, in whatever way.
std::set<ValueId> leading_to_indices(const Graph& graph) {
  std::set<ValueId> found;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const auto* const row = std::ranges::find(indexings, node->op, &Indexing::op);
    if (row != std::end(indexings)) found.insert(node->inputs[row->index]);
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

bool moves_elements(std::string_view op) {
  constexpr std::string_view movers[] = {"reshape",   "permute", "expand",    "slice",
                                         "transpose", "squeeze", "unsqueeze", "flatten",
                                         "select",    "flip",    "repeat",    "detach"};
  return std::ranges::find(movers, op) != std::end(movers);
}

std::vector<IntegerRange> integer_ranges(const Graph& graph, const Lengths& lengths) {
  // Backwards, so that what a moved value indexes is known when its mover is reached.
  std::map<ValueId, std::int64_t> shortest;
  const auto narrow = [&](ValueId id, std::int64_t length) {
    const auto [place, is_new] = shortest.try_emplace(id, length);
    if (!is_new) place->second = std::min(place->second, length);
  };
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    for (const Indexing& row : indexings) {
      if (row.op != node->op) continue;
      if (const auto length = table_length(graph, *node, row, lengths))
        narrow(node->inputs[row.index], *length);
    }
    const bool keeps = moves_elements(node->op) || node->op == "cast";
    if (!keeps || node->outputs.empty()) continue;
    const auto known = shortest.find(node->outputs[0]);
    if (known != shortest.end()) narrow(node->inputs[0], known->second);
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
