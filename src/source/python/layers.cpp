#include "source/python/layers.h"

#include <algorithm>

#include "base/text.h"
#include "ops/schema.h"
#include "source/python/layer_finder.h"

namespace isomer::python {
namespace {

// The scope of whoever calls a layer: a layer's own scope is that of its work.
std::string caller_of(const Node& node, const Layer& layer) {
  return is_within(node.scope, layer.path) ? parent_path(layer.path) : node.scope;
}

// Calls by node, where one path is one layer: the first that was found.
using Calls = std::map<std::size_t, LayerCall>;

Calls agreeing(const LayerFinder& finder, bool& training) {
  Calls calls;
  for (std::size_t i = 0; i < finder.graph.nodes.size(); ++i) {
    std::optional<LayerCall> call = finder.call_at(i);
    if (!call) continue;
    call->borrowed = !is_within(call->layer.path, caller_of(finder.graph.nodes[i], call->layer));
    // The borrower writes one node; what goes beyond that is no call for it.
    if (call->borrowed && !(call->absorbed.empty() && call->kept.empty())) continue;
    calls.emplace(i, std::move(*call));
  }
  // A dropout that is no layer is written to follow its module's mode.
  training =
      std::ranges::any_of(finder.graph.nodes,
                          [](const Node& node) {
                            return node.bodies.empty() && node.op != "bernoulli" && draws(node);
                          }) ||
      std::ranges::any_of(calls, [](const auto& entry) { return entry.second.only_training; });
  std::map<std::string, std::string> constructors;
  std::erase_if(calls, [&](const auto& entry) {
    if (training && entry.second.only_evaluation) return true;
    const Layer& layer = entry.second.layer;
    const std::string text = to_text(layer.made);
    return constructors.try_emplace(layer.path, text).first->second != text;
  });
  return calls;
}

// A module that does anything besides calling is no layer.
std::set<std::string> busy_paths(const Graph& graph, const Calls& calls) {
  std::set<std::size_t> done;
  std::set<std::string> paths;
  for (const auto& [node, call] : calls) {
    done.insert(call.absorbed.begin(), call.absorbed.end());
    paths.insert(call.layer.path);
  }
  std::set<std::string> busy;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (done.contains(i)) continue;
    const auto call = calls.find(i);
    for (std::string path = graph.nodes[i].scope; !path.empty(); path = parent_path(path)) {
      const bool own = call != calls.end() && call->second.layer.path == path;
      if (paths.contains(path) && !own) busy.insert(path);
    }
  }
  return busy;
}

}  // namespace

Layered recover_layers(const Graph& graph, std::span<const LayerRule> rules) {
  const LayerFinder finder(graph, rules);
  Layered result;
  Calls calls = agreeing(finder, result.training);
  const std::set<std::string> busy = busy_paths(graph, calls);
  std::erase_if(calls, [&](const auto& entry) { return busy.contains(entry.second.layer.path); });

  std::set<std::size_t> absorbed;
  for (auto& [node, call] : calls) {
    absorbed.insert(call.absorbed.begin(), call.absorbed.end());
    result.kept.insert(call.kept.begin(), call.kept.end());
    result.layers.try_emplace(call.layer.path, call.layer);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (absorbed.contains(i)) continue;
    const Node& node = graph.nodes[i];
    const auto call = calls.find(i);
    if (call == calls.end() || call->second.borrowed) {
      result.operations.push_back({&node, nullptr, node.scope, node.inputs, node.outputs});
      continue;
    }
    const Layer& layer = result.layers.at(call->second.layer.path);
    result.operations.push_back(
        {&node, &layer, caller_of(node, layer), call->second.inputs, call->second.outputs});
  }
  return result;
}

}  // namespace isomer::python
