#include "prove/intervals.h"

#include <algorithm>

namespace isomer {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

bool is_end(std::int64_t number) { return number == lowest || number == highest; }

std::uint64_t span_of(const Interval& part) {
  return static_cast<std::uint64_t>(part.most) - static_cast<std::uint64_t>(part.least);
}

/// Bounds beyond what anybody counts to are none.
bool is_endless(const Interval& part) { return part.least < lowest / 2 || part.most > highest / 2; }

}  // namespace

std::int64_t sum_within(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (is_end(a)) return a;
  return __builtin_add_overflow(a, b, &result) ? (b < 0 ? lowest : highest) : result;
}

std::int64_t difference_within(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (is_end(a)) return a;
  return __builtin_sub_overflow(a, b, &result) ? (b < 0 ? highest : lowest) : result;
}

std::int64_t product_within(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  const bool beyond = __builtin_mul_overflow(a, b, &result);
  return beyond ? ((a < 0) == (b < 0) ? highest : lowest) : result;
}

std::int64_t quotient_down(std::int64_t a, std::int64_t b) {
  if (is_end(a)) return a;
  return a / b - (a % b < 0 ? 1 : 0);
}

Intervals::Intervals(std::int64_t least, std::int64_t most) {
  if (least <= most) parts_.push_back({least, most});
}

Intervals Intervals::of(std::vector<Interval> parts) {
  constexpr std::size_t most_parts = 64;
  std::erase_if(parts, [](const Interval& part) { return part.least > part.most; });
  std::ranges::sort(parts, {}, &Interval::least);
  Intervals result(1, 0);
  for (const Interval& part : parts) {
    std::vector<Interval>& known = result.parts_;
    const bool apart = known.empty() || sum_within(known.back().most, 1) < part.least;
    if (apart)
      known.push_back(part);
    else
      known.back().most = std::max(known.back().most, part.most);
  }
  while (result.parts_.size() > most_parts)
    result.parts_.erase(std::ranges::min_element(result.parts_, {}, span_of));
  return result;
}

bool Intervals::contains(std::int64_t number) const {
  return std::ranges::any_of(
      parts_, [&](const Interval& part) { return part.least <= number && number <= part.most; });
}

Intervals operator&(const Intervals& a, const Intervals& b) {
  std::vector<Interval> parts;
  for (const Interval& x : a.parts_) {
    for (const Interval& y : b.parts_)
      parts.push_back({std::max(x.least, y.least), std::min(x.most, y.most)});
  }
  return Intervals::of(std::move(parts));
}

Intervals operator|(const Intervals& a, const Intervals& b) {
  std::vector<Interval> parts = a.parts_;
  parts.insert(parts.end(), b.parts_.begin(), b.parts_.end());
  return Intervals::of(std::move(parts));
}

Intervals Intervals::complement() const {
  std::vector<Interval> parts;
  std::int64_t next = lowest;
  for (const Interval& part : parts_) {
    if (part.least > next) parts.push_back({next, part.least - 1});
    if (part.most == highest) return of(std::move(parts));
    next = part.most + 1;
  }
  parts.push_back({next, highest});
  return of(std::move(parts));
}

Intervals Intervals::mapped(const std::function<Interval(Interval)>& change) const {
  std::vector<Interval> parts;
  for (const Interval& part : parts_) parts.push_back(change(part));
  return of(std::move(parts));
}

Intervals Intervals::near() const {
  static constexpr std::int64_t few = 9;
  return mapped([](Interval part) -> Interval {
    if (!is_endless(part)) return part;
    const Interval around{part.least > -few ? part.least : -few, part.most < few ? part.most : few};
    if (around.least <= around.most && (around.least <= 0 && around.most >= 0)) return around;
    if (part.least < lowest / 2) return {difference_within(part.most, few), part.most};
    return {part.least, sum_within(part.least, few)};
  });
}

Intervals numbers_of(DType dtype) {
  switch (dtype) {
    case DType::boolean: return {0, 1};
    case DType::i8: return {-128, 127};
    case DType::u8: return {0, 255};
    case DType::i16: return {-32768, 32767};
    case DType::i32: return {-2147483648LL, 2147483647LL};
    default: return {};
  }
}

Intervals Intervals::largest() const {
  std::vector<Interval> endless;
  std::ranges::copy_if(parts_, std::back_inserter(endless), is_endless);
  if (parts_.empty() || !endless.empty()) return of(std::move(endless));
  const Interval part = *std::ranges::max_element(parts_, {}, span_of);
  return {part.least, part.most};
}

std::int64_t Intervals::draw(Random& random) const {
  const Interval& part = parts_[static_cast<std::size_t>(random.bits() % parts_.size())];
  return random.integer(part.least, part.most);
}

}  // namespace isomer
