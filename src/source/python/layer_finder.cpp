#include "source/python/layer_finder.h"

#include <algorithm>

#include "base/text.h"
#include "source/python/spelling.h"

namespace isomer::python {
namespace {

std::optional<Construction> by_attributes(const LayerCandidate& candidate, const LayerRule& rule) {
  Construction made{std::string(rule.layer)};
  for (const std::string_view name : split_text(rule.arguments, ' '))
    made.arguments.push_back(stated(candidate, name));
  return made;
}

}  // namespace

std::string parent_path(const std::string& path) {
  const std::size_t point = path.rfind('.');
  return point == std::string::npos ? "" : path.substr(0, point);
}

std::string last_part(const std::string& path) {
  const std::size_t point = path.rfind('.');
  return point == std::string::npos ? path : path.substr(point + 1);
}

bool is_within(const std::string& path, const std::string& module) {
  if (module.empty()) return true;
  return path.starts_with(module) && (path.size() == module.size() || path[module.size()] == '.');
}

std::string common_part(const std::string& a, const std::string& b) {
  std::string path = a;
  while (!is_within(b, path)) path = parent_path(path);
  return path;
}

Argument stated(const LayerCandidate& layer, std::string_view attribute) {
  const Attribute* value = find(layer.op.attributes, attribute);
  if (value == nullptr) return {std::string(attribute), "None", true, true};
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(value);
  return {std::string(attribute), lengths != nullptr ? per_axis(*lengths) : python_value(*value),
          true, !is_stated(layer.node, attribute)};
}

std::vector<std::int64_t> known_lengths(const TensorType& type) {
  return known_shape(type.shape).value_or(std::vector<std::int64_t>{});
}

LayerFinder::LayerFinder(const Graph& of, std::span<const LayerRule> rules)
    : graph(of), rules_(rules), uses_(of), outputs_(of.outputs.begin(), of.outputs.end()) {
  const auto own = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) owned_[parent_path(name)].insert(last_part(name));
  };
  for (const Constant& constant : graph.constants) own(constant.names);
  for (const State& state : graph.states) {
    own(state.names);
    for (const std::string& name : state.names) states_.try_emplace(name, &state);
  }
}

const std::vector<std::string>* LayerFinder::names_of(ValueId id) const {
  if (const Constant* constant = uses_.constant(graph, id)) return &constant->names;
  const State* state = uses_.state(graph, id);
  return state == nullptr ? nullptr : &state->names;
}

const State* LayerFinder::state_named(const std::string& name) const {
  const auto found = states_.find(name);
  return found == states_.end() ? nullptr : found->second;
}

bool LayerFinder::used_only_by(ValueId id, const std::set<std::size_t>& nodes) const {
  return !outputs_.contains(id) && std::ranges::all_of(uses_.users(id), [&](std::size_t user) {
    return nodes.contains(user);
  });
}

std::optional<std::string> LayerFinder::path_of(const Named& tensors,
                                                const std::vector<std::string_view>& buffers,
                                                const std::string& scope) const {
  const auto is_buffer = [&](const std::string& last) {
    return std::ranges::find(buffers, last) != buffers.end();
  };
  if (tensors.empty()) {
    if (scope.empty()) return std::nullopt;
    const auto own = owned_.find(scope);
    const auto inside = owned_.lower_bound(scope + ".");
    const bool free = (own == owned_.end() || std::ranges::all_of(own->second, is_buffer)) &&
                      (inside == owned_.end() || !is_within(inside->first, scope));
    return free ? std::optional(scope) : std::nullopt;
  }
  const std::vector<std::string>* names = names_of(tensors[0].second);
  if (names == nullptr) return std::nullopt;
  const auto owns_all = [&](const std::string& path) {
    std::set<std::string> needed;
    for (const auto& [last, id] : tensors) {
      const std::vector<std::string>* theirs = names_of(id);
      const std::string name = fmt::format("{}.{}", path, last);
      if (theirs == nullptr || std::ranges::find(*theirs, name) == theirs->end()) return false;
      needed.emplace(last);
    }
    return std::ranges::all_of(owned_.at(path), [&](const std::string& last) {
      return needed.contains(last) || is_buffer(last);
    });
  };
  std::optional<std::string> best;
  for (const std::string& name : *names) {
    const std::string path = parent_path(name);
    if (path.empty() || last_part(name) != tensors[0].first || !owns_all(path)) continue;
    if (path == scope) return path;
    if (!best || (is_within(path, scope) && !is_within(*best, scope))) best = path;
  }
  return best;
}

// Gives whether some path can own them.
bool LayerFinder::take_operands(const LayerRule& rule, LayerCandidate& candidate) const {
  const Node& node = candidate.node;
  LayerCall& call = candidate.call;
  Named tensors;
  const std::vector<std::string_view> buffers = split_text(rule.buffers, ' ');
  std::size_t next = 0;
  for (const std::string_view name : split_text(rule.operands, ' ')) {
    const ValueId id = next < node.inputs.size() ? node.inputs[next++] : ValueId::none;
    if (name == "x") {
      call.inputs = {id};
    } else if (id != ValueId::none) {
      // A parameter of a layer cannot be assigned another tensor.
      const bool changes = uses_.state(graph, id) != nullptr;
      if (changes && std::ranges::find(buffers, name) == buffers.end()) return false;
      tensors.emplace_back(name, id);
      call.layer.tensors.push_back(id);
    }
  }
  auto path = path_of(tensors, buffers, node.scope);
  if (path) call.layer.path = *std::move(path);
  return path.has_value();
}

std::optional<LayerCall> LayerFinder::call_at(std::size_t node_index) const {
  const Node& node = graph.nodes[node_index];
  const auto rule = std::ranges::find(rules_, node.op, &LayerRule::op);
  if (rule == rules_.end()) return std::nullopt;
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  std::vector<TensorType> types;
  for (const ValueId id : node.inputs)
    types.push_back(id == ValueId::none ? TensorType{} : graph[id].type);
  LayerCandidate candidate{*this, node, {attributes, node.inputs, types}, {}};
  candidate.call.outputs = {node.outputs[0]};
  if (!rule->operands.empty() && !take_operands(*rule, candidate)) return std::nullopt;
  auto made = rule->make != nullptr ? rule->make(candidate) : by_attributes(candidate, *rule);
  if (!made) return std::nullopt;
  candidate.call.layer.made = *std::move(made);
  return std::move(candidate.call);
}

}  // namespace isomer::python
