#pragma once

// The numbers that NumPy's RandomState draws, bit by bit.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace isomer::numpy {

/// The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), and what NumPy has always made of
/// its numbers, which it promises not to change.
class RandomState {
 public:
  explicit RandomState(std::uint32_t seed);
  /// Of several seeds, of which there is one at least.
  explicit RandomState(std::span<const std::uint32_t> seeds);

  std::uint32_t next();
  /// From 0 to below 1, in steps of 2 ** -53.
  double real();
  double normal();
  double exponential();
  /// From 0 to `most`.
  std::uint64_t up_to(std::uint64_t most);

 private:
  static constexpr std::size_t size = 624;

  void turn();

  std::array<std::uint32_t, size> words_;
  std::size_t at_ = size;
  std::optional<double> second_;  // normal numbers come in pairs
};

/// A stream of such numbers, once something has seeded it.
struct RandomStream {
  std::optional<RandomState> state;
};

}  // namespace isomer::numpy
