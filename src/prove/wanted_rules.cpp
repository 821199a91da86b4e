#include "prove/wanted_rules.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace isomer {
namespace {

using Whole = std::int64_t;

void add_neighbours(Whole c, Wanted& x) {
  x.add(c);
  x.add(sum_within(c, 1));
  x.add(difference_within(c, 1));
}
void add_equal(Whole c, Wanted& x) {
  add_neighbours(c, x);
  x.equals = true;
}

// Integers ----------------------------------------------------------------------------------------

Intervals before_sum(const Intervals& after, Whole c) {
  return after.mapped([&](Interval part) -> Interval {
    return {difference_within(part.least, c), difference_within(part.most, c)};
  });
}
void sum_points(Whole point, Whole c, Wanted& x) { x.add(difference_within(point, c)); }

Intervals before_difference(const Intervals& after, Whole c) {
  return after.mapped([&](Interval part) -> Interval {
    return {sum_within(part.least, c), sum_within(part.most, c)};
  });
}
void difference_points(Whole point, Whole c, Wanted& x) { x.add(sum_within(point, c)); }

Whole negated(Whole x) { return difference_within(0, x); }

/// c - x; the ends of the type stay ends.
Intervals before_rest(const Intervals& after, Whole c) {
  return after.mapped([&](Interval part) -> Interval {
    return {sum_within(negated(part.most), c), sum_within(negated(part.least), c)};
  });
}
void rest_points(Whole point, Whole c, Wanted& x) { x.add(difference_within(c, point)); }

Intervals before_negation(const Intervals& after, Whole) { return before_rest(after, 0); }
void negation_points(Whole point, Whole, Wanted& x) { x.add(negated(point)); }

Intervals before_size(const Intervals& after, Whole) {
  const Intervals sizes = after & Intervals(0, Interval{}.most);
  return sizes | before_rest(sizes, 0);
}
void size_points(Whole point, Whole, Wanted& x) {
  x.add(point);
  x.add(negated(point));
}

Whole quotient_up(Whole a, Whole b) { return negated(quotient_down(negated(a), b)); }

Intervals before_product(const Intervals& after, Whole c) {
  if (c == 0) return after.contains(0) ? Intervals() : Intervals(1, 0);
  const Intervals positive = c < 0 ? before_rest(after, 0) : after;
  const Whole size = c < 0 ? negated(c) : c;
  return positive.mapped([&](Interval part) -> Interval {
    return {quotient_up(part.least, size), quotient_down(part.most, size)};
  });
}
void product_points(Whole point, Whole c, Wanted& x) {
  if (c == 0) return;
  const Whole down = c < 0 ? quotient_down(negated(point), negated(c)) : quotient_down(point, c);
  x.add(down);
  x.add(sum_within(down, 1));
}

Intervals before_quotient(const Intervals& after, Whole c) {
  if (c <= 0) return after.contains(0) ? Intervals(0, 0) : Intervals(1, 0);
  return after.mapped([&](Interval part) -> Interval {
    return {product_within(part.least, c), sum_within(product_within(part.most, c), c - 1)};
  });
}
void quotient_points(Whole point, Whole c, Wanted& x) {
  const Whole first = product_within(point, c);
  x.add(first);
  x.add(difference_within(first, 1));
  x.add(sum_within(first, difference_within(c, 1)));
}

Intervals before_remainder(const Intervals& after, Whole c) {
  if (c == 0) return {};
  const Intervals rests = c > 0 ? Intervals(0, c - 1) : Intervals(c + 1, 0);
  return after.contains(rests) ? Intervals() : after & rests;
}
void remainder_points(Whole point, Whole c, Wanted& x) {
  x.add(point);
  x.add(sum_within(point, c));
  x.add(difference_within(point, c));
}
void divisor_decides(Whole c, Wanted& x) {
  add_neighbours(c, x);
  for (const Whole point :
       {Whole{-1}, negated(c), product_within(2, c), difference_within(product_within(3, c), 1)})
    x.add(point);
}

Intervals before_maximum(const Intervals& after, Whole c) {
  const Intervals below = after.contains(c) ? Intervals(Interval{}.least, c) : Intervals(1, 0);
  return (after & Intervals(sum_within(c, 1), Interval{}.most)) | below;
}
Intervals before_minimum(const Intervals& after, Whole c) {
  const Intervals above = after.contains(c) ? Intervals(c, Interval{}.most) : Intervals(1, 0);
  return (after & Intervals(Interval{}.least, difference_within(c, 1))) | above;
}
Intervals before_relu(const Intervals& after, Whole) { return before_maximum(after, 0); }
void same_point(Whole point, Whole, Wanted& x) { x.add(point); }
void power_points(Whole point, Whole c, Wanted& x) {
  if (point >= 0 && c > 0)
    x.add(whole(std::round(std::pow(static_cast<double>(point), 1.0 / static_cast<double>(c)))));
}

constexpr IntegerRule integer_rules[] = {
    {"add", 0, before_sum, sum_points, nullptr},
    {"add", 1, before_sum, sum_points, nullptr},
    {"sub", 0, before_difference, difference_points, nullptr},
    {"sub", 1, before_rest, rest_points, nullptr},
    {"neg", 0, before_negation, negation_points, nullptr},
    {"abs", 0, before_size, size_points, add_neighbours},
    {"mul", 0, before_product, product_points, nullptr},
    {"mul", 1, before_product, product_points, nullptr},
    {"pow", 0, nullptr, power_points, nullptr},
    {"floor_divide", 0, before_quotient, quotient_points, divisor_decides},
    {"remainder", 0, before_remainder, remainder_points, divisor_decides},
    {"maximum", 0, before_maximum, same_point, add_neighbours},
    {"maximum", 1, before_maximum, same_point, add_neighbours},
    {"minimum", 0, before_minimum, same_point, add_neighbours},
    {"minimum", 1, before_minimum, same_point, add_neighbours},
    {"relu", 0, before_relu, same_point, add_neighbours},
    {"sign", 0, nullptr, nullptr, add_neighbours},
    {"eq", 0, nullptr, nullptr, add_equal},
    {"eq", 1, nullptr, nullptr, add_equal},
    {"lt", 0, nullptr, nullptr, add_neighbours},
    {"lt", 1, nullptr, nullptr, add_neighbours},
    {"le", 0, nullptr, nullptr, add_neighbours},
    {"le", 1, nullptr, nullptr, add_neighbours},
};

// Floating numbers --------------------------------------------------------------------------------

void minus(double point, double c, Wanted& x) { x.add(point - c); }
void plus(double point, double c, Wanted& x) { x.add(point + c); }
void rest(double point, double c, Wanted& x) { x.add(c - point); }
void over(double point, double c, Wanted& x) {
  if (c != 0) x.add(point / c);
}
void times(double point, double c, Wanted& x) { x.add(point * c); }
void under(double point, double c, Wanted& x) {
  if (point != 0) x.add(c / point);
}
void root(double point, double c, Wanted& x) {
  if (point >= 0 && c != 0) x.add(std::pow(point, 1.0 / c));
}
void itself(double point, double, Wanted& x) { x.add(point); }
void negative(double point, double, Wanted& x) { x.add(-point); }
void both_signs(double point, double, Wanted& x) {
  if (point < 0) return;
  x.add(point);
  x.add(-point);
}
template <double (*inverse)(double)>
void inverted(double point, double, Wanted& x) {
  x.add(inverse(point));
}
double squared(double y) { return y < 0 ? std::nan("") : y * y; }
double logit(double y) { return std::log(y / (1 - y)); }
void shifted(double point, double c, Wanted& x) {
  x.add(point);
  x.add(point + c);
  x.add(point - c);
}
void stepped(double point, double, Wanted& x) {
  for (const double by : {0.0, 0.5, -0.5, 1.0, -1.0}) x.add(point + by);
}

void at_number(double c, Wanted& x) { x.add(c); }
void if_equal(double c, Wanted& x) {
  x.add(c);
  x.equals = x.equals || c == 0 || c == 1;
}
void at_multiples(double c, Wanted& x) {
  for (const double factor : {1.0, -1.0, 2.0}) x.add(factor * c);
}
void at_wholes(double, Wanted& x) {
  for (const double point : {1.0, 0.0, -1.0, 2.0}) x.add(point);
}
void at_halves(double, Wanted& x) {
  for (const double point : {0.5, 1.5, -0.5, 2.5, -1.5, -2.5}) x.add(point);
}

constexpr RealRule real_rules[] = {
    {"add", 0, minus, nullptr},
    {"add", 1, minus, nullptr},
    {"sub", 0, plus, nullptr},
    {"sub", 1, rest, nullptr},
    {"mul", 0, over, nullptr},
    {"mul", 1, over, nullptr},
    {"div", 0, times, nullptr},
    {"div", 1, under, nullptr},
    {"pow", 0, root, nullptr},
    {"remainder", 0, shifted, at_multiples},
    {"floor_divide", 0, times, at_multiples},
    {"maximum", 0, itself, at_number},
    {"maximum", 1, itself, at_number},
    {"minimum", 0, itself, at_number},
    {"minimum", 1, itself, at_number},
    {"eq", 0, nullptr, if_equal},
    {"eq", 1, nullptr, if_equal},
    {"lt", 0, nullptr, at_number},
    {"lt", 1, nullptr, at_number},
    {"le", 0, nullptr, at_number},
    {"le", 1, nullptr, at_number},
    {"neg", 0, negative, nullptr},
    {"abs", 0, both_signs, at_number},
    {"relu", 0, itself, at_number},
    {"sign", 0, nullptr, at_number},
    {"floor", 0, stepped, at_wholes},
    {"ceil", 0, stepped, at_wholes},
    {"round", 0, stepped, at_halves},
    {"sqrt", 0, inverted<squared>, at_number},
    {"exp", 0, inverted<std::log>, nullptr},
    {"log", 0, inverted<std::exp>, nullptr},
    {"expm1", 0, inverted<std::log1p>, nullptr},
    {"log1p", 0, inverted<std::expm1>, nullptr},
    {"tanh", 0, inverted<std::atanh>, nullptr},
    {"sigmoid", 0, inverted<logit>, nullptr},
    {"atan", 0, inverted<std::tan>, nullptr},
};

template <class Rule>
const Rule* rule_of(std::span<const Rule> rules, std::string_view op, std::size_t side) {
  const auto found = std::ranges::find_if(
      rules, [&](const Rule& rule) { return rule.op == op && rule.side == side; });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace

const IntegerRule* integer_rule(std::string_view op, std::size_t side) {
  return rule_of<IntegerRule>(integer_rules, op, side);
}
const RealRule* real_rule(std::string_view op, std::size_t side) {
  return rule_of<RealRule>(real_rules, op, side);
}

std::int64_t whole(double number) {
  constexpr double most = 9e18;
  return std::isnan(number) ? 0 : static_cast<Whole>(std::clamp(number, -most, most));
}

bool is_large_factor(std::string_view op, double c, bool behind) {
  constexpr double large = 1e3;
  return op == "mul" && (behind || std::abs(c) >= large);
}

bool is_mask(std::string_view op, std::size_t side, double c, bool scaled_behind) {
  return op == "sub" && side == 1 && c == 1 && scaled_behind;
}

}  // namespace isomer
