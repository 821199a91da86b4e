#include "prove/inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

namespace isomer {
namespace {

/// Gives element `i` of a floating input.
using Floats = std::function<double(Random&, std::size_t i)>;
using Integers = std::function<std::int64_t(Random&, IntegerRange)>;

struct Kind {
  std::string_view name;
  bool smooth;
  Floats floats;
  Integers integers;
};

std::int64_t any_integer(Random& random, IntegerRange range) {
  return random.integer(range.least, range.most);
}
std::int64_t least_integer(Random&, IntegerRange range) { return range.least; }
std::int64_t most_integer(Random&, IntegerRange range) { return range.most; }

double normal(Random& random, std::size_t) { return random.normal(); }
double zero(Random&, std::size_t) { return 0.0; }
// Large, but far from where products of two overflow.
double large(Random& random, std::size_t) { return 1e4 * random.normal(); }
double negative(Random& random, std::size_t) { return -std::abs(random.normal()); }
// Below the smallest normal float.
double tiny(Random& random, std::size_t) { return 1e-39 * random.normal(); }
double magnitudes(Random& random, std::size_t) {
  const double sign = random.uniform() < 0.5 ? -1.0 : 1.0;
  return sign * std::pow(10.0, -6.0 + 9.0 * random.uniform());
}
double unusual(Random& random, std::size_t i) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (i == 0) return std::numeric_limits<double>::quiet_NaN();
  if (i % 11 == 3) return infinity;
  if (i % 13 == 7) return -infinity;
  return random.normal();
}

const std::vector<Kind>& edges() {
  static const std::vector<Kind> kinds = {
      {"zeros", false, zero, least_integer},
      {"large", false, large, most_integer},
      {"negative", false, negative, any_integer},
      {"tiny", false, tiny, any_integer},
      {"many magnitudes", false, magnitudes, any_integer},
      {"not finite", false, unusual, any_integer},
  };
  return kinds;
}

Tensor make(const Port& port, const IntegerRange& range, const Lengths& lengths, const Kind& kind,
            Random& random) {
  const std::vector<std::int64_t> shape = evaluate(port.type.shape, lengths);
  const auto count = static_cast<std::size_t>(count_elements(shape));
  if (is_floating(port.type.dtype)) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = kind.floats(random, i);
    return Tensor::from_doubles(port.type.dtype, shape, values);
  }
  if (is_complex(port.type.dtype)) {
    throw Error(Fault::unsupported, port.name,
                "complex inputs cannot be made; real, integer and boolean ones can");
  }
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) value = kind.integers(random, range);
  return Tensor::from_integers(port.type.dtype, shape, values);
}

std::vector<LengthRange> ranges_of(const InputPlan& plan) {
  std::set<std::string> names;
  for (const Port& port : plan.ports) {
    for (const Dim& dim : port.type.shape) dim.collect_symbols(names);
  }
  for (const LengthRange& range : plan.lengths) {
    if (range.input) names.insert(range.name);
  }
  std::vector<LengthRange> ranges;
  for (const std::string& name : names) {
    const auto known = std::ranges::find(plan.lengths, name, &LengthRange::name);
    ranges.push_back(known == plan.lengths.end() ? LengthRange{name, 1, {}} : *known);
  }
  return ranges;
}

/// The length that the port's value is, or null.
const LengthRange* told_by(const InputPlan& plan, std::size_t port) {
  const auto told = std::ranges::find(plan.lengths, std::optional(port), &LengthRange::input);
  return told == plan.lengths.end() ? nullptr : &*told;
}

/// Small numbers that differ from each other, so that lengths taken for one another show.
Lengths choose(std::span<const LengthRange> ranges, std::int64_t size) {
  Lengths lengths;
  std::int64_t step = 0;
  for (const LengthRange& range : ranges) {
    const std::int64_t value = std::max<std::int64_t>(range.least, 1) + size + step;
    lengths[range.name] = range.most ? std::min(value, *range.most) : value;
    ++step;
  }
  return lengths;
}

/// Every length at the end of its range, where that has one and the inputs stay small.
std::optional<Lengths> longest_of(const InputPlan& plan, std::span<const LengthRange> ranges) {
  constexpr std::int64_t small = 1 << 16;
  Lengths lengths;
  for (const LengthRange& range : ranges) {
    if (!range.most || *range.most > small) return std::nullopt;
    lengths[range.name] = *range.most;
  }
  std::int64_t count = 0;
  for (const Port& port : plan.ports) {
    Dim elements = 1;
    for (const std::int64_t length : evaluate(port.type.shape, lengths))
      elements = elements * length;
    count += elements.value();
    if (count > small) return std::nullopt;
  }
  return lengths;
}

std::string label(std::string_view kind, const Lengths& lengths) {
  std::string text(kind);
  for (const auto& [name, value] : lengths) text += fmt::format(", {} = {}", name, value);
  return text;
}

std::vector<IntegerRange> integers_of(const InputPlan& plan, const Lengths& lengths) {
  if (plan.graph != nullptr) return integer_ranges(*plan.graph, lengths);
  return std::vector<IntegerRange>(plan.ports.size(), {0, 1, true});
}

InputSet make_set(const InputPlan& plan, const Lengths& lengths, const Kind& kind, Random& random) {
  const std::vector<IntegerRange> ranges = integers_of(plan, lengths);
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < plan.ports.size(); ++i) {
    const LengthRange* told = told_by(plan, i);
    arguments.push_back(
        told != nullptr ? Tensor::from_integers(DType::i64, {}, std::array{lengths.at(told->name)})
                        : make(plan.ports[i], ranges.at(i), lengths, kind, random));
  }
  return {label(kind.name, lengths), {std::move(arguments)}, kind.smooth};
}

}  // namespace

std::vector<std::string> guessed_inputs(const InputPlan& plan) {
  const std::vector<IntegerRange> ranges = integers_of(plan, choose(ranges_of(plan), 1));
  std::vector<std::string> guessed;
  for (std::size_t i = 0; i < plan.ports.size(); ++i) {
    const DType dtype = plan.ports[i].type.dtype;
    const bool integer = !is_floating(dtype) && !is_complex(dtype) && dtype != DType::boolean;
    if (!integer || !ranges.at(i).guessed || told_by(plan, i) != nullptr) continue;
    guessed.push_back(
        fmt::format("'{}' in [{}, {}]", plan.ports[i].name, ranges[i].least, ranges[i].most));
  }
  return guessed;
}

std::vector<InputSet> make_inputs(const InputPlan& plan, std::uint64_t seed) {
  const Kind drawn{"random", true, normal, any_integer};
  const std::vector<LengthRange> ranges = ranges_of(plan);
  Random random(seed);
  std::vector<InputSet> sets;
  std::set<std::vector<std::int64_t>> seen;
  for (const std::int64_t size : {0, 1, 5}) {
    const Lengths lengths = choose(ranges, size);
    std::vector<std::int64_t> values;
    for (const auto& [name, value] : lengths) values.push_back(value);
    if (seen.insert(values).second) sets.push_back(make_set(plan, lengths, drawn, random));
  }
  if (const auto longest = longest_of(plan, ranges); longest && !sets.empty()) {
    std::vector<std::int64_t> values;
    for (const auto& [name, value] : *longest) values.push_back(value);
    const Kind longer{"random", false, normal, any_integer};
    if (seen.insert(values).second) sets.push_back(make_set(plan, *longest, longer, random));
  }
  const Lengths lengths = choose(ranges, 1);
  if (sets.size() == 1) sets.push_back(make_set(plan, lengths, drawn, random));
  for (const Kind& kind : edges()) sets.push_back(make_set(plan, lengths, kind, random));
  return sets;
}

}  // namespace isomer
