#include "prove/input_lengths.h"

#include <algorithm>
#include <set>

namespace isomer {
namespace {

double count_of(const TensorType& type, const Lengths& lengths) {
  double count = 1;
  for (const Dim& dim : type.shape) count *= static_cast<double>(dim.evaluate(lengths));
  return count;
}

/// How many elements of its first operand an element of the result is made of.
double terms_of(const Graph& graph, const Node& node, const Lengths& lengths) {
  if (node.op == "matmul" || node.op == "linear") {
    const Shape& shape = graph[node.inputs[0]].type.shape;
    return static_cast<double>(shape.back().evaluate(lengths));
  }
  if (node.op != "convolution") return 1;
  const TensorType& weight = graph[node.inputs[1]].type;
  return count_of(weight, lengths) / static_cast<double>(weight.shape[0].evaluate(lengths));
}

double work_in(const Graph& graph, const Lengths& lengths) {
  // A multiplication in a sum costs less than an operator's element.
  constexpr double cheap = 1.0 / 8;
  double work = 0;
  for (const Node& node : graph.nodes) {
    const double terms = 1 + cheap * terms_of(graph, node, lengths);
    for (const ValueId id : node.outputs) work += terms * count_of(graph[id].type, lengths);
    for (const Body& body : node.bodies) work += 8 * work_in(*body, lengths);
  }
  return work;
}

}  // namespace

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
  double work = 0;
  for (const Port& port : plan.ports) work += count_of(port.type, lengths);
  return plan.graph == nullptr ? work : work + work_in(*plan.graph, lengths);
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
