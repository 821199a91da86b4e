#include "prove/prove.h"

#include <algorithm>
#include <future>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ops/schema.h"
#include "prove/aim.h"
#include "prove/bisect.h"
#include "prove/caller.h"
#include "prove/comparison.h"
#include "prove/controls.h"
#include "prove/coverage.h"
#include "prove/gradients.h"
#include "prove/inputs.h"
#include "prove/interface.h"
#include "prove/model.h"
#include "prove/summary.h"
#include "prove/weights.h"
#include "prove/work.h"

namespace isomer {
namespace {

/// At most one element of so many may be decided by rounding.
constexpr std::size_t most_excused = 100;

/// How the labels of the user's own inputs begin.
constexpr std::string_view given = "given";

/// The source does not run on a set.
struct NotTaken {};

class Proof {
 public:
  Proof(const Subject& source, const Subject& other, const ProofOptions& options)
      : options_(options), subject_(source), engines_(options.engines) {
    certificate_.source = source.label;
    certificate_.other = other.label;
    certificate_.seed = options.seed;
    certificate_.allowed = options.allowed;
    if (engines_.empty()) {
      engines_.push_back(&default_engine());
      for (const Engine& engine : all_engines()) {
        if (options.effort == Effort::quick) break;
        if (&engine != engines_[0] && engine.available()) engines_.push_back(&engine);
      }
    }
    for (const Engine* engine : engines_) certificate_.engines.emplace_back(engine->name);
    certificate_.effort = name_of(options.effort);
    report("opening", 0);
    open(source, other);
    states_ = states_of_both();
    look_for_rounded_constants();
  }

  Certificate run() && {
    report("comparing interfaces and weights", 0);
    compare_as_graphs();
    for (Model* model : {&source_, &other_}) complete(*model);
    compare_interfaces();
    if (!source_.main().weights.empty() || !other_.main().weights.empty()) compare_stored_weights();
    if (comparable_) {
      make_sets();
      compare_outputs();
      if (differing_) bisect(*differing_);
      compare_callers();
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

  /// Both at once: a program takes seconds to start.
  void open(const Subject& source, const Subject& other) {
    std::vector<std::string> notes;
    auto opened =
        std::async(std::launch::async, [&] { return open_model(other, engines_, notes); });
    source_ = open_model(source, engines_, certificate_.notes);
    other_ = opened.get();
    note(notes);
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

  StateNames states_of_both() const {
    StateNames states{.aliases = aliases_of_both()};
    std::vector<Port> known;
    for (const Model* model : {&source_, &other_}) {
      const WeightIndex before(known, states.aliases);
      std::vector<Port> added;
      for (const Port& port : model->main().states) {
        if (!before.find(port.name)) added.push_back(port);
      }
      const std::vector<Tensor> stored = model->backends.front().initial_states();
      const WeightIndex index(model->main().states, states.aliases);
      for (const Port& port : added) {
        known.push_back(port);
        states.names.push_back(port.name);
        states.labels.push_back(label_of_state(port.name, *model, states.aliases));
        states.initial.push_back(stored.at(*index.find(port.name)));
      }
    }
    return states;
  }

  /// What they stood for is not known in double precision.
  void look_for_rounded_constants() {
    std::size_t count = 0;
    for (const Model* model : {&source_, &other_})
      count += model->graph ? count_rounded(*model->graph) : 0;
    if (count == 0) return;
    double_as_single_ = true;
    certificate_.notes.push_back(fmt::format(
        "{} without a name rounded to single precision: double precision is held to what single "
        "precision is",
        counted(count, "constant")));
  }

  std::string label_of_state(const std::string& name, const Model& owner,
                             const Aliases& aliases) const {
    const Model& second = &owner == &source_ ? other_ : source_;
    if (WeightIndex(second.main().states, aliases).find(name))
      return fmt::format("state '{}'", name);
    return fmt::format("state '{}', which only {} keeps,", name, owner.label);
  }

  void differ(std::string reason) { certificate_.differences.push_back(std::move(reason)); }
  void doubt(std::string reason) { certificate_.doubts.push_back(std::move(reason)); }

  /// A program that cannot be read is exported for what the source takes.
  void compare_as_graphs() {
    try {
      std::optional<Graph> source = source_.graph, other = other_.graph;
      const LengthsOf lengths = source && other ? LengthsOf::file : LengthsOf::exported;
      if (!source) source = exported_like(source_, other_);
      if (!other) other = exported_like(other_, source_);
      graph_ = source;
      if (graph_) spread_.emplace([graph = *graph_] { return graph; }, *engines_[0]);
      if (!source || !other) return;
      certificate_.structure = compare_structure(*source, *other, lengths);
      note(certificate_.structure->notes);
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      certificate_.notes.push_back(fmt::format("not compared as graphs: {}", error.what()));
    }
  }

  void compare_interfaces() {
    InterfaceFindings findings = isomer::compare_interfaces(source_, other_, states_.aliases);
    comparable_ = findings.comparable;
    certificate_.takes_all = findings.differences.empty();
    for (std::string& difference : findings.differences) differ(std::move(difference));
  }

  void compare_stored_weights() {
    const std::set<std::string> unread =
        source_.graph ? unread_weights(*source_.graph) : std::set<std::string>{};
    keep(std::vector{compare_weights(source_.main().weights, other_.main().weights, states_.aliases,
                                     unread, options_.allowed, certificate_.notes)});
    share_equal(other_.backends.front().f32.weights, source_.main().weights, states_.aliases);
  }

  /// What the two systems run differs where it was seen, and where the source agrees with itself;
  /// everything else says that something of ours may be wrong.
  void keep(std::vector<Check> checks) {
    Summary summary = summary_of(checks);
    for (std::string& difference : summary.differences) differ(std::move(difference));
    for (std::string& reason : summary.doubts) doubt(std::move(reason));
    for (Check& check : checks) keep(std::move(check));
  }

  void keep(Check check) {
    for (const auto& [tensor, share] : check.shares) {
      if (share.excused * most_excused <= share.elements) continue;
      doubt(fmt::format("{}, {}: rounding decides {} of {} of {}", check.what, check.where,
                        share.excused, counted(share.elements, "element"), tensor));
    }
    certificate_.takes_all = certificate_.takes_all && (!check.own || check.refused == 0);
    loose_ = loose_ || check.loose > 0;
    if (check.own) {
      for (const auto& [tensor, distances] : check.distances) {
        if (distances.empty() || !tensor.starts_with("output")) continue;
        certificate_.distances.push_back(
            fmt::format("{}, {}: {}", tensor, check.where, percentiles(distances)));
      }
    }
    certificate_.checks.push_back(std::move(check));
  }

  void note(const std::vector<std::string>& notes) {
    certificate_.notes.insert(certificate_.notes.end(), notes.begin(), notes.end());
  }

  /// What inputs are drawn for; null where neither side is known as a graph.
  const Graph* planned_graph() const {
    for (const std::optional<Graph>* graph : {&source_.graph, &graph_, &other_.graph}) {
      if (*graph) return &**graph;
    }
    return nullptr;
  }

  void add_given(std::span<const Port> ports) {
    if (options_.given) sets_.push_back({std::string(given), {options_.given(ports)}, true});
    if (!options_.cases) return;
    for (auto& [label, tensors] : options_.cases(ports))
      sets_.push_back({fmt::format("{}, {}", given, label), {std::move(tensors)}, true});
  }

  void make_sets() {
    const Graph* graph = planned_graph();
    InputPlan plan = graph ? plan_for(*graph) : InputPlan{.ports = source_.main().inputs};
    // What only one of them keeps cannot be set in both; whether it changes shows anyway.
    for (const Model* model : {&source_, &other_}) {
      const WeightIndex kept(model->main().states, states_.aliases);
      std::erase_if(plan.states, [&](const auto& state) { return !kept.find(state.first); });
      if (!knows_parameters(model->main())) plan.parameters.clear();
    }
    const bool same = certificate_.structure && certificate_.structure->same;
    few_sets_ = options_.effort == Effort::quick || (options_.effort == Effort::normal && same);
    plan.few_sets = few_sets_;
    if (options_.ranges) plan.ranges = options_.ranges(plan.ports);
    add_given(source_.main().inputs);
    const std::uint64_t seeds = options_.effort == Effort::thorough ? 3 : 1;
    for (std::uint64_t seed = options_.seed; seed - options_.seed < seeds; ++seed) {
      for (InputSet& set : make_inputs(plan, seed)) sets_.push_back(std::move(set));
    }
    for (InputSet& set : aimed_inputs(plan, *engines_[0], sets_, options_.seed))
      sets_.push_back(std::move(set));
    const bool thorough = options_.effort == Effort::thorough;
    const double for_cheapest = few_sets_ ? 1 : thorough ? 30 : 3;
    const std::size_t costly = graph ? mark_costly(sets_, *graph, for_cheapest) : 0;
    if (costly > 0) {
      note({fmt::format(
          "the reference engine, and other ways to run the source, are asked on {} "
          "of {} sets: the others take long{}",
          sets_.size() - costly, sets_.size(), thorough ? "" : "; --effort thorough asks them")});
    }
    if (std::ranges::all_of(sets_, &InputSet::costly))
      std::erase(certificate_.engines, reference_engine().name);
    if (const auto guessed = guessed_inputs(plan); !guessed.empty()) {
      certificate_.notes.push_back(fmt::format(
          "integer inputs were tried in a guessed range only: {}; --inputs gives others",
          listed(guessed)));
    }
  }

  /// The sets that the source takes are those that it is compared on.
  void not_taken(const InputSet& set, const Error& error) {
    if (error.fault() == Fault::bug) throw error;
    if (set.label.starts_with(given)) {
      const std::string_view place = place_in(subject_.entry, error.where());
      throw Error(error.fault(), source_.label + ", on the given inputs",
                  fmt::format("{}{}{}", place, place.empty() ? "" : ": ", error.text()));
    }
    certificate_.notes.push_back(
        fmt::format("the source does not take the inputs '{}': {}", set.label, error.what()));
    if (first_failure_.empty()) first_failure_ = error.what();
  }

  std::vector<std::string> names_of(const InputSet& set, std::size_t count) const {
    const std::span<const Port> ports = source_.main().outputs;
    const std::size_t outputs = count / set.calls.size() - states_.names.size();
    std::vector<std::string> names;
    for (std::size_t call = 0; call < set.calls.size(); ++call) {
      const std::string when = set.calls.size() > 1 ? fmt::format(" of call {}", call + 1) : "";
      for (std::size_t i = 0; i < outputs; ++i) {
        names.push_back(i < ports.size() ? fmt::format("output {} '{}'{}", i, ports[i].name, when)
                                         : fmt::format("output {}{}", i, when));
      }
      for (const std::string& label : states_.labels) names.push_back(label + when);
    }
    return names;
  }

  /// Where the graph gives what the source shows: outputs, and the states that it knows.
  std::vector<SpreadOf::Place> places_of(const InputSet& set, std::size_t count) const {
    const std::size_t outputs = count / set.calls.size() - states_.names.size();
    const std::vector<Port> kept = states_of(*graph_);
    const WeightIndex index(kept, states_.aliases);
    std::vector<SpreadOf::Place> places;
    for (std::size_t call = 0; call < set.calls.size(); ++call) {
      for (std::size_t i = 0; i < outputs; ++i) places.push_back({call, i});
      for (const std::string& name : states_.names) {
        const auto state = index.find(name);
        places.push_back({call, state ? std::optional(outputs + *state) : std::nullopt});
      }
    }
    return places;
  }

  /// What the source shows. In single precision first: its complaints name the types that the user
  /// knows.
  Expected expected_on(const Trial& trial) const {
    const Backend& backend = source_.backends.front();
    Expected expected;
    expected.source = backend.observe(Precision::f32, *trial.set, states_);
    expected.exact = backend.observe(Precision::f64, *trial.set, states_);
    expected.by_tensor_first =
        trial.set->costly_to_measure && (few_sets_ || trial.set != sets_.data());
    expected.calls = trial.set->calls.size();
    expected.names = names_of(*trial.set, expected.source.size());
    if (spread_)
      expected.spread = spread_->on(*trial.set, places_of(*trial.set, expected.source.size()));
    return expected;
  }

  Witness witness_of(const Backend& backend, const std::string& prefix) const {
    return {.name = prefix + backend.name,
            .run =
                [this, &backend](const Trial& trial, Precision precision) {
                  return backend.observe(precision, *trial.set, states_);
                },
            .slow = backend.slow};
  }

  void add_witnesses(Comparison& comparison) const {
    for (std::size_t i = 1; i < source_.backends.size(); ++i)
      comparison.add(witness_of(source_.backends[i], "the source itself, "));
    for (const Backend& backend : other_.backends) {
      Witness witness = witness_of(backend, "");
      witness.theirs = true;
      witness.own = &backend == &other_.backends.front();
      comparison.add(std::move(witness));
    }
  }

  void compare_outputs() {
    Comparison comparison(states_.names.empty() ? "outputs" : "outputs and states",
                          [this](const Trial& trial) {
                            try {
                              return expected_on(trial);
                            } catch (const Error& error) {
                              not_taken(*trial.set, error);
                              throw NotTaken{};
                            }
                          });
    comparison.allow(options_.allowed);
    if (double_as_single_) comparison.hold_double_to_single();
    add_witnesses(comparison);
    std::optional<Coverage> coverage;
    if (const Graph* graph = planned_graph()) coverage.emplace(*graph, *engines_[0]);
    std::vector<InputSet> taken;
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      report("comparing outputs", i);
      try {
        if (!comparison.on({&sets_[i], {}, sets_[i].label, sets_[i].costly}))
          keep_smaller(differing_, sets_[i]);
        certificate_.inputs.push_back(sets_[i].label);
        if (coverage) coverage->add(sets_[i]);
        taken.push_back(std::move(sets_[i]));
      } catch (const NotTaken&) {
        continue;  // was noted
      }
    }
    sets_ = std::move(taken);
    if (sets_.empty()) {
      throw Error(Fault::model, source_.label,
                  "takes none of the inputs that were made for it: " + first_failure_);
    }
    keep(comparison.checks());
    for (std::string& reason : comparison.doubts(other_.label)) doubt(std::move(reason));
    note(comparison.notes);
    if (spread_ && !spread_->failure().empty())
      note({"rounding is not measured: " + spread_->failure()});
    if (coverage) certificate_.coverage = coverage->lines();
    expected_ = comparison.first_example();
    if (graph_ && is_large(*graph_)) {  // gradients need as much again
      for (const Model* model : {&source_, &other_}) model->release();
      spread_->release();
    }
    certificate_.tried = tried_in(sets_, source_.main().inputs);
    if (differing_) keep_failing(*differing_, false);
  }

  /// With all states where it sets some.
  void keep_failing(InputSet set, bool derivatives) {
    for (std::size_t i = 0; !set.states.empty() && i < states_.names.size(); ++i) {
      if (!std::ranges::any_of(set.states,
                               [&](const auto& state) { return state.first == states_.names[i]; }))
        set.states.emplace_back(states_.names[i], states_.initial[i]);
    }
    certificate_.failing = FailingSet{
        std::move(set), common_names(source_.main().inputs, other_.main().inputs), derivatives};
  }

  void compare_callers() {
    CallerFindings findings = isomer::compare_callers(source_, other_, sets_);
    for (std::string& difference : findings.differences) differ(std::move(difference));
    for (std::string& reason : findings.doubts) doubt(std::move(reason));
    note(findings.notes);
  }

  void bisect(const InputSet& set) {
    if (certificate_.structure && names_one(*certificate_.structure, *graph_)) return;
    for (const Backend& ours : source_.backends) {
      for (const Backend& theirs : other_.backends) {
        certificate_.first = first_difference(ours, theirs, set.calls[0]);
        if (certificate_.first) return;
      }
    }
    if (other_.backends.front().traces())
      certificate_.notes.emplace_back(
          "every operator of the source is computed by the other, too: what differs comes behind "
          "them, or in how they are put together");
  }

  void check_gradients() {
    GradientFindings findings = compare_gradients(source_, other_, states_.aliases, sets_,
                                                  {.graph = graph_ ? &*graph_ : nullptr,
                                                   .engine = engines_[0],
                                                   .few_sets = few_sets_,
                                                   .differs = differing_.has_value(),
                                                   .double_as_single = double_as_single_,
                                                   .allowed = options_.allowed,
                                                   .seed = options_.seed,
                                                   .progress = options_.progress});
    keep(std::move(findings.checks));
    if (!differing_ && findings.differing) keep_failing(*findings.differing, true);
    for (std::string& reason : findings.doubts) doubt(std::move(reason));
    for (Control& control : findings.controls) keep(std::move(control));
    note(findings.notes);
  }

  void add_controls() {
    report("checking the proof itself", 4);
    const Expected expected = for_control(*expected_, sets_.front().costly);
    keep(identity_control(source_, states_, expected, sets_.front()));
    keep(positive_control(source_, states_, expected, sets_.front()));
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
      certificate_.verdict = loose_ ? Verdict::within : Verdict::equivalent;
    }
    const bool proved =
        certificate_.verdict == Verdict::equivalent || certificate_.verdict == Verdict::within;
    if (!proved && certificate_.structure)
      certificate_.first = first_difference(*certificate_.structure, certificate_.first);
    report("done", 5);
  }

  const ProofOptions& options_;
  const Subject& subject_;
  std::vector<const Engine*> engines_;
  Certificate certificate_;
  Model source_;
  Model other_;
  StateNames states_;
  std::optional<Graph> graph_;      // of the source, read or exported
  std::optional<SpreadOf> spread_;  // of what it gives
  bool few_sets_ = false;           // what can differ is known, or little is asked
  bool double_as_single_ = false;
  bool loose_ = false;      // some element is within what was allowed only
  bool comparable_ = true;  // the interfaces fit, so both can be run on the same inputs
  std::vector<InputSet> sets_;
  std::string first_failure_;          // of the source
  std::optional<Expected> expected_;   // on the first set
  std::optional<InputSet> differing_;  // the smallest that shows a difference
};

}  // namespace

std::string_view name_of(Effort effort) {
  constexpr std::string_view names[] = {"quick", "normal", "thorough"};
  return names[static_cast<std::size_t>(effort)];
}

Certificate prove(const Subject& source, const Subject& other, const ProofOptions& options) {
  return Proof(source, other, options).run();
}

}  // namespace isomer
