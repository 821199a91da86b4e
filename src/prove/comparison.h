#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "prove/compare.h"
#include "prove/inputs.h"

namespace isomer {

/// A set of inputs, and what is put to the outputs where derivatives are asked for.
struct Trial {
  const InputSet* set = nullptr;
  std::vector<Tensor> cotangents = {};
  std::string label = {};
  bool costly = false;  // slow witnesses are not asked
};

/// One way to get the tensors that are compared: a model under its own rules or on an engine, or a
/// derivative of it.
struct Witness {
  std::string name;
  std::function<std::vector<Tensor>(const Trial&, Precision)> run;
  bool theirs = false;  // of the other model
  bool own = false;     // by its own system's rules: what differs is seen
  bool slow = false;    // is asked where it costs little
};

/// What the source says of a trial, not yet compared; throws where it says nothing.
using Oracle = std::function<Expected(const Trial&)>;

/// All witnesses of one kind of tensors, trial after trial.
class Comparison {
 public:
  Comparison(std::string what, Oracle oracle)
      : what_(std::move(what)), oracle_(std::move(oracle)) {}

  /// What the other model may be off by.
  void allow(std::optional<Allowed> allowed) { allowed_ = allowed; }

  void add(Witness witness);
  /// Where a float stands in a formula.
  void hold_double_to_single() { double_as_single_ = true; }

  /// Compares all on one trial. Throws what the source throws. False: some witness of the other
  /// model differs, and the source does not from itself.
  bool on(const Trial& trial);

  /// What all trials gave, for each witness in each precision.
  std::vector<Check> checks() const;
  /// What of the source was compared first, once: for controls. It may be large.
  std::optional<Expected> first_example() { return std::exchange(example_, std::nullopt); }
  /// Why nothing follows for the other model of that label.
  std::vector<std::string> doubts(std::string_view other) const;
  std::vector<std::string> notes;

 private:
  struct Entry {
    Witness witness;
    Check single;
    Check exact;
    bool given_up = false;
    /// By precision, the tensors that are known to differ.
    std::map<Precision, std::set<std::size_t>> decided = {};
  };
  struct Found {
    Check single;
    Check exact;
    bool failed = false;

    bool same() const { return single.same && exact.same; }
  };

  std::optional<Found> ask(Entry& entry, const Trial& trial, Expected& expected);
  static void decide(Entry& entry, const Found& found, const Expected& expected);
  void give_up(Entry& entry, const std::string& reason);
  bool agrees_in_single(const Check& exact, const Expected& expected,
                        const std::vector<Tensor>& found, const Trial& trial);

  std::string what_;
  Oracle oracle_;
  std::vector<Entry> entries_;
  std::optional<Expected> example_;
  bool has_example_ = false;
  bool double_as_single_ = false;
  std::optional<Allowed> allowed_;
  std::size_t disagreeing_ = 0;  // trials at kinks where the source's own differ
};

}  // namespace isomer
