#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/text.h"
#include "graph/text.h"
#include "graph/text_reader.h"

namespace isomer {
namespace {

class Reader {
 public:
  Reader(Cursor& cursor, DType dtype) : cursor_(cursor), dtype_(dtype) {}

  void read() { nested(0); }

  Tensor finish(const std::optional<std::vector<std::int64_t>>& shape, std::size_t begin) {
    // "[]" is every tensor without elements; its own nesting cannot say which.
    if (shape && bytes_.empty() && count_elements(*shape) == 0)
      return Tensor::zeros(dtype_, *shape);
    if (shape && *shape != shape_) {
      cursor_.fail(fmt::format("these elements are {} and should be {}", to_text(dtype_, shape_),
                               to_text(dtype_, *shape)),
                   begin);
    }
    return Tensor(dtype_, shape_, bytes_of(std::move(bytes_)));
  }

 private:
  void nested(std::size_t axis) {
    if (cursor_.peek() != '[') {
      leaf(axis);
      return;
    }
    const std::size_t begin = cursor_.offset();
    if (shape_.size() <= axis) {
      if (deepest_) cursor_.fail("a list stands where other lists of this depth hold numbers");
      shape_.push_back(-1);
    }
    std::int64_t count = 0;
    read_list(cursor_, "[", "]", [&] {
      nested(axis + 1);
      ++count;
    });
    if (shape_[axis] == -1) shape_[axis] = count;
    if (shape_[axis] != count) {
      cursor_.fail(fmt::format("a list has {} where others of this depth have {}",
                               counted(static_cast<std::size_t>(count), "element"), shape_[axis]),
                   begin);
    }
  }

  void leaf(std::size_t axis) {
    if (shape_.size() != axis)
      cursor_.fail("a number stands where other lists of this depth hold lists");
    deepest_ = true;
    switch (dtype_) {
      case DType::boolean: return boolean();
      case DType::i8: return integer<std::int8_t>();
      case DType::u8: return integer<std::uint8_t>();
      case DType::i16: return integer<std::int16_t>();
      case DType::i32: return integer<std::int32_t>();
      case DType::i64: return integer<std::int64_t>();
      case DType::f16: return narrow<Half>(to_half);
      case DType::bf16: return narrow<BFloat16>(to_bfloat16);
      case DType::f32: return keep(real<float>());
      case DType::f64: return keep(real<double>());
      case DType::c64: return pair<float>();
      case DType::c128: return pair<double>();
    }
  }

  void boolean() {
    if (cursor_.take("true")) return keep(std::uint8_t{1});
    if (cursor_.take("false")) return keep(std::uint8_t{0});
    cursor_.fail("true or false should come here");
  }

  template <class Integer>
  void integer() {
    const std::size_t begin = cursor_.offset();
    const std::int64_t value = cursor_.integer();
    if (cursor_.peek() == '.' || cursor_.peek() == 'e') {
      cursor_.fail(fmt::format("an element of {} is an integer", name_of(dtype_)), begin);
    }
    if (value < std::int64_t{std::numeric_limits<Integer>::min()} ||
        value > std::int64_t{std::numeric_limits<Integer>::max()}) {
      cursor_.fail(fmt::format("{} does not fit in {}", value, name_of(dtype_)), begin);
    }
    keep(static_cast<Integer>(value));
  }

  template <class Real>
  Real real() {
    const std::size_t begin = cursor_.offset();
    if (cursor_.take("nan")) {
      if (cursor_.peek() != '(') return std::numeric_limits<Real>::quiet_NaN();
      return payload<Real>();
    }
    const bool negative = cursor_.take("-");
    const Real sign = negative ? Real(-1) : Real(1);
    if (cursor_.take("nan")) return std::copysign(std::numeric_limits<Real>::quiet_NaN(), sign);
    if (cursor_.take("inf")) return std::copysign(std::numeric_limits<Real>::infinity(), sign);
    const std::string_view digits = cursor_.peek() == '-' ? "" : cursor_.word(".+-");
    Real value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) {
      cursor_.fail(fmt::format("{} is beyond {}; write inf or 0", quoted(digits), name_of(dtype_)),
                   begin);
    }
    if (error != std::errc() || end != digits.data() + digits.size()) {
      cursor_.fail("a number should come here: 1, -0.5, 1e-3, inf, -inf or nan", begin);
    }
    return std::copysign(value, sign);
  }

  /// A half, whose NaN may have bits of its own.
  template <class Narrow, class Round>
  void narrow(Round round) {
    const std::size_t begin = cursor_.offset();
    if (cursor_.take("nan") && cursor_.peek() == '(') return keep(payload<Narrow>());
    cursor_.move_to(begin);
    keep(round(real<float>()));
  }

  static bool is_nan(float value) { return value != value; }
  static bool is_nan(double value) { return value != value; }
  template <class Narrow>
  static bool is_nan(Narrow value) {
    return is_nan(to_float(value));
  }

  /// The bits of a NaN that is not the usual one.
  template <class Real>
  Real payload() {
    using Bits =
        std::conditional_t<sizeof(Real) == 2, std::uint16_t,
                           std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>>;
    cursor_.demand("(");
    const std::string_view digits = cursor_.word();
    Bits bits = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    const Real value = std::bit_cast<Real>(bits);
    if (error != std::errc() || end != digits.data() + digits.size() || !is_nan(value)) {
      cursor_.fail(fmt::format("{} are not the bits of a NaN", quoted(digits)));
    }
    cursor_.demand(")");
    return value;
  }

  template <class Real>
  void pair() {
    cursor_.demand("(");
    const auto re = real<Real>();
    cursor_.demand(",");
    const auto im = real<Real>();
    cursor_.demand(")");
    keep(std::complex<Real>(re, im));
  }

  template <class T>
  void keep(const T& element) {
    const auto* const begin = reinterpret_cast<const std::byte*>(&element);
    bytes_.insert(bytes_.end(), begin, begin + sizeof element);
  }

  Cursor& cursor_;
  DType dtype_;
  std::vector<std::int64_t> shape_;
  bool deepest_ = false;  // a number was seen, so the rank is known
  std::vector<std::byte> bytes_;
};

}  // namespace

Tensor read_elements(Cursor& cursor, DType dtype,
                     const std::optional<std::vector<std::int64_t>>& shape) {
  const std::size_t begin = cursor.offset();
  Reader reader(cursor, dtype);
  reader.read();
  return reader.finish(shape, begin);
}

Tensor parse_elements(std::string_view text, DType dtype,
                      std::optional<std::vector<std::int64_t>> shape) {
  Cursor cursor(text);
  Tensor tensor = read_elements(cursor, dtype, shape);
  if (!cursor.at_end()) cursor.fail("the elements should end here");
  return tensor;
}

}  // namespace isomer
