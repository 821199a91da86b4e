#include "run/reference/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace isomer {
namespace {

/// `x` rounded to `digits` binary digits, none of them below 2^least_exponent; infinite beyond
/// `largest`. Going through float would round twice.
double rounded(double x, int digits, int least_exponent, double largest) {
  if (!std::isfinite(x) || x == 0) return x;
  int exponent = 0;
  std::frexp(x, &exponent);
  const int unit = std::max(exponent - digits, least_exponent);
  const double y = std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
  return std::abs(y) > largest ? std::copysign(HUGE_VAL, y) : y;
}

void round_reals(std::vector<double>& values, DType dtype) {
  const double largest = largest_of(dtype);
  if (dtype == DType::f32) {
    for (double& x : values) x = static_cast<double>(static_cast<float>(x));
  } else if (dtype == DType::f16) {
    for (double& x : values) x = rounded(x, 11, -24, largest);
  } else if (dtype == DType::bf16) {
    for (double& x : values) x = rounded(x, 8, -133, largest);
  }
}

template <class T>
void wrap(std::vector<std::int64_t>& values) {
  for (std::int64_t& x : values) x = static_cast<std::int64_t>(static_cast<T>(x));
}

void round_integers(std::vector<std::int64_t>& values, DType dtype) {
  switch (dtype) {
    case DType::boolean:
      for (std::int64_t& x : values) x = x != 0 ? 1 : 0;
      return;
    case DType::i8: return wrap<std::int8_t>(values);
    case DType::u8: return wrap<std::uint8_t>(values);
    case DType::i16: return wrap<std::int16_t>(values);
    case DType::i32: return wrap<std::int32_t>(values);
    default: return;
  }
}

}  // namespace

Operand widened(const Tensor& tensor) {
  if (is_complex(tensor.dtype())) {
    throw Error(Fault::unsupported, "",
                fmt::format("a {} tensor; the reference engine has real numbers only",
                            name_of(tensor.dtype())));
  }
  Operand operand{tensor.dtype(), tensor.shape(), {}};
  if (is_floating(tensor.dtype())) {
    operand.elements = tensor.doubles();
  } else {
    operand.elements = tensor.integers();
  }
  return operand;
}

Tensor narrowed(const Operand& operand) {
  if (is_floating(operand.dtype))
    return Tensor::from_doubles(operand.dtype, operand.shape, operand.reals());
  return Tensor::from_integers(operand.dtype, operand.shape, operand.integers());
}

void round_elements(Operand& operand) {
  if (auto* reals = std::get_if<std::vector<double>>(&operand.elements)) {
    round_reals(*reals, operand.dtype);
  } else {
    round_integers(std::get<std::vector<std::int64_t>>(operand.elements), operand.dtype);
  }
}

const std::vector<double>& reals_in(const Operand& operand, DType dtype,
                                    std::vector<double>& converted) {
  if (operand.dtype == dtype) return operand.reals();
  if (is_floating(operand.dtype)) {
    converted = operand.reals();
  } else {
    converted.reserve(operand.integers().size());
    for (const std::int64_t x : operand.integers()) {
      // Straight to float: by way of double, large integers would be rounded twice.
      converted.push_back(dtype == DType::f32 ? static_cast<double>(static_cast<float>(x))
                                              : static_cast<double>(x));
    }
  }
  round_reals(converted, dtype);
  return converted;
}

std::int64_t truncated(double x, DType dtype) {
  const bool wide = dtype == DType::i64;
  const double bound = wide ? 0x1p63 : 0x1p31;
  const double whole = std::trunc(x);
  if (whole >= -bound && whole < bound) return static_cast<std::int64_t>(whole);
  return wide ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int32_t>::min();
}

Elements filled(DType dtype, std::int64_t count, double value) {
  const auto size = static_cast<std::size_t>(count);
  if (is_floating(dtype)) return std::vector<double>(size, value);
  if (dtype == DType::boolean) return std::vector<std::int64_t>(size, value != 0 ? 1 : 0);
  return std::vector<std::int64_t>(size, truncated(value, dtype));
}

const Kernel* find_kernel(std::string_view op) {
  const std::array families{elementwise_kernels(),   special_kernels(),     reduction_kernels(),
                            shape_kernels(),         indexing_kernels(),    linear_kernels(),
                            factorization_kernels(), convolution_kernels(), random_kernels(),
                            creation_kernels(),      control_kernels()};
  for (const std::span<const Kernel> family : families) {
    const auto row = std::ranges::find(family, op, &Kernel::op);
    if (row != family.end()) return &*row;
  }
  return nullptr;
}

void run_kernel(const Kernel& kernel, const KernelCall& call) {
  // 8 GiB of doubles. A file may ask for any shape; what it gets must have a bound.
  constexpr std::int64_t most = std::int64_t{1} << 30;
  for (const Operand& result : call.results) {
    if (result.count() > most) {
      throw Error(
          Fault::model, "",
          fmt::format("a result of type {} has {} elements; the reference engine takes at most {}",
                      to_text(result.dtype, result.shape), result.count(), most));
    }
  }
  kernel.run(call);
  for (Operand& result : call.results) {
    const std::size_t size =
        std::visit([](const auto& elements) { return elements.size(); }, result.elements);
    expect(size == static_cast<std::size_t>(result.count()),
           "a kernel sets every element of its results");
    expect(
        std::holds_alternative<std::vector<double>>(result.elements) == is_floating(result.dtype),
        "a kernel's elements are of the result's kind");
    round_elements(result);
  }
}

}  // namespace isomer
