#include "prove/draws.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "prove/wanted_rules.h"

namespace isomer {
namespace {

// Integers at which something may end: of bytes, of 16 and 32 bits, of what a float holds.
constexpr std::int64_t far_integers[] = {17,
                                         33,
                                         127,
                                         128,
                                         130,
                                         255,
                                         256,
                                         1000,
                                         -1000,
                                         1'000'000'000,
                                         -1,
                                         -17,
                                         -129,
                                         32768,
                                         -1'000'000'000,
                                         (std::int64_t{1} << 31) + 5,
                                         (std::int64_t{1} << 40) + 3};

std::vector<std::int64_t> inside(std::span<const std::int64_t> numbers, const Intervals& allowed) {
  std::vector<std::int64_t> result;
  std::ranges::copy_if(numbers, std::back_inserter(result),
                       [&](std::int64_t number) { return allowed.contains(number); });
  return result;
}

std::vector<double> neighbours(std::span<const double> points) {
  std::vector<double> result;
  for (const double point : points) {
    result.push_back(point);
    for (const double by : {1e-6, -1e-6, 1e-4, -1e-4})
      result.push_back(point == 0 ? by : point * (1 + by));
    if (point == 0) result.push_back(-0.0);
  }
  return result;
}

// Floating numbers --------------------------------------------------------------------------------

double normal(Slot&, Random& random, std::size_t) { return random.normal(); }
double zero(Slot&, Random&, std::size_t i) { return i % 2 == 0 ? 0.0 : -0.0; }
// Large, but far from where products of two overflow.
double large(Slot&, Random& random, std::size_t) { return 1e4 * random.normal(); }
double negative(Slot&, Random& random, std::size_t) { return -std::abs(random.normal()); }
// Below the smallest normal float.
double tiny(Slot&, Random& random, std::size_t) { return 1e-39 * random.normal(); }
double magnitudes(Slot&, Random& random, std::size_t) {
  const double sign = random.uniform() < 0.5 ? -1.0 : 1.0;
  return sign * std::pow(10.0, -6.0 + 9.0 * random.uniform());
}
double some_nan(Slot&, Random& random, std::size_t i) {
  const bool is_nan = i == 0 || random.uniform() < 0.125;
  return is_nan ? std::numeric_limits<double>::quiet_NaN() : random.normal();
}
double infinite(Slot&, Random& random, std::size_t i) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (i % 7 != 0) return random.normal();
  return random.uniform() < 0.5 ? infinity : -infinity;
}
double beside(Slot& slot, Random& random, std::size_t) {
  const bool often = random.uniform() < 0.75 && !slot.beside.empty();
  return often ? slot.beside.next(random) : random.normal();
}
double kink(Slot& slot, Random& random, std::size_t i) {
  const bool decides = i == 0 || random.uniform() < 0.5;
  return decides ? slot.exact.next(random) : random.normal();
}

// Integers ----------------------------------------------------------------------------------------

std::int64_t near(Slot& slot, Random& random, std::size_t) { return slot.near.draw(random); }
std::int64_t around(Slot& slot, Random& random, std::size_t i) {
  return slot.around.empty() ? near(slot, random, i) : slot.around.next(random);
}
std::int64_t far(Slot& slot, Random& random, std::size_t i) {
  return slot.far.empty() ? near(slot, random, i) : slot.far.next(random);
}
std::int64_t mixed(Slot& slot, Random& random, std::size_t i) {
  const bool decides = random.uniform() < 0.3 && !slot.inner.empty();
  return decides ? slot.inner.next(random) : near(slot, random, i);
}
std::int64_t equal(Slot& slot, Random& random, std::size_t i) {
  if (i % slot.row == 0) slot.last = around(slot, random, i);
  return slot.last;
}
std::int64_t least(Slot& slot, Random&, std::size_t) { return slot.near.parts().front().least; }

// Masks -------------------------------------------------------------------------------------------

bool either(Slot&, Random& random, std::size_t) { return random.uniform() < 0.5; }
bool no(Slot&, Random&, std::size_t) { return false; }
/// Whole rows of one kind among mixed ones.
bool rows(Slot& slot, Random& random, std::size_t i) {
  const std::size_t row = i / slot.row % 4;
  return row == 3 || (row != 2 && random.uniform() < 0.5);
}

bool equal_flags(Slot& slot, Random&, std::size_t i) { return i / slot.row % 2 == 1; }

double held(const ValueRange& range, double value, Random& random) {
  const bool inside = range.least <= value && value <= range.most;
  return inside ? value : range.least + (range.most - range.least) * random.uniform();
}

}  // namespace

const DrawKind random_kind = {"random", normal, near, either, true};
const DrawKind around_kind = {"integers around", normal, around, rows, true};
const DrawKind threshold_kind = {"thresholds", beside, mixed, either};
const DrawKind constants_kind = {"constants", beside, around, rows};
const DrawKind kinks_kind = {"kinks", kink, mixed, either, false, true};
const DrawKind longer_kind = {"longer", normal, mixed, either};
const DrawKind equal_kind = {"rows of one integer", normal, equal, equal_flags};
const DrawKind far_kind = {"far integers", normal, far, rows};
const DrawKind not_finite_kind = {"not finite", some_nan, mixed, either};

std::vector<DrawKind> edge_kinds() {
  return {
      {"zeros", zero, least, no, false, true},        {"large", large, mixed, either},
      {"negative", negative, mixed, either},          {"tiny", tiny, mixed, either},
      {"many magnitudes", magnitudes, mixed, either}, not_finite_kind,
      {"infinite", infinite, mixed, either},
  };
}

Slot::Slot(DType of, const Wanted& wanted, std::optional<ValueRange> within)
    : dtype(of), mask(wanted.mask || of == DType::boolean), range(within) {
  const Intervals numbers = numbers_of(of);
  Intervals allowed = wanted.allowed;
  if (range) allowed = allowed & Intervals(whole(std::ceil(range->least)), whole(range->most));
  // Bytes are drawn as they are, wider integers around 0.
  if (of == DType::u8 || of == DType::i8) allowed = allowed & numbers;
  const Intervals most = allowed.largest();
  near = most.near() & numbers;
  if (near.empty()) near = Intervals(0, 0);
  around = Walk(inside(wanted.integers, allowed & numbers));
  inner = Walk(inside(wanted.integers, most & numbers));
  far = Walk(inside(far_integers, allowed & numbers));
  std::vector<double> points = wanted.reals;
  beside = Walk(neighbours(points));
  if (std::ranges::find(points, 0.0) == points.end()) points.push_back(0.0);
  exact = Walk(std::move(points));
}

Tensor draw(std::string_view name, Slot& slot, std::vector<std::int64_t> shape,
            const DrawKind& kind, Random& random) {
  const auto count = static_cast<std::size_t>(count_elements(shape));
  slot.row = shape.empty() ? 1 : static_cast<std::size_t>(std::max<std::int64_t>(shape.back(), 1));
  if (is_complex(slot.dtype)) {
    throw Error(Fault::unsupported, std::string(name),
                "complex inputs cannot be made; real, integer and boolean ones can");
  }
  if (is_floating(slot.dtype)) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = slot.mask ? double(kind.flag(slot, random, i)) : kind.real(slot, random, i);
      if (slot.range) values[i] = held(*slot.range, values[i], random);
    }
    return Tensor::from_doubles(slot.dtype, std::move(shape), values);
  }
  std::vector<std::int64_t> values(count);
  const bool walks = kind.integer == around || kind.integer == equal;
  for (std::size_t i = 0; i < count; ++i) {
    const bool flag = slot.mask && (!walks || slot.dtype == DType::boolean);
    values[i] = flag ? std::int64_t{kind.flag(slot, random, i)} : kind.integer(slot, random, i);
  }
  return Tensor::from_integers(slot.dtype, std::move(shape), values);
}

}  // namespace isomer
