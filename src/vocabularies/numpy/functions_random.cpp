#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/random_state.h"

// What NumPy draws, where something has seeded it: the module's functions, and the methods of
// RandomState.

namespace isomer::numpy {
namespace {

std::uint32_t seed_in(std::int64_t number) {
  if (number >= 0 && number <= std::numeric_limits<std::uint32_t>::max())
    return static_cast<std::uint32_t>(number);
  refuse(fmt::format("a seed is from 0 to 2 ** 32 - 1, not {}", number));
}

RandomState seeded(const Call& c) {
  if (!c.has(0)) throw Error(Fault::unsupported, "", "without a seed nobody draws the same twice");
  if (is_number(c[0])) return RandomState(seed_in(integer_of(c[0])));
  std::vector<std::uint32_t> seeds;
  for (const std::int64_t number : c.integers(0)) seeds.push_back(seed_in(number));
  if (seeds.empty()) refuse("an empty list is no seed");
  return RandomState(seeds);
}

Value made_state(const Call& c) {
  auto stream = std::make_shared<RandomStream>();
  stream->state = seeded(c);
  return {Word{"RandomState", std::move(stream)}};
}

Value seed(const Call& c) {
  if (c.runtime.random == nullptr) {
    throw Error(Fault::unsupported, "",
                "what is drawn from NumPy's own stream is no operator of a graph");
  }
  c.runtime.random->state = seeded(c);
  return {};
}

RandomState& state_of(const Call& c) {
  if (c.runtime.random != nullptr && c.runtime.random->state) return *c.runtime.random->state;
  throw Error(Fault::unsupported, "",
              c.runtime.random == nullptr
                  ? "what is drawn from NumPy's own stream is no operator of a graph; that of "
                    "numpy.random.RandomState(seed) is"
                  : "nothing has seeded NumPy's own stream in this evaluation, by "
                    "numpy.random.seed, and without that nobody draws the same twice");
}

/// The shape that an argument says; nothing for a single number.
std::optional<std::vector<std::int64_t>> size_in(const Call& c, std::size_t i) {
  if (!c.has(i)) return std::nullopt;
  return bounded(c.integers(i));
}

template <class Draw>
Value real_numbers(const std::optional<std::vector<std::int64_t>>& shape, const Draw& draw) {
  if (!shape) return {draw()};
  const std::int64_t count = count_elements(std::span<const std::int64_t>(*shape));
  std::vector<double> numbers(static_cast<std::size_t>(count));
  for (double& number : numbers) number = draw();
  return result_of(Tensor::from_doubles(DType::f64, *shape, numbers), false);
}

/// rand(2, 3): the lengths one by one.
std::optional<std::vector<std::int64_t>> lengths_in(const Call& c) {
  std::vector<std::int64_t> shape;
  for (std::size_t i = 0; i < c.count() && c.has(i); ++i) shape.push_back(integer_of(c[i]));
  return shape.empty() ? std::nullopt : std::optional(bounded(shape));
}

Value rand(const Call& c) {
  RandomState& state = state_of(c);
  return real_numbers(lengths_in(c), [&] { return state.real(); });
}
Value randn(const Call& c) {
  RandomState& state = state_of(c);
  return real_numbers(lengths_in(c), [&] { return state.normal(); });
}
Value random_sample(const Call& c) {
  RandomState& state = state_of(c);
  return real_numbers(size_in(c, 0), [&] { return state.real(); });
}
Value standard_normal(const Call& c) {
  RandomState& state = state_of(c);
  return real_numbers(size_in(c, 0), [&] { return state.normal(); });
}
Value uniform(const Call& c) {
  RandomState& state = state_of(c);
  const double low = c.real(0, 0), width = c.real(1, 1) - low;
  return real_numbers(size_in(c, 2), [&] { return low + width * state.real(); });
}
Value normal(const Call& c) {
  RandomState& state = state_of(c);
  const double middle = c.real(0, 0), deviation = c.real(1, 1);
  if (deviation < 0) refuse("a deviation is no less than 0");
  return real_numbers(size_in(c, 2), [&] { return middle + deviation * state.normal(); });
}
Value exponential(const Call& c) {
  RandomState& state = state_of(c);
  const double scale = c.real(0, 1);
  if (scale < 0) refuse("a scale is no less than 0");
  return real_numbers(size_in(c, 1), [&] { return scale * state.exponential(); });
}

// low, high, size
Value randint(const Call& c) {
  RandomState& state = state_of(c);
  const std::int64_t low = c.has(1) ? integer_of(c[0]) : 0;
  const std::int64_t high = c.has(1) ? integer_of(c[1]) : integer_of(c[0]);
  if (low >= high) refuse(fmt::format("no integer is from {} to below {}", low, high));
  const std::uint64_t most = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) - 1;
  const auto draw = [&] {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + state.up_to(most));
  };
  const auto shape = size_in(c, 2);
  if (!shape) return {draw()};
  std::vector<std::int64_t> numbers(
      static_cast<std::size_t>(count_elements(std::span<const std::int64_t>(*shape))));
  for (std::int64_t& number : numbers) number = draw();
  return result_of(Tensor::from_integers(DType::i64, *shape, numbers), false);
}

Value shuffled(RandomState& state, std::int64_t count) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(bounded({count})[0]));
  std::iota(places.begin(), places.end(), std::int64_t{0});
  for (std::size_t i = places.size(); i-- > 1;) std::swap(places[i], places[state.up_to(i)]);
  return array_value(Tensor::of<std::int64_t>({count}, places));
}

Value permutation(const Call& c) {
  RandomState& state = state_of(c);
  if (is_number(c[0])) return shuffled(state, integer_of(c[0]));
  const Value x = c.asked("numpy.asarray", {c[0]});
  const std::int64_t count = integer_of(c.parts("numpy.shape", {x}).at(0));
  return c.asked("numpy.take", {x, shuffled(state, count), {std::int64_t{0}}});
}

/// Which places are chosen, of so many.
Value places_chosen(const Call& c, std::int64_t count) {
  const Value size = c.has(1) ? c[1] : Value{};
  const bool again = !c.has(2) || c.flag(2);
  if (c.has(3) && !again)
    throw Error(Fault::unsupported, "", "choices by chances are read with replacement only");
  if (c.has(3)) {
    const Value sums = c.asked("numpy.cumsum", {c[3]});
    const std::vector<double> chances = tensor_of(sums).doubles();
    if (std::ssize(chances) != count) refuse("as many chances as items are needed");
    const Value parts = array_value(tensor_of(c.asked("numpy.divide", {sums, {chances.back()}})));
    const Value drawn = c.asked("numpy.random.random_sample", {size});
    return c.asked("numpy.searchsorted", {parts, drawn, {std::string("right")}});
  }
  if (again) return c.asked("numpy.random.randint", {{std::int64_t{0}}, {count}, size});
  const Value all = shuffled(state_of(c), count);
  const auto shape = size_in(c, 1).value_or(std::vector<std::int64_t>());
  const std::int64_t wanted = count_elements(std::span<const std::int64_t>(shape));
  if (wanted > count) refuse(fmt::format("{} items are chosen of {}", wanted, count));
  const Tensor first = tensor_of(c.asked("numpy.take", {all, c.asked("numpy.arange", {{wanted}})}));
  return array_value(first.reshaped(shape));
}

// a, size, replace, p
Value choice(const Call& c) {
  state_of(c);
  if (is_number(c[0])) {
    const Value places = places_chosen(c, integer_of(c[0]));
    return c.has(1) || is_number(places) ? places : Value{integer_of(places)};
  }
  const Value x = c.asked("numpy.asarray", {c[0]});
  const Value places = places_chosen(c, integer_of(c.parts("numpy.shape", {x}).at(0)));
  return subscript(x, {{false, places, {}}}, false, c.runtime);
}

constexpr std::string_view lengths = "a? b? c? d? e? f?";

constexpr Function random_table[] = {
    {"numpy.random.RandomState", "seed?", made_state, true},
    {"numpy.random.seed", "seed?", seed, true},
    {"numpy.random.rand", lengths, rand, true},
    {"numpy.random.randn", lengths, randn, true},
    {"numpy.random.random_sample numpy.random.random numpy.random.ranf numpy.random.sample",
     "size?", random_sample, true},
    {"numpy.random.standard_normal", "size?", standard_normal, true},
    {"numpy.random.uniform", "low? high? size?", uniform, true},
    {"numpy.random.normal", "loc? scale? size?", normal, true},
    {"numpy.random.exponential", "scale? size?", exponential, true},
    {"numpy.random.randint", "low high? size?", randint, true},
    {"numpy.random.permutation", "x", permutation, true},
    {"numpy.random.choice", "a size? replace? p?", choice, true},
};

}  // namespace

std::span<const Function> random_functions() { return random_table; }

}  // namespace isomer::numpy
