#include "run/reference/strided.h"

#include "base/error.h"

namespace isomer {

Layout contiguous(std::span<const std::int64_t> shape) {
  Layout layout{0, std::vector<std::int64_t>(shape.size())};
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    layout.strides[axis] = stride;
    stride *= shape[axis];
  }
  return layout;
}

Layout broadcast_layout(std::span<const std::int64_t> from, std::span<const std::int64_t> to) {
  expect(from.size() <= to.size(), "broadcasting adds axes");
  const Layout own = contiguous(from);
  const std::size_t added = to.size() - from.size();
  Layout layout{0, std::vector<std::int64_t>(to.size(), 0)};
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    expect(from[axis] == 1 || from[axis] == to[added + axis],
           "broadcasting repeats axes of length 1 only");
    if (from[axis] != 1) layout.strides[added + axis] = own.strides[axis];
  }
  return layout;
}

}  // namespace isomer
