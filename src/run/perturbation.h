#pragma once

// What the operator `perturb` does to an element, the same on every engine: each number is drawn by
// its place, so that it does not matter who moves which, and in what order.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>

#include "graph/attribute.h"
#include "graph/types.h"

namespace isomer {

class Perturbation {
 public:
  /// `attributes` are those of the node, complete; `terms` is its number of terms.
  Perturbation(const Attributes& attributes, std::int64_t terms, std::int64_t key)
      : Perturbation(get<DType>(attributes, "dtype"), static_cast<double>(terms)) {
    const std::string& exact = get<std::string>(attributes, "exact");
    is_function_ = exact == "never";
    keeps_held_ = exact == "held";
    keeps_whole_ = exact == "whole";
    const auto stream = static_cast<std::uint64_t>(get<std::int64_t>(attributes, "stream"));
    first_ = mixed(mixed(static_cast<std::uint64_t>(key)) + stream * step);
  }

  /// Whether the tensor stays as it is: whole numbers whose products add up exactly.
  bool keeps(std::span<const double> x) const {
    if (!keeps_whole_) return false;
    const double most = std::sqrt(std::ldexp(1.0, digits_) / std::max(terms_, 1.0));
    for (const double one : x) {
      if (!(std::abs(one) <= most) || one != std::trunc(one)) return false;
    }
    return true;
  }

  /// Element number `place` of the tensor.
  double operator()(double x, std::uint64_t place) const {
    if (!std::isfinite(x) || x == 0 || (keeps_held_ && is_held(x))) return x;
    const double by = draw(place);
    double y = x + x * (relative_ * by);
    if (std::abs(y) < least_normal_) y += ((is_function_ ? std::abs(x) : 0) + step_below_) * by;
    return std::abs(y) > largest_ ? std::copysign(HUGE_VAL, y) : y;
  }

 private:
  static constexpr std::uint64_t step = 0x9e3779b97f4a7c15ULL;

  Perturbation(DType dtype, double terms) : terms_(terms), largest_(largest_of(dtype)) {
    if (dtype == DType::f16) imitate(11, -14, -24);
    if (dtype == DType::bf16) imitate(8, -126, -133);
    if (dtype == DType::f32) imitate(24, -126, -149);
    // Eight times the rounding of the doubles that this is computed in, which would hide it. What
    // has no more digits than a float was hardly rounded.
    if (dtype == DType::f64) relative_ = 0x1p-50 * std::sqrt(terms_);
  }

  void imitate(int digits, int least_normal, int least) {
    digits_ = digits;
    relative_ = std::ldexp(std::sqrt(terms_), -digits);
    least_normal_ = std::ldexp(1.0, least_normal);
    step_below_ = std::ldexp(std::sqrt(terms_), least);
  }

  bool is_held(double x) const {
    const std::uint64_t below = (std::uint64_t{1} << (53 - digits_)) - 1;
    return std::abs(x) >= least_normal_ && (std::bit_cast<std::uint64_t>(x) & below) == 0;
  }

  /// Of splitmix64.
  static std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

  /// Of either sign, its magnitude in [1/2, 1).
  double draw(std::uint64_t place) const {
    const std::uint64_t bits = mixed(first_ + (place + 1) * step);
    constexpr std::uint64_t half = std::uint64_t{0x3fe} << 52U;
    return std::bit_cast<double>((bits >> 12U) | half | (bits << 63U));
  }

  double terms_ = 1;
  double largest_ = 0;
  double relative_ = 0;
  double least_normal_ = 0;
  double step_below_ = 0;  // between numbers smaller than that, for all terms
  int digits_ = 24;
  bool is_function_ = false;  // whose kernels may give 0 for what is too small to be normal
  bool keeps_held_ = false;
  bool keeps_whole_ = false;
  std::uint64_t first_ = 0;
};

}  // namespace isomer
