#include <bit>

#include "graph/tensor.h"

namespace isomer {
namespace {

/// `bits` without the last `count`, rounded to the nearest even.
std::uint32_t rounded_off(std::uint32_t bits, unsigned count) {
  const std::uint32_t half = std::uint32_t{1} << (count - 1);
  const std::uint32_t last = (bits >> count) & 1U;
  return (bits + half - 1 + last) >> count;
}

}  // namespace

float to_float(Half value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000U) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1FU;
  const std::uint32_t fraction = value.bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  if (exponent != 0) {
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  }
  // Subnormal: fraction * 2^-24, exact in a float.
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

float to_float(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t result = 0;
  if (magnitude > 0x7F800000U) {
    result = 0x7E00U | ((magnitude >> 13) & 0x3FFU);  // a NaN keeps what fits of its payload
  } else if (magnitude >= 0x47800000U) {
    result = 0x7C00U;  // 65536 and above
  } else if (magnitude >= 0x38800000U) {
    // A carry out of the fraction goes into the exponent, up to infinity, as it should.
    result = rounded_off(magnitude - (112U << 23), 13);
  } else if (magnitude >= 0x33000000U) {
    const std::uint32_t exponent = magnitude >> 23;
    result = rounded_off((magnitude & 0x7FFFFFU) | 0x800000U, 126 - exponent);
  }
  return {static_cast<std::uint16_t>(sign | result)};
}

BFloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return {static_cast<std::uint16_t>((bits >> 16) | 0x40U)};  // rounding could make it infinite
  }
  return {static_cast<std::uint16_t>(rounded_off(bits, 16))};
}

}  // namespace isomer
