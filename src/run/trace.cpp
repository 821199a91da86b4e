#include "run/trace.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace isomer {
namespace {

/// The order of running: a node's number, its trip where it repeats, the number inside, and so on.
/// What a node itself gives comes behind what its bodies compute.
std::vector<std::int64_t> order_of(const ExposedValue& value, std::span<const std::int64_t> trips) {
  std::vector<std::int64_t> order;
  std::size_t loop = 0;
  for (const ExposedValue::Level& level : value.nodes) {
    order.push_back(static_cast<std::int64_t>(level.node));
    if (level.repeats) order.push_back(trips[loop++]);
  }
  order.push_back(std::numeric_limits<std::int64_t>::max());
  return order;
}

/// The part of a tensor that belongs to these trips.
Tensor at_trips(const Tensor& all, std::span<const std::int64_t> trips) {
  if (trips.empty()) return all;
  std::size_t number = 0;
  for (std::size_t i = 0; i < trips.size(); ++i)
    number = number * static_cast<std::size_t>(all.shape()[i]) + static_cast<std::size_t>(trips[i]);
  std::vector<std::int64_t> shape(all.shape().begin() + static_cast<std::ptrdiff_t>(trips.size()),
                                  all.shape().end());
  const std::size_t size = static_cast<std::size_t>(count_elements(shape)) * size_of(all.dtype());
  return {all.dtype(), std::move(shape), all.bytes().part(number * size, size)};
}

/// Counts up, the last one fastest; whether there is another.
bool count_up(std::vector<std::int64_t>& trips, std::span<const std::int64_t> lengths) {
  for (std::size_t i = trips.size(); i-- > 0;) {
    if (++trips[i] < lengths[i]) return true;
    trips[i] = 0;
  }
  return false;
}

/// How often each of the loops around a value runs, at most `most` times.
std::vector<std::int64_t> lengths_of(const ExposedValue& value, const Tensor& tensor,
                                     std::int64_t most) {
  const auto loops = std::ranges::count_if(value.nodes, &ExposedValue::Level::repeats);
  std::vector<std::int64_t> lengths(tensor.shape().begin(), tensor.shape().begin() + loops);
  for (std::int64_t& length : lengths) length = std::min(length, most);
  return lengths;
}

/// How many trips of each loop to look at: so many that there are no more than some thousand steps.
std::int64_t most_trips(std::span<const ExposedValue> exposed, std::span<const Tensor> outputs) {
  constexpr std::int64_t most_steps = 20'000;
  for (std::int64_t most = most_steps; most > 1; most /= 2) {
    std::int64_t steps = 0;
    for (const ExposedValue& value : exposed) {
      std::int64_t own = 1;
      for (const std::int64_t length : lengths_of(value, outputs[value.output], most))
        own = std::min(most_steps, own) * length;
      steps += own;
    }
    if (steps <= most_steps) return most;
  }
  return 1;
}

bool has_run(const ExposedValue& value, std::span<const Tensor> outputs,
             std::span<const std::int64_t> trips) {
  if (!value.ran) return true;
  const Tensor& ran = outputs[*value.ran];
  return at_trips(ran, trips.first(ran.shape().size())).integers()[0] != 0;
}

}  // namespace

Tracer::Tracer(const Graph& graph, const Engine& engine, const EngineOptions& options)
    : executor_(engine.make(expose_values(graph, exposed_), options)) {}

std::vector<Step> Tracer::trace(std::span<const Tensor> inputs) {
  const std::vector<Tensor> outputs = executor_->run(inputs);
  const std::int64_t most = most_trips(exposed_, outputs);
  std::vector<std::pair<std::vector<std::int64_t>, Step>> found;
  for (const ExposedValue& value : exposed_) {
    const Tensor& all = outputs.at(value.output);
    const std::vector<std::int64_t> lengths = lengths_of(value, all, most);
    std::vector<std::int64_t> trips(lengths.size());
    bool more = std::ranges::all_of(lengths, [](std::int64_t length) { return length > 0; });
    for (; more; more = count_up(trips, lengths)) {
      if (!has_run(value, outputs, trips)) continue;
      found.emplace_back(order_of(value, trips), Step{value.name, value.op, value.scope,
                                                      value.place, at_trips(all, trips), trips});
    }
  }
  std::ranges::stable_sort(found, {}, [](const auto& one) { return one.first; });
  std::vector<Step> steps;
  for (auto& one : found) steps.push_back(std::move(one.second));
  return steps;
}

}  // namespace isomer
