#include "prove/probes.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "ops/rules.h"
#include "passes/passes.h"

namespace isomer {
namespace {

constexpr std::string_view probe_prefix = "probe ";

bool is_symbolic(const Node& node) {
  const auto symbolic = [](const Dim& dim) { return !dim.known(); };
  return std::ranges::any_of(node.attributes, [&](const NamedAttribute& attribute) {
    if (const auto* dim = std::get_if<Dim>(&attribute.value)) return symbolic(*dim);
    const auto* dims = std::get_if<std::vector<Dim>>(&attribute.value);
    return dims != nullptr && std::ranges::any_of(*dims, symbolic);
  });
}

bool has_probes_inside(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    return std::ranges::any_of(node.bodies, [](const Body& body) {
      const auto is_probe = [](const Value& value) { return value.name.starts_with(probe_prefix); };
      return std::ranges::any_of(body->values, is_probe) || has_probes_inside(*body);
    });
  });
}

}  // namespace

std::vector<bool> varying_values(const Graph& graph) {
  std::vector<bool> varying(graph.values.size());
  const auto at = [&](ValueId id) { return static_cast<std::size_t>(id); };
  for (const ValueId id : graph.inputs) varying[at(id)] = true;
  for (const State& state : graph.states) varying[at(state.now)] = true;
  for (const Node& node : graph.nodes) {
    const bool varies = is_symbolic(node) || std::ranges::any_of(node.inputs, [&](ValueId id) {
                          return id != ValueId::none && varying[at(id)];
                        });
    for (const ValueId id : node.outputs) varying[at(id)] = varies;
  }
  return varying;
}

std::size_t table_axis(const Node& node, std::size_t rank) {
  const Indexing& indexing = *traits_of(node).indexes;
  if (indexing.axis) return std::min(static_cast<std::size_t>(*indexing.axis), rank - 1);
  return axis_in(get<std::int64_t>(complete(op_named(node.op), node.attributes), "dim"), rank);
}

std::string probe_name(std::size_t number) { return fmt::format("{}{}", probe_prefix, number); }

Graph giving_probes(Graph graph, std::vector<std::size_t>& numbers) {
  std::vector<ValueId> outputs;
  const auto give = [&](std::string_view name, ValueId id) {
    if (!name.starts_with(probe_prefix)) return;
    outputs.push_back(id);
    numbers.push_back(std::stoul(std::string(name.substr(probe_prefix.size()))));
  };
  if (has_probes_inside(graph)) {
    std::vector<ExposedValue> exposed;
    graph = expose_values(graph, exposed);
    for (const ExposedValue& one : exposed) give(one.name, graph.outputs.at(one.output));
  } else {
    for (std::size_t i = 0; i < graph.values.size(); ++i)
      give(graph.values[i].name, static_cast<ValueId>(i));
  }
  graph.outputs = std::move(outputs);
  graph.signature.results = {Structure::Kind::tuple, {}, std::vector<Structure>(numbers.size())};
  return remove_unused(graph);
}

}  // namespace isomer
