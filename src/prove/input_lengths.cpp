#include "prove/input_lengths.h"

#include <algorithm>
#include <set>

#include "prove/work.h"

namespace isomer {

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

const LengthRange* told_by(const InputPlan& plan, std::size_t port) {
  const auto told = std::ranges::find(plan.lengths, std::optional(port), &LengthRange::input);
  return told == plan.lengths.end() ? nullptr : &*told;
}

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

Lengths with_length(std::span<const LengthRange> ranges, const LengthRange& one,
                    std::int64_t value) {
  Lengths lengths = choose(ranges, 1);
  const std::int64_t most = one.most.value_or(value);
  lengths[one.name] = std::max(std::max<std::int64_t>(one.least, 1), std::min(value, most));
  return lengths;
}

double work_of(const InputPlan& plan, const Lengths& lengths) {
  double work = plan.graph == nullptr ? 0 : work_of(*plan.graph, lengths);
  for (const Port& port : plan.ports)
    work += static_cast<double>(count_elements(evaluate(port.type.shape, lengths)));
  return work;
}

std::vector<Lengths> longer_lengths(const InputPlan& plan, double most) {
  const std::vector<LengthRange> ranges = ranges_of(plan);
  std::vector<Lengths> all;
  const auto add = [&](const LengthRange& range, std::int64_t value) {
    const Lengths lengths = with_length(ranges, range, value);
    const bool is_new = std::ranges::find(all, lengths) == all.end();
    if (is_new && work_of(plan, lengths) <= most) all.push_back(lengths);
  };
  for (const std::int64_t value : {1, 17, 33, 130}) {
    for (const LengthRange& range : ranges) add(range, value);
  }
  for (const LengthRange& range : ranges) {
    if (range.most) add(range, *range.most);
  }
  return all;
}

}  // namespace isomer
