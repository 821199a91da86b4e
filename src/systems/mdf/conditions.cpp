#include "systems/mdf/conditions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/functions.h"
#include "vocabularies/numpy/numbers.h"

namespace isomer::mdf {
namespace {

std::int64_t passes(const Condition& c, const Moment& m) {
  // A unit is not counted in itself: what is asked for then is all of them.
  return c.scale == TimeScale::update ? m.passes.update : m.passes.life;
}

std::int64_t sets(const Condition& c, const Moment& m) {
  if (c.scale == TimeScale::pass) refuse("sets are not counted within a pass");
  return c.scale == TimeScale::update ? m.sets.update : m.sets.life;
}

std::int64_t updates(const Condition&, const Moment& m) { return m.updates; }

std::int64_t sequences(const Condition&, const Moment&) { return 0; }

std::int64_t calls(const Condition& c, const Moment& m) {
  std::int64_t sum = 0;
  for (const std::size_t node : c.nodes) sum += m.calls[node].in(c.scale);
  return sum;
}

std::int64_t unused_calls(const Condition& c, const Moment& m) {
  return m.calls[c.nodes[0]].update - c.used;
}

template <auto count, class Compare>
bool counted(Condition& c, const Moment& m) {
  return Compare()(static_cast<double>(count(c, m)), c.n);
}

template <auto count>
constexpr auto before = counted<count, std::less<>>;
template <auto count>
constexpr auto at = counted<count, std::equal_to<>>;
template <auto count>
constexpr auto after = counted<count, std::greater<>>;
template <auto count>
constexpr auto after_n = counted<count, std::greater_equal<>>;

bool always(Condition&, const Moment&) { return true; }

bool never(Condition&, const Moment&) { return false; }

bool all(Condition& c, const Moment& m) {
  return std::ranges::all_of(c.parts, [&](Condition& part) { return holds(part, m); });
}

bool any(Condition& c, const Moment& m) {
  return std::ranges::any_of(c.parts, [&](Condition& part) { return holds(part, m); });
}

bool negation(Condition& c, const Moment& m) { return !holds(c.parts[0], m); }

bool n_when(Condition& c, const Moment& m) {
  if (!(static_cast<double>(c.used) < c.n) || !holds(c.parts[0], m)) return false;
  ++c.used;
  return true;
}

bool every_n_passes(Condition& c, const Moment& m) {
  if (c.n == 0) refuse("no pass is every 0th");
  return std::fmod(static_cast<double>(passes(c, m)), c.n) == 0;
}

bool just_ran(Condition& c, const Moment& m) {
  if (m.sets.life == 0) refuse("nothing has run yet");
  return m.last_set[c.nodes[0]] == m.sets.life - 1;
}

bool all_have_run(Condition& c, const Moment& m) {
  if (c.nodes.empty()) return m.nodes.in(c.scale) == static_cast<std::int64_t>(m.calls.size());
  return std::ranges::all_of(c.nodes,
                             [&](std::size_t node) { return m.calls[node].in(c.scale) > 0; });
}

bool update_start(Condition&, const Moment& m) { return m.passes.update == 0; }

bool update_n_start(Condition& c, const Moment& m) {
  return m.passes.update == 0 && static_cast<double>(m.updates) == c.n;
}

bool sequence_start(Condition&, const Moment& m) { return m.updates == 0; }

bool sequence_n_start(Condition& c, const Moment& m) { return m.updates == 0 && c.n == 0; }

/// Python's float(value).
double float_of(const numpy::Value& value) {
  const std::string* text = value.as<std::string>();
  const numpy::Value number = text == nullptr ? value : numpy::number_in(*text);
  if (text != nullptr && number.is_none())
    refuse(fmt::format("{} is no number to compare", quoted(*text)));
  return numpy::real_of(number);
}

bool reaches(Condition& c, const Moment&) {
  const Condition::Level& level = *c.level;
  numpy::Value value = level.value();
  for (const numpy::Value& index : level.indices)
    value = numpy::subscript(value, {{false, index, {}}}, false, {});
  const double x = float_of(value);
  const double y = level.threshold;
  const std::string& sign = level.comparator;
  if (sign == "<") return x < y;
  if (sign == "<=") return x <= y;
  if (sign == ">") return x > y;
  if (sign == ">=") return x >= y;
  const bool close = x == y || (std::isfinite(x) && std::isfinite(y) &&
                                std::abs(x - y) <= level.absolute + level.relative * std::abs(y));
  return close == (sign == "==");
}

bool within(Condition& c, const Moment& m) {
  const Condition::Times& times = *c.times;
  const auto& [repeat, start, end, starts_at, ends_at, offset] = times;
  if (repeat) {
    if (!offset) refuse("'repeat' has no meaning where no node runs");
    const std::int64_t past = m.time - *offset;
    if (repeat->ticks == 0 ? past != 0 : past % repeat->ticks != 0) return false;
  }
  if (start && (starts_at ? m.time < start->ticks : m.time <= start->ticks)) return false;
  return !end || (ends_at ? m.time <= end->ticks : m.time < end->ticks);
}

constexpr std::string_view no_function = "a function of a program cannot stand in a document";
constexpr std::string_view no_finish = "nodes of a document do not tell when they are finished";
constexpr std::string_view no_structure = "a document's edges say which node comes after which";

constexpr std::array<ConditionType, 49> types = {{
    {"Always", "", always},
    {"Never", "", never},
    {"All", "*", all},
    {"And", "*", all},
    {"Any", "*", any},
    {"Or", "*", any},
    {"Not", "condition", negation},
    {"NWhen", "condition n?", n_when, true},
    {"BeforePass", "n time_scale?", before<passes>, true},
    {"AtPass", "n time_scale?", at<passes>, true},
    {"AfterPass", "n time_scale?", after<passes>, true},
    {"AfterNPasses", "n time_scale?", after_n<passes>, true},
    {"EveryNPasses", "n time_scale?", every_n_passes, true},
    {"BeforeConsiderationSetExecution", "n time_scale?", before<sets>, true},
    {"AtConsiderationSetExecution", "n time_scale?", at<sets>, true},
    {"AfterConsiderationSetExecution", "n time_scale?", after<sets>, true},
    {"AfterNConsiderationSetExecutions", "n time_scale?", after_n<sets>, true},
    {"BeforeEnvironmentStateUpdate", "n time_scale?", before<updates>},
    {"AtEnvironmentStateUpdate", "n time_scale?", at<updates>},
    {"AfterEnvironmentStateUpdate", "n time_scale?", after<updates>},
    {"AfterNEnvironmentStateUpdates", "n time_scale?", after_n<updates>},
    {"AtEnvironmentSequence", "n", at<sequences>},
    {"AfterEnvironmentSequence", "n", after<sequences>},
    {"AfterNEnvironmentSequences", "n", after_n<sequences>},
    {"AtEnvironmentStateUpdateStart", "", update_start},
    {"AtEnvironmentStateUpdateNStart", "n time_scale?", update_n_start},
    {"AtEnvironmentSequenceStart", "", sequence_start},
    {"AtEnvironmentSequenceNStart", "n", sequence_n_start},
    {"BeforeNCalls", "dependency n time_scale?", before<calls>},
    {"AtNCalls", "dependency n time_scale?", at<calls>},
    {"AfterCall", "dependency n time_scale?", after<calls>},
    {"AfterNCalls", "dependency n time_scale?", after_n<calls>},
    {"AfterNCallsCombined", "dependencies? n time_scale?", after_n<calls>},
    {"EveryNCalls", "dependency n", after_n<unused_calls>},
    {"JustRan", "dependency", just_ran},
    {"AllHaveRun", "dependencies? time_scale?", all_have_run},
    {"Threshold", "dependency parameter threshold comparator indices? atol? rtol?", reaches},
    {"TimeInterval", "unit? repeat? start? end? start_inclusive? end_inclusive?", within},
    {"TimeTermination", "unit? t inclusive?", within},
    {"WhenFinished", "", nullptr, false, no_finish},
    {"WhenFinishedAny", "", nullptr, false, no_finish},
    {"WhenFinishedAll", "", nullptr, false, no_finish},
    {"While", "", nullptr, false, no_function},
    {"WhileNot", "", nullptr, false, no_function},
    {"BeforeNode", "", nullptr, false, no_structure},
    {"AfterNode", "", nullptr, false, no_structure},
    {"WithNode", "", nullptr, false, no_structure},
    {"AddEdgeTo", "", nullptr, false, no_structure},
    {"RemoveEdgeFrom", "", nullptr, false, no_structure},
}};

}  // namespace

std::int64_t Moment::Count::in(TimeScale scale) const {
  if (scale <= TimeScale::pass) return pass;
  return scale == TimeScale::update ? update : life;
}

const ConditionType& condition_type(std::string_view name) {
  // "BeforeNodes" and "AfterNodes", too.
  const auto* const row = std::ranges::find_if(types, [&](const ConditionType& type) {
    return type.name == name ||
           (name.ends_with("Nodes") && name.substr(0, name.size() - 1) == type.name);
  });
  if (row == types.end()) {
    std::vector<std::string_view> names;
    for (const ConditionType& type : types) names.push_back(type.name);
    refuse(fmt::format("there is no condition {}; the nearest is {}", quoted(name),
                       nearest(name, names)));
  }
  if (row->holds == nullptr)
    refuse(fmt::format("{} cannot be carried out: {}", name, row->why_not));
  return *row;
}

bool holds(Condition& condition, const Moment& moment) {
  return condition.type->holds(condition, moment);
}

bool is_never(const Condition& condition) {
  const auto& parts = condition.parts;
  const auto holds_of = condition.type->holds;
  if (holds_of == all || holds_of == n_when) return std::ranges::any_of(parts, is_never);
  if (holds_of == any) return std::ranges::all_of(parts, is_never);
  // Counts are whole numbers from 0 on.
  if (condition.type->name.starts_with("At"))
    return condition.n < 0 || condition.n != std::floor(condition.n);
  if (condition.type->name.starts_with("Before")) return condition.n <= 0;
  return holds_of == never;
}

bool moves_alone(const Condition& condition) {
  return condition.type->moves || std::ranges::any_of(condition.parts, moves_alone);
}

bool is_absolute(const Condition& condition) {
  if (condition.type->holds == within) return true;
  const bool open = condition.type->holds == all || condition.type->holds == any;
  return open && std::ranges::any_of(condition.parts, is_absolute);
}

bool looks_beyond(const Condition& c) {
  const std::string_view name = c.type->name;
  const auto holds_of = c.type->holds;
  if (holds_of == n_when || holds_of == within) return true;
  if (name.find("Environment") != std::string_view::npos && holds_of != update_start) return true;
  // Passes and sets are not counted within a pass.
  const bool calls = !c.nodes.empty() || holds_of == all_have_run;
  if (c.scale > TimeScale::update || (c.scale < TimeScale::update && !calls)) return true;
  return std::ranges::any_of(c.parts, looks_beyond);
}

void forget(Condition& condition) {
  condition.used = 0;
  for (Condition& part : condition.parts) forget(part);
}

void collect(Condition& condition, std::string_view type, std::vector<Condition*>& found) {
  if (condition.type->name == type) found.push_back(&condition);
  for (Condition& part : condition.parts) collect(part, type, found);
}

}  // namespace isomer::mdf
