#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"

namespace isomer::numpy {
namespace {

template <Fold how>
Value folded(const Bound& a) {
  return result_of(fold(a.tensor(0), how, a.integers(1), a.flag(2)));
}

Value averaged(const Bound& a) { return result_of(mean(a.tensor(0), a.integers(1), a.flag(2))); }

// x axis ddof keepdims
Value varied(const Bound& a) {
  return result_of(variance(a.tensor(0), a.integers(1), a.real(2, 0), a.flag(3)));
}

Value deviated(const Bound& a) {
  const Tensor x = variance(a.tensor(0), a.integers(1), a.real(2, 0), a.flag(3));
  return result_of(map_reals(x, x.dtype(), ::sqrt));
}

template <Fold how>
Value any_or_all(const Bound& a) {
  const Tensor truth =
      map_reals(a.tensor(0), DType::boolean, [](double x) -> double { return x != 0; });
  if (truth.count() == 0 && !a.has(1)) return scalar_value(how == Fold::least);
  return result_of(fold(truth, how, a.integers(1), a.flag(2)));
}

std::optional<std::int64_t> axis_in(const Bound& a, std::size_t i) {
  return a.has(i) ? std::optional(integer_of(a[i])) : std::nullopt;
}

template <bool greatest>
Value position(const Bound& a) {
  return result_of(position_of(a.tensor(0), greatest, axis_in(a, 1), a.flag(2)));
}

template <Fold how>
Value cumulative(const Bound& a) {
  return result_of(running(a.tensor(0), how, axis_in(a, 1)));
}

Value norm(const Bound& a) {
  const Tensor squares = map_reals(a.tensor(0), DType::f64, [](double x) { return x * x; });
  return result_of(
      map_reals(fold(squares, Fold::sum, a.integers(1), a.flag(2)), DType::f64, ::sqrt));
}

Value dot(const Bound& a) {
  const Tensor x = a.tensor(0);
  const Tensor y = a.tensor(1);
  if (x.shape().empty() || y.shape().empty()) return binary("*", as_array(a[0]), a[1]);
  if (y.shape().size() > 2)
    throw Error(Fault::unsupported, "", "numpy.dot is read for at most two axes on the right");
  return result_of(matrix_product(x, y));
}

// The array as a matrix that has `axes` as its columns, or as its rows; `kept` gets the lengths of
// the others.
Tensor as_matrix(const Tensor& tensor, const Lengths1& axes, bool as_columns, Lengths1& kept) {
  std::vector<bool> used(tensor.shape().size(), false);
  Lengths1 chosen;
  for (const std::int64_t axis : axes) {
    chosen.push_back(static_cast<std::int64_t>(axis_at(axis, used.size())));
    used[static_cast<std::size_t>(chosen.back())] = true;
  }
  Lengths1 order;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]) {
      inner = product_of_lengths(inner, tensor.shape()[i]);
    } else {
      order.push_back(static_cast<std::int64_t>(i));
      kept.push_back(tensor.shape()[i]);
    }
  }
  order.insert(as_columns ? order.end() : order.begin(), chosen.begin(), chosen.end());
  const std::int64_t outer = count_elements(std::span<const std::int64_t>(kept));
  return permuted(tensor, order)
      .reshaped(as_columns ? Lengths1{outer, inner} : Lengths1{inner, outer});
}

// Two arrays; `axes` is a number of trailing and leading axes, or a pair of axes.
Value tensor_dot(const Bound& a) {
  Lengths1 left;
  Lengths1 right;
  if (!a.has(2) || is_number(a[2])) {
    const std::int64_t count = a.integer(2, 2);
    if (count < 0) throw Error(Fault::model, "", fmt::format("tensordot over {} axes", count));
    bound_axes(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      left.push_back(i - count);
      right.push_back(i);
    }
  } else {
    const auto* both = items_of(a[2]);
    if (both == nullptr || both->size() != 2)
      throw Error(Fault::model, "", "tensordot needs a pair of axes");
    left = *Bound{{&(*both)[0]}, a.width}.integers(0);
    right = *Bound{{&(*both)[1]}, a.width}.integers(0);
  }
  Lengths1 kept;
  Lengths1 kept_right;
  const Tensor rows = as_matrix(a.tensor(0), left, true, kept);
  const Tensor columns = as_matrix(a.tensor(1), right, false, kept_right);
  kept.insert(kept.end(), kept_right.begin(), kept_right.end());
  return result_of(matrix_product(rows, columns).reshaped(kept));
}

constexpr LibraryFunction rows[] = {
    {"numpy.sum", "x axis? keepdims?", folded<Fold::sum>},
    {"numpy.prod", "x axis? keepdims?", folded<Fold::product>},
    {"numpy.max", "x axis? keepdims?", folded<Fold::greatest>},
    {"numpy.min", "x axis? keepdims?", folded<Fold::least>},
    {"numpy.amax", "x axis? keepdims?", folded<Fold::greatest>},
    {"numpy.amin", "x axis? keepdims?", folded<Fold::least>},
    {"numpy.mean", "x axis? keepdims?", averaged},
    {"numpy.average", "x axis? keepdims?", averaged},
    {"numpy.var", "x axis? ddof? keepdims?", varied},
    {"numpy.std", "x axis? ddof? keepdims?", deviated},
    {"numpy.any", "x axis? keepdims?", any_or_all<Fold::greatest>},
    {"numpy.all", "x axis? keepdims?", any_or_all<Fold::least>},
    {"numpy.argmax", "x axis? keepdims?", position<true>},
    {"numpy.argmin", "x axis? keepdims?", position<false>},
    {"numpy.cumsum", "x axis?", cumulative<Fold::sum>},
    {"numpy.cumprod", "x axis?", cumulative<Fold::product>},
    {"numpy.linalg.norm", "x axis? keepdims?", norm},
    {"numpy.dot", "x y", dot},
    {"numpy.tensordot", "x y axes?", tensor_dot},
};

}  // namespace

std::span<const LibraryFunction> reduction_functions() { return rows; }

}  // namespace isomer::numpy
