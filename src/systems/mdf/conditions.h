#pragma once

// The conditions of a document's schedule: when a node runs, and when an evaluation is over. What
// counts and clocks they look at is kept by the schedule (schedule.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "systems/mdf/document.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf {

/// What a count begins anew with, from the finest: a set of nodes that run together, a pass through
/// all layers, an evaluation, and what never ends by itself.
enum class TimeScale { set, pass, update, sequence, life };

/// "TimeScale.LIFE", ".LIFE", and where `bare` "LIFE" alone.
std::optional<TimeScale> time_scale_in(std::string_view word, bool bare);

/// What conditions look at. Times are in ticks, of which a layer's step is a whole number.
struct Moment {
  /// How often something happened, in this pass, in this evaluation and ever.
  struct Count {
    std::int64_t pass = 0;
    std::int64_t update = 0;
    std::int64_t life = 0;

    std::int64_t in(TimeScale scale) const;
  };

  std::vector<Count> calls;            // of each node
  Count nodes;                         // that have run at least once
  std::vector<std::int64_t> last_set;  // in which set, of all, a node was chosen last
  Count passes;                        // that are over
  Count sets;
  std::int64_t updates = 0;
  std::int64_t time = 0;
  std::int64_t step = 0;
};

struct Condition;

/// A row of the table of conditions.
struct ConditionType {
  std::string_view name;      // in the format
  std::string_view keywords;  // in the order they are read; "?" after those that may be left out
  bool (*holds)(Condition&, const Moment&) = nullptr;
  bool moves = false;             // may come to hold though no node runs
  std::string_view why_not = {};  // where the format has it and no document can use it
};

/// A length of time: so many times ten to the power of so many seconds.
struct Duration {
  std::int64_t digits = 0;
  int exponent = 0;
  std::int64_t ticks = 0;  // filled in when all of them are known
};

/// One condition, with those inside it. It counts for itself where its type says so.
struct Condition {
  struct Level {
    std::function<numpy::Value()> value;
    std::vector<numpy::Value> indices;
    std::string comparator;
    double threshold = 0;
    double relative = 0;
    double absolute = 0;
  };
  struct Times {
    std::optional<Duration> repeat;
    std::optional<Duration> start;
    std::optional<Duration> end;
    bool starts_at = true;  // and not only after it
    bool ends_at = true;
    std::optional<std::int64_t> offset;  // of the layer in which its node is
  };

  const ConditionType* type = nullptr;
  std::vector<Condition> parts;
  std::vector<std::size_t> nodes;
  double n = 1;
  TimeScale scale = TimeScale::update;
  std::int64_t used = 0;  // how often it held, or calls of a node that led to one of its owner
  std::int64_t size = 1;  // how many conditions it is
  std::unique_ptr<Level> level;  // of a Threshold
  std::unique_ptr<Times> times;  // of TimeInterval and TimeTermination
};

/// What a document's conditions can refer to.
struct ConditionNames {
  /// The place of a node.
  std::function<std::optional<std::size_t>(std::string_view id)> node;
  /// What gives the value of something in a node, whenever it is asked. Throws Fault::model where
  /// there is no such thing.
  std::function<std::function<numpy::Value()>(std::size_t node, const std::string& name)> value;
  bool lenient = true;
};

/// The row of a type that can be used. Throws Fault::model for others.
const ConditionType& condition_type(std::string_view name);
/// Throws Fault::model for a condition without meaning.
Condition read_condition(const Tree& tree, const ConditionNames& names);

/// Whether it holds now. Throws Fault::model where it cannot be told.
bool holds(Condition& condition, const Moment& moment);
/// Whether it never will, whatever happens.
bool is_never(const Condition& condition);
/// Whether it may come to hold though no node runs.
bool moves_alone(const Condition& condition);
/// Whether time goes on because of it: not where it stands inside Not or NWhen.
bool is_absolute(const Condition& condition);
/// Whether it depends on more than what happened in the evaluation itself: on time, on evaluations
/// before, on how often it held.
bool looks_beyond(const Condition& condition);
/// Forgets what it counted.
void forget(Condition& condition);
/// The conditions inside that are of the type, itself included.
void collect(Condition& condition, std::string_view type, std::vector<Condition*>& found);

}  // namespace isomer::mdf
