#include "graph/tensor.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

template <class T>
constexpr bool complex_element = false;
template <class T>
constexpr bool complex_element<std::complex<T>> = true;

template <class T>
struct Tag {
  using type = T;
};

/// Calls `action` with the tag of the dtype's element.
template <class Action>
decltype(auto) with_element(DType dtype, Action&& action) {
  switch (dtype) {
    case DType::boolean: return action(Tag<bool>{});
    case DType::i8: return action(Tag<std::int8_t>{});
    case DType::u8: return action(Tag<std::uint8_t>{});
    case DType::i16: return action(Tag<std::int16_t>{});
    case DType::i32: return action(Tag<std::int32_t>{});
    case DType::i64: return action(Tag<std::int64_t>{});
    case DType::f16: return action(Tag<Half>{});
    case DType::bf16: return action(Tag<BFloat16>{});
    case DType::f32: return action(Tag<float>{});
    case DType::f64: return action(Tag<double>{});
    case DType::c64: return action(Tag<std::complex<float>>{});
    case DType::c128: return action(Tag<std::complex<double>>{});
  }
  throw Error(Fault::bug, "", "a tensor's dtype is none");
}

/// C leaves out-of-range conversions open; here they are as x86 does them, which is what PyTorch
/// shows there: the least integer. Narrow integers keep the low bits.
template <class Integer>
Integer truncated(double value) {
  constexpr bool wide = sizeof(Integer) >= 4;
  using Wide = std::conditional_t<wide, Integer, std::int64_t>;
  constexpr double beyond = sizeof(Wide) == 4 ? 2147483648.0 : 9223372036854775808.0;
  if (!(value < beyond && value > -beyond - (sizeof(Wide) == 4 ? 1.0 : 0.0))) {
    return static_cast<Integer>(std::numeric_limits<Wide>::min());
  }
  return static_cast<Integer>(static_cast<Wide>(value));
}

/// A number as the widest of its kind.
template <class T>
auto widened(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return static_cast<double>(to_float(value));
  } else if constexpr (complex_element<T>) {
    return std::complex<double>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else {
    return static_cast<std::int64_t>(value);
  }
}

template <class To, class From>
To narrowed(From value) {
  if constexpr (complex_element<From> && !complex_element<To>) {
    if constexpr (std::is_same_v<To, bool>)
      return value != From(0);
    else
      return narrowed<To>(value.real());
  } else if constexpr (complex_element<To>) {
    using Part = typename To::value_type;
    if constexpr (complex_element<From>) {
      return To(static_cast<Part>(value.real()), static_cast<Part>(value.imag()));
    } else {
      return To(static_cast<Part>(value), Part(0));
    }
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_same_v<To, Half>) {
    return to_half(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return to_bfloat16(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncated<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

/// A bool in a file may be any byte, and reading it as a bool would be undefined.
template <class T>
T element_at(const std::byte* address) {
  if constexpr (std::is_same_v<T, bool>) {
    return *address != std::byte{0};
  } else {
    T value;
    std::memcpy(&value, address, sizeof value);
    return value;
  }
}

std::vector<std::byte> allocated(std::int64_t count, DType dtype) {
  constexpr std::uint64_t most = std::uint64_t{1} << 40;
  const std::uint64_t size = static_cast<std::uint64_t>(count) * size_of(dtype);
  if (static_cast<std::uint64_t>(count) > most || size > most) {
    throw Error(Fault::model, "", fmt::format("a tensor of {} elements is too large", count));
  }
  return std::vector<std::byte>(size);
}

/// Room for one element, which costs one allocation: simulations make millions of them.
struct Lone {
  alignas(std::complex<double>) std::array<std::byte, sizeof(std::complex<double>)> bytes;
};

template <class From>
Tensor made_from(DType dtype, std::vector<std::int64_t> shape, std::span<const From> values) {
  const std::int64_t count = count_elements(shape);
  if (static_cast<std::uint64_t>(count) != values.size()) {
    throw Error(Fault::model, "",
                fmt::format("{} needs {} and is given {}", to_text(dtype, shape),
                            counted(static_cast<std::size_t>(count), "element"), values.size()));
  }
  std::shared_ptr<Lone> lone = count == 1 ? std::make_shared<Lone>() : nullptr;
  std::vector<std::byte> bytes = lone ? std::vector<std::byte>() : allocated(count, dtype);
  with_element(dtype, [&](auto tag) {
    using To = typename decltype(tag)::type;
    std::byte* out = lone ? lone->bytes.data() : bytes.data();
    for (const From value : values) {
      const To element = narrowed<To>(value);
      std::memcpy(out, &element, sizeof element);
      out += sizeof element;
    }
  });
  if (!lone) return Tensor(dtype, std::move(shape), bytes_of(std::move(bytes)));
  const std::span<const std::byte> one(lone->bytes.data(), size_of(dtype));
  return Tensor(dtype, std::move(shape), Bytes(std::move(lone), one));
}

/// Every element, widened, as `To`.
template <class To>
std::vector<To> all_as(const TensorView& view) {
  std::vector<To> values;
  values.reserve(view.bytes.size() / size_of(view.dtype));
  with_element(view.dtype, [&](auto tag) {
    using From = typename decltype(tag)::type;
    for (std::size_t at = 0; at < view.bytes.size(); at += sizeof(From)) {
      values.push_back(narrowed<To>(widened(element_at<From>(view.bytes.data() + at))));
    }
  });
  return values;
}

/// Whether `as` may look at the bytes: at an address that fits, booleans as 0 and 1.
bool is_usable(std::span<const std::byte> data, DType dtype) {
  const std::size_t alignment = std::min<std::size_t>(size_of(dtype), 8);
  const bool aligned = reinterpret_cast<std::uintptr_t>(data.data()) % alignment == 0;
  return aligned && (dtype != DType::boolean ||
                     std::ranges::none_of(data, [](std::byte b) { return b > std::byte{1}; }));
}

/// The bytes, or a copy that is usable.
Bytes usable(const Bytes& given, DType dtype) {
  Bytes bytes = given.now();
  const std::span<const std::byte> data = bytes.data();
  if (is_usable(data, dtype)) return bytes;
  std::vector<std::byte> copy(data.begin(), data.end());
  if (dtype == DType::boolean)
    std::ranges::replace_if(
        copy, [](std::byte b) { return b > std::byte{1}; }, std::byte{1});
  return bytes_of(std::move(copy));
}

}  // namespace

void TensorView::require(DType wanted) const {
  if (wanted == dtype) return;
  throw Error(Fault::bug, "",
              fmt::format("a tensor of {} is read as one of {}", name_of(dtype), name_of(wanted)));
}

Tensor::Tensor(DType dtype, std::vector<std::int64_t> shape, Bytes bytes)
    : dtype_(dtype), shape_(std::move(shape)), bytes_(std::move(bytes)) {
  check_size();
  if (bytes_.waiting()) {
    bytes_ = Bytes::later(bytes_.size(), [bytes = bytes_, dtype] { return usable(bytes, dtype); });
  } else if (!is_usable(bytes_.data(), dtype)) {
    bytes_ = usable(bytes_, dtype);
  }
}

void Tensor::check_size() const {
  const auto count = static_cast<std::uint64_t>(count_elements(shape_));
  const std::uint64_t size = bytes_.size();
  if (size % size_of(dtype_) == 0 && size / size_of(dtype_) == count) return;
  throw Error(Fault::model, "",
              fmt::format("{} needs {} elements of {} bytes and is given {} bytes",
                          to_text(dtype_, shape_), count, size_of(dtype_), size));
}

Tensor Tensor::zeros(DType dtype, std::vector<std::int64_t> shape) {
  std::vector<std::byte> bytes = allocated(count_elements(shape), dtype);
  return Tensor(dtype, std::move(shape), bytes_of(std::move(bytes)));
}

Tensor Tensor::filled(DType dtype, std::vector<std::int64_t> shape, double number) {
  const std::vector<double> values(static_cast<std::size_t>(count_elements(shape)), number);
  return from_doubles(dtype, std::move(shape), values);
}

Tensor Tensor::from_doubles(DType dtype, std::vector<std::int64_t> shape,
                            std::span<const double> values) {
  return made_from(dtype, std::move(shape), values);
}

Tensor Tensor::from_integers(DType dtype, std::vector<std::int64_t> shape,
                             std::span<const std::int64_t> values) {
  return made_from(dtype, std::move(shape), values);
}

TensorType Tensor::type() const { return {dtype_, Shape(shape_.begin(), shape_.end())}; }

std::int64_t Tensor::count() const { return count_elements(shape_); }

std::vector<double> Tensor::doubles() const {
  expect(!is_complex(dtype_), "complex elements are not read as doubles");
  return all_as<double>(view());
}

std::vector<std::int64_t> Tensor::integers() const {
  expect(!is_complex(dtype_), "complex elements are not read as integers");
  return all_as<std::int64_t>(view());
}

Tensor Tensor::reshaped(std::vector<std::int64_t> shape) const {
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  tensor.check_size();
  return tensor;
}

Tensor Tensor::converted(DType dtype) const {
  if (dtype == dtype_) return *this;
  std::vector<std::byte> bytes = allocated(count(), dtype);
  const std::span<const std::byte> old = bytes_.data();
  with_element(dtype_, [&](auto from) {
    with_element(dtype, [&](auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      std::byte* out = bytes.data();
      for (std::size_t at = 0; at < old.size(); at += sizeof(From)) {
        const To element = narrowed<To>(widened(element_at<From>(old.data() + at)));
        std::memcpy(out, &element, sizeof element);
        out += sizeof element;
      }
    });
  });
  return Tensor(dtype, shape_, bytes_of(std::move(bytes)));
}

bool Tensor::same_bits(const Tensor& other) const {
  return dtype_ == other.dtype_ && shape_ == other.shape_ &&
         std::ranges::equal(bytes_.data(), other.bytes_.data());
}

std::int64_t count_elements(std::span<const std::int64_t> shape) {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t length : shape) {
    if (length < 0) {
      throw Error(Fault::model, "", fmt::format("the shape {} has a negative length", shape));
    }
    if (length == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, length, &count) || count > most) {
      throw Error(Fault::model, "", fmt::format("the shape {} has too many elements", shape));
    }
  }
  return empty ? 0 : count;
}

std::string to_text(DType dtype, std::span<const std::int64_t> shape) {
  return fmt::format("{}[{}]", name_of(dtype), fmt::join(shape, ", "));
}

}  // namespace isomer
