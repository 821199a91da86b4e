#include "systems/mdf/schedule.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/node_executor.h"

namespace isomer::mdf {
namespace {

/// How many conditions an evaluation may ask; a run of a node counts for as many, and so many
/// passes are allowed at any rate.
constexpr std::int64_t most_work = std::int64_t{1} << 27;
constexpr std::int64_t run_work = 64;
constexpr std::int64_t passes_allowed = 1'000;

std::vector<std::vector<std::size_t>> layers_of(const Wiring& wiring) {
  std::vector<std::size_t> depth(wiring.senders.size());
  std::vector<std::vector<std::size_t>> layers;
  for (const std::size_t node : wiring.order) {
    for (const std::size_t sender : wiring.senders[node])
      depth[node] = std::max(depth[node], depth[sender] + 1);
    layers.resize(std::max(layers.size(), depth[node] + 1));
    layers[depth[node]].push_back(node);
  }
  return layers;
}

Path place_in(std::string group, const std::string& member) {
  return {"conditions", std::move(group), member};
}

std::string owner_place(const std::string& id) { return in_words(place_in("node_specific", id)); }

std::string termination_place(const std::string& scale) {
  return in_words(place_in("termination", scale));
}

const Tree::Map& members_of(const Tree& conditions, std::string_view group) {
  static const Tree::Map none;
  const Tree* found = conditions.find(group);
  return found == nullptr || found->map() == nullptr ? none : *found->map();
}

std::int64_t scaled(std::int64_t x, std::int64_t factor) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(x, factor, &result))
    refuse("the times of conditions lie too far apart to be counted together");
  return result;
}

/// Whether it may change while nodes of its own layer are chosen.
bool is_moving(const Condition& condition, const std::vector<bool>& in_layer) {
  const std::string_view type = condition.type->name;
  if (type == "NWhen" || (type == "AllHaveRun" && condition.nodes.empty())) return true;
  return std::ranges::any_of(condition.nodes, [&](std::size_t node) { return in_layer[node]; }) ||
         std::ranges::any_of(condition.parts,
                             [&](const Condition& part) { return is_moving(part, in_layer); });
}

/// Durations and places in time inside a condition, as far as time goes on because of it.
void collect_times(Condition& condition, std::vector<std::int64_t>& repeats,
                   std::vector<std::int64_t>& points) {
  if (!is_absolute(condition)) return;
  if (condition.times) {
    const Condition::Times& times = *condition.times;
    if (times.repeat) repeats.push_back(times.repeat->ticks);
    if (times.start && times.starts_at) points.push_back(times.start->ticks);
    if (times.end && times.ends_at) points.push_back(times.end->ticks);
  }
  for (Condition& part : condition.parts) collect_times(part, repeats, points);
}

Condition plain(std::string_view type) {
  Condition condition;
  condition.type = &condition_type(type);
  return condition;
}

void count_call(Moment::Count& calls, Moment::Count& nodes) {
  nodes.pass += calls.pass++ == 0 ? 1 : 0;
  nodes.update += calls.update++ == 0 ? 1 : 0;
  nodes.life += calls.life++ == 0 ? 1 : 0;
}

}  // namespace

Schedule::Schedule(const DocumentGraph& graph, const Wiring& wiring,
                   const std::vector<std::unique_ptr<NodeExecutor>>& nodes, const Dialect& dialect,
                   Problems& problems)
    : layers_(layers_of(wiring)) {
  const auto& owned = members_of(graph.conditions, "node_specific");
  const auto& terminations = members_of(graph.conditions, "termination");
  plain_ = !is_conditional(graph);
  if (plain_) return;
  for (const auto& [id, node] : graph.nodes) ids_.push_back(id);
  const ConditionNames names{
      [&](std::string_view id) {
        const auto found = wiring.places.find(id);
        return found == wiring.places.end() ? std::nullopt : std::optional(found->second);
      },
      [&](std::size_t node, const std::string& name) { return nodes[node]->watched(name); },
      dialect.lenient};
  conditions_.resize(nodes.size());
  update_ = {"environment_state_update", plain("AllHaveRun")};
  sequence_ = {"environment_sequence", plain("Never")};
  read_nodes(owned, wiring, names, problems);
  read_terminations(terminations, names, problems);
  if (problems.errors() != 0) return;
  add_defaults(wiring);
  prepare_counters();
  problems.noting(Path{"conditions"}, [&] { prepare_times(); });
  if (is_never(update_.condition) && is_never(sequence_.condition))
    problems.error(place_in("termination", update_.name), endless("never holds"));
  reset();
}

bool Schedule::is_conditional(const DocumentGraph& graph) {
  return !members_of(graph.conditions, "node_specific").empty() ||
         !members_of(graph.conditions, "termination").empty();
}

void Schedule::find_unlike(Problems& problems) const {
  const auto look = [&](Path place, const Condition& condition) {
    if (!looks_beyond(condition)) return;
    problems.error(std::move(place),
                   fmt::format("{} looks beyond one evaluation", condition.type->name),
                   "in a graph each evaluation is like all others");
  };
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const Path place = place_in("node_specific", ids_[i]);
    look(place, conditions_[i]);
    if (is_never(conditions_[i]))
      problems.error(place, fmt::format("{} never holds", conditions_[i].type->name),
                     "in a graph each node runs");
  }
  look(place_in("termination", update_.name), update_.condition);
  // A sequence ends when its user ends it; where it may end by itself, that counts.
  if (!is_never(sequence_.condition))
    look(place_in("termination", sequence_.name), sequence_.condition);
}

void Schedule::read_nodes(const Tree::Map& group, const Wiring& wiring, const ConditionNames& names,
                          Problems& problems) {
  for (const auto& [id, condition] : group) {
    const auto owner = wiring.places.find(id);
    if (owner == wiring.places.end()) {
      problems.error(place_in("node_specific", id), "there is no such node");
      continue;
    }
    problems.noting(place_in("node_specific", id), [&, &tree = condition] {
      conditions_[owner->second] = read_condition(tree, names);
    });
  }
}

void Schedule::read_terminations(const Tree::Map& group, const ConditionNames& names,
                                 Problems& problems) {
  // A name in small letters counts more than the program's own.
  for (const bool exact : {true, false}) {
    for (const auto& [name, condition] : group) {
      auto scale = time_scale_in(name, true);
      if (scale.has_value() != exact) continue;
      problems.noting(place_in("termination", name), [&, &key = name, &tree = condition] {
        if (!exact) {
          std::string upper = key.substr(key.rfind('.') + 1);
          for (char& letter : upper) letter = static_cast<char>(std::toupper(letter));
          scale = time_scale_in(upper, true);
          const bool ends = scale == TimeScale::update || scale == TimeScale::sequence;
          if (!ends)
            refuse("there is 'environment_state_update', and there is 'environment_sequence'");
        }
        Termination read{key, read_condition(tree, names)};
        std::vector<Condition*> counters;
        collect(read.condition, "EveryNCalls", counters);
        if (!counters.empty()) refuse("EveryNCalls belongs to a node");
        if (scale == TimeScale::update)
          update_ = std::move(read);
        else if (scale == TimeScale::sequence)
          sequence_ = std::move(read);
      });
    }
  }
}

void Schedule::add_defaults(const Wiring& wiring) {
  for (std::size_t node = 0; node < conditions_.size(); ++node) {
    Condition& condition = conditions_[node];
    if (condition.type != nullptr) continue;
    condition = plain("All");
    for (const std::size_t sender : wiring.senders[node]) {
      Condition part = plain("EveryNCalls");
      part.nodes = {sender};
      part.n = 1;
      condition.parts.push_back(std::move(part));
    }
    condition.size += static_cast<std::int64_t>(condition.parts.size());
  }
}

void Schedule::prepare_counters() {
  counters_.resize(conditions_.size());
  std::vector<bool> in_layer(conditions_.size());
  for (const auto& layer : layers_) {
    for (const std::size_t node : layer) in_layer[node] = true;
    moving_.emplace_back();
    for (const std::size_t node : layer) {
      collect(conditions_[node], "EveryNCalls", counters_[node]);
      if (is_moving(conditions_[node], in_layer)) moving_.back().push_back(node);
    }
    for (const std::size_t node : layer) in_layer[node] = false;
  }
  moves_ = moves_alone(update_.condition) || moves_alone(sequence_.condition) ||
           std::ranges::any_of(conditions_, moves_alone);
}

std::vector<Condition*> Schedule::of_type(std::string_view type) {
  std::vector<Condition*> found;
  for (Condition& condition : conditions_) collect(condition, type, found);
  collect(update_.condition, type, found);
  collect(sequence_.condition, type, found);
  return found;
}

// A tick is the shortest time that is written, divided by the layers: so a layer's step is a whole
// number of them.
void Schedule::prepare_times() {
  std::vector<Condition*> timed = of_type("TimeInterval");
  for (Condition* condition : of_type("TimeTermination")) timed.push_back(condition);
  if (timed.empty()) return;
  constexpr int millisecond = -3;
  int exponent = millisecond;
  const auto each_duration = [&](const auto& action) {
    for (Condition* condition : timed) {
      for (auto* duration :
           {&condition->times->repeat, &condition->times->start, &condition->times->end}) {
        if (*duration) action(**duration);
      }
    }
  };
  each_duration([&](Duration& duration) { exponent = std::min(exponent, duration.exponent); });
  const auto layers = static_cast<std::int64_t>(std::max<std::size_t>(1, layers_.size()));
  const auto ticks_of = [&](std::int64_t digits, int power) {
    for (int i = exponent; digits != 0 && i < power; ++i) digits = scaled(digits, 10);
    return scaled(digits, layers);
  };
  each_duration(
      [&](Duration& duration) { duration.ticks = ticks_of(duration.digits, duration.exponent); });

  std::vector<std::int64_t> repeats;
  begin_ = std::numeric_limits<std::int64_t>::max();
  const auto look_at = [&](Condition& condition) {
    if (!is_absolute(condition)) return;
    absolute_ = true;
    std::vector<std::int64_t> points;
    collect_times(condition, repeats, points);
    begin_ = std::min(begin_, points.empty() ? 0 : *std::ranges::min_element(points));
  };
  for (Condition& condition : conditions_) look_at(condition);
  look_at(update_.condition);
  look_at(sequence_.condition);
  std::int64_t step = 0;
  for (const std::int64_t repeat : repeats) step = std::gcd(step, repeat);
  moment_.step = repeats.empty() ? ticks_of(1, millisecond) : step / layers;
  place_intervals();
}

// An interval is counted from when its node's layer has its turn.
void Schedule::place_intervals() {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    for (const std::size_t node : layers_[layer]) {
      std::vector<Condition*> found;
      collect(conditions_[node], "TimeInterval", found);
      for (Condition* condition : found)
        condition->times->offset = scaled(static_cast<std::int64_t>(layer), moment_.step);
    }
  }
  for (Condition* condition : of_type("TimeInterval")) {
    if (layers_.size() == 1 && condition->times->start)
      condition->times->offset = condition->times->start->ticks;
  }
}

void Schedule::reset() {
  const std::int64_t step = moment_.step;
  moment_ = {};
  moment_.step = step;
  moment_.calls.resize(ids_.size());
  moment_.last_set.assign(ids_.size(), -1);
  for (Condition& condition : conditions_) forget(condition);
  forget(update_.condition);
  forget(sequence_.condition);
}

std::string_view Schedule::condition_of(std::size_t node) const {
  return plain_ ? "Always" : conditions_[node].type->name;
}

std::vector<std::int64_t*> Schedule::kept_counts() {
  std::vector<std::int64_t*> kept{&moment_.nodes.life, &moment_.passes.life, &moment_.sets.life,
                                  &moment_.updates, &moment_.time};
  for (Moment::Count& calls : moment_.calls) kept.push_back(&calls.life);
  for (std::int64_t& set : moment_.last_set) kept.push_back(&set);
  if (plain_) return kept;
  for (Condition* condition : of_type("NWhen")) kept.push_back(&condition->used);
  return kept;
}

std::vector<std::int64_t> Schedule::counts() {
  std::vector<std::int64_t> counts;
  for (const std::int64_t* count : kept_counts()) counts.push_back(*count);
  return counts;
}

void Schedule::set_counts(std::span<const std::int64_t> counts) {
  const std::vector<std::int64_t*> kept = kept_counts();
  if (counts.size() != kept.size())
    refuse(fmt::format("a schedule has {} here, not {}", counted(kept.size(), "count"),
                       counts.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) *kept[i] = counts[i];
}

bool Schedule::is_over() {
  for (Termination* termination : {&update_, &sequence_}) {
    work_ += termination->condition.size;
    const bool over = with_place([&] { return termination_place(termination->name); },
                                 [&] { return holds(termination->condition, moment_); });
    if (over) return true;
  }
  return false;
}

bool Schedule::choose(std::size_t node) {
  const bool chosen = with_place([&] { return owner_place(ids_[node]); },
                                 [&] { return holds(conditions_[node], moment_); });
  work_ += conditions_[node].size;
  if (!chosen) return false;
  // What led to this run is used up; what this run counts for itself is not.
  for (Condition* counter : counters_[node])
    counter->used = moment_.calls[counter->nodes[0]].update;
  count_call(moment_.calls[node], moment_.nodes);
  moment_.last_set[node] = moment_.sets.life;
  chosen_.push_back(node);
  work_ += run_work;
  return true;
}

void Schedule::choose_in(const std::vector<std::size_t>& layer,
                         const std::vector<std::size_t>& moving) {
  chosen_.clear();
  bool changed = false;
  for (const std::size_t node : layer) changed = choose(node) || changed;
  while (changed) {
    changed = false;
    for (const std::size_t node : moving) {
      if (moment_.last_set[node] != moment_.sets.life) changed = choose(node) || changed;
    }
  }
}

void Schedule::end_set() {
  ++moment_.sets.update;
  ++moment_.sets.life;
  if (absolute_ && __builtin_add_overflow(moment_.time, moment_.step, &moment_.time))
    refuse("the times of conditions reach too far");
}

bool Schedule::pass(const Execute& execute) {
  bool ran = false;
  for (Moment::Count& calls : moment_.calls) calls.pass = 0;
  moment_.nodes.pass = 0;
  const std::int64_t before = moment_.sets.life;
  for (std::size_t i = 0; i < layers_.size() && !is_over(); ++i) {
    choose_in(layers_[i], moving_[i]);
    ran = ran || !chosen_.empty();
    if (chosen_.empty() && !absolute_) continue;
    execute(chosen_);
    end_set();
  }
  if (moment_.sets.life == before && !absolute_) {
    execute({});
    end_set();
  }
  ++moment_.passes.update;
  ++moment_.passes.life;
  return ran;
}

void Schedule::run(const Execute& execute) {
  if (plain_) {
    for (const auto& layer : layers_) execute(layer);
    return;
  }
  if (absolute_) moment_.time = std::max(moment_.time, begin_);
  for (auto& counters : counters_) {
    for (Condition* counter : counters) counter->used = 0;
  }
  for (Moment::Count& calls : moment_.calls) calls.pass = calls.update = 0;
  moment_.nodes.pass = moment_.nodes.update = 0;
  moment_.passes.update = moment_.sets.update = 0;
  work_ = 0;
  int idle = 0;  // passes in a row in which nothing ran
  while (!is_over()) {
    const bool moves = pass(execute) || absolute_ || moves_;
    idle = moves ? 0 : idle + 1;
    if (idle == 2) refuse_endless("does not hold, and no node runs any more");
    if (work_ > most_work && moment_.passes.update > passes_allowed)
      refuse_endless(fmt::format("does not hold after {} passes", moment_.passes.update));
  }
  ++moment_.updates;
}

std::string Schedule::endless(std::string_view what) const {
  return fmt::format("the evaluation does not end: {} {}", update_.condition.type->name, what);
}

void Schedule::refuse_endless(std::string_view what) const {
  throw Error(Fault::model, termination_place(update_.name), endless(what));
}

}  // namespace isomer::mdf
