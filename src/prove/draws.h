#pragma once

// How the elements of an input are drawn.

#include <optional>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "prove/inputs.h"
#include "prove/wanted.h"

namespace isomer {

/// Gives numbers in random order, each once before any comes again.
template <class Number>
class Walk {
 public:
  explicit Walk(std::vector<Number> numbers = {}) : numbers_(std::move(numbers)) {}

  bool empty() const { return numbers_.empty(); }
  std::size_t size() const { return numbers_.size(); }
  Number next(Random& random) {
    if (next_ == 0) next_ = numbers_.size();
    std::swap(numbers_[static_cast<std::size_t>(random.bits() % next_)], numbers_[next_ - 1]);
    return numbers_[--next_];
  }

 private:
  std::vector<Number> numbers_;
  std::size_t next_ = 0;  // so many are left
};

/// What one input is drawn from, in all calls of a set.
struct Slot {
  Slot(DType of, const Wanted& wanted, std::optional<ValueRange> within);

  DType dtype;
  bool mask;
  std::optional<ValueRange> range;
  Intervals near;             // integers, most of the time
  Walk<std::int64_t> around;  // those at which something is decided, and the ones beside
  Walk<std::int64_t> inner;   // of them, those that are like most others
  Walk<std::int64_t> far;
  Walk<double> exact;     // numbers at which something is decided
  Walk<double> beside;    // and those just beside
  std::size_t row = 1;    // the length of the last axis
  std::int64_t last = 0;  // what was drawn before
};

/// How elements are drawn: element `i` of a floating input, of an integer, of a mask.
struct DrawKind {
  std::string_view name;
  double (*real)(Slot&, Random&, std::size_t i);
  std::int64_t (*integer)(Slot&, Random&, std::size_t i);
  bool (*flag)(Slot&, Random&, std::size_t i);
  bool smooth = false;
  bool kinks = false;
};

extern const DrawKind random_kind;
extern const DrawKind around_kind;     // integers at what decides
extern const DrawKind threshold_kind;  // floating numbers at and beside what decides
extern const DrawKind constants_kind;  // both
extern const DrawKind kinks_kind;
extern const DrawKind longer_kind;
extern const DrawKind equal_kind;  // whole rows of one integer or flag
extern const DrawKind far_kind;    // integers at which types and tables end
extern const DrawKind not_finite_kind;
/// Zeros, large, tiny and so on.
std::vector<DrawKind> edge_kinds();

/// Throws Fault::unsupported, naming the port, for complex ones.
Tensor draw(std::string_view name, Slot& slot, std::vector<std::int64_t> shape,
            const DrawKind& kind, Random& random);

}  // namespace isomer
