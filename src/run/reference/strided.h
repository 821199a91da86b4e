#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/tensor.h"

namespace isomer {

/// How a view walks through the array it looks at: where it begins, and how far one step along each
/// axis goes.
struct Layout {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;
};

/// The layout of a contiguous array, the last axis running fastest.
Layout contiguous(std::span<const std::int64_t> shape);

/// The layout under which an array of shape `from` looks like one of shape `to`: axes are added in
/// front, and axes of length 1 are repeated.
Layout broadcast_layout(std::span<const std::int64_t> from, std::span<const std::int64_t> to);

/// Calls `visit` with the position of every element of the view, in the view's own order.
template <class Visit>
void for_each_position(std::span<const std::int64_t> shape, const Layout& layout, Visit visit) {
  const std::int64_t count = count_elements(shape);
  if (count == 0) return;
  const std::size_t rows = shape.empty() ? 0 : shape.size() - 1;  // axes around the last one
  const std::int64_t length = shape.empty() ? 1 : shape.back();
  const std::int64_t step = shape.empty() ? 0 : layout.strides.back();
  std::vector<std::int64_t> index(rows, 0);
  std::int64_t position = layout.offset;
  for (std::int64_t left = count / length; left > 0; --left) {
    for (std::int64_t i = 0; i < length; ++i) visit(position + i * step);
    for (std::size_t axis = rows; axis-- > 0;) {
      position += layout.strides[axis];
      if (++index[axis] < shape[axis]) break;
      position -= shape[axis] * layout.strides[axis];
      index[axis] = 0;
    }
  }
}

/// The elements of the view, one after the other.
template <class T>
std::vector<T> laid_out(const std::vector<T>& elements, std::span<const std::int64_t> shape,
                        const Layout& layout) {
  std::vector<T> result(static_cast<std::size_t>(count_elements(shape)));
  auto next = result.begin();
  for_each_position(shape, layout, [&](std::int64_t position) { *next++ = elements[position]; });
  return result;
}

}  // namespace isomer
