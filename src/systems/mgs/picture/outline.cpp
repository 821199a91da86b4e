#include "systems/mgs/picture/outline.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "systems/mgs/gsl/gsl.h"

namespace isomer::mgs {
namespace {

constexpr std::size_t most_instances = 100'000;
constexpr std::size_t deepest_composite = 100;

/// Numbers that may be as large as they like: what does not fit is as good as endless.
std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

std::string call_text(const gsl::Argument& argument) { return gsl::to_text(argument); }

/// Names that a place of the script sees: its own, and those around it.
struct OutlineScope {
  const OutlineScope* outer = nullptr;
  std::string path = {};  // "net/left/"
  std::optional<std::size_t> grid = {};
  std::map<std::string, std::size_t, std::less<>> grids = {};
  std::map<std::string, std::size_t, std::less<>> singles = {};
  std::map<std::string, std::string, std::less<>> types = {};  // of instances
  std::map<std::string, const gsl::Argument*, std::less<>> sets = {};
};

class OutlineMaker {
 public:
  Outline make(const gsl::Script& script) {
    all_.emplace_back();
    go_through(script.statements, all_.front());
    return std::move(outline_);
  }

 private:
  void go_through(const std::vector<gsl::Statement>& statements, OutlineScope& scope) {
    for (const gsl::Statement& one : statements)
      std::visit([&](const auto& what) { see(what, scope); }, one.what);
  }

  template <class Other>
  void see(const Other&, OutlineScope&) {}

  void see(const gsl::ModelType& type, OutlineScope&) { outline_.types.push_back(&type); }
  void see(const gsl::PhaseList& list, OutlineScope&) { outline_.phases.push_back(&list); }
  void see(const gsl::ConnectionScript& script, OutlineScope&) {
    scripts_[script.name.text] = &script;
  }
  void see(const gsl::Grid& grid, OutlineScope& scope) {
    grids_[grid.name.text] = &grid;
    if (grid.instance) instantiate(grid.name.text, grid.instance->text, scope);
  }
  void see(const gsl::Composite& composite, OutlineScope& scope) {
    composites_[composite.name.text] = &composite;
    if (composite.instance) instantiate(composite.name.text, composite.instance->text, scope);
  }

  void see(const gsl::Instance& instance, OutlineScope& scope) {
    const std::string& type = instance.type.text;
    scope.types[instance.name.text] = type;
    if (instance.form == gsl::InstanceForm::plain) {
      instantiate(type, instance.name.text, scope);
    } else if (instance.form == gsl::InstanceForm::pairs) {
      scope.singles[instance.name.text] = outline_.singles.size();
      gsl::Argument values{instance.name.place, instance.pairs};
      outline_.singles.push_back({scope.path + instance.name.text, type, call_text(values)});
    } else if (type.ends_with("Trigger")) {
      std::vector<std::string> arguments;
      for (const gsl::Argument& one : instance.arguments) arguments.push_back(call_text(one));
      outline_.triggers.push_back(fmt::format("{}: {}", instance.name.text, listed(arguments)));
    }
  }

  void see(const gsl::Value& value, OutlineScope& scope) {
    if (const auto* argument = std::get_if<gsl::Argument>(&value.value))
      scope.sets[value.name.text] = argument;
    if (const auto* trigger = std::get_if<gsl::TriggerExpression>(&value.value))
      outline_.triggers.push_back(fmt::format("{}: {}", value.name.text, gsl::to_text(*trigger)));
  }

  void see(const gsl::Action& action, OutlineScope&) {
    outline_.triggers.push_back(fmt::format("{}.{} on {}", action.object.text, action.function.text,
                                            gsl::to_text(action.trigger)));
  }
  void see(const gsl::Halt& halt, OutlineScope&) {
    outline_.triggers.push_back(fmt::format("{} on {}",
                                            halt.kind == gsl::HaltKind::stop ? "stop" : "pause",
                                            gsl::to_text(halt.trigger)));
  }

  void see(const gsl::Layer& layer, OutlineScope& scope) {
    if (!scope.grid) return;
    OutlineLayer result;
    result.name = layer.name.text;
    if (!layer.arguments.empty()) result.type = call_text(layer.arguments[0]);
    if (layer.arguments.size() > 1) {
      result.layout = call_text(layer.arguments[1]);
      result.density = density_of(layer.arguments[1]);
    }
    if (layer.arguments.size() > 2) {
      if (const auto* pairs = std::get_if<gsl::Pairs>(&layer.arguments[2].value))
        for (const gsl::Pair& one : pairs->pairs) {
          const auto* text = std::get_if<gsl::Text>(&one.value.value);
          result.tags.emplace_back(one.name.text,
                                   text != nullptr ? text->text : call_text(one.value));
        }
    }
    outline_.grids[*scope.grid].layers.push_back(std::move(result));
  }

  static std::optional<std::int64_t> density_of(const gsl::Argument& layout) {
    const auto* call = std::get_if<gsl::Call>(&layout.value);
    if (call == nullptr || call->name.text != "UniformLayout" || call->arguments.size() != 1)
      return {};
    const auto* number = std::get_if<gsl::Number>(&call->arguments[0].value);
    if (number == nullptr || !std::holds_alternative<std::int64_t>(*number)) return {};
    return std::get<std::int64_t>(*number);
  }

  void see(const gsl::Execute& execute, OutlineScope& scope) {
    const std::string& functor = execute.functor.text;
    const std::vector<gsl::Argument>& arguments = execute.arguments;
    if (functor == "connectNodeSets" && arguments.size() == 5) {
      link(arguments, false, scope);
    } else if (functor == "bidirectConnectNodeSets" && arguments.size() == 7) {
      link(arguments, true, scope);
    } else if (functor == "polyConnect" && arguments.size() == 4) {
      OutlineLink result{end_of(arguments[0], scope), end_of(arguments[1], scope)};
      result.attributes = call_text(arguments[3]);
      if (result.from.nodes && result.to.nodes)
        result.count = times(*result.from.nodes, *result.to.nodes);
      add(std::move(result));
    } else if (const gsl::ConnectionScript* script = script_named(functor, scope)) {
      call(*script, arguments, scope);
    }
  }

  const gsl::ConnectionScript* script_named(const std::string& instance,
                                            const OutlineScope& scope) const {
    for (const OutlineScope* one = &scope; one != nullptr; one = one->outer) {
      const auto type = one->types.find(instance);
      if (type == one->types.end()) continue;
      const auto found = scripts_.find(type->second);
      return found == scripts_.end() ? nullptr : found->second;
    }
    return nullptr;
  }

  void call(const gsl::ConnectionScript& script, const std::vector<gsl::Argument>& arguments,
            OutlineScope& scope) {
    if (depth_ >= deepest_composite) return;
    ++depth_;
    OutlineScope inner{.outer = &scope, .path = scope.path, .grid = scope.grid};
    for (std::size_t i = 0; i < std::min(arguments.size(), script.parameters.size()); ++i)
      if (script.parameters[i].name) inner.sets[script.parameters[i].name->text] = &arguments[i];
    go_through(script.body, inner);
    --depth_;
  }

  void add(OutlineLink link) {
    if (outline_.links.size() >= most_instances)
      throw Error(Fault::unsupported, "",
                  fmt::format("the script connects more than {} times", most_instances));
    outline_.links.push_back(std::move(link));
  }

  void link(const std::vector<gsl::Argument>& arguments, bool both_ways,
            const OutlineScope& scope) {
    OutlineLink result{end_of(arguments[0], scope), end_of(arguments[1], scope)};
    result.both_ways = both_ways;
    result.sampler = call_text(arguments[2]);
    result.attributes = call_text(arguments[4]);
    if (result.from.nodes && result.to.nodes) {
      const bool all =
          result.sampler == "EachSrc(EachAvg(1.0))" || result.sampler == "EachDst(EachAvg(1.0))";
      if (all) result.count = times(*result.from.nodes, *result.to.nodes);
      if (result.sampler == "IsoSampler()") result.count = *result.from.nodes;
    }
    add(std::move(result));
  }

  void instantiate(const std::string& type, const std::string& name, OutlineScope& scope) {
    if (outline_.grids.size() + outline_.singles.size() + all_.size() >= most_instances ||
        depth_ >= deepest_composite)
      throw Error(Fault::unsupported, "",
                  fmt::format("the script makes more than {} instances, or {} within each other",
                              most_instances, deepest_composite));
    const auto grid = grids_.find(type);
    const auto composite = composites_.find(type);
    if (grid == grids_.end() && composite == composites_.end()) {
      scope.singles[name] = outline_.singles.size();
      outline_.singles.push_back({scope.path + name, type});
      return;
    }
    ++depth_;
    all_.push_back({.outer = &scope, .path = scope.path + name + "/"});
    OutlineScope& inner = all_.back();
    if (grid != grids_.end()) {
      inner.grid = scope.grids[name] = outline_.grids.size();
      outline_.grids.push_back({scope.path + name, type, grid->second->dimensions});
      go_through(grid->second->body, inner);
    } else {
      inside_[scope.path + name] = &inner;
      go_through(composite->second->body, inner);
    }
    --depth_;
  }

  // ---- ends of connections

  std::optional<std::size_t> grid_at(const gsl::GridPath& path, const OutlineScope& scope) const {
    if (path.names.empty()) return scope.grid;
    std::string folder;
    for (std::size_t i = 0; i + 1 < path.names.size(); ++i) folder += path.names[i].text + "/";
    for (const OutlineScope* one = &scope; one != nullptr; one = one->outer) {
      const OutlineScope* where = one;
      if (!folder.empty()) {
        const auto inner = inside_.find(one->path + folder.substr(0, folder.size() - 1));
        where = inner == inside_.end() ? nullptr : inner->second;
      }
      if (where == nullptr) continue;
      const auto found = where->grids.find(path.names.back().text);
      if (found != where->grids.end()) return found->second;
    }
    return {};
  }

  OutlineEnd end_of(const gsl::Argument& argument, const OutlineScope& scope) const {
    OutlineEnd result;
    if (const auto* reference = std::get_if<gsl::Reference>(&argument.value)) {
      for (const OutlineScope* one = &scope; one != nullptr; one = one->outer) {
        const auto set = one->sets.find(reference->name.text);
        if (set != one->sets.end()) {
          // A parameter may have the name of what is given for it.
          const bool own = std::holds_alternative<gsl::Reference>(set->second->value);
          return end_of(*set->second, own && one->outer != nullptr ? *one->outer : *one);
        }
        const auto single = one->singles.find(reference->name.text);
        if (single == one->singles.end()) continue;
        result.single = single->second;
        result.nodes = 1;
        break;
      }
    } else if (const auto* set = std::get_if<gsl::NodeSet>(&argument.value)) {
      result = end_of(*set, scope);
    }
    result.text = call_text(argument);
    return result;
  }

  OutlineEnd end_of(const gsl::NodeSet& set, const OutlineScope& scope) const {
    OutlineEnd result;
    if (!set.has_points || set.member) {
      // A named set, of which other layers may be taken.
      if (set.grid.names.size() != 1) return result;
      for (const OutlineScope* one = &scope; one != nullptr; one = one->outer) {
        const auto found = one->sets.find(set.grid.names[0].text);
        if (found == one->sets.end()) continue;
        const auto* named = std::get_if<gsl::NodeSet>(&found->second->value);
        if (named == nullptr || !named->has_points) return result;
        gsl::NodeSet whole = *named;
        if (!set.extension.empty()) whole.extension = set.extension;
        return end_of(whole, *one);
      }
      return result;
    }
    result.grid = grid_at(set.grid, scope);
    if (!result.grid) return result;
    const OutlineGrid& grid = outline_.grids[*result.grid];
    result.points = points_of(set.points, grid);
    choose_layers(set.extension, grid, result.layers);
    std::int64_t nodes = 0;
    for (const std::size_t layer : result.layers) {
      if (!grid.layers[layer].density) return result;
      const std::int64_t each =
          set.extension.node_indices.empty() ? *grid.layers[layer].density : 1;
      nodes += times(result.points, each);
    }
    result.nodes = nodes;
    return result;
  }

  static std::int64_t points_of(const std::vector<gsl::Index>& indices, const OutlineGrid& grid) {
    if (indices.empty()) return grid.points();
    std::int64_t points = 1;
    for (const gsl::Index& one : indices)
      points =
          one.step < 1 || one.to < one.from ? 0 : times(points, (one.to - one.from) / one.step + 1);
    return points;
  }

  static void choose_layers(const gsl::Extension& extension, const OutlineGrid& grid,
                            std::vector<std::size_t>& chosen) {
    const auto place_of = [&](const Name& name) {
      return static_cast<std::size_t>(
          std::ranges::find(grid.layers, name.text, &OutlineLayer::name) - grid.layers.begin());
    };
    for (std::size_t i = 0; i < grid.layers.size(); ++i) {
      bool takes = extension.layers.empty() && extension.tags.empty();
      for (const gsl::LayerRange& range : extension.layers)
        takes = takes || (i >= place_of(range.first) &&
                          i <= place_of(range.last ? *range.last : range.first));
      if (!extension.tags.empty()) takes = holds(extension.tags, grid.layers[i]);
      if (takes) chosen.push_back(i);
    }
  }

  /// "&&" binds before "||", other than in triggers.
  static bool holds(const gsl::TagCondition& condition, const OutlineLayer& layer) {
    bool any = false, all = true;
    for (std::size_t i = 0; i < condition.size(); ++i) {
      if (i > 0 && condition[i].before == gsl::TagOperator::either) {
        any = any || all;
        all = true;
      }
      all = all && holds(condition[i], layer) != condition[i].negated;
    }
    return any || all;
  }

  static bool holds(const gsl::TagTerm& term, const OutlineLayer& layer) {
    const auto tag = [&](const Name& name) {
      return std::ranges::find(layer.tags, name.text, &std::pair<std::string, std::string>::first);
    };
    if (const auto* test = std::get_if<gsl::TagTest>(&term.value)) {
      const auto found = tag(test->name);
      return (found != layer.tags.end() && found->second == test->value.text) == test->equal;
    }
    if (const auto* member = std::get_if<gsl::TagMember>(&term.value))
      return std::ranges::all_of(member->names,
                                 [&](const Name& one) { return tag(one) != layer.tags.end(); });
    return holds(std::get<gsl::TagCondition>(term.value), layer);
  }

  Outline outline_;
  std::map<std::string, const gsl::Grid*, std::less<>> grids_;
  std::map<std::string, const gsl::Composite*, std::less<>> composites_;
  std::map<std::string, const gsl::ConnectionScript*, std::less<>> scripts_;
  std::deque<OutlineScope> all_;  // of composites and grids, for paths from outside
  std::map<std::string, const OutlineScope*, std::less<>> inside_;  // composites by their path
  std::size_t depth_ = 0;
};

}  // namespace

std::int64_t OutlineGrid::points() const {
  std::int64_t points = 1;
  for (const std::int64_t one : dimensions) points = times(points, one);
  return points;
}

Outline outline_of(const gsl::Script& script) { return OutlineMaker().make(script); }

}  // namespace isomer::mgs
