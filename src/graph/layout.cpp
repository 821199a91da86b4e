#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "graph/tensor.h"

namespace isomer {
namespace {

struct Reach {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// The least and greatest element that the view touches; nothing on overflow.
std::optional<Reach> reach_of(std::span<const std::int64_t> shape,
                              std::span<const std::int64_t> strides, std::int64_t offset) {
  Reach reach{offset, offset};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t way = 0;
    std::int64_t& end = strides[i] < 0 ? reach.first : reach.last;
    if (__builtin_mul_overflow(strides[i], shape[i] - 1, &way) ||
        __builtin_add_overflow(end, way, &end)) {
      return std::nullopt;
    }
  }
  return reach;
}

bool contiguous(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
  std::int64_t wanted = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != wanted) return false;
    wanted *= shape[i];
  }
  return true;
}

void copy_strided(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides,
                  const std::byte* from, std::size_t size, std::byte* to, std::int64_t count) {
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to, from + at * static_cast<std::int64_t>(size), size);
    to += size;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

Tensor lay_out(DType dtype, std::vector<std::int64_t> shape, std::span<const std::int64_t> strides,
               std::int64_t offset, const Bytes& storage) {
  if (strides.size() != shape.size()) {
    throw Error(
        Fault::model, "",
        fmt::format("a tensor of shape {} has {}", shape, counted(strides.size(), "stride")));
  }
  const std::int64_t count = count_elements(shape);
  if (count == 0) return Tensor(dtype, std::move(shape), {});
  const std::size_t size = size_of(dtype);
  const auto stored = static_cast<std::int64_t>(storage.size() / size);
  const std::optional<Reach> reach = reach_of(shape, strides, offset);
  if (!reach || reach->first < 0 || reach->last >= stored) {
    throw Error(
        Fault::model, "",
        fmt::format("the view {} with strides {} and offset {} reaches outside its storage of {}",
                    to_text(dtype, shape), strides, offset,
                    counted(static_cast<std::size_t>(stored), "element")));
  }
  const auto begin = static_cast<std::size_t>(offset) * size;
  if (contiguous(shape, strides)) {
    return Tensor(dtype, std::move(shape),
                  storage.part(begin, static_cast<std::size_t>(count) * size));
  }
  // A stride of 0 repeats elements, and a small file could ask for any amount of memory.
  constexpr std::int64_t most = std::int64_t{1} << 28;
  if (count > stored && count > most) {
    throw Error(Fault::model, "",
                fmt::format("the view {} repeats {} stored elements too often",
                            to_text(dtype, shape), stored));
  }
  const auto whole = static_cast<std::size_t>(count) * size;
  const auto copied = [=, strides = std::vector(strides.begin(), strides.end())] {
    std::vector<std::byte> bytes(whole);
    copy_strided(shape, strides, storage.data().data() + begin, size, bytes.data(), count);
    return bytes_of(std::move(bytes));
  };
  return Tensor(dtype, shape, storage.waiting() ? Bytes::later(whole, copied) : copied());
}

}  // namespace isomer
