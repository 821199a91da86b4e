#include "prove/aim.h"

#include <algorithm>
#include <cmath>
#include <optional>

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

/// The graph that gives, for each comparison to aim at, how far its operands are apart.
Graph distances(const Graph& graph, std::vector<std::string>& names) {
  const Graph flat = expand_unsupported(graph, [](std::string_view op) { return op != "call"; });
  const Uses uses(flat);
  const std::vector<bool> varying = varying_values(flat);
  const Graph probed = rewrite(
      flat, [&](Builder& out, const Graph& old, const Node& node, std::span<const ValueId> inputs) {
        const std::vector<ValueId> results =
            out.emit_all(node.op, {inputs.begin(), inputs.end()}, node.attributes, node.bodies);
        const bool compares = &old == &flat && traits_of(node).decides == Decision::comparison &&
                              node.inputs.size() == 2 && is_floating(out.dtype(inputs[0]));
        const auto easy = [&](ValueId id) { return leads_back(flat, uses, varying, id); };
        if (!compares || std::ranges::all_of(node.inputs, easy)) return std::optional(results);
        out.name(out.emit("sub", {inputs[0], inputs[1]}), probe_name(names.size()));
        names.push_back(old[node.outputs[0]].name);
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

/// Inputs along a line, and what is seen on them.
class Line {
 public:
  Line(const InputPlan& plan, const Graph& probed, const Engine& engine, InputSet base,
       Random& random)
      : base_(std::move(base)) {
    backend_.f32 = on_engine(probed, engine);
    for (std::size_t i = 0; i < base_.calls[0].size(); ++i) {
      const Tensor& at = base_.calls[0][i];
      const bool moves = is_floating(at.dtype()) && !plan.ranges.contains(plan.ports[i].name);
      std::vector<double> step(moves ? static_cast<std::size_t>(at.count()) : 0);
      for (double& one : step) one = random.normal();
      steps_.push_back(std::move(step));
    }
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
  std::vector<std::vector<double>> steps_;  // of each input; empty: it stays
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
    std::vector<Bracket> found;
    for (std::size_t i = 1; i < seen_.size() && found.empty(); ++i) {
      const std::size_t before = i < 3 ? 0 : i - 2;
      add_changes(found, places[before], places[i], seen_[before][comparison],
                  seen_[i][comparison]);
    }
    if (found.empty()) return {};
    Bracket bracket = found[static_cast<std::size_t>(random.bits() % found.size())];
    // Far from where rounding decides, and near enough to tell a changed digit.
    constexpr double share = 2e-5;
    const double beside = share * root_mean_square(seen_[0][comparison]);
    narrow(bracket, comparison, 0.1 * beside);
    const double slope = (bracket.high - bracket.low) / (bracket.above - bracket.below);
    if (beside == 0 || slope == 0 || !std::isfinite(slope)) return {};
    const double at = bracket.below - bracket.low / slope;
    return {line_.at(at - beside / slope), line_.at(at + beside / slope)};
  }

 private:
  // Of an odd and an even number each, farther from the middle than the one two before.
  static constexpr double places[] = {0, 1, -1, 4, -4, 32, -32, 1000, -1000};

  Sight look(double place) {
    Sight sight;
    for (const Tensor& one : line_.look(place)) sight.push_back(one.doubles());
    return sight;
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

}  // namespace

std::vector<InputSet> aimed_inputs(const InputPlan& plan, const Engine& engine,
                                   std::span<const InputSet> sets, std::uint64_t seed) {
  constexpr std::size_t most_aims = 6;
  constexpr double most_work = 2e6;
  const InputSet* base = ordinary(sets);
  if (plan.graph == nullptr || plan.few_sets || base == nullptr) return {};
  std::vector<std::string> names;
  const Graph probed = distances(*plan.graph, names);
  if (names.empty() || work_of(plan, bind_lengths(*plan.graph, base->calls[0])) > most_work)
    return {};
  std::vector<InputSet> aimed;
  try {
    Random random(seed);
    Line line(plan, probed, engine, *base, random);
    Search search(line);
    for (std::size_t i = 0; i < names.size() && i < most_aims; ++i) {
      InputSet set{fmt::format("just beside '{}'", names[i]), search.aim(i, random)};
      if (!set.calls.empty()) aimed.push_back(std::move(set));
    }
  } catch (const Error& error) {
    // What cannot be run is not aimed at.
    if (error.fault() == Fault::bug) throw;
  }
  return aimed;
}

}  // namespace isomer
