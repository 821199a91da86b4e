#pragma once

#include <cstdint>

namespace isomer {

// Sums and products of elements. Integers wrap around as their machine forms do; in C++ that is
// written with unsigned numbers.

inline double plus(double x, double y) { return x + y; }
inline std::int64_t plus(std::int64_t x, std::int64_t y) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) + static_cast<std::uint64_t>(y));
}

inline double times(double x, double y) { return x * y; }
inline std::int64_t times(std::int64_t x, std::int64_t y) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(y));
}

}  // namespace isomer
