#include "prove/prove.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ops/schema.h"
#include "prove/bisect.h"
#include "prove/compare.h"
#include "prove/controls.h"
#include "prove/gradients.h"
#include "prove/inputs.h"
#include "prove/interface.h"
#include "prove/margins.h"
#include "prove/model.h"
#include "prove/weights.h"

namespace isomer {
namespace {

using Tensors = std::vector<Tensor>;

/// What the source says on one set of inputs.
struct Baseline {
  InputSet set;
  Expected outputs;
  Expected states;  // what the run leaves behind
};

class Proof {
 public:
  Proof(const Subject& source, const Subject& other, const ProofOptions& options)
      : options_(options), subject_(source), engines_(options.engines) {
    certificate_.source = source.label;
    certificate_.other = other.label;
    certificate_.seed = options.seed;
    if (engines_.empty()) {
      engines_.push_back(&default_engine());
      for (const Engine& engine : all_engines()) {
        if (&engine != engines_[0] && engine.available()) engines_.push_back(&engine);
      }
    }
    source_ = open_model(source, engines_, certificate_.notes);
    other_ = open_model(other, engines_, certificate_.notes);
    aliases_ = aliases_of_both();
    widen_for_rounded_constants();
  }

  Certificate run() && {
    report("comparing interfaces and weights", 0);
    compare_as_graphs();
    compare_interfaces();
    if (!source_.main().weights.empty() || !other_.main().weights.empty()) compare_stored_weights();
    if (comparable_) {
      run_source();
      compare_outputs();
      check_gradients();
      add_controls();
    }
    conclude();
    return std::move(certificate_);
  }

 private:
  void report(std::string_view what, std::size_t done) const {
    constexpr std::size_t phases = 5;
    if (options_.progress) options_.progress(what, done, phases);
  }

  Aliases aliases_of_both() const {
    Aliases aliases;
    for (const Model* model : {&source_, &other_}) {
      if (!model->graph) continue;
      const Aliases known = aliases_of(*model->graph);
      aliases.insert(aliases.end(), known.begin(), known.end());
    }
    return aliases;
  }

  /// Where the source's own engines differ in double precision by no more than a float in a kernel
  /// explains, nobody else is asked for more.
  void widen_for_own_engines(Check& check) {
    if (check.same || !forgive(check, float_in_formula)) return;
    for (Baseline& baseline : baselines_) baseline.outputs.relative = 0x1p-22;
    certificate_.notes.push_back(
        fmt::format("{}: as far off as a float in the formula explains: the bound there is 2^-22",
                    check.where));
  }

  void widen_for_rounded_constants() {
    std::size_t count = 0;
    for (const Model* model : {&source_, &other_}) {
      count += model->graph ? count_rounded(*model->graph) : 0;
    }
    if (count == 0) return;
    relative_ = 0x1p-22;
    certificate_.notes.push_back(fmt::format(
        "{} without a name rounded to single precision: the bound in double precision is 2^-22",
        counted(count, "constant")));
  }

  // -- interface
  // ------------------------------------------------------------------------------------------------------

  void differ(std::string reason) { certificate_.differences.push_back(std::move(reason)); }
  void doubt(std::string reason) { certificate_.doubts.push_back(std::move(reason)); }

  /// A program that cannot be read is exported for what the source takes.
  void compare_as_graphs() {
    try {
      std::optional<Graph> source = source_.graph, other = other_.graph;
      const LengthsOf lengths = source && other ? LengthsOf::file : LengthsOf::exported;
      if (!source) source = exported_like(source_, other_);
      if (!other) other = exported_like(other_, source_);
      if (!source || !other) return;
      certificate_.structure = compare_structure(*source, *other, lengths);
      const std::vector<std::string>& notes = certificate_.structure->notes;
      certificate_.notes.insert(certificate_.notes.end(), notes.begin(), notes.end());
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      certificate_.notes.push_back(fmt::format("not compared as graphs: {}", error.what()));
    }
  }

  void compare_interfaces() {
    InterfaceFindings findings = isomer::compare_interfaces(source_, other_, aliases_);
    comparable_ = findings.comparable;
    for (std::string& difference : findings.differences) differ(std::move(difference));
  }

  void compare_stored_weights() {
    const std::set<std::string> unread =
        source_.graph ? unread_weights(*source_.graph) : std::set<std::string>{};
    keep(compare_weights(source_.main().weights, other_.main().weights, aliases_, unread,
                         certificate_.notes));
  }

  /// What the two systems run differs where it was seen, and where the source agrees with itself;
  /// everything else says that something of ours may be wrong.
  void keep(Check check) {
    for (const std::string& difference : check.differences) {
      std::string reason = fmt::format("{}, {}: {}", check.what, check.where, difference);
      const bool seen = check.own && !unsure_.contains(check.what);
      seen ? differ(std::move(reason)) : doubt(std::move(reason));
    }
    certificate_.checks.push_back(std::move(check));
  }

  // -- outputs
  // --------------------------------------------------------------------------------------------------------

  std::vector<InputSet> input_sets() {
    const Model& planned = source_.graph || !other_.graph ? source_ : other_;
    InputPlan plan{.ports = planned.main().inputs};
    if (planned.graph) {
      plan.ports = planned.backends.back().f32.inputs;
      plan.lengths = planned.graph->signature.lengths;
      plan.graph = &*planned.graph;
    }
    std::vector<InputSet> sets;
    if (options_.given) sets.push_back({"given", {options_.given(source_.main().inputs)}, true});
    for (InputSet& set : make_inputs(plan, options_.seed)) sets.push_back(std::move(set));
    if (const auto guessed = guessed_inputs(plan); !guessed.empty()) {
      certificate_.notes.push_back(fmt::format(
          "integer inputs were tried in a guessed range only: {}; --inputs gives others",
          listed(guessed)));
    }
    return sets;
  }

  void run_source() {
    report("running the source", 1);
    std::string first_failure;
    for (InputSet& set : input_sets()) {
      try {
        const Backend& backend = source_.backends.front();
        // In single precision first: its complaints name the types that the user knows.
        std::vector<Tensor> f32 = backend.run(Precision::f32, set.calls[0]);
        Expected outputs{backend.run(Precision::f64, set.calls[0]), std::move(f32)};
        Expected states{backend.states(Precision::f64), backend.states(Precision::f32)};
        outputs.relative = states.relative = relative_;
        if (!all_finite(outputs)) ask_other_engines(outputs, set);
        certificate_.inputs.push_back(set.label);
        baselines_.push_back({std::move(set), std::move(outputs), std::move(states)});
      } catch (const Error& error) {
        if (error.fault() == Fault::bug) throw;
        if (set.label == "given") {
          const std::string_view place = place_in(subject_.entry, error.where());
          throw Error(error.fault(), source_.label + ", on the given inputs",
                      fmt::format("{}{}{}", place, place.empty() ? "" : ": ", error.text()));
        }
        certificate_.notes.push_back(
            fmt::format("the source does not take the inputs '{}': {}", set.label, error.what()));
        if (first_failure.empty()) first_failure = error.what();
      }
    }
    if (baselines_.empty()) {
      throw Error(Fault::model, source_.label,
                  "takes none of the inputs that were made for it: " + first_failure);
    }
    for (std::size_t i = 0; i < baselines_[0].outputs.source.size(); ++i) {
      const std::span<const Port> ports = source_.main().outputs;
      names_.push_back(i < ports.size() ? fmt::format("output {} '{}'", i, ports[i].name)
                                        : fmt::format("output {}", i));
    }
  }

  static bool all_finite(const Expected& expected) {
    const auto finite = [](const Tensor& tensor) {
      return !is_floating(tensor.dtype()) ||
             std::ranges::all_of(tensor.doubles(), [](double x) { return std::isfinite(x); });
    };
    return std::ranges::all_of(expected.exact, finite) &&
           std::ranges::all_of(expected.source, finite);
  }

  void ask_other_engines(Expected& expected, const InputSet& set) const {
    const auto fit = [](const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
      return std::ranges::equal(a, b, {}, &Tensor::shape, &Tensor::shape);
    };
    for (std::size_t i = 1; i < source_.backends.size(); ++i) {
      try {
        std::vector<Tensor> f32 = source_.backends[i].run(Precision::f32, set.calls[0]);
        std::vector<Tensor> f64 = source_.backends[i].run(Precision::f64, set.calls[0]);
        if (!fit(f32, expected.source) || !fit(f64, expected.exact)) continue;
        expected.source_elsewhere.push_back(std::move(f32));
        expected.exact_elsewhere.push_back(std::move(f64));
      } catch (const Error& error) {
        if (error.fault() == Fault::bug) throw;  // the comparison of this engine will say it
      }
    }
  }

  Undecided undecided_on(const Baseline& baseline) {
    if (!source_.graph) return {};
    if (!margins_) margins_.emplace(*source_.graph, *engines_[0]);
    return margins_->on(baseline.set.calls[0]);
  }

  void compare_outputs() {
    report("comparing outputs", 2);
    for (std::size_t i = 1; i < source_.backends.size(); ++i)
      compare_backend(source_.backends[i], "the source itself, ", true);
    for (const Backend& backend : other_.backends) compare_backend(backend, "", false);
  }

  void compare_backend(const Backend& backend, const std::string& prefix, bool is_source) {
    const bool own = &backend == &other_.backends.front();
    Check f32{.what = "outputs", .where = prefix + backend.name, .own = own};
    Check f64{
        .what = "outputs", .where = prefix + backend.name + ", in double precision", .own = own};
    Check states{.what = "states", .where = prefix + backend.name, .own = own};
    const Baseline* differing = nullptr;
    for (const Baseline& baseline : baselines_) {
      const bool here = compare_on(f32, states, backend, baseline, Precision::f32);
      const bool there = compare_on(f64, states, backend, baseline, Precision::f64);
      if (differing == nullptr && !(here && there)) differing = &baseline;
    }
    if (is_source) widen_for_own_engines(f64);
    if (is_source && !(f32.same && f64.same)) unsure_.insert("outputs");
    if (is_source && !states.same) unsure_.insert("states");
    keep(std::move(f32));
    keep(std::move(f64));
    if (states.tensors > 0 || !states.same) keep(std::move(states));
    if (differing != nullptr && !is_source && !certificate_.first) bisect(backend, *differing);
  }

  bool compare_on(Check& check, Check& states, const Backend& backend, const Baseline& baseline,
                  Precision precision) {
    try {
      const std::vector<Tensor> outputs = backend.run(precision, baseline.set.calls[0]);
      const bool same = compare(check, names_, baseline.outputs, outputs, precision,
                                baseline.set.label, undecided_on(baseline));
      return compare_states(states, backend, baseline, precision) && same;
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      check.same = false;
      check.differences.push_back(fmt::format("fails where the source does not ({}): {}",
                                              baseline.set.label, error.what()));
      return false;
    }
  }

  /// Both models' states; a buffer that only one counts among them must have stayed what it
  /// was.
  bool compare_states(Check& check, const Backend& backend, const Baseline& baseline,
                      Precision precision) {
    const Backend& source = source_.backends.front();
    const std::vector<Tensor> left = backend.states(precision);
    Expected expected{.relative = relative_};
    std::vector<Tensor> others;
    std::vector<std::string> labels;
    const std::vector<std::string> names = states_of_both(source.f32, backend.f32);
    if (names.empty()) return check.same;
    const Kept all_exact(source.f64, baseline.states.exact, aliases_);
    const Kept all_single(source.f32, baseline.states.source, aliases_);
    const Kept all_others(backend.at(precision), left, aliases_);
    for (const std::string& name : names) {
      const Tensor* exact = all_exact.find(name);
      const Tensor* single = all_single.find(name);
      const Tensor* other = all_others.find(name);
      if (exact == nullptr || single == nullptr || other == nullptr) {
        const bool is_ours = single != nullptr;
        if (is_ours ? changed(source, baseline.states.source, name)
                    : changed(backend, left, name, precision)) {
          check.same = false;
          check.differences.push_back(fmt::format("state '{}' changes, and {} has none such", name,
                                                  is_ours ? other_.label : "the source"));
        }
        continue;
      }
      expected.exact.push_back(widened(*exact, Precision::f64));
      expected.source.push_back(widened(*single, precision));
      others.push_back(widened(*other, precision));
      labels.push_back(fmt::format("state '{}'", name));
    }
    if (labels.empty()) return check.same;
    return compare(check, labels, expected, others, precision, baseline.set.label);
  }

  std::vector<std::string> states_of_both(const Runnable& ours, const Runnable& theirs) const {
    std::vector<std::string> names;
    for (const Port& port : ours.states) names.push_back(port.name);
    const WeightIndex known(ours.states, aliases_);
    for (const Port& port : theirs.states) {
      if (!known.find(port.name)) names.push_back(port.name);
    }
    return names;
  }

  /// Whether a run left another value behind than it found.
  bool changed(const Backend& backend, const std::vector<Tensor>& left, const std::string& name,
               Precision precision = Precision::f32) const {
    const auto place = WeightIndex(backend.f32.states, aliases_).find(name);
    return place && !left.at(*place).same_bits(backend.initial_states(precision).at(*place));
  }

  /// Weights that a run did not touch may still be as they were stored.
  static Tensor widened(const Tensor& tensor, Precision precision) {
    const bool widens = precision == Precision::f64 && tensor.dtype() == DType::f32;
    return widens ? tensor.converted(DType::f64) : tensor;
  }

  /// What a run left behind, by name; a weight that is no state is as it was stored.
  class Kept {
   public:
    Kept(const Runnable& runnable, const std::vector<Tensor>& left, const Aliases& aliases)
        : weights_(runnable.weights),
          left_(left),
          states_by_name_(runnable.states, aliases),
          weights_by_name_(runnable.weights, aliases) {}

    const Tensor* find(const std::string& name) const {
      if (const auto state = states_by_name_.find(name))
        return *state < left_.size() ? &left_[*state] : nullptr;
      const auto weight = weights_by_name_.find(name);
      return weight ? &weights_[*weight].second : nullptr;
    }

   private:
    const Weights& weights_;
    const std::vector<Tensor>& left_;
    WeightIndex states_by_name_, weights_by_name_;
  };

  void bisect(const Backend& backend, const Baseline& baseline) {
    for (const Backend& ours : source_.backends) {
      certificate_.first = first_difference(ours, backend, baseline.set.calls[0]);
      if (certificate_.first) return;
    }
    if (backend.traces())
      certificate_.notes.emplace_back(
          "every operator of the source is computed by the other, too: what differs comes behind "
          "them, or in how they are put together");
  }

  // -- gradients and controls
  // -----------------------------------------------------------------------------------------

  void check_gradients() {
    report("comparing gradients", 3);
    std::vector<InputSet> sets;
    for (const Baseline& baseline : baselines_) sets.push_back(baseline.set);
    GradientFindings findings =
        compare_gradients(source_, other_, aliases_, sets, relative_, options_.seed);
    if (findings.source_unsure) unsure_.insert("gradients");
    for (Check& check : findings.checks) keep(std::move(check));
    for (std::string& reason : findings.doubts) doubt(std::move(reason));
    for (Control& control : findings.controls) keep(std::move(control));
    certificate_.notes.insert(certificate_.notes.end(), findings.notes.begin(),
                              findings.notes.end());
  }

  void add_controls() {
    report("checking the proof itself", 4);
    std::vector<std::string> ignored;
    Model again = open_model(subject_, {engines_[0]}, ignored);
    const Baseline& baseline = baselines_.front();
    keep(identity_control(again, names_, baseline.outputs, baseline.set));
    keep(positive_control(again, names_, baseline.outputs, baseline.set));
  }

  void keep(Control control) {
    if (!control.passed)
      doubt(fmt::format("the {} control failed: {}", control.name, control.what));
    certificate_.controls.push_back(std::move(control));
  }

  void conclude() {
    if (!certificate_.differences.empty()) {
      certificate_.verdict = Verdict::different;
    } else if (certificate_.doubts.empty()) {
      certificate_.verdict = Verdict::equivalent;
    }
    if (!certificate_.equivalent()) name_first_by_structure();
    report("done", 5);
  }

  /// Where the graphs part at one place, that is the first; inside a body, bisecting knows better.
  void name_first_by_structure() {
    if (!certificate_.structure || certificate_.structure->operators.empty()) return;
    const auto& operators = certificate_.structure->operators;
    const Occurrence& there = operators[0].source ? *operators[0].source : *operators[0].other;
    const bool has_bodies = !prototype(op_named(there.op)).bodies.empty();
    if (certificate_.first && (operators.size() > 1 || has_bodies)) return;
    certificate_.first = {there.value, there.op, there.scope, there.place, {}, 0};
  }

  const ProofOptions& options_;
  const Subject& subject_;
  std::vector<const Engine*> engines_;
  Certificate certificate_;
  Model source_;
  Model other_;
  Aliases aliases_;
  std::set<std::string> unsure_;  // in what the source's own engines differ
  bool comparable_ = true;        // the interfaces fit, so both can be run on the same inputs
  double relative_ = 1e-9;        // bound in double precision
  std::vector<Baseline> baselines_;
  std::vector<std::string> names_;  // of the outputs
  std::optional<Margins> margins_;
};

}  // namespace

Certificate prove(const Subject& source, const Subject& other, const ProofOptions& options) {
  return Proof(source, other, options).run();
}

}  // namespace isomer
