#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"
#include "vocabularies/numpy/numbers.h"

namespace isomer::numpy {
namespace {

// What can be walked over: a list, a tuple, or an array along its first axis.
std::vector<Value> walked(const Value& value) {
  if (const auto* items = items_of(value)) return *items;
  const Array* array = value.as<Array>();
  if (array == nullptr || array->tensor.shape().empty()) {
    throw Error(Fault::model, "", fmt::format("{} has no items", describe(value)));
  }
  bound_items(static_cast<std::uint64_t>(array->tensor.shape()[0]));
  std::vector<Value> result;
  for (std::int64_t i = 0; i < array->tensor.shape()[0]; ++i) {
    result.push_back(subscript(value, {Index{false, {i}, {}}}, false));
  }
  return result;
}

Value absolute(const Bound& a) {
  if (const double* number = a[0].as<double>()) return {std::abs(*number)};
  if (is_number(a[0])) return integer_of(a[0]) < 0 ? unary("-", a[0]) : Value{integer_of(a[0])};
  return call("numpy.abs", {{a[0]}, {""}}, a.width);
}

template <bool greatest>
Value extreme(const Bound& a) {
  std::vector<Value> items;
  for (const Value* value : a.values) {
    if (value != nullptr) items.push_back(*value);
  }
  if (items.size() == 1) items = walked(items[0]);
  if (items.empty())
    throw Error(Fault::model, "", "the largest or smallest of nothing is asked for");
  Value best = items[0];
  for (const Value& item : items) {
    if (truth_of(compare(greatest ? ">" : "<", item, best))) best = item;
  }
  return best;
}

Value total(const Bound& a) {
  Value sum = a.has(1) ? a[1] : Value{std::int64_t{0}};
  for (const Value& item : walked(a[0])) sum = binary("+", sum, item);
  return sum;
}

std::int64_t whole_number(double number) {
  constexpr double beyond = 9223372036854775808.0;  // 2 ** 63
  if (!(number >= -beyond && number < beyond))
    throw Error(Fault::model, "", fmt::format("{} does not fit 64 bits", real_text(number)));
  return static_cast<std::int64_t>(number);
}

Value rounded(const Bound& a) {
  if (a.has(1)) {
    const double number = real_of(a[0]);
    const double scale = std::pow(10.0, static_cast<double>(integer_of(a[1])));
    if (scale == 0) return {std::copysign(0.0, number)};
    const double scaled = number * scale;
    return {std::isfinite(scaled) ? std::nearbyint(scaled) / scale : number};
  }
  const double* number = a[0].as<double>();
  return number != nullptr ? Value{whole_number(std::nearbyint(*number))} : a[0];
}

Value whole_of(const Bound& a) {
  const Array* array = a[0].as<Array>();
  const bool real =
      array != nullptr ? is_floating(array->tensor.dtype()) : a[0].as<double>() != nullptr;
  return {real ? whole_number(real_of(a[0])) : integer_of(a[0])};
}

Value real_value(const Bound& a) {
  if (const std::string* text = a[0].as<std::string>()) {
    const Value number = number_in(*text);
    if (!number.is_none()) return {real_of(number)};
  }
  return {real_of(a[0])};
}

Value truth(const Bound& a) { return {truth_of(a[0])}; }

Value length(const Bound& a) {
  if (const Dict* dict = a[0].as<Dict>()) return {static_cast<std::int64_t>(dict->items.size())};
  if (const Array* array = a[0].as<Array>(); array != nullptr && !array->tensor.shape().empty()) {
    return {array->tensor.shape()[0]};
  }
  if (const auto* items = items_of(a[0])) return {static_cast<std::int64_t>(items->size())};
  throw Error(Fault::model, "", fmt::format("{} has no length", describe(a[0])));
}

Value power(const Bound& a) { return binary("**", a[0], a[1]); }

Value any(const Bound& a) {
  for (const Value& item : walked(a[0])) {
    if (truth_of(item)) return {true};
  }
  return {false};
}

Value all(const Bound& a) {
  for (const Value& item : walked(a[0])) {
    if (!truth_of(item)) return {false};
  }
  return {true};
}

Value list(const Bound& a) { return {List{a.has(0) ? walked(a[0]) : std::vector<Value>()}}; }
Value tuple(const Bound& a) { return {Tuple{a.has(0) ? walked(a[0]) : std::vector<Value>()}}; }

Value range(const Bound& a) {
  const std::int64_t first = a.has(1) ? integer_of(a[0]) : 0;
  const std::int64_t stop = a.has(1) ? integer_of(a[1]) : integer_of(a[0]);
  const std::int64_t step = a.integer(2, 1);
  if (step == 0) throw Error(Fault::model, "", "a range cannot advance by 0");
  // The distance of two integers may not fit one with a sign; the numbers between them do.
  const auto distance = static_cast<std::uint64_t>(step > 0 ? stop : first) -
                        static_cast<std::uint64_t>(step > 0 ? first : stop);
  const auto pace = step > 0 ? static_cast<std::uint64_t>(step) : -static_cast<std::uint64_t>(step);
  const bool any = step > 0 ? first < stop : first > stop;
  const std::uint64_t count = any ? (distance - 1) / pace + 1 : 0;
  bound_items(count);
  List result;
  for (std::uint64_t i = 0; i < count; ++i)
    result.items.push_back({first + static_cast<std::int64_t>(i) * step});
  return {std::move(result)};
}

Value quotient_and_rest(const Bound& a) {
  return {Tuple{{binary("//", a[0], a[1]), binary("%", a[0], a[1])}}};
}

template <double (*function)(double)>
Value plain(const Bound& a) {
  const double x = real_of(a[0]);
  const double result = function(x);
  if (std::isnan(result) && !std::isnan(x)) {
    throw Error(Fault::model, "", fmt::format("{} is outside the function's domain", real_text(x)));
  }
  if (std::isinf(result) && std::isfinite(x)) {
    throw Error(Fault::model, "",
                fmt::format("the function's value at {} is too large", real_text(x)));
  }
  return {result};
}

template <double (*function)(double)>
Value whole(const Bound& a) {
  const Value result{function(real_of(a[0]))};
  return whole_of({{&result}, a.width});
}

Value based_logarithm(const Bound& a) {
  const Value top = plain<::log>({{a.values[0]}, a.width});
  if (!a.has(1)) return top;
  return binary("/", top, plain<::log>({{a.values[1]}, a.width}));
}
Value raised(const Bound& a) { return {std::pow(real_of(a[0]), real_of(a[1]))}; }
Value angle(const Bound& a) { return {std::atan2(real_of(a[0]), real_of(a[1]))}; }
Value hypotenuse(const Bound& a) { return {std::hypot(real_of(a[0]), real_of(a[1]))}; }
Value rest(const Bound& a) { return {std::fmod(real_of(a[0]), real_of(a[1]))}; }
Value is_nan(const Bound& a) { return {std::isnan(real_of(a[0]))}; }
Value is_infinite(const Bound& a) { return {std::isinf(real_of(a[0]))}; }

constexpr std::string_view many = "a b? c? d? e? f? g? h?";

constexpr LibraryFunction rows[] = {
    {"abs", "x", absolute},
    {"max", many, extreme<true>},
    {"min", many, extreme<false>},
    {"sum", "x start?", total},
    {"round", "x digits?", rounded},
    {"int", "x", whole_of},
    {"float", "x", real_value},
    {"bool", "x", truth},
    {"len", "x", length},
    {"pow", "x y", power},
    {"any", "x", any},
    {"all", "x", all},
    {"list", "x?", list},
    {"tuple", "x?", tuple},
    {"range", "start stop? step?", range},
    {"divmod", "x y", quotient_and_rest},
    {"math.exp", "x", plain<::exp>},
    {"math.expm1", "x", plain<::expm1>},
    {"math.log", "x base?", based_logarithm},
    {"math.log2", "x", plain<::log2>},
    {"math.log10", "x", plain<::log10>},
    {"math.log1p", "x", plain<::log1p>},
    {"math.sqrt", "x", plain<::sqrt>},
    {"math.pow", "x y", raised},
    {"math.sin", "x", plain<::sin>},
    {"math.cos", "x", plain<::cos>},
    {"math.tan", "x", plain<::tan>},
    {"math.asin", "x", plain<::asin>},
    {"math.acos", "x", plain<::acos>},
    {"math.atan", "x", plain<::atan>},
    {"math.atan2", "y x", angle},
    {"math.hypot", "x y", hypotenuse},
    {"math.sinh", "x", plain<::sinh>},
    {"math.cosh", "x", plain<::cosh>},
    {"math.tanh", "x", plain<::tanh>},
    {"math.erf", "x", plain<::erf>},
    {"math.floor", "x", whole<::floor>},
    {"math.ceil", "x", whole<::ceil>},
    {"math.trunc", "x", whole<::trunc>},
    {"math.fabs", "x", plain<::fabs>},
    {"math.fmod", "x y", rest},
    {"math.degrees", "x", plain<degrees>},
    {"math.radians", "x", plain<radians>},
    {"math.isnan", "x", is_nan},
    {"math.isinf", "x", is_infinite},
};

}  // namespace

std::span<const LibraryFunction> python_functions() { return rows; }

}  // namespace isomer::numpy
