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
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t position = layout.offset;
  for (std::int64_t left = count_elements(shape); left > 0; --left) {
    visit(position);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
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
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(count_elements(shape)));
  for_each_position(shape, layout,
                    [&](std::int64_t position) { result.push_back(elements[position]); });
  return result;
}

}  // namespace isomer
