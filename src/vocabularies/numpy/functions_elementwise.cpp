#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"

namespace isomer::numpy {
namespace {

template <double (*function)(double)>
Value elementwise(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(map_reals(x, real_type(x.dtype()), function));
}

double sign_of(double x) { return std::isnan(x) ? x : (x > 0) - (x < 0); }
double is_nan(double x) { return std::isnan(x); }
double is_infinite(double x) { return std::isinf(x); }
double is_finite(double x) { return std::isfinite(x); }
double inverse(double x) { return 1 / x; }

template <double (*function)(double)>
Value truths(const Bound& a) {
  return result_of(map_reals(a.tensor(0), DType::boolean, function));
}

std::int64_t unchanged(std::int64_t x, std::int64_t) { return x; }
std::int64_t magnitude(std::int64_t x, std::int64_t) {
  // Wraps, as NumPy's does.
  return x < 0 ? static_cast<std::int64_t>(-static_cast<std::uint64_t>(x)) : x;
}
std::int64_t sign_of(std::int64_t x, std::int64_t) { return (x > 0) - (x < 0); }

// Functions that make integers of integers, which doubles do not hold beyond 2 ** 53.
template <double (*reals)(double), std::int64_t (*integers)(std::int64_t, std::int64_t) = unchanged>
Value same_kind(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(is_floating(x.dtype()) ? map_reals(x, x.dtype(), reals)
                                          : map_integers(x, x, x.dtype(), integers));
}

double larger(double x, double y) { return std::isnan(x) || x > y ? x : y; }
double smaller(double x, double y) { return std::isnan(x) || x < y ? x : y; }
std::int64_t larger(std::int64_t x, std::int64_t y) { return std::max(x, y); }
std::int64_t smaller(std::int64_t x, std::int64_t y) { return std::min(x, y); }
double logical_and(double x, double y) { return x != 0 && y != 0; }
double logical_or(double x, double y) { return x != 0 || y != 0; }
double logical_xor(double x, double y) { return (x != 0) != (y != 0); }
double logical_not(double x) { return x == 0; }

DType pair_type(const Value& x, const Value& y) {
  // The type of x + y, by the same rules for plain numbers.
  return tensor_of(binary("+", x, y)).dtype();
}

template <double (*reals)(double, double), std::int64_t (*integers)(std::int64_t, std::int64_t)>
Value pairs(const Bound& a) {
  const Tensor x = a.tensor(0);
  const Tensor y = a.tensor(1);
  const bool any_array = a[0].as<Array>() != nullptr || a[1].as<Array>() != nullptr;
  const DType dtype = any_array ? pair_type(a[0], a[1]) : common_type(x.dtype(), y.dtype());
  return result_of(is_floating(dtype) ? map_pairs(x, y, dtype, reals)
                                      : map_integers(x, y, dtype, integers));
}

template <double (*function)(double, double)>
Value real_pairs(const Bound& a) {
  const Tensor x = a.tensor(0);
  const Tensor y = a.tensor(1);
  return result_of(map_pairs(x, y, real_type(common_type(x.dtype(), y.dtype())), function));
}

template <double (*function)(double, double)>
Value truth_pairs(const Bound& a) {
  return result_of(map_pairs(a.tensor(0), a.tensor(1), DType::boolean, function));
}

constexpr char plus[] = "+", minus[] = "-", times[] = "*", over[] = "/", into[] = "//",
               rest[] = "%", raised[] = "**", at[] = "@", below[] = "<",
               up_to[] = "<=", above[] = ">", from[] = ">=", same[] = "==", other[] = "!=";

template <const char* sign>
Value operation(const Bound& a) {
  return binary(sign, as_array(a[0]), a[1]);
}

template <const char* word>
Value comparison(const Bound& a) {
  return compare(word, as_array(a[0]), a[1]);
}

Value where(const Bound& a) {
  return result_of(chosen(a.tensor(0), a.tensor(1), a.tensor(2)), false);
}

Value clipped(const Bound& a) {
  Value result = as_array(a[0]);
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (!a.has(i)) continue;
    Bound both{{&result, a.values[i]}, a.width};
    result = i == 1 ? pairs<larger, larger>(both) : pairs<smaller, smaller>(both);
  }
  return result;
}

Value negative(const Bound& a) { return unary("-", as_array(a[0])); }
Value squared(const Bound& a) { return binary("*", as_array(a[0]), as_array(a[0])); }

constexpr LibraryFunction rows[] = {
    {"numpy.exp", "x", elementwise<::exp>},
    {"numpy.exp2", "x", elementwise<::exp2>},
    {"numpy.expm1", "x", elementwise<::expm1>},
    {"numpy.log", "x", elementwise<::log>},
    {"numpy.log2", "x", elementwise<::log2>},
    {"numpy.log10", "x", elementwise<::log10>},
    {"numpy.log1p", "x", elementwise<::log1p>},
    {"numpy.sqrt", "x", elementwise<::sqrt>},
    {"numpy.sin", "x", elementwise<::sin>},
    {"numpy.cos", "x", elementwise<::cos>},
    {"numpy.tan", "x", elementwise<::tan>},
    {"numpy.arcsin", "x", elementwise<::asin>},
    {"numpy.arccos", "x", elementwise<::acos>},
    {"numpy.arctan", "x", elementwise<::atan>},
    {"numpy.sinh", "x", elementwise<::sinh>},
    {"numpy.cosh", "x", elementwise<::cosh>},
    {"numpy.tanh", "x", elementwise<::tanh>},
    {"numpy.arcsinh", "x", elementwise<::asinh>},
    {"numpy.arccosh", "x", elementwise<::acosh>},
    {"numpy.arctanh", "x", elementwise<::atanh>},
    {"numpy.degrees", "x", elementwise<degrees>},
    {"numpy.radians", "x", elementwise<radians>},
    {"numpy.reciprocal", "x", elementwise<inverse>},
    {"numpy.rint", "x", elementwise<::nearbyint>},
    {"numpy.abs", "x", same_kind<::fabs, magnitude>},
    {"numpy.absolute", "x", same_kind<::fabs, magnitude>},
    {"numpy.fabs", "x", same_kind<::fabs, magnitude>},
    {"numpy.floor", "x", same_kind<::floor>},
    {"numpy.ceil", "x", same_kind<::ceil>},
    {"numpy.trunc", "x", same_kind<::trunc>},
    {"numpy.round", "x", same_kind<::nearbyint>},
    {"numpy.sign", "x", same_kind<sign_of, sign_of>},
    {"numpy.isnan", "x", truths<is_nan>},
    {"numpy.isinf", "x", truths<is_infinite>},
    {"numpy.isfinite", "x", truths<is_finite>},
    {"numpy.logical_not", "x", truths<logical_not>},
    {"numpy.maximum", "x y", pairs<larger, larger>},
    {"numpy.minimum", "x y", pairs<smaller, smaller>},
    {"numpy.fmax", "x y", pairs<larger, larger>},
    {"numpy.fmin", "x y", pairs<smaller, smaller>},
    {"numpy.arctan2", "x y", real_pairs<::atan2>},
    {"numpy.hypot", "x y", real_pairs<::hypot>},
    {"numpy.logical_and", "x y", truth_pairs<logical_and>},
    {"numpy.logical_or", "x y", truth_pairs<logical_or>},
    {"numpy.logical_xor", "x y", truth_pairs<logical_xor>},
    {"numpy.add", "x y", operation<plus>},
    {"numpy.subtract", "x y", operation<minus>},
    {"numpy.multiply", "x y", operation<times>},
    {"numpy.divide", "x y", operation<over>},
    {"numpy.true_divide", "x y", operation<over>},
    {"numpy.floor_divide", "x y", operation<into>},
    {"numpy.mod", "x y", operation<rest>},
    {"numpy.remainder", "x y", operation<rest>},
    {"numpy.power", "x y", operation<raised>},
    {"numpy.matmul", "x y", operation<at>},
    {"numpy.less", "x y", comparison<below>},
    {"numpy.less_equal", "x y", comparison<up_to>},
    {"numpy.greater", "x y", comparison<above>},
    {"numpy.greater_equal", "x y", comparison<from>},
    {"numpy.equal", "x y", comparison<same>},
    {"numpy.not_equal", "x y", comparison<other>},
    {"numpy.negative", "x", negative},
    {"numpy.square", "x", squared},
    {"numpy.clip", "x min max", clipped},
    {"numpy.where", "condition x y", where},
};

}  // namespace

std::span<const LibraryFunction> elementwise_functions() { return rows; }

}  // namespace isomer::numpy
