#include "prove/gradients.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "passes/class_weights.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "prove/controls.h"
#include "prove/differences.h"

namespace isomer {
namespace {

std::vector<std::string> result_names(const Runnable& reference) {
  std::vector<std::string> names;
  for (const Port& port : reference.inputs) {
    if (is_floating(port.type.dtype))
      names.push_back(fmt::format("gradient of input '{}'", port.name));
  }
  for (const Port& port : reference.parameters)
    names.push_back(fmt::format("gradient of '{}'", port.name));
  return names;
}

/// Where a derivative by these parameters gives what that of `reference` does.
std::vector<std::optional<std::size_t>> places_in(std::span<const Port> parameters,
                                                  const Runnable& reference,
                                                  const Aliases& aliases) {
  const std::size_t inputs = count_floating(reference.inputs);
  std::vector<std::optional<std::size_t>> places;
  for (std::size_t i = 0; i < inputs; ++i) places.emplace_back(i);
  for (const auto& place : match_parameters(reference.parameters, parameters, aliases))
    places.push_back(place ? std::optional(inputs + *place) : std::nullopt);
  return places;
}

/// Of each result of a graph's derivative, whether PyTorch has it.
std::vector<bool> had_by_pytorch(const Graph& graph) {
  const std::set<ValueId> makers = makers_of_class_weights(graph);
  std::vector<bool> had;
  for (const ValueId id : graph.inputs) {
    if (is_floating(graph[id].type.dtype)) had.push_back(!makers.contains(id));
  }
  for (const Constant& constant : graph.constants) {
    if (constant.trainable) had.push_back(!makers.contains(constant.value));
  }
  return had;
}

/// The results of the source's derivative that are compared.
class Compared {
 public:
  Compared(const Runnable& source, const Graph* graph, const Aliases& aliases)
      : source_(source), aliases_(aliases), names_(result_names(source)) {
    const std::vector<bool> had = graph ? had_by_pytorch(*graph) : std::vector<bool>{};
    if (graph != nullptr) in_graph_ = places_in(parameters_of(*graph), source, aliases);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const bool refused = graph != nullptr && in_graph_[i] && !had.at(*in_graph_[i]);
      (refused ? refused_ : places_).push_back(i);
    }
  }

  std::vector<std::string> names() const { return of(places_, names_); }
  std::vector<std::string> refused() const { return of(refused_, names_); }

  /// Where rounding is measured, of what the graph gives.
  std::vector<SpreadOf::Place> measured() const {
    std::vector<SpreadOf::Place> measured;
    for (const auto& place : of(places_, in_graph_)) measured.push_back({0, place});
    return measured;
  }

  /// Where they stand among another's; nothing when a parameter of the source has no counterpart:
  /// that is reported with the interface.
  std::optional<std::vector<std::size_t>> order_in(const Runnable& other) const {
    std::vector<std::size_t> order;
    for (const auto& place : places_in(other.parameters, source_, aliases_)) {
      if (!place) return std::nullopt;
      order.push_back(*place);
    }
    return of(places_, order);
  }

 private:
  template <class Each>
  static std::vector<Each> of(std::span<const std::size_t> places, const std::vector<Each>& all) {
    std::vector<Each> some;
    for (const std::size_t place : places) some.push_back(all.at(place));
    return some;
  }

  const Runnable& source_;
  const Aliases& aliases_;
  std::vector<std::string> names_;
  std::vector<std::optional<std::size_t>> in_graph_;
  std::vector<std::size_t> places_, refused_;
};

void note_refused(GradientFindings& findings, const Compared& compared) {
  const std::vector<std::string> refused = compared.refused();
  if (refused.empty()) return;
  findings.notes.push_back(fmt::format(
      "not compared, since PyTorch has no derivative for weights of classes: {}", listed(refused)));
}

/// The derivatives of a backend, put into the source's order.
Witness witness_of(const Backend& backend, Derivative derivative, std::string name,
                   std::vector<std::size_t> order, const Aliases& aliases) {
  const auto run = [&backend, derivative, order = std::move(order), &aliases](const Trial& trial,
                                                                              Precision precision) {
    const std::vector<Tensor> results =
        backend.gradient(derivative, precision, *trial.set, trial.cotangents, aliases);
    std::vector<Tensor> ordered;
    for (const std::size_t place : order) ordered.push_back(results.at(place));
    return ordered;
  };
  return {.name = std::move(name), .run = run, .slow = backend.slow};
}

/// Cotangents of the source's outputs: of all at once, or of the one with that number among the
/// floating ones.
std::vector<Tensor> cotangents_of(std::span<const Tensor> outputs, std::optional<std::size_t> alone,
                                  Random& random) {
  std::vector<Tensor> cotangents = random_cotangents(outputs, random);
  for (std::size_t i = 0; alone && i < cotangents.size(); ++i) {
    if (i != *alone) cotangents[i] = Tensor::zeros(cotangents[i].dtype(), cotangents[i].shape());
  }
  return cotangents;
}

std::vector<Tensor> outputs_on(const Model& source, const InputSet& set, const Aliases& aliases) {
  InputSet first = set;
  first.calls.resize(1);
  return source.backends.front().observe(Precision::f32, first, {.aliases = aliases});
}

/// A derivative of the source, with which all others are compared.
struct First {
  const Backend* backend = nullptr;
  Derivative derivative = nullptr;
};

/// The first that works on `set` in single precision. An engine's own differentiation comes before
/// ours: a program's is the same one, and what is equal bit by bit needs no measuring.
First first_derivative(const Model& source, const InputSet& set, const Aliases& aliases,
                       Random& random, std::vector<std::string>& notes) {
  const std::vector<Tensor> cotangents =
      random_cotangents(outputs_on(source, set, aliases), random);
  if (cotangents.empty()) return {};
  for (const Backend& backend : source.backends) {
    for (const Derivative derivative : {&Runnable::autograd, &Runnable::gradient}) {
      if (!backend.has(derivative)) continue;
      try {
        backend.gradient(derivative, Precision::f32, set, cotangents, aliases);
        return {&backend, derivative};
      } catch (const Error& error) {
        if (error.fault() == Fault::bug) throw;
        notes.push_back(
            fmt::format("gradients of the source on {}: {}", backend.name, error.what()));
      }
    }
  }
  return {};
}

/// All but what they are compared with.
void add_model(Comparison& comparison, const Model& model, const First& first,
               const Compared& compared, const Aliases& aliases, const std::string& prefix,
               bool theirs) {
  for (const Backend& backend : model.backends) {
    const auto order = compared.order_in(backend.f32);
    if (!order) continue;
    const auto add = [&](Derivative derivative, std::string_view of) {
      const bool is_first = &backend == first.backend && derivative == first.derivative;
      if (!backend.has(derivative) || is_first) return;
      Witness witness = witness_of(
          backend, derivative, fmt::format("{}{}{}", prefix, backend.name, of), *order, aliases);
      witness.theirs = theirs;
      witness.own = theirs && &backend == &model.backends.front();
      // What judges our own derivatives need not do so on every set.
      witness.slow = witness.slow || (derivative == &Runnable::gradient && !witness.own);
      comparison.add(std::move(witness));
    };
    add(&Runnable::gradient, "");
    add(&Runnable::autograd, "'s autograd");
  }
}

/// The source without what makes its derivative another than its slope: a value that gradients do
/// not pass, a row of a table that is not trained.
Graph straightened(const Graph& graph) {
  return rewrite(graph,
                 [](Builder& out, const Graph&, const Node& node,
                    std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
                   if (traits_of(node).stops_gradient) return std::vector{inputs[0]};
                   if (node.op != "embedding" || find(node.attributes, "padding_idx") == nullptr)
                     return std::nullopt;
                   return std::vector{out.emit("embedding", {inputs[0], inputs[1]})};
                 });
}

bool has_conventions(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    const Attribute* padding = find(node.attributes, "padding_idx");
    return traits_of(node).stops_gradient ||
           std::ranges::any_of(node.bodies,
                               [](const Body& body) { return has_conventions(*body); }) ||
           (padding != nullptr && std::get<std::int64_t>(*padding) >= 0);
  });
}

/// What slopes are compared with, which may have to be made; null where numbers are rounded on
/// purpose, to a staircase.
const Backend* slope_of(const Model& source, const Backend& reference, std::optional<Backend>& made,
                        std::vector<std::string>& notes) {
  const auto rounds = [](const Value& value) { return is_half(value.type.dtype); };
  if (source.graph && std::ranges::any_of(to_float64(*source.graph).values, rounds)) {
    notes.emplace_back(
        "central differences: not compared: rounding to half precision has no slope");
    return nullptr;
  }
  if (!source.graph || !has_conventions(*source.graph)) return &reference;
  notes.emplace_back(
      "detached values and padding rows have slopes that gradients leave out: central differences "
      "are compared with the source's derivative as if it had none of them");
  const Graph plain = straightened(*source.graph);
  made = Backend{reference.name, on_engine(plain, reference_engine()),
                 on_engine(to_float64(plain), reference_engine())};
  return &*made;
}

bool needs_differences(const Backend& backend) {
  return backend.own_rules && !backend.has(&Runnable::gradient);
}

void add_differences(GradientFindings& findings, const Model& model, const Backend& reference,
                     const Aliases& aliases, const InputSet& set, Random& random) {
  for (const Backend& backend : model.backends) {
    if (!needs_differences(backend)) continue;
    const auto places = match_parameters(reference.f32.parameters, backend.f32.parameters, aliases);
    if (std::ranges::any_of(places, [](const auto& place) { return !place; })) continue;
    try {
      Check check = compare_central_differences(reference, backend, places, set, random);
      if (check.elements > 0) {
        findings.checks.push_back(std::move(check));
      } else {
        findings.notes.push_back(fmt::format(
            "central differences, {}: not compared: no smooth slope was found", backend.name));
      }
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      findings.notes.push_back(
          fmt::format("central differences, {}: not compared: {}", backend.name, error.what()));
    }
  }
}

/// The smallest set away from edges: it has the fewest kinks. Of equal ones the last, since those
/// that were given come first and may stand on kinks that no direction avoids, as a flat background
/// does under a maximum. There is one.
const InputSet& smallest_smooth_set(std::span<const InputSet> sets) {
  const InputSet* smallest = nullptr;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (const InputSet& set : sets) {
    std::int64_t count = 0;
    for (const Tensor& tensor : set.calls[0]) count += tensor.count();
    if (!set.smooth || count > fewest) continue;
    smallest = &set;
    fewest = count;
  }
  return *smallest;
}

InputSet with_cotangents(const Trial& trial) {
  InputSet set = *trial.set;
  set.calls.resize(1);
  set.calls[0].insert(set.calls[0].end(), trial.cotangents.begin(), trial.cotangents.end());
  return set;
}

/// The trials of one set: on the first, each output alone.
std::vector<Trial> trials_of(const Model& source, const InputSet& set, bool first,
                             const Aliases& aliases, Random& random) {
  constexpr std::size_t most_alone = 16;
  const std::vector<Tensor> outputs = outputs_on(source, set, aliases);
  std::vector<Trial> trials{
      {&set, cotangents_of(outputs, {}, random), set.label, set.costly_to_differentiate}};
  const std::size_t count = trials[0].cotangents.size();
  for (std::size_t i = 0; first && count > 1 && i < std::min(count, most_alone); ++i) {
    trials.push_back({&set, cotangents_of(outputs, i, random),
                      fmt::format("{}, of floating output {} alone", set.label, i),
                      set.costly_to_differentiate});
  }
  return trials;
}

/// The sets on which derivatives are compared: few, where a derivative takes long.
std::vector<const InputSet*> sets_for_gradients(std::span<const InputSet> sets, bool few_sets) {
  const std::size_t most_costly = few_sets ? 1 : 2;
  std::vector<const InputSet*> used;
  std::size_t costly = 0;
  if (!std::ranges::any_of(sets, &InputSet::smooth)) return used;
  for (const InputSet& set : sets) {
    if (!set.smooth && !set.kinks) continue;
    if (set.costly_to_differentiate && ++costly > most_costly) continue;
    used.push_back(&set);
  }
  return used;
}

/// What the first derivative says, and how far rounding moves it: where that takes long, the
/// elements of those tensors alone that the largest error of a tensor does not explain, but for the
/// first set.
Oracle oracle_of(const Model& source, const First& first, const Compared& compared,
                 const GradientOptions& options, const Aliases& aliases, const InputSet& first_set,
                 std::optional<SpreadOf>& spread) {
  std::vector<SpreadOf::Place> places;
  if (options.graph != nullptr && !(options.differs && first_set.costly_to_measure)) {
    spread.emplace([&options] { return differentiate(*options.graph); }, *options.engine);
    places = compared.measured();
  }
  const Witness witness = witness_of(*first.backend, first.derivative, "",
                                     *compared.order_in(first.backend->f32), aliases);
  const InputSet* const sharp = options.few_sets ? nullptr : &first_set;
  return [&source, witness, places, names = compared.names(), &spread, sharp](const Trial& trial) {
    const bool is_sharp = trial.set == sharp && trial.label == sharp->label;
    // What the other precision, and what others give, take as much again.
    const auto asked = [&](Precision precision) {
      std::vector<Tensor> results = witness.run(trial, precision);
      if (trial.set->costly_to_differentiate) source.release();
      return results;
    };
    Expected expected{.names = names,
                      .exact = asked(Precision::f64),
                      .source = asked(Precision::f32),
                      .by_tensor_first = trial.set->costly_to_measure && !is_sharp};
    if (spread) expected.spread = spread->on(with_cotangents(trial), places);
    return expected;
  };
}

/// Central differences of what has no derivatives, of either model.
void add_all_differences(GradientFindings& findings, const Model& source, const Model& other,
                         const First& first, const Aliases& aliases, const InputSet& around,
                         Random& random) {
  std::optional<Backend> made;
  const Backend* slope = slope_of(source, *first.backend, made, findings.notes);
  if (slope == nullptr) return;
  const std::size_t before = findings.checks.size();
  add_differences(findings, source, *slope, aliases, around, random);
  for (std::size_t i = before; i < findings.checks.size(); ++i) findings.checks[i].own = false;
  add_differences(findings, other, *slope, aliases, around, random);
}

void compare_on(const Trial& trial, Comparison& comparison, GradientFindings& findings) {
  if (!comparison.on(trial)) keep_smaller(findings.differing, *trial.set);
  if (const std::optional<Expected> example = comparison.first_example())
    findings.controls.push_back(
        gradient_control(for_control(*example, trial.set->costly_to_differentiate)));
}

}  // namespace

std::vector<std::optional<std::size_t>> match_parameters(std::span<const Port> source,
                                                         std::span<const Port> other,
                                                         const Aliases& aliases) {
  const WeightIndex index(other, aliases);
  std::vector<std::optional<std::size_t>> places;
  for (const Port& port : source) places.push_back(index.find(port.name));
  return places;
}

GradientFindings compare_gradients(const Model& source, const Model& other, const Aliases& aliases,
                                   std::span<const InputSet> sets, const GradientOptions& options) {
  GradientFindings findings;
  Random random(options.seed ^ 0x67726164ULL);
  const std::vector<const InputSet*> used = sets_for_gradients(sets, options.few_sets);
  if (used.empty()) {
    findings.notes.emplace_back("gradients: not compared: there are no inputs away from edges");
    return findings;
  }
  const First first = first_derivative(source, *used[0], aliases, random, findings.notes);
  if (first.backend == nullptr) {
    findings.notes.emplace_back("gradients: not compared: the source has none");
    return findings;
  }
  const Compared compared(first.backend->f32, options.graph, aliases);
  note_refused(findings, compared);
  if (compared.names().empty()) return findings;
  std::optional<SpreadOf> spread;
  Comparison comparison("gradients",
                        oracle_of(source, first, compared, options, aliases, *used[0], spread));
  comparison.allow(options.allowed);
  if (options.double_as_single) comparison.hold_double_to_single();
  add_model(comparison, source, first, compared, aliases, "the source itself, ", false);
  add_model(comparison, other, first, compared, aliases, "", true);
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (options.progress) options.progress("comparing gradients", i, used.size());
    for (const Trial& trial : trials_of(source, *used[i], i == 0, aliases, random))
      compare_on(trial, comparison, findings);
  }
  if (options.graph != nullptr && !spread)
    findings.notes.emplace_back("rounding of gradients is not measured: the outputs differ");
  if (spread && !spread->failure().empty())
    findings.notes.push_back("rounding of gradients is not measured: " + spread->failure());
  findings.checks = comparison.checks();
  std::ranges::copy(comparison.notes, std::back_inserter(findings.notes));
  const std::size_t before = findings.checks.size();
  const InputSet& around = smallest_smooth_set(sets);
  const bool some = comparison.doubts(other.label).empty();
  if (!(options.few_sets && some && around.costly_to_measure))
    add_all_differences(findings, source, other, first, aliases, around, random);
  else if (std::ranges::any_of(other.backends, needs_differences))
    findings.notes.emplace_back(
        "central differences: not compared: they take long; --effort thorough makes them");
  if (findings.checks.size() == before) findings.doubts = comparison.doubts(other.label);
  return findings;
}

}  // namespace isomer
