#include <cmath>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/operations.h"

// Python's module math, as far as a function is none of one number alone.

namespace isomer::numpy {
namespace {

std::vector<Value> items_of_argument(const Call& c, std::size_t i) {
  return c.parts("list", {c[i]});
}

std::int64_t whole_argument(const Value& value) {
  if (value.as<double>() != nullptr) refuse(fmt::format("{} is no integer", describe(value)));
  return integer_of(value);
}

std::int64_t counting(const Value& value) {
  const std::int64_t number = whole_argument(value);
  if (number < 0) refuse(fmt::format("{} is less than 0", number));
  return number;
}

/// The integers that a call of any number of them is given.
std::vector<std::int64_t> all_whole(const Call& c) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < c.count() && c.has(i); ++i) {
    if (is_array(c[i]) && is_floating(tensor_of(c[i]).dtype()))
      refuse(fmt::format("{} is no integer", describe(c[i])));
    numbers.push_back(whole_argument(c[i]));
  }
  return numbers;
}

std::int64_t size_of_integer(std::int64_t x) {
  if (x == std::numeric_limits<std::int64_t>::min()) refuse("an integer that does not fit 64 bits");
  return x < 0 ? -x : x;
}

Value greatest_divisor_of_all(const Call& c) {
  std::int64_t result = 0;
  for (const std::int64_t number : all_whole(c)) result = std::gcd(result, size_of_integer(number));
  return {result};
}

Value least_multiple_of_all(const Call& c) {
  Value result{std::int64_t{1}};
  for (const std::int64_t number : all_whole(c)) {
    const std::int64_t before = integer_of(result);
    if (number == 0 || before == 0) return {std::int64_t{0}};
    const std::int64_t size = size_of_integer(number);
    result = binary("*", result, {size / std::gcd(before, size)});
  }
  return result;
}

Value factorial(const Call& c) {
  Value result{std::int64_t{1}};
  for (std::int64_t i = 2, last = counting(c[0]); i <= last; ++i) result = binary("*", result, {i});
  return result;
}

Value permutations(const Call& c) {
  const std::int64_t n = counting(c[0]);
  const std::int64_t k = c.has(1) ? counting(c[1]) : n;
  Value result{std::int64_t{k > n ? 0 : 1}};
  for (std::int64_t i = 0; i < k && k <= n; ++i) result = binary("*", result, {n - i});
  return result;
}

Value combinations(const Call& c) {
  const std::int64_t n = counting(c[0]);
  std::int64_t k = counting(c[1]);
  if (k > n) return {std::int64_t{0}};
  k = std::min(k, n - k);
  // Each of them is a whole number of ways, so that what divides both goes out before.
  std::int64_t result = 1;
  for (std::int64_t i = 1; i <= k; ++i) {
    const std::int64_t shared = std::gcd(result, i);
    const std::int64_t factor = (n - k + i) / (i / shared);
    if (__builtin_mul_overflow(result / shared, factor, &result))
      refuse(fmt::format("the ways to take {} of {} do not fit 64 bits", k, n));
  }
  return {result};
}

Value whole_root(const Call& c) {
  const std::int64_t number = counting(c[0]);
  constexpr std::int64_t largest = 3'037'000'499;  // whose square fits
  const auto near = static_cast<std::int64_t>(std::sqrt(static_cast<double>(number)));
  std::int64_t root = std::min(near, largest);
  while (root * root > number) --root;
  while (root < largest && (root + 1) * (root + 1) <= number) ++root;
  return {root};
}

/// Of all numbers exactly, rounded once: parts that do not overlap, as Shewchuk adds them.
Value exact_sum(const Call& c) {
  std::vector<double> parts;
  for (const Value& item : items_of_argument(c, 0)) {
    double x = real_of(item);
    if (!std::isfinite(x)) refuse("math.fsum is read of finite numbers");
    std::size_t kept = 0;
    for (double y : parts) {
      if (std::abs(x) < std::abs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) parts[kept++] = low;
      x = high;
    }
    parts.resize(kept);
    parts.push_back(x);
  }
  double sum = 0;
  double low = 0;
  while (!parts.empty() && low == 0) {
    const double x = sum;
    const double y = parts.back();
    parts.pop_back();
    sum = x + y;
    low = y - (sum - x);
  }
  // Half a unit is rounded to even, unless what is below it says more.
  const bool more = !parts.empty() && low != 0 && (low < 0) == (parts.back() < 0);
  if (more && (sum + 2 * low) - sum == 2 * low) sum += 2 * low;
  if (!std::isfinite(sum)) refuse("the sum is too large");
  return {sum};
}

Value product(const Call& c) {
  Value result = c.has(1) ? c[1] : Value{std::int64_t{1}};
  for (const Value& item : items_of_argument(c, 0)) result = binary("*", result, item);
  return result;
}

/// The root of the squares of all of them; `math` gives a float.
Value root_of_squares(const Call& c, const std::vector<Value>& sides) {
  if (sides.empty()) return {0.0};
  Value sum{0.0};
  double known = 0;
  for (const Value& side : sides) {
    if (c.in_graph())
      sum = binary("+", sum, binary("*", side, side));
    else
      known = std::hypot(known, real_of(side));
  }
  return c.in_graph() ? c.asked("math.sqrt", {sum}) : Value{known};
}

Value hypotenuse(const Call& c) {
  std::vector<Value> sides;
  for (std::size_t i = 0; i < c.count() && c.has(i); ++i) sides.push_back(c[i]);
  return root_of_squares(c, sides);
}

Value distance(const Call& c) {
  const std::vector<Value> from = items_of_argument(c, 0);
  const std::vector<Value> to = items_of_argument(c, 1);
  if (from.size() != to.size()) refuse("both points need as many coordinates");
  std::vector<Value> sides;
  for (std::size_t i = 0; i < from.size(); ++i) sides.push_back(binary("-", from[i], to[i]));
  return root_of_squares(c, sides);
}

// a, b, rel_tol, abs_tol
Value are_close(const Call& c) {
  const double relative = c.real(2, 1e-9);
  const double absolute = c.real(3, 0.0);
  if (relative < 0 || absolute < 0) refuse("tolerances are no less than 0");
  if (!c.in_graph()) {
    const double a = real_of(c[0]), b = real_of(c[1]);
    const double apart = std::abs(a - b);
    const double wide = std::max(std::abs(a), std::abs(b));
    return {a == b || (std::isfinite(apart) && apart <= std::max(relative * wide, absolute))};
  }
  const auto size = [&](const Value& x) { return c.asked("numpy.abs", {x}); };
  const Value apart = size(binary("-", c[0], c[1]));
  const Value wide = c.asked("numpy.maximum", {size(c[0]), size(c[1])});
  const Value allowed = c.asked("numpy.maximum", {binary("*", wide, {relative}), {absolute}});
  const Value near = c.asked("numpy.logical_and",
                             {c.asked("numpy.isfinite", {apart}), compare("<=", apart, allowed)});
  return c.asked("numpy.logical_or", {compare("==", c[0], c[1]), near});
}

// --- parts of a number

Value rest_to_nearest(const Call& c) {
  const double x = real_of(c[0]), y = real_of(c[1]);
  if (y == 0 || std::isinf(x)) refuse("the rest has no value");
  return {std::remainder(x, y)};
}
Value fraction_and_whole(const Call& c) {
  double whole = 0;
  const double fraction = std::modf(real_of(c[0]), &whole);
  return {Tuple{{{fraction}, {whole}}}};
}
Value mantissa_and_exponent(const Call& c) {
  int exponent = 0;
  const double mantissa = std::frexp(real_of(c[0]), &exponent);
  return {Tuple{{{mantissa}, {std::int64_t{exponent}}}}};
}
Value with_exponent(const Call& c) {
  constexpr std::int64_t most = 5000;  // beyond it all is 0 or too large
  const std::int64_t by = std::clamp<std::int64_t>(whole_argument(c[1]), -most, most);
  const double result = std::ldexp(real_of(c[0]), static_cast<int>(by));
  if (std::isinf(result) && std::isfinite(real_of(c[0]))) refuse("the number is too large");
  return {result};
}
Value next_after(const Call& c) { return {std::nextafter(real_of(c[0]), real_of(c[1]))}; }
Value unit_in_last_place(const Call& c) {
  const double x = std::abs(real_of(c[0]));
  if (!std::isfinite(x)) return {x};
  const double above = std::nextafter(x, std::numeric_limits<double>::infinity());
  return {std::isinf(above) ? x - std::nextafter(x, 0.0) : above - x};
}

constexpr std::string_view any_number = "a? b? c? d? e? f? g? h?";

constexpr Function math_table[] = {
    {"math.gcd", any_number, greatest_divisor_of_all, true},
    {"math.lcm", any_number, least_multiple_of_all, true},
    {"math.factorial", "x", factorial, true},
    {"math.perm", "n k?", permutations, true},
    {"math.comb", "n k", combinations, true},
    {"math.isqrt", "n", whole_root, true},
    {"math.fsum", "seq", exact_sum, true},
    {"math.prod", "iterable start?", product},
    {"math.hypot", any_number, hypotenuse},
    {"math.dist", "p q", distance},
    {"math.isclose", "a b rel_tol? abs_tol?", are_close},
    {"math.remainder", "x y", rest_to_nearest, true},
    {"math.modf", "x", fraction_and_whole, true},
    {"math.frexp", "x", mantissa_and_exponent, true},
    {"math.ldexp", "x i", with_exponent, true},
    {"math.nextafter", "x y", next_after, true},
    {"math.ulp", "x", unit_in_last_place, true},
};

}  // namespace

std::span<const Function> math_functions() { return math_table; }

}  // namespace isomer::numpy
