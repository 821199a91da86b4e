#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "base/random.h"
#include "graph/types.h"

namespace isomer {

/// Whole numbers from `least` to `most`; the ends of the type stand for no bound.
struct Interval {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  bool operator==(const Interval&) const = default;
};

/// A set of whole numbers: what an integer may be. Sets of very many parts lose the shorter ones,
/// so that what is in them always may be.
class Intervals {
 public:
  /// All numbers.
  Intervals() : parts_{Interval{}} {}
  /// None where `least` is above `most`.
  Intervals(std::int64_t least, std::int64_t most);

  const std::vector<Interval>& parts() const { return parts_; }  // apart, in order
  bool empty() const { return parts_.empty(); }
  bool is_all() const { return parts_.size() == 1 && parts_[0] == Interval{}; }
  bool contains(std::int64_t number) const;
  bool contains(const Intervals& other) const { return (*this & other) == other; }
  bool operator==(const Intervals&) const = default;

  friend Intervals operator&(const Intervals& a, const Intervals& b);
  friend Intervals operator|(const Intervals& a, const Intervals& b);
  Intervals complement() const;

  /// The union of what each part becomes.
  Intervals mapped(const std::function<Interval(Interval)>& change) const;

  /// Its parts without an end; where it has none, its largest part.
  Intervals largest() const;
  /// As it is drawn from: of parts without a bound a few numbers, around 0 or beside their end.
  Intervals near() const;
  /// One of a set that has bounds and is not empty.
  std::int64_t draw(Random& random) const;

 private:
  static Intervals of(std::vector<Interval> parts);

  std::vector<Interval> parts_;
};

/// What an integer of the type, or a boolean, may be.
Intervals numbers_of(DType dtype);

/// Sums, differences and products that stop at the ends.
std::int64_t sum_within(std::int64_t a, std::int64_t b);
std::int64_t difference_within(std::int64_t a, std::int64_t b);
std::int64_t product_within(std::int64_t a, std::int64_t b);
/// The quotient rounded down; of an end that end. `b` is above 0.
std::int64_t quotient_down(std::int64_t a, std::int64_t b);

}  // namespace isomer
