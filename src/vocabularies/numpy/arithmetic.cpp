#include "vocabularies/numpy/arithmetic.h"

#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arrays.h"

namespace isomer::numpy {
namespace {

[[noreturn]] void refuse(std::string_view sign, const Value& x, const Value& y) {
  throw Error(Fault::model, "",
              fmt::format("'{}' does not join {} and {}", sign, describe(x), describe(y)));
}

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

// --- Python numbers
// ------------------------------------------------------------------------------------------------

std::optional<std::int64_t> checked(std::string_view sign, std::int64_t x, std::int64_t y) {
  std::int64_t result = 0;
  const bool over = sign == "+"   ? __builtin_add_overflow(x, y, &result)
                    : sign == "-" ? __builtin_sub_overflow(x, y, &result)
                                  : __builtin_mul_overflow(x, y, &result);
  return over ? std::nullopt : std::optional(result);
}

std::int64_t checked_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) {
      throw Error(Fault::model, "", fmt::format("{} ** {} does not fit 64 bits", base, exponent));
    }
  }
  return result;
}

Value integers(std::string_view sign, std::int64_t x, std::int64_t y) {
  const auto nonzero = [&] {
    if (y == 0) throw Error(Fault::model, "", fmt::format("{} {} 0 divides by zero", x, sign));
  };
  const auto too_large = [&] {
    throw Error(Fault::model, "", fmt::format("{} {} {} does not fit 64 bits", x, sign, y));
  };
  if (sign == "+" || sign == "-" || sign == "*") {
    const auto result = checked(sign, x, y);
    if (!result) too_large();
    return {*result};
  }
  if (sign == "/") {
    nonzero();
    return {static_cast<double>(x) / static_cast<double>(y)};
  }
  if (sign == "//" || sign == "%") {
    nonzero();
    if (sign == "//" && y == -1 && x == std::numeric_limits<std::int64_t>::min()) too_large();
    return {sign == "%" ? rest_of(x, y) : floor_quotient(x, y)};
  }
  if (sign == "**") {
    if (y >= 0) return {checked_power(x, y)};
    if (x == 0) throw Error(Fault::model, "", "0 cannot be raised to a negative power");
    return {std::pow(static_cast<double>(x), static_cast<double>(y))};
  }
  if (sign == "<<" || sign == ">>") {
    if (y < 0) throw Error(Fault::model, "", fmt::format("a shift by {} bits", y));
    const std::int64_t bits = std::min<std::int64_t>(y, 63);
    if (sign == ">>" || x == 0) return {x >> bits};
    const std::int64_t shifted = wrapped(bits_of(x) << bits);
    if (y > 63 || shifted >> bits != x) too_large();
    return {shifted};
  }
  if (sign == "&") return {x & y};
  if (sign == "|") return {x | y};
  return {x ^ y};
}

Value reals(std::string_view sign, double x, double y) {
  if (sign == "+") return {x + y};
  if (sign == "-") return {x - y};
  if (sign == "*") return {x * y};
  if (y == 0 && (sign == "/" || sign == "//" || sign == "%")) {
    throw Error(Fault::model, "", fmt::format("{} {} 0 divides by zero", real_text(x), sign));
  }
  if (sign == "/") return {x / y};
  if (sign == "//") return {floor_quotient(x, y)};
  if (sign == "%") return {rest_of(x, y)};
  if (sign == "**") {
    if (x < 0 && std::floor(y) != y) {
      throw Error(Fault::model, "",
                  fmt::format("{} ** {} is a complex number", real_text(x), real_text(y)));
    }
    if (x == 0 && y < 0) throw Error(Fault::model, "", "0 cannot be raised to a negative power");
    return {std::pow(x, y)};
  }
  refuse(sign, {x}, {y});
}

Value numbers(std::string_view sign, const Value& x, const Value& y) {
  if (x.as<double>() != nullptr || y.as<double>() != nullptr)
    return reals(sign, real_of(x), real_of(y));
  const bool logical = sign == "&" || sign == "|" || sign == "^";
  const bool* left = x.as<bool>();
  const bool* right = y.as<bool>();
  if (logical && left != nullptr && right != nullptr) {
    return {sign == "&" ? (*left && *right) : sign == "|" ? (*left || *right) : *left != *right};
  }
  return integers(sign, integer_of(x), integer_of(y));
}

// --- lists, tuples, texts
// ------------------------------------------------------------------------------------------

std::vector<Value> repeated(const std::vector<Value>& items, std::int64_t times) {
  std::vector<Value> result;
  if (items.empty() || times <= 0) return result;
  std::uint64_t count = 0;
  for (const Value& item : items) count += values_in(item, 1);
  if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(times), &count))
    count = std::numeric_limits<std::uint64_t>::max();
  bound_items(count);
  for (std::int64_t i = 0; i < times; ++i) result.insert(result.end(), items.begin(), items.end());
  return result;
}

std::optional<Value> sequences(std::string_view sign, const Value& x, const Value& y) {
  const auto* left = items_of(x);
  const auto* right = items_of(y);
  if (left == nullptr && right == nullptr) return std::nullopt;
  const auto as_kind = [](const Value& like, std::vector<Value> items) {
    return like.as<List>() != nullptr ? Value{List{std::move(items)}}
                                      : Value{Tuple{std::move(items)}};
  };
  if (sign == "+" && left != nullptr && right != nullptr && x.data.index() == y.data.index()) {
    bound_items(values_in(x) + values_in(y));
    std::vector<Value> items = *left;
    items.insert(items.end(), right->begin(), right->end());
    return as_kind(x, std::move(items));
  }
  const Value& times = left != nullptr ? y : x;
  const bool whole = times.as<std::int64_t>() != nullptr || times.as<bool>() != nullptr;
  if (sign == "*" && whole)
    return as_kind(left != nullptr ? x : y, repeated(left ? *left : *right, integer_of(times)));
  return std::nullopt;
}

// --- arrays
// ----------------------------------------------------------------------------------------------------------

// A Python number is weak: it takes the array's type where that can hold its kind.
DType type_beside(const Value& value, DType other) {
  if (const Array* array = value.as<Array>()) return array->tensor.dtype();
  if (value.as<double>() != nullptr) return is_floating(other) ? other : DType::f64;
  if (value.as<std::int64_t>() != nullptr) return other == DType::boolean ? DType::i64 : other;
  return DType::boolean;
}

DType joint_type(const Value& x, const Value& y) {
  const Array* left = x.as<Array>();
  const Array* right = y.as<Array>();
  const DType a = left != nullptr ? left->tensor.dtype() : type_beside(x, right->tensor.dtype());
  const DType b = right != nullptr ? right->tensor.dtype() : type_beside(y, a);
  return common_type(a, b);
}

// A weak number is rounded to the array's type before the operation.
Tensor operand_of(const Value& value, DType joint) {
  Tensor tensor = tensor_of(value);
  return is_number(value) && joint == DType::f32 ? tensor.converted(joint) : tensor;
}

double add(double x, double y) { return x + y; }
double subtract(double x, double y) { return x - y; }
double multiply(double x, double y) { return x * y; }
double divide(double x, double y) { return x / y; }
double raise(double x, double y) { return std::pow(x, y); }
double floor_divide(double x, double y) { return floor_quotient(x, y); }
double remainder_of(double x, double y) { return rest_of(x, y); }

std::int64_t add(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) + bits_of(y)); }
std::int64_t subtract(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) - bits_of(y)); }
std::int64_t multiply(std::int64_t x, std::int64_t y) { return wrapped(bits_of(x) * bits_of(y)); }
std::int64_t floor_divide(std::int64_t x, std::int64_t y) { return floor_quotient(x, y); }
std::int64_t remainder_of(std::int64_t x, std::int64_t y) { return rest_of(x, y); }
std::int64_t raise(std::int64_t x, std::int64_t y) {
  if (y < 0)
    throw Error(Fault::model, "", "integers of an array cannot be raised to negative powers");
  return power(x, y);
}
std::int64_t both(std::int64_t x, std::int64_t y) { return x & y; }
std::int64_t either(std::int64_t x, std::int64_t y) { return x | y; }
std::int64_t one_of(std::int64_t x, std::int64_t y) { return x ^ y; }
std::int64_t shifted_left(std::int64_t x, std::int64_t y) {
  return y < 0 || y > 63 ? 0 : wrapped(bits_of(x) << y);
}
std::int64_t shifted_right(std::int64_t x, std::int64_t y) {
  return x >> (y < 0 || y > 63 ? 63 : y);
}

struct Operation {
  std::string_view sign;
  double (*reals)(double, double);
  std::int64_t (*integers)(std::int64_t, std::int64_t);
};

constexpr Operation operations[] = {
    {"+", add, add},
    {"-", subtract, subtract},
    {"*", multiply, multiply},
    {"/", divide, nullptr},
    {"//", floor_divide, floor_divide},
    {"%", remainder_of, remainder_of},
    {"**", raise, raise},
    {"&", nullptr, both},
    {"|", nullptr, either},
    {"^", nullptr, one_of},
    {"<<", nullptr, shifted_left},
    {">>", nullptr, shifted_right},
};

Value arrays(std::string_view sign, const Value& x, const Value& y) {
  if (sign == "@") return result_of(matrix_product(tensor_of(x), tensor_of(y)));
  const Value left = items_of(x) != nullptr ? array_value(tensor_of(x)) : x;
  const Value right = items_of(y) != nullptr ? array_value(tensor_of(y)) : y;
  const DType dtype = joint_type(left, right);
  const Tensor a = operand_of(left, dtype);
  const Tensor b = operand_of(right, dtype);
  for (const Operation& operation : operations) {
    if (operation.sign != sign) continue;
    if (!is_floating(dtype) && operation.integers != nullptr) {
      if (dtype == DType::boolean && sign == "-") {
        throw Error(Fault::model, "",
                    "arrays of truths cannot be subtracted: '^' says where they differ");
      }
      const bool truths = dtype == DType::boolean && sign != "//" && sign != "%" && sign != "**";
      return result_of(
          map_integers(a, b, truths ? DType::boolean : DType::i64, operation.integers));
    }
    if (operation.reals == nullptr) break;
    return result_of(map_pairs(a, b, is_floating(dtype) ? dtype : DType::f64, operation.reals));
  }
  refuse(sign, x, y);
}

template <class T>
T less(T x, T y) {
  return x < y;
}
template <class T>
T less_or_equal(T x, T y) {
  return x <= y;
}
template <class T>
T greater(T x, T y) {
  return x > y;
}
template <class T>
T greater_or_equal(T x, T y) {
  return x >= y;
}
template <class T>
T equal(T x, T y) {
  return x == y;
}
template <class T>
T unequal(T x, T y) {
  return x != y;
}

// Integers by themselves: beyond 2 ** 53 doubles do not tell them apart.
struct Comparison {
  std::string_view word;
  double (*reals)(double, double);
  std::int64_t (*integers)(std::int64_t, std::int64_t);
};

constexpr Comparison comparisons[] = {
    {"<", less, less},       {"<=", less_or_equal, less_or_equal},
    {">", greater, greater}, {">=", greater_or_equal, greater_or_equal},
    {"==", equal, equal},    {"!=", unequal, unequal},
};

bool is_whole(const Value& value) { return is_number(value) && value.as<double>() == nullptr; }

bool same(const Value& x, const Value& y);

bool same_items(const std::vector<Value>& x, const std::vector<Value>& y) {
  if (x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!same(x[i], y[i])) return false;
  }
  return true;
}

bool same_dict(const Dict& x, const Dict& y) {
  if (x.items.size() != y.items.size()) return false;
  for (const auto& [key, value] : x.items) {
    bool found = false;
    for (const auto& [other, there] : y.items)
      found = found || (other == key && same(value, there));
    if (!found) return false;
  }
  return true;
}

const std::string* text_of(const Value& value) {
  if (const Text* text = value.as<Text>()) return &text->text;
  return value.as<std::string>();
}

// Equality of things that are no arrays.
bool same(const Value& x, const Value& y) {
  if (is_whole(x) && is_whole(y)) return integer_of(x) == integer_of(y);
  if (is_number(x) && is_number(y)) return real_of(x) == real_of(y);
  if (x.as<Array>() != nullptr || y.as<Array>() != nullptr) return truth_of(compare("==", x, y));
  const auto* left = items_of(x);
  const auto* right = items_of(y);
  if (left != nullptr && right != nullptr)
    return x.data.index() == y.data.index() && same_items(*left, *right);
  if (x.as<Dict>() != nullptr && y.as<Dict>() != nullptr)
    return same_dict(*x.as<Dict>(), *y.as<Dict>());
  if (text_of(x) != nullptr && text_of(y) != nullptr) return *text_of(x) == *text_of(y);
  return x.is_none() && y.is_none();
}

bool contains(const Value& item, const Value& container) {
  if (const Dict* dict = container.as<Dict>()) {
    for (const auto& [key, value] : dict->items) {
      if (text_of(item) != nullptr && *text_of(item) == key) return true;
    }
    return false;
  }
  if (const auto* items = items_of(container)) {
    for (const Value& candidate : *items) {
      if (same(item, candidate)) return true;
    }
    return false;
  }
  if (text_of(container) != nullptr && text_of(item) != nullptr) {
    return text_of(container)->find(*text_of(item)) != std::string::npos;
  }
  throw Error(Fault::model, "", fmt::format("nothing is in {}", describe(container)));
}

}  // namespace

Value result_of(Tensor tensor, bool scalars) {
  const bool scalar = scalars && tensor.shape().empty();
  return {Array{std::move(tensor), scalar}};
}

Value unary(std::string_view sign, const Value& x) {
  if (sign == "not") return {!truth_of(x)};
  if (const Array* array = x.as<Array>()) {
    if (sign == "+") return x;
    const DType dtype = array->tensor.dtype();
    const Value one{std::int64_t{-1}};
    if (sign == "-" && dtype != DType::boolean) return binary("*", x, one);
    if (sign == "~" && dtype == DType::boolean) return binary("^", x, {true});
    if (sign == "~" && dtype == DType::i64) return binary("^", x, one);
  }
  if (const double* number = x.as<double>(); number != nullptr && sign != "~")
    return {sign == "-" ? -*number : *number};
  if ((is_number(x) && x.as<double>() == nullptr)) {
    const std::int64_t number = integer_of(x);
    if (sign == "-") return integers("-", 0, number);
    return {sign == "~" ? ~number : number};
  }
  throw Error(Fault::model, "", fmt::format("'{}' does not apply to {}", sign, describe(x)));
}

Value binary(std::string_view sign, const Value& x, const Value& y) {
  const bool array = x.as<Array>() != nullptr || y.as<Array>() != nullptr;
  const auto fits = [](const Value& value) {
    return value.as<Array>() != nullptr || is_number(value) || items_of(value) != nullptr;
  };
  if (array && fits(x) && fits(y)) return arrays(sign, x, y);
  if (is_number(x) && is_number(y) && sign != "@") return numbers(sign, x, y);
  if (const auto result = sequences(sign, x, y)) return *result;
  refuse(sign, x, y);
}

Value compare(std::string_view word, const Value& x, const Value& y) {
  if (word == "in") return {contains(x, y)};
  if (word == "not in") return {!contains(x, y)};
  if (word == "is" || word == "is not") {
    const bool is =
        (x.is_none() && y.is_none()) || (x.data.index() == y.data.index() && same(x, y));
    return {is == (word == "is")};
  }
  const bool equality = word == "==" || word == "!=";
  const bool array = x.as<Array>() != nullptr || y.as<Array>() != nullptr;
  const auto comparable = [](const Value& value) {
    return value.as<Array>() != nullptr || is_number(value) || items_of(value) != nullptr;
  };
  for (const Comparison& comparison : comparisons) {
    if (comparison.word != word) continue;
    if (array && comparable(x) && comparable(y)) {
      const Value left = items_of(x) != nullptr ? array_value(tensor_of(x)) : x;
      const Value right = items_of(y) != nullptr ? array_value(tensor_of(y)) : y;
      const DType dtype = joint_type(left, right);
      const Tensor a = operand_of(left, dtype);
      const Tensor b = operand_of(right, dtype);
      return result_of(is_floating(dtype)
                           ? map_pairs(a, b, DType::boolean, comparison.reals)
                           : map_integers(a, b, DType::boolean, comparison.integers));
    }
    if (is_whole(x) && is_whole(y)) return {comparison.integers(integer_of(x), integer_of(y)) != 0};
    if (is_number(x) && is_number(y)) return {comparison.reals(real_of(x), real_of(y)) != 0};
  }
  if (equality) return {(!array && same(x, y)) == (word == "==")};
  if (text_of(x) != nullptr && text_of(y) != nullptr) {
    const int order = text_of(x)->compare(*text_of(y));
    return {word == "<"    ? order < 0
            : word == "<=" ? order <= 0
            : word == ">"  ? order > 0
                           : order >= 0};
  }
  refuse(word, x, y);
}

}  // namespace isomer::numpy
