#pragma once

// How elementwise operators are walked backwards: x, given what x and a known number c give.

#include <string_view>

#include "prove/wanted.h"

namespace isomer {

struct IntegerRule {
  std::string_view op;
  std::size_t side;  // the place of x among the operands
  /// What x may be, so that the result is in the set; null: not known.
  Intervals (*before)(const Intervals& after, std::int64_t c);
  /// Adds what gives `point`; null: nothing does.
  void (*points)(std::int64_t point, std::int64_t c, Wanted& x);
  /// Adds where the operator itself decides; null: nowhere.
  void (*decides)(std::int64_t c, Wanted& x);
};

struct RealRule {
  std::string_view op;
  std::size_t side;
  void (*points)(double point, double c, Wanted& x);
  void (*decides)(double c, Wanted& x);
};

/// Null where there is none. Operators of one operand are given 0 for c.
const IntegerRule* integer_rule(std::string_view op, std::size_t side);
const RealRule* real_rule(std::string_view op, std::size_t side);

/// The number as an integer, within what one holds.
std::int64_t whole(double number);

/// Whether something of the operator's x is multiplied by a number that takes it out of any sum,
/// as the -1e9 of a masked score: here, or behind it.
bool is_large_factor(std::string_view op, double c, bool behind);
/// Whether x is told from 1 alone: 1 - x is multiplied so, or x itself by such a negative number.
bool is_mask(std::string_view op, std::size_t side, double c, bool scaled_behind);

}  // namespace isomer
