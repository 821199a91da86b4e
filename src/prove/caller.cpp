#include "prove/caller.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "prove/compare.h"

namespace isomer {
namespace {

using Tensors = std::vector<Tensor>;

constexpr std::size_t most_sets = 3;

/// The two sides in the words of a report.
std::string_view name_of(const Model& model, bool is_source) {
  return is_source ? std::string_view("the source") : std::string_view(model.label);
}

// -- how results are nested

/// Modules differ where a class was written anew; its own name is what its author means.
Structure without_modules(Structure structure) {
  structure.type = structure.type.substr(structure.type.rfind('.') + 1);
  for (Structure& child : structure.children) child = without_modules(std::move(child));
  return structure;
}

const std::optional<Structure>& results_of(const Model& model) { return model.main().results; }

/// Exports do not tell the fields of a named tuple.
bool same_nesting(const Structure& one, const Structure& other) {
  const bool keys = one.keys == other.keys || (one.kind == Structure::Kind::tuple &&
                                               (one.keys.empty() || other.keys.empty()));
  return keys && one.kind == other.kind && one.type == other.type &&
         std::ranges::equal(one.children, other.children, same_nesting);
}

std::optional<std::string> compare_results(const std::optional<Structure>& source,
                                           const std::optional<Structure>& other,
                                           const std::string& label) {
  if (!source || !other) return std::nullopt;
  const Structure ours = without_modules(*source), theirs = without_modules(*other);
  if (same_nesting(ours, theirs)) return std::nullopt;
  return fmt::format("the outputs are nested as {} in the source and as {} in {}", to_text(ours),
                     to_text(theirs), label);
}

// -- how arguments are called

bool by_place(const CallArgument& argument) {
  return argument.kind == CallArgument::Kind::place || argument.kind == CallArgument::Kind::either;
}

bool is_rest(const CallArgument& argument) {
  return argument.kind == CallArgument::Kind::more_places ||
         argument.kind == CallArgument::Kind::more_names;
}

std::vector<CallArgument> places_of(std::span<const CallArgument> arguments) {
  std::vector<CallArgument> places;
  std::ranges::copy_if(arguments, std::back_inserter(places), by_place);
  return places;
}

bool takes_any(std::span<const CallArgument> arguments, CallArgument::Kind kind) {
  return std::ranges::find(arguments, kind, &CallArgument::kind) != arguments.end();
}

/// What of a call of the source the other does not take.
class Arguments {
 public:
  Arguments(std::span<const CallArgument> ours, std::span<const CallArgument> theirs,
            std::string other)
      : ours_(ours), theirs_(theirs), other_(std::move(other)) {}

  std::vector<std::string> run() && {
    const std::vector<CallArgument> left = places_of(ours_), right = places_of(theirs_);
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      compare_place(i, left[i], right[i]);
    for (const CallArgument& argument : ours_) {
      if (!is_rest(argument)) compare_name(argument);
    }
    return std::move(differences_);
  }

 private:
  void compare_place(std::size_t place, const CallArgument& ours, const CallArgument& theirs) {
    if (ours.name == theirs.name || ours.kind == CallArgument::Kind::place) return;
    differences_.push_back(fmt::format("argument {} is called {} in the source and {} in {}", place,
                                       quoted(ours.name), quoted(theirs.name), other_));
    renamed_.push_back(ours.name);
  }

  void compare_name(const CallArgument& ours) {
    const auto theirs = std::ranges::find(theirs_, ours.name, &CallArgument::name);
    if (theirs != theirs_.end()) return compare_kind(ours, *theirs);
    const bool is_named = ours.kind != CallArgument::Kind::place;
    const bool is_taken = is_named ? takes_any(theirs_, CallArgument::Kind::more_names)
                                   : takes_any(theirs_, CallArgument::Kind::more_places);
    // One that may be left out may not have been there for an export.
    if (is_taken || !ours.standard.empty() || std::ranges::count(renamed_, ours.name) > 0) return;
    if (is_named)
      differences_.push_back(
          fmt::format("{} takes no argument {}, as the source does", other_, quoted(ours.name)));
  }

  void compare_kind(const CallArgument& ours, const CallArgument& theirs) {
    if (by_place(ours) && theirs.kind == CallArgument::Kind::name) {
      differences_.push_back(
          fmt::format("argument {} may be given by its place in the source and "
                      "by its name alone in {}",
                      quoted(ours.name), other_));
    }
    if (ours.standard.empty() || ours.standard == theirs.standard) return;
    differences_.push_back(
        fmt::format("argument {}, left out, is {} in the source and {} in {}", quoted(ours.name),
                    ours.standard, theirs.standard.empty() ? "missing" : theirs.standard, other_));
  }

  std::span<const CallArgument> ours_, theirs_;
  std::string other_;
  std::vector<std::string> differences_;
  std::vector<std::string> renamed_;
};

// -- what a run shows

/// The largest finite magnitude.
double scale_of(std::span<const double> values) {
  double scale = 0;
  for (const double value : values) {
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  }
  return scale;
}

/// Where two results in double precision are not the same but for what another kernel or order of
/// summing leaves: a program may choose one when gradients are recorded. Nothing: nowhere.
std::optional<std::string> apart(const Tensors& one, const Tensors& other) {
  constexpr double of_element = 1e-9, of_tensor = 1e-13;
  if (one.size() != other.size())
    return fmt::format("{} and {}", counted(one.size(), "output"), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (one[i].type() != other[i].type()) {
      return fmt::format("output {} is {} and {}", i, to_text(one[i].type()),
                         to_text(other[i].type()));
    }
    if (one[i].same_bits(other[i])) continue;
    const std::vector<double> left = one[i].doubles(), right = other[i].doubles();
    const double least = of_tensor * scale_of(left);
    for (std::size_t k = 0; k < left.size(); ++k) {
      const bool same = left[k] == right[k] || (std::isnan(left[k]) && std::isnan(right[k])) ||
                        std::abs(left[k] - right[k]) <= least + of_element * std::abs(left[k]);
      if (same) continue;
      return fmt::format("output {} at [{}] is {} and {}", i,
                         fmt::join(unravelled(k, one[i].shape()), ", "), real_text(left[k]),
                         real_text(right[k]));
    }
  }
  return std::nullopt;
}

/// The inputs that the signature says the model writes into.
void add_written(const Structure& structure, std::vector<bool>& written) {
  for (const Structure& child : structure.children) add_written(child, written);
  if (structure.kind == Structure::Kind::leaf) written.push_back(structure.written);
}

/// One model, and what its caller sees.
class Side {
 public:
  Side(const Model& model, bool is_source)
      : name_(name_of(model, is_source)), model_(model), runnable_(model.backends.front().f64) {}

  const std::string& name() const { return name_; }
  bool is_program() const { return static_cast<bool>(runnable_.observe); }

  /// Nothing where the first call fails.
  bool begin(std::span<const Tensor> inputs) {
    inputs_ = inputs;
    first_.reset();
    if (is_program()) first_ = try_seen({});
    return first_ || !is_program();
  }

  /// Where they were not known before the run.
  std::optional<Structure> results() const {
    return first_ ? std::optional(first_->results) : results_of(model_);
  }
  bool says_results() const { return results_of(model_).has_value(); }

  /// What a second call gives otherwise, where the model keeps nothing that it says it keeps.
  std::optional<std::string> again() const {
    if (!is_program()) return std::nullopt;
    Executor& executor = *runnable_.executor;
    executor.reset();
    try {
      const Tensors before = executor.states();
      executor.run(inputs_);
      if (!std::ranges::equal(before, executor.states(), &Tensor::same_bits)) return std::nullopt;
      return apart(first_->outputs, executor.run(inputs_));
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      return fmt::format("it fails: {}", error.what());
    }
  }

  /// The outputs in another manner; nothing where it fails, or where only an executor is asked.
  std::optional<Seen> try_seen(const Manner& manner) {
    failure_.clear();
    try {
      return runnable_.observe(inputs_, manner);
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      failure_ = error.what();
      return std::nullopt;
    }
  }

  const std::string& failure() const { return failure_; }
  const Seen& first() const { return *first_; }

  /// What became of the inputs; nothing where that is not known although they changed.
  std::vector<bool> written() const {
    std::vector<bool> written;
    if (first_) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        const Tensor& after = first_->arguments.at(i);
        written.push_back(!after.same_bits(
            is_floating(after.dtype()) ? inputs_[i].converted(after.dtype()) : inputs_[i]));
      }
    } else if (model_.graph) {
      add_written(model_.graph->signature.arguments, written);
      add_written(model_.graph->signature.keywords, written);
    }
    written.resize(inputs_.size());
    return written;
  }

 private:
  std::string name_;
  const Model& model_;
  const Runnable& runnable_;
  std::span<const Tensor> inputs_;
  std::optional<Seen> first_;
  std::string failure_;
};

/// Compares both on some sets: each is run a few times more.
class Callers {
 public:
  Callers(const Model& source, const Model& other) : source_(source, true), other_(other, false) {}

  CallerFindings run(std::span<const InputSet> sets) && {
    bool first = true;
    std::size_t left = most_sets;
    for (const InputSet& set : sets) {
      if (!set.smooth || !set.states.empty() || !set.parameters.empty() || left == 0) continue;
      --left;
      situation_ = set.label;
      if (!begins(source_, set) || !begins(other_, set)) continue;
      compare_nesting();
      compare_written();
      compare_second_calls();
      compare_recorded();
      if (std::exchange(first, false)) compare_modes();
    }
    return std::move(findings_);
  }

 private:
  /// Each thing once, for the first set that shows it.
  void differ(const std::string& what, const std::string& detail) {
    if (std::ranges::count(seen_, what) > 0) return;
    seen_.push_back(what);
    findings_.differences.push_back(fmt::format("{}: {} ({})", what, detail, situation_));
  }

  bool begins(Side& side, const InputSet& set) {
    if (side.begin(set.calls.front())) return true;
    doubt(fmt::format("what callers of {} see is not known, since it fails: {} ({})", side.name(),
                      side.failure(), set.label));
    return false;
  }

  void compare_nesting() {
    if (source_.says_results() && other_.says_results()) return;
    if (const auto difference = compare_results(source_.results(), other_.results(), other_.name()))
      differ("results", *difference);
  }

  void compare_written() {
    const std::vector<bool> ours = source_.written(), theirs = other_.written();
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const std::string input = fmt::format("input {}", i);
      if (ours[i] != theirs[i]) {
        differ(input, fmt::format("{} changes it in place for the caller, {} does not",
                                  (ours[i] ? source_ : other_).name(),
                                  (ours[i] ? other_ : source_).name()));
      } else if (ours[i] && !(source_.is_program() && other_.is_program())) {
        doubt(
            fmt::format("{} is changed in place for the caller by both; a graph does not say "
                        "into what",
                        input));
      } else if (ours[i]) {
        const auto difference =
            apart({source_.first().arguments.at(i)}, {other_.first().arguments.at(i)});
        if (difference) differ(input + ", as it is left", *difference);
      }
    }
  }

  void doubt(std::string reason) {
    if (std::ranges::count(findings_.doubts, reason) == 0)
      findings_.doubts.push_back(std::move(reason));
  }

  void compare_second_calls() {
    const auto ours = source_.again(), theirs = other_.again();
    const std::string what = "the same call, made twice";
    if (ours && theirs) {
      doubt(fmt::format("{}, gives two answers in the source, too: {}", what, *ours));
    } else if (ours || theirs) {
      differ(what,
             fmt::format("{} gives two answers, {} does not: {}", (ours ? source_ : other_).name(),
                         (ours ? other_ : source_).name(), ours ? *ours : *theirs));
    }
  }

  /// Many programs ask whether gradients are recorded: to choose a kernel, or to be another model.
  void compare_recorded() {
    const auto ours = recorded(source_), theirs = recorded(other_);
    const std::string what = "while gradients are recorded";
    if (ours.failed || theirs.failed) {
      if (!ours.failed) differ(what, fmt::format("{} fails: {}", other_.name(), other_.failure()));
      return;
    }
    if (!ours.change && !theirs.change) return;
    if (ours.change && theirs.change) {
      if (const auto difference = apart(ours.outputs, theirs.outputs)) differ(what, *difference);
      return;
    }
    differ(what, fmt::format("{} gives other numbers, {} does not: {}",
                             (ours.change ? source_ : other_).name(),
                             (ours.change ? other_ : source_).name(),
                             ours.change ? *ours.change : *theirs.change));
  }

  struct Recorded {
    bool failed = false;
    std::optional<std::string> change;
    Tensors outputs;
  };

  static Recorded recorded(Side& side) {
    if (!side.is_program()) return {};
    std::optional<Seen> seen = side.try_seen({.gradients = true});
    if (!seen) return {.failed = true, .change = {}, .outputs = {}};
    auto change = apart(side.first().outputs, seen->outputs);
    return {false, std::move(change), std::move(seen->outputs)};
  }

  /// Where both can be switched.
  void compare_modes() {
    if (!source_.is_program() || !other_.is_program()) return;
    for (const std::string& mode : {std::string("train"), std::string("eval")}) {
      const std::string what = fmt::format("in mode {}", mode);
      const auto ours = source_.try_seen({.mode = mode});
      if (!ours) continue;  // as a batch norm that is given one sample
      const auto theirs = other_.try_seen({.mode = mode});
      if (!theirs) {
        differ(what, fmt::format("{} fails: {}", other_.name(), other_.failure()));
        continue;
      }
      const bool source_draws = draws(source_, mode, *ours),
                 other_draws = draws(other_, mode, *theirs);
      const auto difference = apart(ours->outputs, theirs->outputs);
      if (source_draws != other_draws) {
        differ(what, fmt::format("{} draws random numbers, {} does not",
                                 (source_draws ? source_ : other_).name(),
                                 (source_draws ? other_ : source_).name()));
      } else if (source_draws && difference) {
        findings_.notes.push_back(
            fmt::format("{} both draw random numbers and not the same: not "
                        "compared there",
                        what));
      } else if (difference) {
        differ(what, *difference);
      }
    }
  }

  static bool draws(Side& side, const std::string& mode, const Seen& seen) {
    constexpr std::uint64_t another = 20;
    const auto again = side.try_seen({.mode = mode, .seed = another});
    return again && apart(seen.outputs, again->outputs);
  }

  Side source_, other_;
  std::string situation_;
  std::vector<std::string> seen_;
  CallerFindings findings_;
};

}  // namespace

std::vector<std::string> compare_calls(const Model& source, const Model& other) {
  const std::vector<CallArgument>& ours = source.main().arguments;
  const std::vector<CallArgument>& theirs = other.main().arguments;
  std::vector<std::string> differences;
  if (const auto nesting = compare_results(results_of(source), results_of(other), other.label))
    differences.push_back(*nesting);
  if (ours.empty() || theirs.empty()) return differences;
  for (std::string& difference : Arguments(ours, theirs, other.label).run())
    differences.push_back(std::move(difference));
  return differences;
}

CallerFindings compare_callers(const Model& source, const Model& other,
                               std::span<const InputSet> sets) {
  return Callers(source, other).run(sets);
}

}  // namespace isomer
