#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/elements.h"

namespace isomer::numpy {
namespace {

// An array seen as rows to be folded: `order` brings the folded axes to the back.
struct Rows {
  Tensor data;     // permuted
  Lengths1 shape;  // of the result
  std::int64_t count = 0;
  std::int64_t length = 0;
};

Rows rows_of(const Tensor& x, const std::optional<Lengths1>& axes, bool keepdims) {
  const std::size_t rank = x.shape().size();
  std::vector<bool> folded(rank, !axes);
  if (axes) {
    for (const std::int64_t axis : *axes) folded[axis_at(axis, rank)] = true;
  }
  Rows rows;
  Lengths1 order;
  Lengths1 last;
  rows.count = rows.length = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    (folded[i] ? last : order).push_back(static_cast<std::int64_t>(i));
    std::int64_t& count = folded[i] ? rows.length : rows.count;
    count = product_of_lengths(count, x.shape()[i]);
    if (!folded[i]) rows.shape.push_back(x.shape()[i]);
    if (folded[i] && keepdims) rows.shape.push_back(1);
  }
  order.insert(order.end(), last.begin(), last.end());
  rows.shape = bounded(std::move(rows.shape), x.count());
  rows.data = permuted(x, order);
  return rows;
}

template <class T>
T fold_row(std::span<const T> row, Fold how) {
  if (row.empty() && (how == Fold::least || how == Fold::greatest)) {
    throw Error(Fault::model, "", "the smallest or largest element of nothing is asked for");
  }
  T result = how == Fold::sum ? T{0} : how == Fold::product ? T{1} : row[0];
  for (const T item : row) {
    switch (how) {
      case Fold::sum: result = plus(result, item); break;
      case Fold::product: result = times(result, item); break;
      // NaN spreads, as in NumPy.
      case Fold::least: result = item != item || item < result ? item : result; break;
      case Fold::greatest: result = item != item || item > result ? item : result; break;
    }
    if (result != result && how != Fold::sum && how != Fold::product) break;
  }
  return result;
}

template <class T>
Tensor fold_rows(const Rows& rows, Fold how, DType dtype) {
  const Elements<T> elements(rows.data);
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(rows.count));
  for (std::int64_t i = 0; i < rows.count; ++i) {
    result.push_back(fold_row(elements.data().subspan(static_cast<std::size_t>(i * rows.length),
                                                      static_cast<std::size_t>(rows.length)),
                              how));
  }
  return made(dtype, rows.shape, std::span<const T>(result));
}

template <class T>
Tensor run_along(const Tensor& x, Fold how, std::size_t along, DType dtype) {
  const Elements<T> elements(x);
  std::vector<T> values(elements.data().begin(), elements.data().end());
  std::int64_t inner = 1;
  for (std::size_t i = along + 1; i < x.shape().size(); ++i) inner *= x.shape()[i];
  const std::int64_t length = x.shape()[along];
  for (std::int64_t i = inner; i < static_cast<std::int64_t>(values.size()); ++i) {
    if ((i / inner) % length == 0) continue;
    const T before = values[static_cast<std::size_t>(i - inner)];
    T& now = values[static_cast<std::size_t>(i)];
    now = how == Fold::product ? times(now, before) : plus(now, before);
  }
  return made(dtype, x.shape(), std::span<const T>(values));
}

}  // namespace

Tensor fold(const Tensor& x, Fold how, const std::optional<Lengths1>& axes, bool keepdims) {
  const Rows rows = rows_of(x, axes, keepdims);
  if (is_floating(x.dtype())) return fold_rows<double>(rows, how, x.dtype());
  const bool counts = how == Fold::sum || how == Fold::product;
  return fold_rows<std::int64_t>(rows, how, counts ? DType::i64 : x.dtype());
}

Tensor mean(const Tensor& x, const std::optional<Lengths1>& axes, bool keepdims) {
  const Rows rows = rows_of(x, axes, keepdims);
  const DType dtype = is_floating(x.dtype()) ? x.dtype() : DType::f64;
  std::vector<double> sums = fold_rows<double>(rows, Fold::sum, DType::f64).doubles();
  for (double& sum : sums) sum /= static_cast<double>(rows.length);
  return made(dtype, rows.shape, std::span<const double>(sums));
}

Tensor variance(const Tensor& x, const std::optional<Lengths1>& axes, double correction,
                bool keepdims) {
  const Rows rows = rows_of(x, axes, keepdims);
  const Elements<double> elements(rows.data);
  std::vector<double> result;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    const auto row = elements.data().subspan(static_cast<std::size_t>(i * rows.length),
                                             static_cast<std::size_t>(rows.length));
    const double middle = fold_row(row, Fold::sum) / static_cast<double>(row.size());
    double sum = 0;
    for (const double item : row) sum += (item - middle) * (item - middle);
    result.push_back(sum / std::max(0.0, static_cast<double>(row.size()) - correction));
  }
  return made(is_floating(x.dtype()) ? x.dtype() : DType::f64, rows.shape,
              std::span<const double>(result));
}

Tensor position_of(const Tensor& x, bool greatest, std::optional<std::int64_t> axis,
                   bool keepdims) {
  const Rows rows = rows_of(x, axis ? std::optional(Lengths1{*axis}) : std::nullopt, keepdims);
  if (rows.length == 0)
    throw Error(Fault::model, "", "the position of an element of nothing is asked for");
  const Elements<double> elements(rows.data);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    std::int64_t best = 0;
    const auto row = elements.data().subspan(static_cast<std::size_t>(i * rows.length),
                                             static_cast<std::size_t>(rows.length));
    for (std::int64_t j = 1; j < rows.length; ++j) {
      const double now = row[static_cast<std::size_t>(best)];
      const double item = row[static_cast<std::size_t>(j)];
      const bool better = std::isnan(item) || (greatest ? item > now : item < now);
      if (!std::isnan(now) && better) best = j;
    }
    result.push_back(best);
  }
  return made(DType::i64, rows.shape, std::span<const std::int64_t>(result));
}

Tensor running(const Tensor& x, Fold how, std::optional<std::int64_t> axis) {
  const Tensor flat = axis ? x : reshaped(x, {-1});
  const std::size_t along = axis_at(axis.value_or(0), flat.shape().size());
  return is_floating(x.dtype()) ? run_along<double>(flat, how, along, x.dtype())
                                : run_along<std::int64_t>(flat, how, along, DType::i64);
}

}  // namespace isomer::numpy
