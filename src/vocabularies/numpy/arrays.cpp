#include "vocabularies/numpy/arrays.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/value.h"

namespace isomer::numpy {
namespace {

/// Elements of a tensor as one type, without a copy where they have it already.
template <class T>
class Numbers {
 public:
  explicit Numbers(const Tensor& tensor) {
    if (tensor.dtype() == dtype_of<T>::value) {
      data_ = tensor.view().template as<T>();
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

 private:
  std::vector<T> own_;
  std::span<const T> data_;  // of the tensor, or of `own_`
};

Tensor made(DType dtype, std::vector<std::int64_t> shape, std::span<const double> values) {
  return Tensor::from_doubles(dtype, std::move(shape), values);
}
Tensor made(DType dtype, std::vector<std::int64_t> shape, std::span<const std::int64_t> values) {
  return Tensor::from_integers(dtype, std::move(shape), values);
}

// Elements that a broadcast array moves by for each step of an axis of the result.
std::vector<std::int64_t> strides_in(const std::vector<std::int64_t>& from,
                                     const std::vector<std::int64_t>& to) {
  std::vector<std::int64_t> strides(to.size(), 0);
  std::int64_t step = 1;
  for (std::size_t i = from.size(); i-- > 0;) {
    if (from[i] != 1) strides[i + to.size() - from.size()] = step;
    step = product_of_lengths(step, from[i]);
  }
  return strides;
}

/// Calls `visit` with the offsets of every element, in order; one vector of strides per operand.
template <std::size_t Count, class Visit>
void walk(const std::vector<std::int64_t>& shape,
          const std::array<std::vector<std::int64_t>, Count>& strides, const Visit& visit) {
  const std::int64_t total = count_elements(shape);
  if (total == 0) return;
  std::vector<std::int64_t> index(shape.size(), 0);
  std::array<std::int64_t, Count> offsets{};
  for (std::int64_t done = 0; done < total; ++done) {
    visit(offsets);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      for (std::size_t k = 0; k < Count; ++k) offsets[k] += strides[k][axis];
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
      for (std::size_t k = 0; k < Count; ++k) offsets[k] -= strides[k][axis] * shape[axis];
    }
  }
}

template <class T, class Function>
Tensor map_two(const Tensor& x, const Tensor& y, DType dtype, Function function) {
  const std::vector<std::int64_t> shape = broadcast_shape(x.shape(), y.shape());
  const Numbers<T> left(x);
  const Numbers<T> right(y);
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(count_elements(shape)));
  if (x.shape() == y.shape()) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(x.count()); ++i)
      result.push_back(function(left[i], right[i]));
  } else {
    walk<2>(shape, {strides_in(x.shape(), shape), strides_in(y.shape(), shape)},
            [&](const auto& at) {
              result.push_back(function(left[static_cast<std::size_t>(at[0])],
                                        right[static_cast<std::size_t>(at[1])]));
            });
  }
  return made(dtype, shape, std::span<const T>(result));
}

std::int64_t elements_in(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) count = product_of_lengths(count, length);
  return count;
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
  throw Error(Fault::model, "", fmt::format("{} axes; an array has at most {}", count, most));
}

std::vector<std::int64_t> bounded(std::vector<std::int64_t> shape, std::int64_t given) {
  bound_axes(shape.size());
  // One length of 0 does not excuse the others: slices of nothing are walked over, too.
  std::int64_t count = 1;
  for (const std::int64_t length : shape) {
    if (length < 0)
      throw Error(Fault::model, "", fmt::format("[{}] is no shape", fmt::join(shape, ", ")));
    count = product_of_lengths(count, std::max<std::int64_t>(length, 1));
  }
  if (count > std::max(most_elements, given)) {
    throw Error(Fault::model, "",
                fmt::format("an array of shape [{}] is too large; at most {} elements are made",
                            fmt::join(shape, ", "), most_elements));
  }
  return shape;
}

std::vector<std::int64_t> broadcast_shape(const std::vector<std::int64_t>& a,
                                          const std::vector<std::int64_t>& b) {
  std::vector<std::int64_t> shape(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (left != right && left != 1 && right != 1) {
      throw Error(Fault::model, "",
                  fmt::format("shapes [{}] and [{}] do not broadcast", fmt::join(a, ", "),
                              fmt::join(b, ", ")));
    }
    shape[shape.size() - 1 - i] = left == 1 ? right : left;
  }
  if (shape == a || shape == b) return shape;
  return bounded(std::move(shape), std::max(elements_in(a), elements_in(b)));
}

Tensor broadcast_to(const Tensor& tensor, const std::vector<std::int64_t>& shape) {
  if (tensor.shape() == shape) return tensor;
  if (broadcast_shape(tensor.shape(), shape) != shape) {
    throw Error(Fault::model, "",
                fmt::format("{} does not broadcast to [{}]",
                            to_text(tensor.dtype(), tensor.shape()), fmt::join(shape, ", ")));
  }
  const std::vector<std::int64_t> strides = strides_in(tensor.shape(), shape);
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
