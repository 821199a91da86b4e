#pragma once

#include <complex>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "graph/types.h"

namespace isomer {

/// The stored forms of 16-bit floats; arithmetic happens in wider types.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

// clang-format off
template <class T> struct dtype_of;
template <> struct dtype_of<bool> { static constexpr DType value = DType::boolean; };
template <> struct dtype_of<std::int8_t> { static constexpr DType value = DType::i8; };
template <> struct dtype_of<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct dtype_of<std::int16_t> { static constexpr DType value = DType::i16; };
template <> struct dtype_of<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct dtype_of<std::int64_t> { static constexpr DType value = DType::i64; };
template <> struct dtype_of<Half> { static constexpr DType value = DType::f16; };
template <> struct dtype_of<BFloat16> { static constexpr DType value = DType::bf16; };
template <> struct dtype_of<float> { static constexpr DType value = DType::f32; };
template <> struct dtype_of<double> { static constexpr DType value = DType::f64; };
template <> struct dtype_of<std::complex<float>> { static constexpr DType value = DType::c64; };
template <> struct dtype_of<std::complex<double>> { static constexpr DType value = DType::c128; };
// clang-format on

template <class T>
concept Element = requires {
  dtype_of<T>::value;
};

/// Someone else's contiguous tensor. Pass it down, never keep it.
struct TensorView {
  DType dtype = DType::f32;
  std::span<const std::int64_t> shape;
  std::span<const std::byte> bytes;

  /// The elements. Throws Fault::bug if T is not `dtype`. The bytes of a mapped file may stand at
  /// any address; Tensor's constructor has copied them where T needs an aligned one.
  template <Element T>
  std::span<const T> as() const {
    require(dtype_of<T>::value);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  void require(DType wanted) const;
};

/// An immutable, contiguous array. Copies share the bytes, so copying a graph costs little and a
/// weight file is mapped once. A stored tensor with other strides is laid out anew when it is read.
class Tensor {
 public:
  /// An f32 of shape [0].
  Tensor() : shape_{0} {}
  /// Throws Fault::model when the size of `bytes` is not that of the shape, or a length is
  /// negative.
  Tensor(DType dtype, std::vector<std::int64_t> shape, Bytes bytes);

  template <Element T>
  static Tensor of(std::vector<std::int64_t> shape, std::span<const T> elements) {
    const auto bytes = std::as_bytes(elements);
    return Tensor(dtype_of<T>::value, std::move(shape),
                  bytes_of(std::vector<std::byte>(bytes.begin(), bytes.end())));
  }
  /// All elements 0.
  static Tensor zeros(DType dtype, std::vector<std::int64_t> shape);
  /// All elements the number, converted as by `from_doubles`.
  static Tensor filled(DType dtype, std::vector<std::int64_t> shape, double number);
  /// Elements converted from doubles: rounded to the nearest float, truncated to an integer.
  static Tensor from_doubles(DType dtype, std::vector<std::int64_t> shape,
                             std::span<const double> values);
  /// Elements converted from integers.
  static Tensor from_integers(DType dtype, std::vector<std::int64_t> shape,
                              std::span<const std::int64_t> values);

  TensorView view() const { return {dtype_, shape_, bytes_.data()}; }
  TensorType type() const;
  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t count() const;
  const Bytes& bytes() const { return bytes_; }

  /// The elements widened; complex ones are refused with Fault::bug.
  std::vector<double> doubles() const;
  /// The elements of an integer or boolean tensor widened; others are truncated.
  std::vector<std::int64_t> integers() const;

  /// The same bytes under another shape of as many elements.
  Tensor reshaped(std::vector<std::int64_t> shape) const;
  /// Every element converted to `dtype`, with C's rules; to boolean: is it not 0.
  Tensor converted(DType dtype) const;

  /// Same type, shape and bits.
  bool same_bits(const Tensor& other) const;
  bool operator==(const Tensor& other) const { return same_bits(other); }

 private:
  void check_size() const;

  DType dtype_ = DType::f32;
  std::vector<std::int64_t> shape_;
  Bytes bytes_;
};

/// Product of the lengths. Throws Fault::model for a negative length or a product beyond 2^62.
std::int64_t count_elements(std::span<const std::int64_t> shape);

/// Lays out a strided view of `storage` (strides and offset in elements) contiguously; shares the
/// bytes where the view is contiguous already, and waits as they do. Throws Fault::model when the
/// view reaches outside the storage.
Tensor lay_out(DType dtype, std::vector<std::int64_t> shape, std::span<const std::int64_t> strides,
               std::int64_t offset, const Bytes& storage);

/// Conversions of 16-bit floats; rounding is to nearest even.
float to_float(Half value);
float to_float(BFloat16 value);
Half to_half(float value);
BFloat16 to_bfloat16(float value);

/// "f32[2, 3]"
std::string to_text(DType dtype, std::span<const std::int64_t> shape);

}  // namespace isomer
