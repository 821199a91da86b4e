#include "prove/inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/random.h"
#include "base/text.h"
#include "prove/draws.h"
#include "prove/input_lengths.h"
#include "prove/wanted.h"

namespace isomer {
namespace {

std::string label_of(std::string_view kind, const Lengths& lengths) {
  std::string text(kind);
  for (const auto& [name, value] : lengths) text += fmt::format(", {} = {}", name, value);
  return text;
}

/// The first integer at which something is decided, for a label.
std::string decided_at(std::span<const Wanted> wanted) {
  for (const Wanted& one : wanted) {
    if (!one.integers.empty()) return fmt::format(" {}", one.integers[0]);
  }
  return "";
}

bool all_positive(const Tensor& stored) {
  const std::vector<double> values = stored.doubles();
  return std::ranges::all_of(values, [](double value) { return value > 0; });
}

Tensor changed(const Tensor& stored, Random& random, double (*change)(double, double, Random&)) {
  std::vector<double> values = stored.doubles();
  const bool positive = all_positive(stored);
  double squares = 0;
  for (const double value : values) squares += value * value;
  const double scale = std::sqrt(squares / std::max<double>(1, double(values.size())));
  for (double& value : values) {
    value = change(value, scale, random);
    if (positive) value = std::abs(value);
  }
  return Tensor::from_doubles(stored.dtype(), stored.shape(), values);
}

double moved(double value, double, Random& random) {
  return value + (0.1 * std::abs(value) + 0.01) * random.normal();
}
double anew(double, double scale, Random& random) {
  constexpr double least = 0.1;
  return (scale > 0 ? scale : least) * random.normal();
}
/// Of the size of ordinary numbers.
double ordinary(double, double, Random& random) { return random.normal(); }

/// Makes the sets of one plan.
class Maker {
 public:
  Maker(const InputPlan& plan, std::uint64_t seed)
      : plan_(plan), ranges_(ranges_of(plan)), random_(seed) {
    if (plan.graph == nullptr || plan.graph->inputs.size() != plan.ports.size()) return;
    plain_ = with_plain_decisions(*plan.graph);
    state_names_ = states_of(*plan.graph);
  }

  std::vector<InputSet> all() &&;
  std::vector<InputSet> few() &&;

  /// Of each port, then of each state of the graph.
  const std::vector<Wanted>& wanted(const Lengths& lengths);
  const std::vector<LengthRange>& ranges() const { return ranges_; }

 private:
  InputSet& add(const Lengths& lengths, const DrawKind& kind, std::size_t calls = 1);
  void add_random();
  void add_constants(const DrawKind& integers, const DrawKind& reals);
  InputSet& add_named(std::string_view name, bool smooth);
  void move_states(InputSet& set, bool near);
  void move_parameters(InputSet& set, bool near);
  void add_equal();
  void add_states();
  bool may_move_parameters() const;
  void add_parameters();
  void add_empty();
  Lengths roomy() const;
  Lengths longest() const;
  std::pair<Lengths, std::size_t> lengths_to_walk();
  std::vector<Slot> slots(const Lengths& lengths);
  Tensor state(std::size_t i, bool near);

  const InputPlan& plan_;
  std::vector<LengthRange> ranges_;
  Random random_;
  std::optional<Graph> plain_;
  std::vector<Port> state_names_;  // of the graph
  std::map<Lengths, std::vector<Wanted>> wanted_;
  std::vector<InputSet> sets_;
};

const std::vector<Wanted>& Maker::wanted(const Lengths& lengths) {
  const auto [known, is_new] = wanted_.try_emplace(lengths);
  if (!is_new) return known->second;
  if (plain_) {
    known->second = wanted_of(*plain_, lengths);
  } else {
    known->second.resize(plan_.ports.size(), {.allowed = {0, 1}, .guessed = true});
  }
  return known->second;
}

std::vector<Slot> Maker::slots(const Lengths& lengths) {
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
    const auto range = plan_.ranges.find(plan_.ports[i].name);
    slots.emplace_back(plan_.ports[i].type.dtype, wanted(lengths).at(i),
                       range == plan_.ranges.end() ? std::nullopt : std::optional(range->second));
  }
  return slots;
}

InputSet& Maker::add(const Lengths& lengths, const DrawKind& kind, std::size_t calls) {
  constexpr std::size_t calls_with_states = 3;
  if (!plan_.states.empty()) calls = std::max(calls, calls_with_states);
  InputSet set{label_of(kind.name, lengths), {}, kind.smooth, kind.kinks};
  std::vector<Slot> from = slots(lengths);
  while (set.calls.size() < calls) {
    std::vector<Tensor> arguments;
    for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
      const Port& port = plan_.ports[i];
      const LengthRange* told = told_by(plan_, i);
      arguments.push_back(
          told != nullptr
              ? Tensor::from_integers(DType::i64, {}, std::array{lengths.at(told->name)})
              : draw(port.name, from[i], evaluate(port.type.shape, lengths), kind, random_));
    }
    set.calls.push_back(std::move(arguments));
  }
  return sets_.emplace_back(std::move(set));
}

void Maker::add_random() {
  std::set<Lengths> seen;
  for (const std::int64_t size : {0, 1, 5}) {
    const Lengths lengths = choose(ranges_, size);
    if (seen.insert(lengths).second) add(lengths, random_kind);
  }
  if (sets_.size() == 1) add(choose(ranges_, 1), random_kind);
}

/// Lengths at which inputs have some dozens of elements, where that costs little.
Lengths Maker::roomy() const {
  constexpr double little = 1e6;
  Lengths lengths = choose(ranges_, 12);
  return work_of(plan_, lengths) <= little ? lengths : choose(ranges_, 1);
}

/// All at their ends, where that costs little.
Lengths Maker::longest() const {
  constexpr double little = 4e6;
  Lengths lengths = choose(ranges_, 5);
  for (const LengthRange& range : ranges_) {
    if (range.most) lengths[range.name] = *range.most;
  }
  return work_of(plan_, lengths) <= little ? lengths : choose(ranges_, 5);
}

/// Lengths at which inputs hold all that is to be walked in few calls, and in how many.
std::pair<Lengths, std::size_t> Maker::lengths_to_walk() {
  constexpr double most_calls = 12;
  std::vector<Lengths> candidates = {choose(ranges_, 1)};
  for (const LengthRange& range : ranges_) {
    for (const std::int64_t value : {7, 17, 33})
      candidates.push_back(with_length(ranges_, range, value));
  }
  std::pair<Lengths, std::size_t> best;
  double least = std::numeric_limits<double>::infinity();
  std::vector<Slot> from = slots(candidates[0]);
  for (const Lengths& lengths : candidates) {
    double calls = 1;
    for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
      const Port& port = plan_.ports[i];
      if (is_floating(port.type.dtype) || told_by(plan_, i) != nullptr) continue;
      const auto count = static_cast<double>(count_elements(evaluate(port.type.shape, lengths)));
      calls = std::max(calls, std::ceil(double(from[i].around.size()) / std::max(count, 1.0)));
    }
    // A call has its own cost.
    const double cost = calls * (work_of(plan_, lengths) + 1000);
    if (calls <= most_calls && cost < least) {
      least = cost;
      best = {lengths, static_cast<std::size_t>(calls)};
    }
  }
  if (best.second == 0) best = {candidates[0], static_cast<std::size_t>(most_calls)};
  return best;
}

/// Whether some input is of integers, or has numbers at which something is decided.
bool has_points(const Slot& slot) {
  return is_floating(slot.dtype) ? slot.exact.size() > 1 : slot.dtype != DType::boolean;
}

void Maker::add_constants(const DrawKind& integers, const DrawKind& reals) {
  const std::vector<Slot> from = slots(choose(ranges_, 1));
  const auto some = [&](bool floating) {
    return std::ranges::any_of(from, [&](const Slot& slot) {
      return is_floating(slot.dtype) == floating && has_points(slot);
    });
  };
  if (some(false)) {
    const auto [lengths, calls] = lengths_to_walk();
    InputSet& set = add(lengths, integers, calls);
    set.label = label_of(std::string(integers.name) + decided_at(wanted(lengths)), lengths);
  }
  const bool both = integers.name == reals.name;
  if (some(true) && !(both && some(false))) add(roomy(), reals, 2);
}

/// Whole rows of one integer: all padding, none of it.
void Maker::add_equal() {
  constexpr std::size_t most_calls = 8;
  const Lengths lengths = choose(ranges_, 1);
  const std::vector<Slot> from = slots(lengths);
  std::size_t calls = 0;
  for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
    const Port& port = plan_.ports[i];
    if (is_floating(port.type.dtype) || port.type.shape.empty()) continue;
    const std::vector<std::int64_t> shape = evaluate(port.type.shape, lengths);
    const auto rows =
        static_cast<std::size_t>(count_elements(shape) / std::max<std::int64_t>(shape.back(), 1));
    const std::size_t points = std::max<std::size_t>(from[i].around.size(), 2);
    calls = std::max(calls, points / std::max<std::size_t>(rows, 1) + 1);
  }
  if (calls > 0) add(lengths, equal_kind, std::min(calls, most_calls));
}

/// A state to begin with: near the stored one, or of the size of ordinary numbers; counters are
/// small, or where something is decided.
Tensor Maker::state(std::size_t i, bool near) {
  const auto& [name, stored] = plan_.states[i];
  if (is_floating(stored.dtype())) return changed(stored, random_, near ? moved : ordinary);
  Wanted wanted;
  const auto known = std::ranges::find(state_names_, name, &Port::name);
  if (known != state_names_.end()) {
    const auto place = static_cast<std::size_t>(known - state_names_.begin());
    wanted = this->wanted(choose(ranges_, 1)).at(plan_.graph->inputs.size() + place);
  }
  constexpr std::int64_t small = 5;
  const Intervals counts = wanted.allowed & Intervals(0, small);
  Slot slot(stored.dtype(), wanted,
            counts.empty() ? std::nullopt : std::optional(ValueRange{0, small}));
  if (!near) slot = Slot(stored.dtype(), wanted, {});
  const bool decides = !near && !wanted.integers.empty();
  return draw(name, slot, stored.shape(), decides ? around_kind : random_kind, random_);
}

/// Other states for the set.
void Maker::move_states(InputSet& set, bool near) {
  for (std::size_t i = 0; i < plan_.states.size(); ++i) {
    if (!is_complex(plan_.states[i].second.dtype()))
      set.states.emplace_back(plan_.states[i].first, state(i, near));
  }
}

void Maker::move_parameters(InputSet& set, bool near) {
  for (const auto& [name, stored] : plan_.parameters) {
    if (is_floating(stored.dtype()))
      set.parameters.emplace_back(name, changed(stored, random_, near ? moved : anew));
  }
}

InputSet& Maker::add_named(std::string_view name, bool smooth) {
  const DrawKind kind{name, random_kind.real, random_kind.integer, random_kind.flag, smooth};
  return add(choose(ranges_, 1), kind);
}

void Maker::add_states() {
  if (plan_.states.empty()) return;
  move_states(add_named("states near the stored ones", true), true);
  // A lone number meets what it is compared with in some of several sets only.
  const bool counts = std::ranges::any_of(
      plan_.states, [](const auto& state) { return is_integer(state.second.dtype()); });
  const int others = counts ? 4 : 1;
  for (int i = 0; i < others; ++i) move_states(add_named("other states", false), false);
}

bool Maker::may_move_parameters() const {
  // Each set holds them once more.
  constexpr std::int64_t most = 1 << 22;
  std::int64_t count = 0;
  for (const auto& [name, stored] : plan_.parameters) count += stored.count();
  return count > 0 && count <= most;
}

void Maker::add_parameters() {
  if (!may_move_parameters()) return;
  move_parameters(add_named("parameters moved", true), true);
  move_parameters(add_named("parameters drawn anew", false), false);
}

/// Each length that may be 0. Some engines cannot run that: last.
void Maker::add_empty() {
  const DrawKind kind{"empty", random_kind.real, random_kind.integer, random_kind.flag};
  for (const LengthRange& range : ranges_) {
    if (range.least > 0) continue;
    Lengths lengths = choose(ranges_, 1);
    lengths[range.name] = 0;
    add(lengths, kind);
  }
}

std::vector<InputSet> Maker::all() && {
  add_random();
  add_constants(around_kind, threshold_kind);
  add_equal();
  add(roomy(), kinks_kind);
  add_states();
  add_parameters();
  // What takes a second on the reference, or some times the work of the small ones.
  constexpr double affordable = 8e6;
  const double small = work_of(plan_, choose(ranges_, 5));
  for (const Lengths& lengths : longer_lengths(plan_, std::max(affordable, 2 * small)))
    add(lengths, longer_kind);
  const bool integers = std::ranges::any_of(
      plan_.ports, [](const Port& port) { return is_integer(port.type.dtype); });
  if (integers) add(choose(ranges_, 1), far_kind);
  for (const DrawKind& kind : edge_kinds())
    add(kind.name == "large" ? roomy() : choose(ranges_, 1), kind);
  add_empty();
  return std::move(sets_);
}

std::vector<InputSet> Maker::few() && {
  add(choose(ranges_, 0), random_kind);
  add(longest(), random_kind);
  add_constants(constants_kind, constants_kind);
  add(choose(ranges_, 5), kinks_kind);
  if (!plan_.states.empty() || may_move_parameters()) {
    InputSet& other = add_named("states and parameters moved", true);
    move_states(other, true);
    if (may_move_parameters()) move_parameters(other, true);
  }
  add(choose(ranges_, 1), not_finite_kind);
  return std::move(sets_);
}

}  // namespace

InputPlan plan_for(const Graph& graph) {
  InputPlan plan{.ports = {}, .lengths = graph.signature.lengths, .graph = &graph};
  for (const ValueId id : graph.inputs) plan.ports.push_back({graph[id].name, graph[id].type});
  const std::vector<Port> states = states_of(graph);
  for (std::size_t i = 0; i < states.size(); ++i)
    plan.states.emplace_back(states[i].name, graph.states[i].initial);
  for (const Constant& constant : graph.constants) {
    if (constant.trainable && !constant.names.empty())
      plan.parameters.emplace_back(constant.names[0], constant.data);
  }
  return plan;
}

void keep_smaller(std::optional<InputSet>& kept, const InputSet& set) {
  const auto size_of_set = [](const InputSet& one) {
    std::int64_t size = 0;
    for (const auto& call : one.calls)
      for (const Tensor& tensor : call) size += tensor.count();
    for (const auto* named : {&one.states, &one.parameters})
      for (const auto& [name, tensor] : *named) size += tensor.count();
    return size;
  };
  if (!kept || size_of_set(set) < size_of_set(*kept)) kept = set;
}

std::vector<std::string> tried_in(std::span<const InputSet> sets, std::span<const Port> ports) {
  std::map<std::string, std::set<std::int64_t>> lengths;
  std::map<std::string, Interval> integers;
  const auto look_at = [&](const Port& port, const Tensor& tensor) {
    for (std::size_t axis = 0; axis < std::min(port.type.shape.size(), tensor.shape().size());
         ++axis) {
      if (const auto name = port.type.shape[axis].lone_symbol())
        lengths[std::string(*name)].insert(tensor.shape()[axis]);
    }
    if (!is_integer(tensor.dtype()) || tensor.count() == 0) return;
    const std::vector<std::int64_t> values = tensor.integers();
    const auto [least, most] = std::ranges::minmax(values);
    const auto [known, is_new] = integers.try_emplace(port.name, Interval{least, most});
    known->second = {std::min(known->second.least, least), std::max(known->second.most, most)};
  };
  for (const InputSet& set : sets) {
    for (const std::vector<Tensor>& call : set.calls) {
      for (std::size_t i = 0; i < std::min(ports.size(), call.size()); ++i)
        look_at(ports[i], call[i]);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [name, values] : lengths)
    lines.push_back(fmt::format("lengths: {} = {}", name, fmt::join(values, ", ")));
  for (const auto& [name, range] : integers)
    lines.push_back(fmt::format("integers: '{}' in [{}, {}]", name, range.least, range.most));
  return lines;
}

std::vector<std::string> guessed_inputs(const InputPlan& plan) {
  Maker maker(plan, 0);
  const std::vector<Wanted>& wanted = maker.wanted(choose(maker.ranges(), 1));
  std::vector<std::string> guessed;
  for (std::size_t i = 0; i < plan.ports.size(); ++i) {
    const Port& port = plan.ports[i];
    const bool asked = plan.ranges.contains(port.name) || told_by(plan, i) != nullptr;
    if (!is_integer(port.type.dtype) || !wanted.at(i).guessed || asked) continue;
    const Interval range = wanted[i].allowed.near().parts().at(0);
    guessed.push_back(fmt::format("'{}' in [{}, {}]", port.name, range.least, range.most));
  }
  return guessed;
}

std::vector<InputSet> make_inputs(const InputPlan& plan, std::uint64_t seed) {
  Maker maker(plan, seed);
  return plan.few_sets ? std::move(maker).few() : std::move(maker).all();
}

}  // namespace isomer
