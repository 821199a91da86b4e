// Sets of nodes: points of a grid, layers, nodes at a point, in the order of MGS.

#include <algorithm>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"

namespace isomer::mgs {
namespace {

constexpr std::int64_t most_in_set = 100'000'000;

/// The places along one dimension, checked against its length.
std::vector<std::int64_t> places_of(const gsl::Index& index, std::int64_t length) {
  std::vector<std::int64_t> places;
  if (index.from < 0 || index.to >= length || index.from > index.to || index.step < 1)
    return places;
  for (std::int64_t i = index.from; i <= index.to; i += index.step) places.push_back(i);
  return places;
}

bool has_tag(const Layer& layer, const gsl::TagTest& test) {
  const auto found = std::ranges::find_if(
      layer.tags, [&](const auto& tag) { return tag.first == test.name.text; });
  return (found != layer.tags.end() && found->second == test.value.text) == test.equal;
}

bool holds_for(const Layer& layer, const gsl::TagCondition& condition) {
  bool result = true;
  for (std::size_t i = 0; i < condition.size(); ++i) {
    const gsl::TagTerm& term = condition[i];
    bool one = false;
    if (const auto* test = std::get_if<gsl::TagTest>(&term.value)) {
      one = has_tag(layer, *test);
    } else if (const auto* members = std::get_if<gsl::TagMember>(&term.value)) {
      one = std::ranges::any_of(members->names,
                                [&](const Name& name) { return name.text == layer.name; });
    } else {
      one = holds_for(layer, std::get<gsl::TagCondition>(term.value));
    }
    if (term.negated) one = !one;
    if (i == 0) {
      result = one;
    } else {
      result = term.before == gsl::TagOperator::both ? result && one : result || one;
    }
  }
  return result;
}

}  // namespace

Instance& Interpreter::grid_at(const gsl::GridPath& path, const Place& place) {
  Instance* at = current_.back();
  std::size_t i = 0;
  if (!path.current && !path.names.empty()) {
    const Value& first = lookup(path.names[0]);
    Instance* const* instance = first.as<Instance*>();
    if (instance == nullptr) {
      fail(Mistake::unknown_name, path.names[0].place,
           fmt::format("{} is {}, not a grid", quoted(path.names[0].text), kind_of(first)));
    }
    at = *instance;
    i = 1;
  }
  for (; i < path.names.size(); ++i) {
    const auto found = at->members.find(path.names[i].text);
    if (found == at->members.end()) {
      std::vector<std::string> names;
      for (const auto& [name, member] : at->members) names.push_back(name);
      fail(Mistake::unknown_name, path.names[i].place,
           fmt::format("{} has no member {}", quoted(at->name), quoted(path.names[i].text)),
           names.empty() ? "it has none" : "there are: " + listed(names));
    }
    at = found->second;
  }
  if (!at->is_grid)
    fail(Mistake::type, place, fmt::format("{} is a composite, not a grid", quoted(at->name)));
  return *at;
}

std::vector<Layer*> Interpreter::layers_of(const Instance& grid, const gsl::Extension& extension,
                                           const Place& place) {
  const auto named = [&](const Name& name) {
    const auto found = std::ranges::find(grid.layers, name.text, &Layer::name);
    if (found == grid.layers.end()) {
      std::vector<std::string> names;
      for (const Layer* layer : grid.layers) names.push_back(layer->name);
      fail(Mistake::unknown_name, name.place.line > 0 ? name.place : place,
           fmt::format("grid {} has no layer {}", quoted(grid.name), quoted(name.text)),
           names.empty() ? "it has none" : "there are: " + listed(names));
    }
    return static_cast<std::size_t>(found - grid.layers.begin());
  };
  std::vector<bool> chosen(grid.layers.size(), extension.layers.empty());
  for (const gsl::LayerRange& range : extension.layers) {
    const std::size_t first = named(range.first);
    const std::size_t last = range.last ? named(*range.last) : first;
    for (std::size_t i = std::min(first, last); i <= std::max(first, last); ++i) chosen[i] = true;
  }
  std::vector<Layer*> layers;
  for (std::size_t i = 0; i < grid.layers.size(); ++i) {
    if (!extension.tags.empty()) chosen[i] = holds_for(*grid.layers[i], extension.tags);
    if (chosen[i]) layers.push_back(grid.layers[i]);
  }
  return layers;
}

std::shared_ptr<const NodeList> Interpreter::nodes_of(const Instance& grid,
                                                      const std::vector<gsl::Index>& points,
                                                      const gsl::Extension& extension,
                                                      const Place& place) {
  if (!points.empty() && points.size() != grid.dimensions.size()) {
    fail(Mistake::range, place,
         fmt::format("{} and grid {} has {}", counted(points.size(), "index"), quoted(grid.name),
                     counted(grid.dimensions.size(), "dimension")));
  }
  std::vector<std::vector<std::int64_t>> places;
  std::int64_t count = 1;
  for (std::size_t i = 0; i < grid.dimensions.size(); ++i) {
    const std::int64_t length = grid.dimensions[i];
    const gsl::Index all{0, length - 1, 1, true, place};
    places.push_back(places_of(points.empty() ? all : points[i], length));
    if (places.back().empty()) {
      fail(Mistake::range, place,
           fmt::format("index {} of grid {} is not within 0 to {}", i + 1, quoted(grid.name),
                       length - 1));
    }
    count *= static_cast<std::int64_t>(places.back().size());
  }
  auto list = std::make_shared<NodeList>();
  list->grid = &grid;
  const std::vector<Layer*> layers = layers_of(grid, extension, place);
  if (count * static_cast<std::int64_t>(std::max<std::size_t>(layers.size(), 1)) > most_in_set)
    fail(Mistake::limit, place, "a set has more than a hundred million nodes");
  std::vector<std::size_t> at(places.size(), 0);
  for (std::int64_t n = 0; n < count; ++n) {
    std::int64_t point = 0;
    for (std::size_t i = places.size(); i-- > 0;)
      point = point * grid.dimensions[i] + places[i][at[i]];
    for (Layer* layer : layers) {
      const auto first = static_cast<std::uint32_t>(point) * layer->density;
      for (std::uint32_t k = 0; k < layer->density; ++k) {
        const auto selected = [&](const gsl::Index& index) {
          return k >= index.from && k <= index.to && (k - index.from) % index.step == 0;
        };
        if (extension.node_indices.empty() ||
            std::ranges::any_of(extension.node_indices, selected)) {
          list->nodes.push_back({layer, first + k});
        }
      }
    }
    for (std::size_t i = 0; i < at.size() && ++at[i] == places[i].size(); ++i) at[i] = 0;
  }
  return list;
}

Value Interpreter::evaluate(const gsl::NodeSet& set, const Place& place) {
  if (!set.has_points && !set.grid.current && set.grid.names.size() == 1) {
    // A set that has a name, perhaps with layers chosen of it.
    const Value named = lookup(set.grid.names[0]);
    if (const auto* nodes = named.as_shared<NodeList>()) {
      if (set.extension.empty()) return named;
      auto chosen = std::make_shared<NodeList>();
      chosen->grid = nodes->grid;
      const std::vector<Layer*> layers = layers_of(*nodes->grid, set.extension, place);
      for (const Node& node : nodes->nodes)
        if (std::ranges::find(layers, node.layer) != layers.end()) chosen->nodes.push_back(node);
      return {std::shared_ptr<const NodeList>(std::move(chosen))};
    }
    if (set.member)
      fail(Mistake::unknown_name, set.member->place,
           fmt::format("{} has no member {}", quoted(set.grid.names[0].text),
                       quoted(set.member->text)));
  }
  return {nodes_of(grid_at(set.grid, place), set.points, set.extension, place)};
}

}  // namespace isomer::mgs
