#include "prove/comparison.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace isomer {

void Comparison::add(Witness witness) {
  // The source's own come first: where they differ from each other, nobody else is blamed.
  const auto place = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.witness.theirs && !witness.theirs; });
  Entry entry{std::move(witness), {}, {}};
  entry.single = {.what = what_,
                  .where = entry.witness.name,
                  .witness = entry.witness.name,
                  .own = entry.witness.own};
  entry.exact = entry.single;
  entry.exact.in_double = true;
  entry.exact.where += ", in double precision";
  entries_.insert(place, std::move(entry));
}

void Comparison::give_up(Entry& entry, const std::string& reason) {
  entry.given_up = true;
  notes.push_back(fmt::format("{}, {}: not compared: {}", what_, entry.witness.name, reason));
}

std::optional<Comparison::Found> Comparison::ask(Entry& entry, const Trial& trial,
                                                 Expected& expected) {
  Found found;
  try {
    expected.allowed = entry.witness.theirs ? allowed_ : std::nullopt;
    expected.double_as_single = false;
    expected.decided = entry.decided[Precision::f32];
    {
      const std::vector<Tensor> single = entry.witness.run(trial, Precision::f32);
      compare(found.single, expected, single, Precision::f32, trial.label);
      if (!entry.witness.theirs) keep_elsewhere(expected, Precision::f32, single);
    }
    const std::vector<Tensor> exact = entry.witness.run(trial, Precision::f64);
    expected.double_as_single = double_as_single_;
    expected.decided = entry.decided[Precision::f64];
    compare(found.exact, expected, exact, Precision::f64, trial.label);
    if (entry.witness.theirs) return found;
    if (!found.exact.same && !double_as_single_) {
      // A kernel that multiplies by a float is as far off as single precision explains.
      Check again;
      expected.double_as_single = true;
      if (compare(again, expected, exact, Precision::f64, trial.label)) {
        notes.push_back(
            fmt::format("{}, {}: as far off in double precision as a float in the "
                        "formula explains: the bound there is single precision's",
                        what_, entry.witness.name));
        found.exact = std::move(again);
        double_as_single_ = true;
      }
    }
    keep_elsewhere(expected, Precision::f64, exact);
    return found;
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    // An engine that cannot run a side is left out; a system that fails where the source does not
    // differs from it.
    if (!entry.witness.own || error.fault() == Fault::unsupported) {
      give_up(entry, error.what());
      return std::nullopt;
    }
    found.failed = true;
    found.single.inputs = 1;
    found.single.same = false;
    found.single.refused = 1;
    found.single.differences.push_back(
        {"", "fails where the source does not", trial.label, error.what()});
    return found;
  }
}

/// What was called different once need not be measured on further trials.
void Comparison::decide(Entry& entry, const Found& found, const Expected& expected) {
  for (const auto& [precision, check] :
       {std::pair(Precision::f32, &found.single), std::pair(Precision::f64, &found.exact)}) {
    for (const Difference& difference : check->differences) {
      const auto name = std::ranges::find(expected.names, difference.tensor);
      if (name == expected.names.end()) continue;
      const auto tensor = static_cast<std::size_t>(name - expected.names.begin());
      entry.decided[precision].insert(expected.in_call(tensor));
    }
  }
}

bool Comparison::on(const Trial& trial) {
  Expected expected = oracle_(trial);
  if (trial.set->costly_to_measure) expected.most_runs = costly_runs;
  bool unsure = false, same = true;
  std::vector<std::pair<Entry*, Found>> all;
  for (Entry& entry : entries_) {
    if (entry.given_up || (entry.witness.slow && trial.costly)) continue;
    std::optional<Found> found = ask(entry, trial, expected);
    if (!found) continue;
    unsure = unsure || (!entry.witness.theirs && !found->same());
    same = same && (!entry.witness.theirs || found->same());
    all.emplace_back(&entry, std::move(*found));
  }
  if (unsure && trial.set->kinks) {
    ++disagreeing_;
    return true;
  }
  for (auto& [entry, found] : all) {
    if (unsure && entry->witness.theirs) {
      for (Check* check : {&found.single, &found.exact}) {
        check->doubts = std::exchange(check->differences, {});
      }
    }
    if (!unsure) decide(*entry, found, expected);
    absorb(entry->single, std::move(found.single));
    if (!found.failed) absorb(entry->exact, std::move(found.exact));
  }
  expected.decided.clear();
  if (!std::exchange(has_example_, true)) example_ = std::move(expected);
  return same || unsure;
}

std::vector<Check> Comparison::checks() const {
  std::vector<Check> checks;
  for (const Entry& entry : entries_) {
    for (const Check* check : {&entry.single, &entry.exact}) {
      if (check->inputs > 0) checks.push_back(*check);
    }
  }
  return checks;
}

std::vector<std::string> Comparison::doubts(std::string_view other) const {
  std::vector<std::string> doubts;
  const bool compared = std::ranges::any_of(
      entries_, [](const Entry& entry) { return entry.witness.theirs && entry.single.inputs > 0; });
  if (!compared) doubts.push_back(fmt::format("no {} of {} could be compared", what_, other));
  return doubts;
}

}  // namespace isomer
