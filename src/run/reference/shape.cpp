#include <algorithm>

#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {
namespace {

/// The result is `x` seen through `layout`.
void view(const KernelCall& call, const Layout& layout) {
  std::visit(
      [&](const auto& x) { call.result().elements = laid_out(x, call.result().shape, layout); },
      call.input(0).elements);
}

std::size_t counted_axis(std::int64_t dim, const Operand& x) {
  return static_cast<std::size_t>(dim < 0 ? dim + x.rank() : dim);
}

void run_reshape(const KernelCall& call) { call.result().elements = call.input(0).elements; }

void run_permute(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Layout own = contiguous(x.shape);
  Layout layout;
  for (const std::int64_t dim : call.integers("dims"))
    layout.strides.push_back(own.strides[counted_axis(dim, x)]);
  view(call, layout);
}

void run_expand(const KernelCall& call) {
  view(call, broadcast_layout(call.input(0).shape, call.result().shape));
}

void run_slice(const KernelCall& call) {
  const Operand& x = call.input(0);
  const std::size_t axis = counted_axis(call.integer("dim"), x);
  const std::int64_t length = x.shape[axis];
  std::int64_t start = call.length("start");
  if (start < 0) start += length;
  start = std::clamp<std::int64_t>(start, 0, length);
  Layout layout = contiguous(x.shape);
  layout.offset = start * layout.strides[axis];
  // A longer step leads to no second element; as it stands it might overflow.
  layout.strides[axis] *= std::min(call.integer("step"), std::max<std::int64_t>(length, 1));
  view(call, layout);
}

void run_flip(const KernelCall& call) {
  const Operand& x = call.input(0);
  Layout layout = contiguous(x.shape);
  for (const std::int64_t dim : call.integers("dims")) {
    const std::size_t axis = counted_axis(dim, x);
    layout.offset += (x.shape[axis] - 1) * layout.strides[axis];
    layout.strides[axis] = -layout.strides[axis];
  }
  view(call, layout);
}

/// Copies `elements`, of that shape, into the part of `target` that `layout` describes.
template <class T>
void put(const std::vector<T>& elements, std::span<const std::int64_t> shape, const Layout& layout,
         std::vector<T>& target) {
  auto next = elements.begin();
  for_each_position(shape, layout, [&](std::int64_t position) { target[position] = *next++; });
}

void run_cat(const KernelCall& call) {
  Operand& y = call.result();
  const std::size_t axis = counted_axis(call.integer("dim"), y);
  Layout layout = contiguous(y.shape);
  std::visit(
      [&]<class T>(const std::vector<T>&) {
        std::vector<T> joined(static_cast<std::size_t>(y.count()));
        for (const Operand* x : call.inputs) {
          put(std::get<std::vector<T>>(x->elements), x->shape, layout, joined);
          layout.offset += x->shape[axis] * layout.strides[axis];
        }
        y.elements = std::move(joined);
      },
      call.input(0).elements);
}

void run_pad(const KernelCall& call) {
  const Operand& x = call.input(0);
  Operand& y = call.result();
  // `pad` has pairs (before, after) from the last axis on; negative ones crop.
  const std::vector<std::int64_t> pad = call.lengths("pad");
  Layout from = contiguous(x.shape);
  Layout to = contiguous(y.shape);
  std::vector<std::int64_t> kept = x.shape;
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    const std::size_t axis = x.shape.size() - 1 - i;
    const std::int64_t before = pad[2 * i];
    const std::int64_t begin = std::max<std::int64_t>(-before, 0);
    const std::int64_t end = std::min(x.shape[axis], y.shape[axis] - before);
    kept[axis] = std::max<std::int64_t>(end - begin, 0);
    from.offset += begin * from.strides[axis];
    to.offset += std::max<std::int64_t>(before, 0) * to.strides[axis];
  }
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        y.elements = filled(y.dtype, y.count(), call.real("value"));
        put(laid_out(elements, kept, from), kept, to, std::get<std::vector<T>>(y.elements));
      },
      x.elements);
}

void run_tril(const KernelCall& call) {
  const Operand& x = call.input(0);
  const std::int64_t columns = x.shape[x.shape.size() - 1];
  const std::int64_t rows = x.shape[x.shape.size() - 2];
  const std::int64_t diagonal = call.integer("diagonal");
  std::visit(
      [&](auto elements) {
        for (std::int64_t i = 0; i < std::ssize(elements); ++i) {
          if (i % columns - i / columns % rows > diagonal) elements[i] = 0;
        }
        call.result().elements = std::move(elements);
      },
      x.elements);
}

constexpr Kernel shape_table[] = {
    {"reshape", run_reshape}, {"permute", run_permute}, {"expand", run_expand},
    {"slice", run_slice},     {"cat", run_cat},         {"pad", run_pad},
    {"flip", run_flip},       {"tril", run_tril},
};

}  // namespace

std::span<const Kernel> shape_kernels() { return shape_table; }

}  // namespace isomer
