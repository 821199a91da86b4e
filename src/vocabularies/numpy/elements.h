#pragma once

// The elements of an array as C++ numbers: shared by the files that compute with arrays.

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vocabularies/numpy/arrays.h"

namespace isomer::numpy {

/// Elements of a tensor as one type, without a copy where they have it already.
template <class T>
class Elements {
 public:
  explicit Elements(const Tensor& tensor) : keep_(tensor) {
    if (keep_.dtype() == dtype_of<T>::value) {
      data_ = keep_.view().template as<T>();
      return;
    }
    if constexpr (std::is_same_v<T, double>) {
      own_ = tensor.doubles();
    } else {
      own_ = tensor.integers();
    }
    data_ = own_;
  }
  T operator[](std::size_t i) const { return data_[i]; }
  std::span<const T> data() const { return data_; }

 private:
  Tensor keep_;
  std::vector<T> own_;
  std::span<const T> data_;
};

inline Tensor made(DType dtype, Lengths1 shape, std::span<const double> values) {
  return Tensor::from_doubles(dtype, std::move(shape), values);
}
inline Tensor made(DType dtype, Lengths1 shape, std::span<const std::int64_t> values) {
  return Tensor::from_integers(dtype, std::move(shape), values);
}

/// Integers wrap, as NumPy's do.
template <class T>
T plus(T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(x) + static_cast<std::uint64_t>(y));
  } else {
    return x + y;
  }
}

template <class T>
T times(T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(y));
  } else {
    return x * y;
  }
}

}  // namespace isomer::numpy
