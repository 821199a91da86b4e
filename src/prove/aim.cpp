#include "prove/aim.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "graph/uses.h"
#include "ops/schema.h"
#include "passes/rewrite.h"
#include "prove/input_lengths.h"
#include "prove/model.h"
#include "prove/probes.h"
#include "prove/wanted_rules.h"

namespace isomer {
namespace {

using Call = std::vector<Tensor>;

/// Whether arithmetic leads back from a value to an input, whose elements can be chosen then.
bool leads_back(const Graph& graph, const Uses& uses, const std::vector<bool>& varying,
                ValueId id) {
  const auto varies = [&](ValueId one) { return varying[static_cast<std::size_t>(one)]; };
  while (const Node* node = uses.node(graph, id)) {
    const bool moved = traits_of(*node).moves != Moves::none && !traits_of(*node).indexes;
    const bool second = node->inputs.size() == 2 && varies(node->inputs[1]);
    const bool both = second && varies(node->inputs[0]);
    if (!moved &&
        (node->inputs.size() > 2 || both || real_rule(node->op, second ? 1 : 0) == nullptr))
      return false;
    id = node->inputs[second && !moved ? 1 : 0];
  }
  return true;
}

/// A comparison to aim at: what it is called, and whether it is of whole numbers.
struct Target {
  std::string name;
  bool whole = false;
};

bool is_wide_integer(DType dtype) { return dtype == DType::i32 || dtype == DType::i64; }

/// The graph that gives, for each comparison to aim at, how far its operands are apart.
Graph distances(const Graph& graph, std::vector<Target>& targets) {
  const Graph flat = expand_unsupported(graph, [](std::string_view op) { return op != "call"; });
  const Uses uses(flat);
  const std::vector<bool> varying = varying_values(flat);
  const Graph probed = rewrite(
      flat, [&](Builder& out, const Graph& old, const Node& node, std::span<const ValueId> inputs) {
        const std::vector<ValueId> results =
            out.emit_all(node.op, {inputs.begin(), inputs.end()}, node.attributes, node.bodies);
        const bool compares = &old == &flat && traits_of(node).decides == Decision::comparison &&
                              node.inputs.size() == 2;
        const bool whole = compares && is_wide_integer(out.dtype(inputs[0]));
        const bool sought = whole || (compares && is_floating(out.dtype(inputs[0])));
        const auto easy = [&](ValueId id) { return leads_back(flat, uses, varying, id); };
        if (!sought || std::ranges::all_of(node.inputs, easy)) return std::optional(results);
        const ValueId apart = out.emit("sub", {inputs[0], inputs[1]});
        out.name(whole ? out.emit("cast", {apart}, {{"dtype", DType::f64}}) : apart,
                 probe_name(targets.size()));
        targets.push_back({old[node.outputs[0]].name, whole});
        return std::optional(results);
      });
  std::vector<std::size_t> numbers;
  return giving_probes(probed, numbers);
}

double root_mean_square(std::span<const double> values) {
  double sum = 0;
  double count = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value * value;
    count += 1;
  }
  return count == 0 ? 0 : std::sqrt(sum / count);
}

/// For each input how its elements change along a line; none: it stays.
using Steps = std::vector<std::vector<double>>;

bool may_move(const InputPlan& plan, std::size_t input) {
  return !plan.ranges.contains(plan.ports[input].name) && told_by(plan, input) == nullptr;
}

/// All floating elements, each its own way.
Steps floating_steps(const InputPlan& plan, const Call& call, Random& random) {
  Steps steps(call.size());
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (!is_floating(call[i].dtype()) || !may_move(plan, i)) continue;
    steps[i].resize(static_cast<std::size_t>(call[i].count()));
    for (double& one : steps[i]) one = random.normal();
  }
  return steps;
}

/// The first element of one whole input, so that a sum meets each number.
std::vector<Steps> whole_steps(const InputPlan& plan, const Call& call) {
  std::vector<Steps> all;
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (!is_wide_integer(call[i].dtype()) || !may_move(plan, i) || call[i].count() == 0) continue;
    all.emplace_back(call.size())[i].resize(static_cast<std::size_t>(call[i].count()));
    all.back()[i][0] = 1;
  }
  return all;
}

/// Inputs along a line, and what is seen on them.
class Line {
 public:
  Line(const Graph& probed, const Engine& engine, InputSet base, Steps steps)
      : base_(std::move(base)), steps_(std::move(steps)) {
    backend_.f32 = on_engine(probed, engine);
  }

  Call at(double t) const {
    Call call = base_.calls[0];
    for (std::size_t i = 0; i < call.size(); ++i) {
      if (steps_[i].empty()) continue;
      std::vector<double> values = call[i].doubles();
      for (std::size_t k = 0; k < values.size(); ++k) values[k] += t * steps_[i][k];
      call[i] = Tensor::from_doubles(call[i].dtype(), call[i].shape(), values);
    }
    return call;
  }

  std::vector<Tensor> look(double t) const {
    InputSet there = base_;
    there.calls = {at(t)};
    return backend_.observe(Precision::f32, there, {});
  }

 private:
  Backend backend_;
  InputSet base_;
  Steps steps_;
};

/// An element that is below 0 at one place of the line and above at another.
struct Bracket {
  std::size_t element = 0;
  double below = 0;  // places
  double above = 0;
  double low = 0;  // what is there
  double high = 0;
};

/// What is seen at one place: of each comparison, its elements.
using Sight = std::vector<std::vector<double>>;

void add_changes(std::vector<Bracket>& found, double at, double next, std::span<const double> here,
                 std::span<const double> there) {
  for (std::size_t k = 0; k < here.size(); ++k) {
    const double a = here[k];
    const double b = there[k];
    if (!std::isfinite(a) || !std::isfinite(b) || (a < 0) == (b < 0)) continue;
    found.push_back(a < 0 ? Bracket{k, at, next, a, b} : Bracket{k, next, at, b, a});
  }
}

/// Takes what is seen along a line, from the middle outwards, and finds changes of sign.
class Search {
 public:
  explicit Search(Line& line) : line_(line) {
    for (const double place : places) seen_.push_back(look(place));
  }

  /// Calls at which an element of the comparison is just below 0, and just above; none where no
  /// element changes its sign.
  std::vector<Call> aim(std::size_t comparison, Random& random) {
    const std::optional<Bracket> first = bracket_of(comparison, random);
    if (!first) return {};
    Bracket bracket = *first;
    // Far from where rounding decides, and near enough to tell a changed digit.
    constexpr double share = 2e-5;
    const double beside = share * root_mean_square(seen_[0][comparison]);
    narrow(bracket, comparison, 0.1 * beside);
    const double slope = (bracket.high - bracket.low) / (bracket.above - bracket.below);
    if (beside == 0 || slope == 0 || !std::isfinite(slope)) return {};
    const double at = bracket.below - bracket.low / slope;
    return {line_.at(at - beside / slope), line_.at(at + beside / slope)};
  }

  /// The same of whole numbers: the last below 0, and the two behind it.
  std::vector<Call> aim_at_whole(std::size_t comparison, Random& random) {
    const std::optional<Bracket> first = bracket_of(comparison, random);
    if (!first) return {};
    Bracket bracket = *first;
    while (std::abs(bracket.above - bracket.below) > 1) {
      const double place = std::trunc((bracket.above + bracket.below) / 2);
      (look(place)[comparison][bracket.element] < 0 ? bracket.below : bracket.above) = place;
    }
    const double step = bracket.above - bracket.below;
    return {line_.at(bracket.below), line_.at(bracket.above), line_.at(bracket.above + step)};
  }

 private:
  // Of an odd and an even number each, farther from the middle than the one two before.
  static constexpr double places[] = {0, 1, -1, 4, -4, 32, -32, 1000, -1000, 1e5, -1e5};

  Sight look(double place) {
    Sight sight;
    for (const Tensor& one : line_.look(place)) sight.push_back(one.doubles());
    return sight;
  }

  std::optional<Bracket> bracket_of(std::size_t comparison, Random& random) const {
    std::vector<Bracket> found;
    for (std::size_t i = 1; i < seen_.size() && found.empty(); ++i) {
      const std::size_t before = i < 3 ? 0 : i - 2;
      add_changes(found, places[before], places[i], seen_[before][comparison],
                  seen_[i][comparison]);
    }
    if (found.empty()) return std::nullopt;
    return found[static_cast<std::size_t>(random.bits() % found.size())];
  }

  /// By lines, and by halves in between.
  void narrow(Bracket& bracket, std::size_t comparison, double near) {
    constexpr int most_looks = 16;
    for (int i = 0; i < most_looks && bracket.high - bracket.low > near; ++i) {
      const double share = i % 3 == 2 ? 0.5 : -bracket.low / (bracket.high - bracket.low);
      const double place = bracket.below + share * (bracket.above - bracket.below);
      const double value = look(place)[comparison][bracket.element];
      if (!std::isfinite(value)) return;
      (value < 0 ? bracket.below : bracket.above) = place;
      (value < 0 ? bracket.low : bracket.high) = value;
    }
  }

  Line& line_;
  std::vector<Sight> seen_;  // by place
};

/// Of the sets, an ordinary one of many elements, to begin a search at.
const InputSet* ordinary(std::span<const InputSet> sets) {
  const InputSet* best = nullptr;
  for (const InputSet& set : sets) {
    if (set.smooth && set.states.empty() && set.parameters.empty() &&
        set.label.starts_with("random"))
      best = &set;
  }
  return best;
}

/// Sets for the targets of one kind, each aimed at along the first line that meets it.
class Aims {
 public:
  Aims(const Graph& probed, const Engine& engine, const InputSet& base,
       const std::vector<Target>& targets, std::uint64_t seed)
      : probed_(probed), engine_(engine), base_(base), targets_(targets), random_(seed) {}

  void along(const Steps& steps, bool whole) {
    const auto waits = [&](const Target& target) {
      return target.whole == whole && !met_.contains(target.name);
    };
    if (!std::ranges::any_of(targets_, waits)) return;
    try {
      Line line(probed_, engine_, base_, steps);
      Search search(line);
      for (std::size_t i = 0; i < targets_.size() && sets_.size() < most_aims; ++i) {
        if (!waits(targets_[i])) continue;
        InputSet set{fmt::format("just beside '{}'", targets_[i].name),
                     whole ? search.aim_at_whole(i, random_) : search.aim(i, random_)};
        if (set.calls.empty()) continue;
        met_.insert(targets_[i].name);
        sets_.push_back(std::move(set));
      }
    } catch (const Error& error) {
      // What cannot be run is not aimed at.
      if (error.fault() == Fault::bug) throw;
    }
  }

  Random& random() { return random_; }
  std::vector<InputSet> sets() && { return std::move(sets_); }

 private:
  static constexpr std::size_t most_aims = 6;

  const Graph& probed_;
  const Engine& engine_;
  const InputSet& base_;
  const std::vector<Target>& targets_;
  Random random_;
  std::set<std::string> met_;
  std::vector<InputSet> sets_;
};

}  // namespace

std::vector<InputSet> aimed_inputs(const InputPlan& plan, const Engine& engine,
                                   std::span<const InputSet> sets, std::uint64_t seed) {
  constexpr double most_work = 2e6;
  const InputSet* base = ordinary(sets);
  if (plan.graph == nullptr || plan.few_sets || base == nullptr) return {};
  std::vector<Target> targets;
  const Graph probed = distances(*plan.graph, targets);
  if (targets.empty() || work_of(plan, bind_lengths(*plan.graph, base->calls[0])) > most_work)
    return {};
  Aims aims(probed, engine, *base, targets, seed);
  aims.along(floating_steps(plan, base->calls[0], aims.random()), false);
  for (const Steps& steps : whole_steps(plan, base->calls[0])) aims.along(steps, true);
  return std::move(aims).sets();
}

}  // namespace isomer
