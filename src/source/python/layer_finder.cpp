#include "source/python/layer_finder.h"

#include <algorithm>

#include "base/text.h"
#include "source/python/spelling.h"

namespace isomer::python {
namespace {

Expression no_length(const Dim&) {
  throw Error(Fault::bug, "", "a layer's argument depends on a named length");
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

Argument in_type(DType dtype) { return {"dtype", torch_dtype(dtype), true, dtype == DType::f32}; }

Argument stated(const Node& node, const OpCall& call, std::string_view attribute) {
  const Attribute* value = find(call.attributes, attribute);
  if (value == nullptr) return {std::string(attribute), "None", true, true};
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(value);
  return {std::string(attribute),
          lengths != nullptr ? per_axis(*lengths) : python_value(*value, no_length), true,
          !is_stated(node, attribute)};
}

std::vector<std::int64_t> lengths_of(const Graph& graph, ValueId id) {
  return known_shape(graph[id].type.shape).value_or(std::vector<std::int64_t>{});
}

LayerFinder::LayerFinder(const Graph& of)
    : graph(of), uses_(of), outputs_(of.outputs.begin(), of.outputs.end()) {
  const auto own = [&](ValueId id, const std::vector<std::string>& names) {
    if (!names.empty()) names_[id] = &names;
    for (const std::string& name : names) owned_[parent_path(name)].insert(last_part(name));
  };
  for (const Constant& constant : graph.constants) own(constant.value, constant.names);
  for (const State& state : graph.states) {
    own(state.now, state.names);
    for (const std::string& name : state.names) states_.try_emplace(name, &state);
  }
}

const std::vector<std::string>* LayerFinder::names_of(ValueId id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? nullptr : found->second;
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
                                                const std::vector<std::string_view>& others,
                                                const std::string& scope) const {
  const auto is_other = [&](const std::string& last) {
    return std::ranges::find(others, last) != others.end();
  };
  if (tensors.empty()) {
    if (scope.empty()) return std::nullopt;
    const auto own = owned_.find(scope);
    const auto inside = owned_.lower_bound(scope + ".");
    const bool free = (own == owned_.end() || std::ranges::all_of(own->second, is_other)) &&
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
      return needed.contains(last) || is_other(last);
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

}  // namespace isomer::python
