#include "prove/gradients.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "prove/compare.h"
#include "prove/controls.h"
#include "prove/differences.h"

namespace isomer {
namespace {

/// A derivative of one backend, with its results put into the source's order.
struct Gradient {
  std::string name;
  const Backend* backend;
  Derivative derivative;
  std::vector<std::size_t> order;  // for each of the source's results, where it stands in ours
  Check check_f32;
  Check check_f64;
  bool theirs = false;  // of the other model: it must not fail where the source does not
  bool given_up = false;
};

struct Problem {
  std::vector<Gradient> gradients;  // the first is what the others are compared with
  std::vector<std::string> names;   // of the results
  double relative;                  // the bound in double precision
  std::optional<Expected> example;  // of the first set that was compared
  std::vector<std::string> notes;
};

std::size_t floating_inputs(const Runnable& runnable) { return count_floating(runnable.inputs); }

/// Nothing when a parameter of the source has no counterpart; that is reported with the interface.
std::optional<std::vector<std::size_t>> order_of(const Runnable& source, const Runnable& other,
                                                 const Aliases& aliases) {
  const std::size_t inputs = floating_inputs(source);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < inputs; ++i) order.push_back(i);
  for (const auto& place : match_parameters(source.parameters, other.parameters, aliases)) {
    if (!place) return std::nullopt;
    order.push_back(inputs + *place);
  }
  return order;
}

void add(Problem& problem, const Backend& backend, Derivative derivative, std::string name,
         const std::vector<std::size_t>& order, bool theirs = false, bool own = false) {
  if (!backend.has(derivative)) return;
  Gradient gradient{name, &backend, derivative, order, {}, {}, theirs};
  gradient.check_f32 = {.what = "gradients", .where = name, .own = own};
  gradient.check_f64 = {.what = "gradients", .where = name + ", in double precision", .own = own};
  problem.gradients.push_back(std::move(gradient));
}

/// `reference` is not compared with itself.
void add_model(Problem& problem, const Model& model, const Backend& reference,
               const Aliases& aliases, const std::string& prefix, bool theirs) {
  for (const Backend& backend : model.backends) {
    const auto order = order_of(reference.f32, backend.f32, aliases);
    if (!order) continue;
    const bool own = theirs && &backend == &model.backends.front();
    if (&backend != &reference) {
      add(problem, backend, &Runnable::gradient, prefix + backend.name, *order, theirs, own);
    }
    add(problem, backend, &Runnable::autograd, prefix + backend.name + "'s autograd", *order,
        theirs, own);
  }
}

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

std::vector<Tensor> run_ordered(const Gradient& gradient, Precision precision,
                                std::span<const Tensor> inputs) {
  const std::vector<Tensor> results =
      gradient.backend->gradient(gradient.derivative, precision, inputs);
  std::vector<Tensor> ordered;
  for (const std::size_t place : gradient.order) ordered.push_back(results.at(place));
  return ordered;
}

/// A check with what one set of inputs adds to it, not yet kept.
struct Trial {
  Check f32;
  Check f64;
  bool f32_same = true;
  bool f64_same = true;
};

void give_up(Problem& problem, Gradient& gradient, const Error& error) {
  if (error.fault() == Fault::bug) throw error;
  gradient.given_up = true;
  if (gradient.theirs && error.fault() != Fault::unsupported) {
    gradient.check_f32.inputs = 1;
    gradient.check_f32.same = false;
    gradient.check_f32.differences.push_back(
        fmt::format("fails where the source does not: {}", error.what()));
    return;
  }
  problem.notes.push_back(
      fmt::format("gradients, {}: not compared: {}", gradient.name, error.what()));
}

std::optional<Trial> try_one(Problem& problem, Gradient& gradient, const Expected& expected,
                             std::span<const Tensor> inputs, const std::string& label) {
  if (gradient.given_up) return std::nullopt;
  try {
    Trial trial{gradient.check_f32, gradient.check_f64};
    trial.f32_same = compare(trial.f32, problem.names, expected,
                             run_ordered(gradient, Precision::f32, inputs), Precision::f32, label);
    trial.f64_same = compare(trial.f64, problem.names, expected,
                             run_ordered(gradient, Precision::f64, inputs), Precision::f64, label);
    return trial;
  } catch (const Error& error) {
    give_up(problem, gradient, error);
    return std::nullopt;
  }
}

/// Whether the source's own rounding error is out of all proportion: a kink lies between its two
/// precisions.
bool straddles_kink(const Expected& expected) {
  constexpr double proportion = 1e-3;
  for (std::size_t i = 0; i < expected.exact.size(); ++i) {
    const double bound = tolerance_of(expected.exact[i], expected.source[i]).bound;
    if (bound > proportion * expected.terms + 1e-30) return true;
  }
  return false;
}

std::vector<Tensor> moved(std::span<const Tensor> inputs, Random& random) {
  std::vector<Tensor> result(inputs.begin(), inputs.end());
  for (Tensor& tensor : result) {
    if (!is_floating(tensor.dtype())) continue;
    std::vector<double> values = tensor.doubles();
    for (double& value : values) value += 0.01 * random.normal() * std::max(std::abs(value), 0.1);
    tensor = Tensor::from_doubles(tensor.dtype(), tensor.shape(), values);
  }
  return result;
}

/// Compares all gradients on one set. False: single precision alone disagrees somewhere, as near a
/// kink.
bool compare_set(Problem& problem, const std::vector<Tensor>& inputs, const std::string& label,
                 bool last) {
  const Gradient& first = problem.gradients.front();
  Expected expected{run_ordered(first, Precision::f64, inputs),
                    run_ordered(first, Precision::f32, inputs)};
  expected.terms = scale_of(expected.exact);
  expected.relative = problem.relative;
  if (!last && straddles_kink(expected)) return false;
  if (!problem.example) problem.example = expected;
  std::vector<std::optional<Trial>> trials;
  bool kinked = false;
  for (std::size_t i = 1; i < problem.gradients.size(); ++i) {
    trials.push_back(try_one(problem, problem.gradients[i], expected, inputs, label));
    kinked = kinked || (trials.back() && !trials.back()->f32_same && trials.back()->f64_same);
  }
  if (kinked && !last) return false;
  for (std::size_t i = 1; i < problem.gradients.size(); ++i) {
    if (!trials[i - 1]) continue;
    problem.gradients[i].check_f32 = std::move(trials[i - 1]->f32);
    problem.gradients[i].check_f64 = std::move(trials[i - 1]->f64);
  }
  return true;
}

void compare_all(Problem& problem, const Model& source, std::span<const InputSet> sets,
                 Random& random) {
  constexpr int attempts = 4;
  for (const InputSet& set : sets) {
    if (!set.smooth) continue;
    std::vector<Tensor> inputs = set.calls[0];
    const std::vector<Tensor> cotangents = random_cotangents(source.run(inputs), random);
    for (int attempt = 1; attempt <= attempts; ++attempt) {
      std::vector<Tensor> all = inputs;
      all.insert(all.end(), cotangents.begin(), cotangents.end());
      const std::string label = attempt == 1 ? set.label : set.label + ", moved off a kink";
      if (compare_set(problem, all, label, attempt == attempts)) break;
      inputs = moved(inputs, random);
    }
  }
}

/// The first backend of the source that has gradients in both precisions and works on `set`.
const Backend* differentiable_backend(const Model& source, const InputSet& set, Random& random,
                                      std::vector<std::string>& notes) {
  for (const Backend& backend : source.backends) {
    if (!backend.has(&Runnable::gradient)) continue;
    try {
      std::vector<Tensor> inputs = set.calls[0];
      const std::vector<Tensor> cotangents = random_cotangents(source.run(inputs), random);
      if (cotangents.empty()) return nullptr;
      inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
      backend.gradient(&Runnable::gradient, Precision::f32, inputs);
      return &backend;
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      notes.push_back(fmt::format("gradients of the source on {}: {}", backend.name, error.what()));
    }
  }
  return nullptr;
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
  made = Backend{reference.name, on_engine(plain, reference_engine(), Precision::f32),
                 on_engine(plain, reference_engine(), Precision::f64)};
  return &*made;
}

/// Where the source's own backends differ in double precision by no more than a float in a formula
/// does (an engine's kernel multiplies by one), nobody else is asked for more.
void forgive_as_the_source_needs(Problem& problem) {
  double needed = 0;
  for (const Gradient& gradient : problem.gradients) {
    const bool differs = !gradient.theirs && !gradient.check_f64.same;
    if (differs && gradient.check_f64.worst)
      needed = std::max(needed, gradient.check_f64.worst->ratio);
  }
  if (needed == 0 || needed > float_in_formula) return;
  problem.notes.emplace_back(
      "the source's own derivatives differ in double precision by as much as a float in the "
      "formula "
      "explains: the bound there is 2^-22");
  for (Gradient& gradient : problem.gradients) forgive(gradient.check_f64, float_in_formula);
}

void add_differences(GradientFindings& findings, const Model& model, const Backend& reference,
                     const Aliases& aliases, const InputSet& set, Random& random) {
  for (const Backend& backend : model.backends) {
    if (!backend.own_rules || backend.has(&Runnable::gradient)) continue;
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
                                   std::span<const InputSet> sets, double relative,
                                   std::uint64_t seed) {
  GradientFindings findings;
  Random random(seed ^ 0x67726164ULL);
  const auto smooth = std::ranges::find_if(sets, &InputSet::smooth);
  if (smooth == sets.end()) {
    findings.notes.emplace_back("gradients: not compared: there are no inputs away from edges");
    return findings;
  }
  const Backend* reference = differentiable_backend(source, *smooth, random, findings.notes);
  if (reference == nullptr) {
    findings.notes.emplace_back("gradients: not compared: the source has none");
    return findings;
  }
  Problem problem;
  problem.relative = relative;
  problem.names = result_names(reference->f32);
  const auto own = order_of(reference->f32, reference->f32, aliases);
  add(problem, *reference, &Runnable::gradient, reference->name, *own);
  if (own->empty()) return findings;
  add_model(problem, source, *reference, aliases, "the source itself, ", false);
  add_model(problem, other, *reference, aliases, "", true);
  compare_all(problem, source, sets, random);
  forgive_as_the_source_needs(problem);
  bool compared = false;
  for (std::size_t i = 1; i < problem.gradients.size(); ++i) {
    Gradient& gradient = problem.gradients[i];
    compared = compared || (gradient.theirs && gradient.check_f32.inputs > 0);
    const bool same = gradient.check_f32.same && gradient.check_f64.same;
    findings.source_unsure = findings.source_unsure || (!gradient.theirs && !same);
    if (gradient.check_f32.inputs > 0) findings.checks.push_back(std::move(gradient.check_f32));
    if (gradient.check_f64.inputs > 0) findings.checks.push_back(std::move(gradient.check_f64));
  }
  findings.notes.insert(findings.notes.end(), problem.notes.begin(), problem.notes.end());
  const InputSet& around = smallest_smooth_set(sets);
  std::optional<Backend> made;
  const Backend* slope = slope_of(source, *reference, made, findings.notes);
  const std::size_t first_own = findings.checks.size();
  if (slope) add_differences(findings, source, *slope, aliases, around, random);
  const std::size_t before = findings.checks.size();
  for (std::size_t i = first_own; i < before; ++i) findings.checks[i].own = false;
  if (slope) add_differences(findings, other, *slope, aliases, around, random);
  if (!compared && findings.checks.size() == before)
    findings.doubts.push_back("no gradient of " + other.label + " could be compared");
  if (problem.example)
    findings.controls.push_back(gradient_control(problem.names, *problem.example));
  return findings;
}

}  // namespace isomer
