#include "vocabularies/numpy/operations.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/composites.h"

namespace isomer::numpy {

double floor_quotient(double x, double y) {
  // Python's definition: the rest first, so that the two always agree.
  double rest = std::fmod(x, y);
  double quotient = (x - rest) / y;
  if (rest != 0 && (rest < 0) != (y < 0)) quotient -= 1;
  if (y == 0) return x / y;
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

double rest_of(double x, double y) {
  double rest = std::fmod(x, y);
  if (rest == 0) return std::copysign(0.0, y);
  if ((rest < 0) != (y < 0)) rest += y;
  return rest;
}

std::int64_t floor_quotient(std::int64_t x, std::int64_t y) {
  if (y == 0) return 0;
  if (y == -1) return static_cast<std::int64_t>(-static_cast<std::uint64_t>(x));
  return x / y - ((x % y != 0 && (x < 0) != (y < 0)) ? 1 : 0);
}

std::int64_t rest_of(std::int64_t x, std::int64_t y) {
  if (y == 0 || y == -1) return 0;
  const std::int64_t rest = x % y;
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

namespace {

std::int64_t wrapped(std::uint64_t bits) { return static_cast<std::int64_t>(bits); }
std::uint64_t bits_of(std::int64_t x) { return static_cast<std::uint64_t>(x); }

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::uint64_t result = 1;
  std::uint64_t factor = bits_of(base);
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= factor;
    factor *= factor;
  }
  return wrapped(result);
}

double log_of_sum(double x, double y) {
  if (x == y) return x + std::numbers::ln2;
  const double apart = x - y;
  if (std::isnan(apart)) return apart;
  return apart > 0 ? x + std::log1p(std::exp(-apart)) : y + std::log1p(std::exp(apart));
}
double log2_of_sum(double x, double y) {
  if (x == y) return x + 1;
  const double apart = x - y;
  if (std::isnan(apart)) return apart;
  const double least = std::log1p(std::exp2(-std::abs(apart))) * std::numbers::log2e;
  return (apart > 0 ? x : y) + least;
}
double step_at(double x, double half) { return std::isnan(x) ? x : x == 0 ? half : x < 0 ? 0 : 1; }

double add(double x, double y) { return x + y; }
double subtract(double x, double y) { return x - y; }
double multiply(double x, double y) { return x * y; }
double divide(double x, double y) { return x / y; }
double raise(double x, double y) { return std::pow(x, y); }
double larger(double x, double y) { return std::isnan(x) || x > y ? x : y; }
double smaller(double x, double y) { return std::isnan(x) || x < y ? x : y; }

std::int64_t add(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) + bits_of(y)); }
std::int64_t subtract(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) - bits_of(y)); }
std::int64_t multiply(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) * bits_of(y)); }
std::int64_t raise(std::int64_t x, std::int64_t y) {
  if (y < 0) refuse("integers of an array cannot be raised to negative powers");
  return power(x, y);
}
std::int64_t larger(std::int64_t x, std::int64_t y) { return std::max(x, y); }
std::int64_t smaller(std::int64_t x, std::int64_t y) { return std::min(x, y); }
std::int64_t both(std::int64_t x, std::int64_t y) { return x & y; }
std::int64_t either(std::int64_t x, std::int64_t y) { return x | y; }
std::int64_t one_of(std::int64_t x, std::int64_t y) { return x ^ y; }
std::int64_t shifted_left(std::int64_t x, std::int64_t y) {
  return y < 0 || y > 63 ? 0 : wrapped(bits_of(x) << y);
}
std::int64_t shifted_right(std::int64_t x, std::int64_t y) {
  return x >> (y < 0 || y > 63 ? 63 : y);
}

std::int64_t rest_towards_zero(std::int64_t x, std::int64_t y) {
  return y == 0 || y == -1 ? 0 : x % y;
}
std::int64_t greatest_divisor(std::int64_t x, std::int64_t y) {
  std::uint64_t a = x < 0 ? -bits_of(x) : bits_of(x);
  std::uint64_t b = y < 0 ? -bits_of(y) : bits_of(y);
  while (b != 0) a = std::exchange(b, a % b);
  return wrapped(a);
}

std::int64_t least_multiple(std::int64_t x, std::int64_t y) {
  const std::int64_t divisor = greatest_divisor(x, y);
  if (divisor == 0) return 0;
  const std::uint64_t product = bits_of(x / divisor) * bits_of(y);
  return wrapped((x < 0) != (y < 0) ? -product : product);
}

/// Of a comparison of the standard library: 1 where it holds.
template <class Comparison, class T>
T holds(T x, T y) {
  return Comparison()(x, y);
}

using BinaryKind = BinaryUfunc::Kind;

// Integers by themselves: beyond 2 ** 53 doubles do not hold them.
constexpr BinaryUfunc table[] = {
    {"+", "numpy.add", BinaryKind::joint, add, add, "add", "logical_or"},
    {"-", "numpy.subtract", BinaryKind::joint, subtract, subtract, "sub"},
    {"*", "numpy.multiply", BinaryKind::joint, multiply, multiply, "mul", "logical_and"},
    {"/", "numpy.divide numpy.true_divide", BinaryKind::real, divide, nullptr, "div"},
    {"//", "numpy.floor_divide", BinaryKind::joint, floor_quotient, floor_quotient, "floor_divide"},
    {"%", "numpy.remainder numpy.mod", BinaryKind::joint, rest_of, rest_of, "remainder"},
    {"**", "numpy.power", BinaryKind::joint, raise, raise, "pow", "", emit_power},
    {"&", "numpy.bitwise_and", BinaryKind::joint, nullptr, both, "bitwise_and", "logical_and"},
    {"|", "numpy.bitwise_or", BinaryKind::joint, nullptr, either, "bitwise_or", "logical_or"},
    {"^", "numpy.bitwise_xor", BinaryKind::joint, nullptr, one_of, "bitwise_xor", "logical_xor"},
    {"<<", "numpy.left_shift", BinaryKind::joint, nullptr, shifted_left, "shift_left"},
    {">>", "numpy.right_shift", BinaryKind::joint, nullptr, shifted_right, "shift_right"},
    {"<", "numpy.less", BinaryKind::truth, holds<std::less<>>, holds<std::less<>>, "lt"},
    {"<=", "numpy.less_equal", BinaryKind::truth, holds<std::less_equal<>>,
     holds<std::less_equal<>>, "le"},
    {">", "numpy.greater", BinaryKind::truth, holds<std::greater<>>, holds<std::greater<>>, "gt"},
    {">=", "numpy.greater_equal", BinaryKind::truth, holds<std::greater_equal<>>,
     holds<std::greater_equal<>>, "ge"},
    {"==", "numpy.equal", BinaryKind::truth, holds<std::equal_to<>>, holds<std::equal_to<>>, "eq"},
    {"!=", "numpy.not_equal", BinaryKind::truth, holds<std::not_equal_to<>>,
     holds<std::not_equal_to<>>, "ne"},
    {"", "numpy.maximum", BinaryKind::joint, larger, larger, "maximum", "logical_or"},
    {"", "numpy.minimum", BinaryKind::joint, smaller, smaller, "minimum", "logical_and"},
    {"", "numpy.fmax", BinaryKind::joint, ::fmax, larger, "", "logical_or", emit_fmax},
    {"", "numpy.fmin", BinaryKind::joint, ::fmin, smaller, "", "logical_and", emit_fmin},
    {"", "numpy.logical_and", BinaryKind::logical, nullptr, both, "logical_and"},
    {"", "numpy.logical_or", BinaryKind::logical, nullptr, either, "logical_or"},
    {"", "numpy.logical_xor", BinaryKind::logical, nullptr, one_of, "logical_xor"},
    {"", "numpy.arctan2", BinaryKind::real, ::atan2, nullptr, "", "", emit_arctan2},
    {"", "numpy.copysign", BinaryKind::real, ::copysign, nullptr, "copysign"},
    {"", "numpy.fmod", BinaryKind::joint, ::fmod, rest_towards_zero, "fmod"},
    {"", "numpy.gcd", BinaryKind::joint, nullptr, greatest_divisor, "gcd"},
    {"", "numpy.lcm", BinaryKind::joint, nullptr, least_multiple, "", "", emit_lcm},
    {"", "numpy.hypot", BinaryKind::real, ::hypot, nullptr, "", "", emit_hypot},
    {"", "numpy.logaddexp", BinaryKind::real, log_of_sum, nullptr, "", "", emit_logaddexp},
    {"", "numpy.logaddexp2", BinaryKind::real, log2_of_sum, nullptr, "", "", emit_logaddexp2},
    {"", "numpy.heaviside", BinaryKind::real, step_at, nullptr, "", "", emit_heaviside},
};

/// The type of an array; none of what is weak: a plain number, or a length.
std::optional<DType> own_type(const Value& value) {
  if (const Array* array = value.as<Array>()) return array->tensor.dtype();
  if (const Traced* traced = value.as<Traced>()) return traced->trace->b.dtype(traced->id);
  return std::nullopt;
}

// A plain number takes the array's type where that can hold its kind.
DType type_beside(const Value& value, DType other, DType real) {
  if (value.as<double>() != nullptr) return is_floating(other) ? other : real;
  if (value.as<bool>() != nullptr) return DType::boolean;
  return other == DType::boolean ? DType::i64 : other;
}

/// The type in which it is computed.
DType working_type(const BinaryUfunc& op, const Value& x, const Value& y, DType real) {
  const DType joint = joint_type(x, y, real);
  if (op.kind == BinaryKind::logical) return DType::boolean;
  if (op.kind == BinaryKind::real && !is_floating(joint)) {
    if (op.sign == "/") return real;
    const auto narrow = [&](const Value& value) {
      return ufunc_real_type(own_type(value).value_or(joint), real);
    };
    return common_type(narrow(x), narrow(y), real);
  }
  if (op.kind != BinaryKind::joint || joint != DType::boolean || !op.truths.empty()) return joint;
  if (op.sign == "-") refuse("arrays of truths cannot be subtracted: '^' says where they differ");
  return DType::i8;
}

// A weak number is rounded to the array's type before the operation; f32 with f64 is not.
Tensor operand_of(const Value& value, DType joint) {
  Tensor tensor = tensor_of(value);
  const bool round = is_number(value) && is_floating(joint) && joint != DType::f64;
  return round || joint == DType::boolean ? tensor.converted(joint) : tensor;
}

/// Python's integers compare with any type; to be computed with they must fit it.
DType fitting_type(const BinaryUfunc& op, const Value& x, const Value& y, DType dtype) {
  if (op.kind == BinaryKind::truth) return fits(x, dtype) && fits(y, dtype) ? dtype : DType::i64;
  demand_fit(x, dtype);
  demand_fit(y, dtype);
  return dtype;
}

Value apply_traced(const BinaryUfunc& op, const Trace& trace, const Value& x, const Value& y) {
  Emitter& b = trace.b;
  const auto strong = [&](const Value& value) {
    return own_type(value) || is_number(value) ? value
                                               : Value{Traced{&trace, materialized(trace, value)}};
  };
  const Value right = strong(y);
  const Value left = own_type(right) ? strong(x) : Value{Traced{&trace, materialized(trace, x)}};
  const DType joint = working_type(op, left, right, trace.real);
  const DType dtype = fitting_type(op, left, right, joint);
  const ValueId first = materialized(trace, left, dtype);
  const ValueId second = materialized(trace, right, dtype);
  const auto give = [&](ValueId id) { return Value{Traced{&trace, id}}; };
  if (dtype == DType::boolean && !op.truths.empty())
    return give(b.emit(op.truths, {first, second}));
  if (op.emit != nullptr) return give(op.emit(b, first, second));
  if (op.ours.empty()) {
    throw Error(Fault::unsupported, "",
                fmt::format("'{}' of integers has no operator in a graph", op.sign));
  }
  return give(b.emit(op.ours, {first, second}));
}

}  // namespace

std::span<const BinaryUfunc> binary_ufuncs() { return table; }

// Two plain numbers are taken for arrays, as NumPy's functions take them.
DType joint_type(const Value& x, const Value& y, DType real) {
  const auto a = own_type(x);
  const auto b = own_type(y);
  const DType other = b ? *b : DType::boolean;
  const DType left = a ? *a : type_beside(x, other, real);
  return common_type(left, b ? *b : type_beside(y, left, real), real);
}

const BinaryUfunc& binary_named(std::string_view name) {
  const auto found = std::ranges::find(table, name, &BinaryUfunc::names);
  expect(found != std::end(table), "a name that the library calls has a row");
  return *found;
}

const BinaryUfunc& binary_of(std::string_view sign) {
  const auto found = std::ranges::find(table, sign, &BinaryUfunc::sign);
  expect(found != std::end(table), "every sign of the language has a row");
  return *found;
}

std::optional<double> lone_real(const Value& value) {
  if (const Array* array = value.as<Array>()) {
    const Tensor& tensor = array->tensor;
    if (tensor.dtype() != DType::f64 || !tensor.shape().empty()) return std::nullopt;
    return tensor.view().as<double>()[0];
  }
  return is_number(value) ? std::optional(real_of(value)) : std::nullopt;
}

std::optional<double> lone_result(const BinaryUfunc& op, std::optional<double> x,
                                  std::optional<double> y) {
  const bool real = op.kind == BinaryKind::joint || op.kind == BinaryKind::real;
  return real && op.reals != nullptr && x && y ? std::optional(op.reals(*x, *y)) : std::nullopt;
}

Value apply(const BinaryUfunc& op, const Value& x, const Value& y) {
  if (x.as<Array>() != nullptr || y.as<Array>() != nullptr) {
    if (const auto lone = lone_result(op, lone_real(x), lone_real(y)))
      return result_of(Tensor::from_doubles(DType::f64, {}, std::span(&*lone, 1)));
  }
  for (const Value* value : {&x, &y}) {
    if (const Trace* trace = trace_of(*value)) return apply_traced(op, *trace, x, y);
  }
  const auto arrayed = [](const Value& value) {
    return items_of(value) != nullptr ? array_value(tensor_of(value)) : value;
  };
  const Value right = arrayed(y);
  const Value left = own_type(right) ? arrayed(x) : array_value(tensor_of(x));
  const DType joint = working_type(op, left, right, DType::f64);
  const DType dtype = fitting_type(op, left, right, joint);
  const Tensor a = operand_of(left, dtype);
  const Tensor b = operand_of(right, dtype);
  const bool truths = op.kind == BinaryKind::truth || op.kind == BinaryKind::logical;
  const DType result = truths ? DType::boolean : dtype;
  if (!is_floating(dtype)) return result_of(map_pairs(a, b, result, op.integers));
  if (op.reals == nullptr)
    refuse(fmt::format("'{}' does not join {} and {}", op.sign, describe(x), describe(y)));
  return result_of(map_pairs(a, b, result, op.reals));
}

}  // namespace isomer::numpy
