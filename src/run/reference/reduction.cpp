#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/text.h"
#include "run/reference/arithmetic.h"
#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {
namespace {

/// The axes that `dim` names in a tensor of that rank; no axes named means all.
std::vector<std::int64_t> reduced_axes(const std::vector<std::int64_t>& dim, std::int64_t rank) {
  std::vector<std::int64_t> axes;
  if (rank == 0) return axes;  // PyTorch lets a scalar be reduced along axis 0 or -1
  for (const std::int64_t d : dim) axes.push_back(d < 0 ? d + rank : d);
  if (axes.empty()) {
    axes.resize(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  return axes;
}

/// A tensor seen as rows, one for each element of the result, with the reduced axes running along
/// them: where each begins, and where its elements lie from there, unless it lies in one piece.
struct Rows {
  std::size_t length = 1;
  std::vector<std::int64_t> begins;
  std::vector<std::int64_t> offsets;
};

std::vector<std::int64_t> positions(const Operand& x, const std::vector<std::int64_t>& axes) {
  const Layout own = contiguous(x.shape);
  std::vector<std::int64_t> shape;
  Layout layout;
  for (const std::int64_t axis : axes) {
    shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
    layout.strides.push_back(own.strides[static_cast<std::size_t>(axis)]);
  }
  std::vector<std::int64_t> found;
  found.reserve(static_cast<std::size_t>(count_elements(shape)));
  for_each_position(shape, layout, [&](std::int64_t position) { found.push_back(position); });
  return found;
}

Rows rows_along(const Operand& x, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> kept;
  for (std::int64_t axis = 0; axis < x.rank(); ++axis) {
    if (std::ranges::find(axes, axis) == axes.end()) kept.push_back(axis);
  }
  Rows rows;
  bool whole = true;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    rows.length *= static_cast<std::size_t>(x.shape[static_cast<std::size_t>(axes[i])]);
    whole = whole && axes[i] == x.rank() + static_cast<std::int64_t>(i) - std::ssize(axes);
  }
  rows.begins = positions(x, kept);
  if (!whole) rows.offsets = positions(x, axes);
  return rows;
}

/// f(row) for each row; a row may be empty. Rows that do not lie in one piece are gathered, several
/// at once: what lies side by side often belongs to one each.
template <class F, class T>
auto folded(F f, const std::vector<T>& elements, const Rows& rows) {
  using Row = std::span<const T>;
  std::vector<decltype(f(Row()))> result;
  result.reserve(rows.begins.size());
  if (rows.offsets.empty()) {
    for (const std::int64_t begin : rows.begins)
      result.push_back(f(rows.length == 0 ? Row() : Row(elements.data() + begin, rows.length)));
    return result;
  }
  const std::size_t together = std::min<std::size_t>(16, rows.begins.size());
  std::vector<T> gathered(together * rows.length);
  for (std::size_t i = 0; i < rows.begins.size(); i += together) {
    const std::size_t count = std::min(together, rows.begins.size() - i);
    for (std::size_t k = 0; k < rows.length; ++k) {
      for (std::size_t row = 0; row < count; ++row)
        gathered[row * rows.length + k] = elements[rows.begins[i + row] + rows.offsets[k]];
    }
    for (std::size_t row = 0; row < count; ++row)
      result.push_back(f(Row(gathered.data() + row * rows.length, rows.length)));
  }
  return result;
}

template <class F>
void fold(const KernelCall& call, const std::vector<std::int64_t>& axes) {
  const Rows rows = rows_along(call.input(0), axes);
  std::visit([&](const auto& x) { call.result().elements = folded(F{}, x, rows); },
             call.input(0).elements);
}

template <class F>
constexpr RunKernel* along_dims(F) {
  return [](const KernelCall& call) {
    fold<F>(call, reduced_axes(call.integers("dim"), call.input(0).rank()));
  };
}

/// `dim` is one axis, or absent for all.
template <class F>
constexpr RunKernel* along_dim(F) {
  return [](const KernelCall& call) {
    const std::int64_t rank = call.input(0).rank();
    const bool one = call.given("dim") && rank > 0;
    fold<F>(call, one ? std::vector{call.axis("dim", rank)} : reduced_axes({}, rank));
  };
}

template <class T>
T total(std::span<const T> row) {
  return std::accumulate(row.begin(), row.end(), T{0}, [](T x, T y) { return plus(x, y); });
}
template <class T>
T product(std::span<const T> row) {
  return std::accumulate(row.begin(), row.end(), T{1}, [](T x, T y) { return times(x, y); });
}

/// Where the first element stands that `better` prefers to all others; nan is preferred to
/// everything.
template <class T, class Better>
std::int64_t position_of(std::span<const T> row, Better better) {
  if (row.empty()) {
    throw Error(Fault::model, "",
                "the largest or smallest of no elements; the reduced axes must not be empty");
  }
  std::size_t best = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] != row[i]) return static_cast<std::int64_t>(i);
    if (better(row[i], row[best])) best = i;
  }
  return static_cast<std::int64_t>(best);
}

/// Where a step along the axis goes, and how long the axis is; a scalar is its only element.
struct Running {
  std::int64_t step = 1;
  std::int64_t length = 1;

  bool begins(std::int64_t i) const { return i / step % length == 0; }
};

Running running_along(const KernelCall& call) {
  const Operand& x = call.input(0);
  if (x.rank() == 0) return {};
  const auto axis = static_cast<std::size_t>(call.axis("dim", x.rank()));
  return {contiguous(x.shape).strides[axis], x.shape[axis]};
}

/// f(so far, next) for every kind of number.
template <class F>
constexpr RunKernel* running(F) {
  return [](const KernelCall& call) {
    const Running along = running_along(call);
    std::visit(
        [&](auto results) {
          for (std::int64_t i = 0; i < std::ssize(results); ++i) {
            if (!along.begins(i)) results[i] = F{}(results[i - along.step], results[i]);
          }
          call.result().elements = std::move(results);
        },
        call.input(0).elements);
  };
}

// The last of equal ones is told; a NaN stays the extreme unless another comes.
template <class Better>
constexpr RunKernel* running_extreme(Better) {
  return [](const KernelCall& call) {
    const Running along = running_along(call);
    std::visit(
        [&](auto values) {
          std::vector<std::int64_t> places(values.size());
          for (std::int64_t i = 0; i < std::ssize(values); ++i) {
            places[i] = i / along.step % along.length;
            if (along.begins(i)) continue;
            const auto before = values[i - along.step];
            const bool stays =
                values[i] == values[i] && (before != before || Better{}(before, values[i]));
            if (!stays) continue;
            values[i] = before;
            places[i] = places[i - along.step];
          }
          call.results[0].elements = std::move(values);
          call.results[1].elements = std::move(places);
        },
        call.input(0).elements);
  };
}

/// log(exp(x) + exp(y)); equal infinities are their own sum.
double sum_of_logarithms(double x, double y) {
  if (x == y && std::isinf(x)) return x;
  return std::max(x, y) + std::log1p(std::exp(-std::abs(x - y)));
}
std::int64_t sum_of_logarithms(std::int64_t, std::int64_t y) { return y; }  // has no integers

constexpr Kernel reduction_table[] = {
    {"sum", along_dims([](auto row) { return total(row); })},
    {"amax", along_dims([](auto row) { return row[position_of(row, std::greater<>())]; })},
    {"amin", along_dims([](auto row) { return row[position_of(row, std::less<>())]; })},
    {"prod", along_dims([](auto row) { return product(row); })},
    {"any", along_dims([](auto row) {
       return std::int64_t{std::ranges::any_of(row, [](auto x) { return x != 0; })};
     })},
    {"argmax", along_dim([](auto row) { return position_of(row, std::greater<>()); })},
    {"argmin", along_dim([](auto row) { return position_of(row, std::less<>()); })},
    {"cumsum", running([](auto x, auto y) { return plus(x, y); })},
    {"cumprod", running([](auto x, auto y) { return times(x, y); })},
    {"logcumsumexp", running([](auto x, auto y) { return sum_of_logarithms(x, y); })},
    {"cummax", running_extreme(std::greater<>())},
    {"cummin", running_extreme(std::less<>())},
};

}  // namespace

std::span<const Kernel> reduction_kernels() { return reduction_table; }

}  // namespace isomer
