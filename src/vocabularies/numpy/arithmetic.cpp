#include "vocabularies/numpy/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/operations.h"
#include "vocabularies/numpy/whole.h"

namespace isomer::numpy {
namespace {

[[noreturn]] void refuse_pair(std::string_view sign, const Value& x, const Value& y) {
  refuse(fmt::format("'{}' does not join {} and {}", sign, describe(x), describe(y)));
}

// --- Python numbers

std::int64_t checked_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result))
      refuse(fmt::format("{} ** {} does not fit 64 bits", base, exponent));
  }
  return result;
}

Value integers(std::string_view sign, std::int64_t x, std::int64_t y) {
  const auto need = [&](bool fits) {
    if (!fits) refuse(fmt::format("{} {} {} does not fit 64 bits", x, sign, y));
  };
  std::int64_t result = 0;
  const bool divides = sign == "/" || sign == "//" || sign == "%";
  if (divides && y == 0) refuse(fmt::format("{} {} 0 divides by zero", x, sign));
  if (sign == "+") return need(!__builtin_add_overflow(x, y, &result)), Value{result};
  if (sign == "-") return need(!__builtin_sub_overflow(x, y, &result)), Value{result};
  if (sign == "*") return need(!__builtin_mul_overflow(x, y, &result)), Value{result};
  if (sign == "/") return {static_cast<double>(x) / static_cast<double>(y)};
  if (sign == "//") need(y != -1 || x != std::numeric_limits<std::int64_t>::min());
  if (sign == "**") {
    if (y >= 0) return {checked_power(x, y)};
    if (x == 0) refuse("0 cannot be raised to a negative power");
    return {std::pow(static_cast<double>(x), static_cast<double>(y))};
  }
  if (sign == "<<" || sign == ">>") {
    if (y < 0) refuse(fmt::format("a shift by {} bits", y));
    if (sign == ">>" || x == 0) return {x >> std::min<std::int64_t>(y, 63)};
    result = binary_of(sign).integers(x, y);
    need(y <= 63 && result >> y == x);
    return {result};
  }
  return {binary_of(sign).integers(x, y)};
}

Value reals(std::string_view sign, double x, double y) {
  const BinaryUfunc& function = binary_of(sign);
  if (function.reals == nullptr) refuse_pair(sign, {x}, {y});
  if (y == 0 && (sign == "/" || sign == "//" || sign == "%"))
    refuse(fmt::format("{} {} 0 divides by zero", real_text(x), sign));
  if (sign == "**" && x < 0 && std::floor(y) != y)
    refuse(fmt::format("{} ** {} is a complex number", real_text(x), real_text(y)));
  if (sign == "**" && x == 0 && y < 0) refuse("0 cannot be raised to a negative power");
  return {function.reals(x, y)};
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

/// Between two lengths, or a length and an integer, which give a length.
std::optional<Value> of_lengths(std::string_view sign, const Value& x, const Value& y) {
  const auto length = [](const Value& value) -> std::optional<Dim> {
    if (const Length* found = value.as<Length>()) return found->dim;
    if (const auto* number = value.as<std::int64_t>()) return Dim(*number);
    return std::nullopt;
  };
  const auto a = length(x);
  const auto b = length(y);
  if (!a || !b) return std::nullopt;
  const Trace& trace = *(x.as<Length>() != nullptr ? x : y).as<Length>()->trace;
  if (sign == "+") return length_value(trace, *a + *b);
  if (sign == "-") return length_value(trace, *a - *b);
  if (sign == "*") return length_value(trace, *a * *b);
  if (sign == "//") return length_value(trace, floor_divide(*a, *b));
  if (sign == "%") return length_value(trace, remainder(*a, *b));
  return std::nullopt;
}

bool is_length(const Value& value) { return value.as<Length>() != nullptr; }
bool is_arrayed(const Value& value) { return is_array(value) || is_length(value); }
/// What an operator with an array on its other side takes.
bool is_operand(const Value& value) {
  return is_arrayed(value) || is_number(value) || items_of(value) != nullptr;
}

bool is_whole(const Value& value) { return is_number(value) && value.as<double>() == nullptr; }

bool same(const Value& x, const Value& y);

// In any order; each key stands there once.
bool same_dict(const Dict& x, const Dict& y) {
  return x.items.size() == y.items.size() && std::ranges::all_of(x.items, [&](const Entry& entry) {
           return std::ranges::any_of(y.items, [&](const Entry& there) {
             return entry.first == there.first && same(entry.second, there.second);
           });
         });
}

const std::string* text_of(const Value& value) {
  if (const Text* text = value.as<Text>()) return &text->text;
  return value.as<std::string>();
}

// Equality of things that are no arrays.
bool same(const Value& x, const Value& y) {
  if (is_whole(x) && is_whole(y)) return integer_of(x) == integer_of(y);
  if (is_number(x) && is_number(y)) return real_of(x) == real_of(y);
  if (is_arrayed(x) || is_arrayed(y)) return truth_of(compare("==", x, y));
  const auto* left = items_of(x);
  const auto* right = items_of(y);
  if (left != nullptr && right != nullptr)
    return x.data.index() == y.data.index() && std::ranges::equal(*left, *right, same);
  if (x.as<Dict>() != nullptr && y.as<Dict>() != nullptr)
    return same_dict(*x.as<Dict>(), *y.as<Dict>());
  if (text_of(x) != nullptr && text_of(y) != nullptr) return *text_of(x) == *text_of(y);
  return x.is_none() && y.is_none();
}

bool contains(const Value& item, const Value& container) {
  const auto is_item = [&](const Value& candidate) { return same(item, candidate); };
  if (const Dict* dict = container.as<Dict>()) {
    return text_of(item) != nullptr &&
           std::ranges::find(dict->items, *text_of(item), &Entry::first) != dict->items.end();
  }
  if (const auto* items = items_of(container)) return std::ranges::any_of(*items, is_item);
  if (text_of(container) != nullptr && text_of(item) != nullptr) {
    return text_of(container)->find(*text_of(item)) != std::string::npos;
  }
  refuse(fmt::format("nothing is in {}", describe(container)));
}

Value unary_traced(std::string_view sign, const Trace& trace, const Value& x) {
  if (sign == "+") return x;
  if (const Length* length = x.as<Length>(); length != nullptr && sign == "-")
    return length_value(trace, Dim(0) - length->dim);
  const ValueId id = materialized(trace, x);
  const bool truth = trace.b.dtype(id) == DType::boolean;
  if (sign == "~" && truth) return {Traced{&trace, trace.b.emit("logical_not", {id})}};
  if (sign == "~" && is_integer(trace.b.dtype(id))) {
    constexpr std::int64_t ones = -1;  // all bits, of any width
    const Tensor all = Tensor::from_integers(trace.b.dtype(id), {}, std::span(&ones, 1));
    return binary("-", array_value(all), {Traced{&trace, id}});
  }
  if (sign == "-" && largest_of(x)) return binary("-", {std::int64_t{0}}, x);
  if (sign == "-" && !truth) return {Traced{&trace, trace.b.emit("neg", {id})}};
  refuse(fmt::format("'{}' does not apply to {}", sign, describe(x)));
}

}  // namespace

Value unary(std::string_view sign, const Value& x) {
  if (sign == "not") return {!truth_of(x)};
  if (is_arrayed(x) && x.as<Array>() == nullptr) return unary_traced(sign, *trace_of(x), x);
  if (const Array* array = x.as<Array>()) {
    if (sign == "+") return x;
    const DType dtype = array->tensor.dtype();
    constexpr std::int64_t minus = -1;
    const Value one = array_value(Tensor::from_integers(dtype, {}, std::span(&minus, 1)));
    if (sign == "-" && dtype != DType::boolean) return binary("*", x, one);
    if (sign == "~" && dtype == DType::boolean) return binary("^", x, {true});
    if (sign == "~" && is_integer(dtype)) return binary("^", x, one);
  }
  if (const double* number = x.as<double>(); number != nullptr && sign != "~")
    return {sign == "-" ? -*number : *number};
  if (is_whole(x)) {
    const std::int64_t number = integer_of(x);
    if (sign == "-") return integers("-", 0, number);
    return {sign == "~" ? ~number : number};
  }
  refuse(fmt::format("'{}' does not apply to {}", sign, describe(x)));
}

Value binary(std::string_view sign, const Value& x, const Value& y) {
  if (is_number(x) && is_number(y) && sign != "@") return numbers(sign, x, y);
  if (is_length(x) || is_length(y)) {
    if (const auto length = of_lengths(sign, x, y)) return *length;
  }
  if (sign != "@" && sign != "/" && largest_of(x) && largest_of(y))
    return binary_of_whole(sign, x, y);
  if ((is_arrayed(x) || is_arrayed(y)) && is_operand(x) && is_operand(y) && sign != "@")
    return apply(binary_of(sign), x, y);
  if (const auto result = sequences(sign, x, y)) return *result;
  refuse_pair(sign, x, y);
}

Value compare(std::string_view word, const Value& x, const Value& y) {
  if (word == "in") return {contains(x, y)};
  if (word == "not in") return {!contains(x, y)};
  if (word == "is" || word == "is not") {
    const bool is =
        (x.is_none() && y.is_none()) || (x.data.index() == y.data.index() && same(x, y));
    return {is == (word == "is")};
  }
  const BinaryUfunc& operation = binary_of(word);
  const bool array = is_arrayed(x) || is_arrayed(y);
  if (array && is_operand(x) && is_operand(y)) return apply(operation, x, y);
  if (is_whole(x) && is_whole(y)) return {operation.integers(integer_of(x), integer_of(y)) != 0};
  if (is_number(x) && is_number(y)) return {operation.reals(real_of(x), real_of(y)) != 0};
  if (word == "==" || word == "!=") return {(!array && same(x, y)) == (word == "==")};
  if (text_of(x) != nullptr && text_of(y) != nullptr) {
    const int order = text_of(x)->compare(*text_of(y));
    return {operation.integers(order, 0) != 0};
  }
  refuse_pair(word, x, y);
}

}  // namespace isomer::numpy
