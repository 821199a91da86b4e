#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "run/reference/arithmetic.h"
#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {
namespace {

/// Where an axis stands in a contiguous array: element (before, i, after) is at (before * length +
/// i) * after_count + after.
struct Axis {
  std::int64_t before = 1;
  std::int64_t length = 1;
  std::int64_t after = 1;
};

Axis axis_of(const Operand& x, std::int64_t dim) {
  Axis axis;
  for (std::int64_t i = 0; i < x.rank(); ++i) {
    const std::int64_t length = x.shape[static_cast<std::size_t>(i)];
    if (i < dim) axis.before *= length;
    if (i == dim) axis.length = length;
    if (i > dim) axis.after *= length;
  }
  return axis;
}

void require_inside(std::int64_t index, std::int64_t length) {
  if (index >= 0 && index < length) return;
  throw Error(Fault::model, "",
              fmt::format("index {} is outside an axis of length {}; it takes 0 to {}", index,
                          length, length - 1));
}

/// Calls `visit(whole, part)` with the positions of each pair that index_select and index_add bring
/// together: an element of the tensor that is indexed, and one of the tensor that has an entry per
/// index.
template <class Visit>
void for_each_selected(const Operand& whole, const Operand& index, std::int64_t dim, Visit visit) {
  const Axis axis = axis_of(whole, dim);
  const std::vector<std::int64_t>& indices = index.integers();
  for (const std::int64_t i : indices) require_inside(i, axis.length);
  std::int64_t part = 0;
  for (std::int64_t before = 0; before < axis.before; ++before) {
    for (const std::int64_t i : indices) {
      const std::int64_t row = (before * axis.length + i) * axis.after;
      for (std::int64_t after = 0; after < axis.after; ++after) visit(row + after, part++);
    }
  }
}

void run_index_select(const KernelCall& call) {
  const Operand& x = call.input(0);
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        std::vector<T> chosen(static_cast<std::size_t>(call.result().count()));
        for_each_selected(
            x, call.input(1), call.axis("dim", x.rank()),
            [&](std::int64_t whole, std::int64_t part) { chosen[part] = elements[whole]; });
        call.result().elements = std::move(chosen);
      },
      x.elements);
}

void run_index_add(const KernelCall& call) {
  const Operand& x = call.input(0);
  std::visit(
      [&]<class T>(std::vector<T> sums) {
        const auto& source = std::get<std::vector<T>>(call.input(2).elements);
        for_each_selected(x, call.input(1), call.axis("dim", x.rank()),
                          [&](std::int64_t whole, std::int64_t part) {
                            sums[whole] = plus(sums[whole], source[part]);
                          });
        call.result().elements = std::move(sums);
      },
      x.elements);
}

/// Calls `visit(whole, position, part)`: the element of `whole` that entry `position` of `index`
/// points at along `dim`, and the element at the same place as that entry in a tensor of shape
/// `part`.
template <class Visit>
void for_each_pointed(const Operand& whole, const Operand& index, const Operand& part,
                      std::int64_t dim, Visit visit) {
  if (index.rank() == 0) {
    const std::int64_t target = index.integers()[0];
    require_inside(target, whole.count());
    visit(target, 0, 0);
    return;
  }
  // `index` may be shorter than either tensor along any axis, so each has strides of its own.
  Layout whole_layout = contiguous(whole.shape);
  const auto axis = static_cast<std::size_t>(dim);
  const std::int64_t length = whole.shape[axis];
  const std::int64_t step = whole_layout.strides[axis];
  whole_layout.strides[axis] = 0;
  std::vector<std::int64_t> parts;
  for_each_position(index.shape, contiguous(part.shape),
                    [&](std::int64_t position) { parts.push_back(position); });
  std::size_t next = 0;
  for_each_position(index.shape, whole_layout, [&](std::int64_t position) {
    const std::int64_t target = index.integers()[next];
    require_inside(target, length);
    visit(position + target * step, next, parts[next]);
    ++next;
  });
}

void run_gather(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& index = call.input(1);
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        std::vector<T> chosen(static_cast<std::size_t>(call.result().count()));
        for_each_pointed(x, index, index, call.axis("dim", x.rank()),
                         [&](std::int64_t whole, std::size_t position, std::int64_t) {
                           chosen[position] = elements[whole];
                         });
        call.result().elements = std::move(chosen);
      },
      x.elements);
}

void run_scatter_add(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& source = call.input(2);
  std::visit(
      [&]<class T>(std::vector<T> sums) {
        const auto& added = std::get<std::vector<T>>(source.elements);
        for_each_pointed(x, call.input(1), source, call.axis("dim", x.rank()),
                         [&](std::int64_t whole, std::size_t, std::int64_t part) {
                           sums[whole] = plus(sums[whole], added[part]);
                         });
        call.result().elements = std::move(sums);
      },
      x.elements);
}

/// Whether `x` comes before `y`. A NaN is larger than any number.
template <class T>
bool precedes(T x, T y, bool largest) {
  if (x != x || y != y) return largest ? x != x && y == y : x == x && y != y;
  return largest ? x > y : x < y;
}

/// A row of a tensor along an axis.
template <class T>
struct Lane {
  const std::vector<T>& elements;
  std::int64_t length;
  std::int64_t begin;
  std::int64_t step;

  T operator[](std::int64_t i) const { return elements[begin + i * step]; }
};

/// Calls `visit(lane, begin, step)` for each row of `x` along `axis`, and where a row of `length`
/// begins and goes on in the result.
template <class T, class Visit>
void for_each_lane(const std::vector<T>& elements, const Axis& axis, std::int64_t length,
                   Visit visit) {
  for (std::int64_t before = 0; before < axis.before; ++before) {
    for (std::int64_t after = 0; after < axis.after; ++after) {
      const std::int64_t begin = before * axis.length * axis.after + after;
      visit(Lane<T>{elements, axis.length, begin, axis.after}, before * length * axis.after + after,
            axis.after);
    }
  }
}

/// Positions in order, of equal elements the first first.
template <class T>
std::vector<std::int64_t> in_order(const Lane<T>& lane, bool largest) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(lane.length));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(
      order, [&](std::int64_t i, std::int64_t j) { return precedes(lane[i], lane[j], largest); });
  return order;
}

/// `choose(lane)` gives the positions whose elements are the values, and which are the indices.
template <class Choose>
void run_choice(const KernelCall& call, std::int64_t length, Choose choose) {
  const Operand& x = call.input(0);
  const Axis axis = axis_of(x, call.axis("dim", x.rank()));
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        std::vector<T> values(static_cast<std::size_t>(call.result().count()));
        std::vector<std::int64_t> indices(values.size());
        for_each_lane(elements, axis, length,
                      [&](const Lane<T>& lane, std::int64_t begin, std::int64_t step) {
                        const std::vector<std::int64_t> chosen = choose(lane);
                        for (std::int64_t i = 0; i < length; ++i) {
                          values[begin + i * step] = lane[chosen[i]];
                          indices[begin + i * step] = chosen[i];
                        }
                      });
        call.results[0].elements = std::move(values);
        call.results[1].elements = std::move(indices);
      },
      x.elements);
}

// Of equal elements the first comes first, as in ONNX Runtime; PyTorch leaves it open. They are in
// order whether they need to be or not.
void run_topk(const KernelCall& call) {
  run_choice(call, call.integer("k"),
             [&](const auto& lane) { return in_order(lane, call.flag("largest")); });
}

void run_sort(const KernelCall& call) {
  const Operand& x = call.input(0);
  const std::int64_t length = x.shape[static_cast<std::size_t>(call.axis("dim", x.rank()))];
  run_choice(call, length,
             [&](const auto& lane) { return in_order(lane, call.flag("descending")); });
}

void run_mode(const KernelCall& call) {
  run_choice(call, 1, [](const auto& lane) {
    const std::vector<std::int64_t> order = in_order(lane, false);
    std::int64_t best = 0;
    std::int64_t longest = 0;
    std::int64_t run = 0;
    for (std::int64_t i = 0; i < lane.length; ++i) {
      run = i > 0 && lane[order[i]] == lane[order[i - 1]] ? run + 1 : 1;
      if (run <= longest) continue;
      longest = run;
      best = order[i];
    }
    return std::vector<std::int64_t>{best};
  });
}

void run_scatter(const KernelCall& call) {
  const Operand& source = call.input(2);
  std::visit(
      [&]<class T>(std::vector<T> result) {
        const auto& set = std::get<std::vector<T>>(source.elements);
        for_each_pointed(
            call.input(0), call.input(1), source, call.axis("dim", call.input(0).rank()),
            [&](std::int64_t whole, std::size_t, std::int64_t part) { result[whole] = set[part]; });
        call.result().elements = std::move(result);
      },
      call.input(0).elements);
}

template <class T>
T combined(T x, T y, std::string_view reduce) {
  if (reduce == "prod") return times(x, y);
  if (reduce == "amax") return x != x || x >= y ? x : y;
  if (reduce == "amin") return x != x || x <= y ? x : y;
  return plus(x, y);
}

double shared(double sum, std::int64_t count) { return sum / static_cast<double>(count); }
std::int64_t shared(std::int64_t sum, std::int64_t count) {
  return sum / count - (sum % count < 0 ? 1 : 0);
}

void run_scatter_reduce(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& source = call.input(2);
  const auto reduce = std::string_view(get<std::string>(call.attributes, "reduce"));
  std::visit(
      [&]<class T>(std::vector<T> result) {
        const auto& parts = std::get<std::vector<T>>(source.elements);
        std::vector<std::int64_t> counts(result.size(), call.flag("include_self") ? 1 : 0);
        for_each_pointed(x, call.input(1), source, call.axis("dim", x.rank()),
                         [&](std::int64_t whole, std::size_t, std::int64_t part) {
                           T& place = result[whole];
                           const bool first = counts[whole]++ == 0;
                           place = first ? parts[part] : combined(place, parts[part], reduce);
                         });
        for (std::size_t i = 0; reduce == "mean" && i < result.size(); ++i) {
          if (counts[i] > 1) result[i] = shared(result[i], counts[i]);
        }
        call.result().elements = std::move(result);
      },
      x.elements);
}

constexpr Kernel indexing_table[] = {
    {"index_select", run_index_select},     {"index_add", run_index_add}, {"gather", run_gather},
    {"scatter_add", run_scatter_add},       {"topk", run_topk},           {"scatter", run_scatter},
    {"scatter_reduce", run_scatter_reduce}, {"sort", run_sort},           {"mode", run_mode},
};

}  // namespace

std::span<const Kernel> indexing_kernels() { return indexing_table; }

}  // namespace isomer
