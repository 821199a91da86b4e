#include "vocabularies/numpy/arrays.h"

#include <algorithm>
#include <limits>
#include <span>
#include <type_traits>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/value.h"

namespace isomer::numpy {
namespace {

/// Elements of a tensor stretched to a shape, as one type; without a copy where they are that, or
/// only one.
template <class T>
class Numbers {
 public:
  Numbers(const Tensor& tensor, const std::vector<std::int64_t>& shape)
      : tensor_(tensor.count() == 1 ? tensor : broadcast_to(tensor, shape)),
        step_(tensor.count() == 1 ? 0 : 1) {
    if (tensor_.dtype() == dtype_of<T>::value) {
      data_ = tensor_.view().template as<T>();
      return;
    }
    if constexpr (std::is_same_v<T, double>) {
      own_ = tensor_.doubles();
    } else {
      own_ = tensor_.integers();
    }
    data_ = own_;
  }
  T operator[](std::size_t i) const { return data_[i * step_]; }

 private:
  Tensor tensor_;
  std::size_t step_;
  std::vector<T> own_;
  std::span<const T> data_;  // of the tensor, or of `own_`
};

Tensor made(DType dtype, std::vector<std::int64_t> shape, std::span<const double> values) {
  return Tensor::from_doubles(dtype, std::move(shape), values);
}
Tensor made(DType dtype, std::vector<std::int64_t> shape, std::span<const std::int64_t> values) {
  return Tensor::from_integers(dtype, std::move(shape), values);
}

std::int64_t elements_in(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) count = product_of_lengths(count, length);
  return count;
}

/// That of two operands when short or single lengths are stretched.
std::vector<std::int64_t> broadcast_shape(const std::vector<std::int64_t>& a,
                                          const std::vector<std::int64_t>& b) {
  std::vector<std::int64_t> shape(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (left != right && left != 1 && right != 1) {
      refuse(fmt::format("shapes [{}] and [{}] do not broadcast", fmt::join(a, ", "),
                         fmt::join(b, ", ")));
    }
    shape[shape.size() - 1 - i] = left == 1 ? right : left;
  }
  if (shape == a || shape == b) return shape;
  return bounded(std::move(shape), std::max(elements_in(a), elements_in(b)));
}

template <class T, class Function>
Tensor map_two(const Tensor& x, const Tensor& y, DType dtype, Function function) {
  const std::vector<std::int64_t> shape = broadcast_shape(x.shape(), y.shape());
  const Numbers<T> left(x, shape);
  const Numbers<T> right(y, shape);
  const auto count = static_cast<std::size_t>(count_elements(shape));
  if (dtype == dtype_of<T>::value) {
    std::vector<std::byte> bytes(count * sizeof(T));
    auto* result = reinterpret_cast<T*>(bytes.data());
    for (std::size_t i = 0; i < count; ++i) result[i] = function(left[i], right[i]);
    return Tensor(dtype, shape, bytes_of(std::move(bytes)));
  }
  std::vector<T> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = function(left[i], right[i]);
  return made(dtype, shape, std::span<const T>(result));
}

}  // namespace

std::int64_t sum_of_lengths(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

std::int64_t product_of_lengths(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max()
                                                : product;
}

void bound_axes(std::size_t count) {
  constexpr std::size_t most = 64;
  if (count <= most) return;
  refuse(fmt::format("{} axes; an array has at most {}", count, most));
}

std::vector<std::int64_t> bounded(std::vector<std::int64_t> shape, std::int64_t given) {
  bound_axes(shape.size());
  // One length of 0 does not excuse the others: slices of nothing are walked over, too.
  std::int64_t count = 1;
  for (const std::int64_t length : shape) {
    if (length < 0) refuse(fmt::format("[{}] is no shape", fmt::join(shape, ", ")));
    count = product_of_lengths(count, std::max<std::int64_t>(length, 1));
  }
  if (count > std::max(most_elements, given)) {
    refuse(fmt::format("an array of shape [{}] is too large; at most {} elements are made",
                       fmt::join(shape, ", "), most_elements));
  }
  return shape;
}

Tensor broadcast_to(const Tensor& tensor, const std::vector<std::int64_t>& shape) {
  if (tensor.shape() == shape) return tensor;
  if (broadcast_shape(tensor.shape(), shape) != shape) {
    refuse(fmt::format("{} does not broadcast to [{}]", to_text(tensor.dtype(), tensor.shape()),
                       fmt::join(shape, ", ")));
  }
  std::vector<std::int64_t> strides(shape.size(), 0);  // 0 where it is stretched
  const std::size_t added = shape.size() - tensor.shape().size();
  std::int64_t step = 1;
  for (std::size_t i = tensor.shape().size(); i-- > 0;) {
    if (tensor.shape()[i] != 1) strides[i + added] = step;
    step = product_of_lengths(step, tensor.shape()[i]);
  }
  return lay_out(tensor.dtype(), shape, strides, 0, tensor.bytes());
}

Tensor map_reals(const Tensor& x, DType dtype, double (*function)(double)) {
  std::vector<double> values = x.doubles();
  for (double& value : values) value = function(value);
  return made(dtype, x.shape(), std::span<const double>(values));
}

Tensor map_integers(const Tensor& x, DType dtype, std::int64_t (*function)(std::int64_t)) {
  std::vector<std::int64_t> values = x.integers();
  for (std::int64_t& value : values) value = function(value);
  return made(dtype, x.shape(), std::span<const std::int64_t>(values));
}

Tensor map_pairs(const Tensor& x, const Tensor& y, DType dtype,
                 double (*function)(double, double)) {
  return map_two<double>(x, y, dtype, function);
}

Tensor map_pairs(const Tensor& x, const Tensor& y, DType dtype,
                 std::int64_t (*function)(std::int64_t, std::int64_t)) {
  return map_two<std::int64_t>(x, y, dtype, function);
}

Tensor chosen(const Tensor& condition, const Tensor& x, const Tensor& y) {
  const DType dtype = common_type(x.dtype(), y.dtype());
  const std::vector<std::int64_t> shape =
      broadcast_shape(condition.shape(), broadcast_shape(x.shape(), y.shape()));
  const Tensor test = broadcast_to(condition.converted(DType::boolean), shape);
  const Tensor left = broadcast_to(x.converted(dtype), shape);
  const Tensor right = broadcast_to(y.converted(dtype), shape);
  const std::size_t size = size_of(dtype);
  std::vector<std::byte> bytes(left.bytes().data().begin(), left.bytes().data().end());
  const auto holds = test.view().as<bool>();
  for (std::size_t i = 0; i < holds.size(); ++i) {
    if (!holds[i])
      std::copy_n(right.bytes().data().begin() + static_cast<std::ptrdiff_t>(i * size), size,
                  bytes.begin() + static_cast<std::ptrdiff_t>(i * size));
  }
  return Tensor(dtype, shape, bytes_of(std::move(bytes)));
}

}  // namespace isomer::numpy
