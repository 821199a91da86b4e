#include "vocabularies/numpy/random_state.h"

#include <algorithm>
#include <cmath>

namespace isomer::numpy {

RandomState::RandomState(std::uint32_t seed) {
  words_[0] = seed;
  for (std::uint32_t i = 1; i < size; ++i) {
    const std::uint32_t before = words_[i - 1];
    words_[i] = 1812433253U * (before ^ (before >> 30)) + i;
  }
}

RandomState::RandomState(std::span<const std::uint32_t> seeds) : RandomState(19650218U) {
  std::uint32_t i = 1;
  const auto step = [&](std::uint32_t factor) {
    const std::uint32_t before = words_[i - 1];
    return words_[i] ^ ((before ^ (before >> 30)) * factor);
  };
  const auto advance = [&] {
    if (++i < size) return;
    words_[0] = words_[size - 1];
    i = 1;
  };
  std::uint32_t j = 0;
  for (std::size_t left = std::max(size, seeds.size()); left > 0; --left) {
    words_[i] = step(1664525U) + seeds[j] + j;
    advance();
    j = j + 1 < seeds.size() ? j + 1 : 0;
  }
  for (std::size_t left = size - 1; left > 0; --left) {
    words_[i] = step(1566083941U) - i;
    advance();
  }
  words_[0] = 0x80000000U;
}

void RandomState::turn() {
  constexpr std::size_t apart = 397;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint32_t joined = (words_[i] & 0x80000000U) | (words_[(i + 1) % size] & 0x7fffffffU);
    words_[i] = words_[(i + apart) % size] ^ (joined >> 1) ^ ((joined & 1U) * 0x9908b0dfU);
  }
  at_ = 0;
}

std::uint32_t RandomState::next() {
  if (at_ == size) turn();
  std::uint32_t y = words_[at_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

double RandomState::real() {
  const std::uint32_t high = next() >> 5;
  const std::uint32_t low = next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

// Marsaglia's polar method.
double RandomState::normal() {
  if (second_) {
    const double kept = *second_;
    second_.reset();
    return kept;
  }
  double x = 0, y = 0, square = 0;
  do {
    x = 2.0 * real() - 1.0;
    y = 2.0 * real() - 1.0;
    square = x * x + y * y;
  } while (square >= 1.0 || square == 0.0);
  const double factor = std::sqrt(-2.0 * std::log(square) / square);
  second_ = factor * x;
  return factor * y;
}

double RandomState::exponential() { return -std::log(1.0 - real()); }

// By as many bits as needed, again and again until it fits.
std::uint64_t RandomState::up_to(std::uint64_t most) {
  if (most == 0) return 0;
  std::uint64_t mask = most;
  for (int by = 1; by < 64; by *= 2) mask |= mask >> by;
  const bool narrow = most <= 0xffffffffU;
  std::uint64_t value = 0;
  do {
    value = next();
    if (!narrow) value = (value << 32) | next();
    value &= mask;
  } while (value > most);
  return value;
}

}  // namespace isomer::numpy
