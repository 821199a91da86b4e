#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/numbers.h"
#include "vocabularies/numpy/operations.h"
#include "vocabularies/numpy/whole.h"

namespace isomer::numpy {
namespace {

/// How many items an array has along its first axis, which must be known.
std::int64_t items_in(const Value& value) {
  if (const Array* array = value.as<Array>(); array != nullptr && !array->tensor.shape().empty())
    return array->tensor.shape()[0];
  if (const Traced* traced = value.as<Traced>()) {
    const Shape shape = traced->trace->b.shape(traced->id);
    if (!shape.empty()) return integer_of(length_value(*traced->trace, shape[0]));
  }
  refuse(fmt::format("{} has no items", describe(value)));
}

// What can be walked over: a list, a tuple, or an array along its first axis.
std::vector<Value> walked(const Call& c) {
  if (const auto* items = items_of(c[0])) return *items;
  const std::int64_t count = items_in(c[0]);
  bound_items(static_cast<std::uint64_t>(count));
  std::vector<Value> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(subscript(c[0], {Index{false, {i}, {}}}, false, c.runtime));
  return result;
}

/// The one element of an array in a graph, without axes.
ValueId element(const Call& c) { return reshape_to(c.b(), c.tensor(0), {}); }

/// An integer of Python of a rounded number, or of one that is whole.
Value whole_in_graph(const Call& c, const Value& number) {
  if (largest_of(number)) return number;
  const ValueId x = reshape_to(c.b(), materialized(c.trace(), number), {});
  if (is_floating(c.b().dtype(x))) return whole_from_real(c.trace(), x);
  return whole_value(c.trace(), c.cast(x, DType::i64));
}

Value absolute(const Call& c) {
  if (const double* number = c[0].as<double>()) return {std::abs(*number)};
  if (is_number(c[0])) return integer_of(c[0]) < 0 ? unary("-", c[0]) : Value{integer_of(c[0])};
  const Value size = call("numpy.abs", {{c[0]}}, c.runtime);
  const Traced* traced = c[0].as<Traced>();
  if (traced == nullptr || !traced->largest) return size;
  return whole_value(c.trace(), size.as<Traced>()->id, *traced->largest);
}

/// The item where it lies beyond the best one, as Python decides: a NaN never does.
Value better(const Call& c, std::string_view than, const Value& item, const Value& best) {
  const Value beyond = compare(than, item, best);
  if (trace_of(beyond) != nullptr) return either(beyond, item, best, c.runtime);
  return truth_of(beyond) ? item : best;
}

Value extreme(const Call& c, std::string_view than) {
  std::vector<Value> items;
  for (std::size_t i = 0; i < c.count() && c.has(i); ++i) items.push_back(c[i]);
  if (items.size() == 1) items = walked(c);
  if (items.empty()) refuse("the largest or smallest of nothing is asked for");
  Value best = items[0];
  for (std::size_t i = 1; i < items.size(); ++i) best = better(c, than, items[i], best);
  return best;
}
Value greatest(const Call& c) { return extreme(c, ">"); }
Value least(const Call& c) { return extreme(c, "<"); }

Value total(const Call& c) {
  Value sum = c.has(1) ? c[1] : Value{std::int64_t{0}};
  for (const Value& item : walked(c)) sum = binary("+", sum, item);
  return sum;
}

std::int64_t whole_number(double number) {
  constexpr double beyond = 9223372036854775808.0;  // 2 ** 63
  if (!(number >= -beyond && number < beyond))
    refuse(fmt::format("{} does not fit 64 bits", real_text(number)));
  return static_cast<std::int64_t>(number);
}

/// What the product of two doubles is more than their rounded product: their halves' are exact.
ValueId product_error(Emitter& b, ValueId x, double y, ValueId product) {
  constexpr double splitter = 0x1p27 + 1;
  const auto op = [&](std::string_view name, ValueId left, ValueId right) {
    return b.emit(name, {left, right});
  };
  const ValueId wide = op("mul", x, number(b, x, splitter));
  const ValueId high = op("sub", wide, op("sub", wide, x));
  const ValueId low = op("sub", x, high);
  const double wide_y = y * splitter;
  const double high_y = wide_y - (wide_y - y);
  const ValueId first = number(b, x, high_y), second = number(b, x, y - high_y);
  const ValueId most = op("sub", op("mul", high, first), product);
  const ValueId more = op("add", op("add", most, op("mul", high, second)), op("mul", low, first));
  return op("add", more, op("mul", low, second));
}

/// As Python rounds a float: the number itself, and not a product of it that was rounded.
ValueId rounded_exactly(const Call& c, ValueId x, std::int64_t digits) {
  Emitter& b = c.b();
  const double scale = std::pow(10.0, static_cast<double>(std::abs(digits)));
  const auto op = [&](std::string_view name, ValueId left, ValueId right) {
    return b.emit(name, {left, right});
  };
  const ValueId factor = number(b, x, scale);
  const ValueId scaled = op(digits > 0 ? "mul" : "div", x, factor);
  ValueId error = ValueId::none;
  if (digits > 0) {
    error = product_error(b, x, scale, scaled);
  } else {
    const ValueId back = op("mul", scaled, factor);
    error = op("sub", op("sub", x, back), product_error(b, scaled, scale, back));
  }
  const ValueId whole = b.emit("round", {scaled});
  const ValueId rest = op("sub", scaled, whole);
  // Half a unit was half of one only where nothing was lost on the way.
  const auto tie = [&](double half, std::string_view side) {
    const ValueId lost = op(side, error, number(b, x, 0));
    return op("logical_and", op("eq", rest, number(b, x, half)), lost);
  };
  const auto moved = [&](double by) { return op("add", whole, number(b, x, by)); };
  ValueId y = b.emit("where", {tie(0.5, "gt"), moved(1), whole});
  y = b.emit("where", {tie(-0.5, "lt"), moved(-1), y});
  y = op(digits > 0 ? "div" : "mul", y, factor);
  const ValueId coarse = op("ge", b.emit("abs", {scaled}), number(b, x, 0x1p53));
  return b.emit("where", {coarse, x, y});
}

// Python's floats and NumPy's are rounded differently, and a graph does not know which one it has:
// it fails where that matters.
Value rounded_to_digits(const Call& c) {
  const std::int64_t digits = integer_of(c[1]);
  const ValueId x = element(c);
  const Value by_numpy = c.asked("numpy.round", {{Traced{&c.trace(), x}}, c[1]});
  if (c.b().dtype(x) != DType::f64 || digits == 0) return by_numpy;
  constexpr std::int64_t most = 22;  // of which the power of ten is exact
  if (digits > most || digits < -most) {
    throw Error(Fault::unsupported, "",
                fmt::format("a graph rounds to 22 digits at most, not to {}", digits));
  }
  const ValueId y = by_numpy.as<Traced>()->id;
  const ValueId exact = rounded_exactly(c, x, digits);
  const ValueId same = c.emit("logical_or", {c.emit("eq", {y, exact}), c.emit("isnan", {x})});
  return c.result(only_where(c.b(), y, same));
}

/// To the nearest multiple of the number itself, and not of its rounded quotient.
double rounded_to_tens(double x, double tens) {
  const double quotient = x / tens;
  if (std::abs(quotient) >= 0x1p53) return x;  // no double is nearer to such a multiple
  double whole = std::nearbyint(quotient);
  const double rest = quotient - whole;
  const double lost = std::fma(-quotient, tens, x);
  if (rest == 0.5 && lost > 0) whole += 1;
  if (rest == -0.5 && lost < 0) whole -= 1;
  return whole * tens;
}

Value rounded(const Call& c) {
  if (c.in_graph() && c.has(1)) return rounded_to_digits(c);
  if (c.in_graph()) {
    const Value number = c.asked("numpy.round", {{Traced{&c.trace(), element(c)}}});
    return whole_in_graph(c, number);
  }
  if (c.has(1) && c[0].as<Array>() != nullptr)
    return call("numpy.round", {{c[0], c[1]}}, c.runtime);
  if (c.has(1)) {
    const double number = real_of(c[0]);
    constexpr std::int64_t most_digits = 400;
    const std::int64_t digits = integer_of(c[1]);
    // Python rounds the number's own decimals, NumPy a product.
    if (digits >= 0 && digits <= most_digits && std::isfinite(number))
      return {std::stod(fmt::format("{:.{}f}", number, digits))};
    constexpr std::int64_t most_exact = 22;  // of which the power of ten is
    if (digits < 0 && digits >= -most_exact && std::isfinite(number))
      return {rounded_to_tens(number, std::pow(10.0, static_cast<double>(-digits)))};
    const double scale = std::pow(10.0, static_cast<double>(digits));
    if (scale == 0) return {std::copysign(0.0, number)};
    const double scaled = number * scale;
    return {std::isfinite(scaled) ? std::nearbyint(scaled) / scale : number};
  }
  const double* number = c[0].as<double>();
  return number != nullptr ? Value{whole_number(std::nearbyint(*number))} : c[0];
}

Value whole(const Value& number) {
  const Array* array = number.as<Array>();
  const bool real =
      array != nullptr ? is_floating(array->tensor.dtype()) : number.as<double>() != nullptr;
  return {real ? whole_number(real_of(number)) : integer_of(number)};
}

Value as_int(const Call& c) { return c.in_graph() ? whole_in_graph(c, c[0]) : whole(c[0]); }

Value as_float(const Call& c) {
  if (c.in_graph()) return c.result(c.cast(element(c), c.float64()));
  if (const std::string* text = c[0].as<std::string>()) {
    const Value number = number_in(*text);
    if (!number.is_none()) return {real_of(number)};
  }
  return {real_of(c[0])};
}

Value as_bool(const Call& c) {
  if (c.in_graph() && items_of(c[0]) == nullptr)
    return c.result(c.cast(element(c), DType::boolean));
  return {truth_of(c[0])};
}

Value length(const Call& c) {
  if (const Dict* dict = c[0].as<Dict>()) return {static_cast<std::int64_t>(dict->items.size())};
  if (const auto* items = items_of(c[0])) return {static_cast<std::int64_t>(items->size())};
  if (const Traced* traced = c[0].as<Traced>()) {
    const Shape shape = c.b().shape(traced->id);
    if (!shape.empty()) return length_value(c.trace(), shape[0]);
  }
  return {items_in(c[0])};
}

Value power(const Call& c) { return binary("**", c[0], c[1]); }

/// Whether any item is true, or, for `all`, whether none is false.
Value any_item(const Call& c, bool wanted, std::string_view operation) {
  Value result{!wanted};
  for (const Value& item : walked(c)) {
    const Value truth = call("bool", {{item}}, c.runtime);
    if (c.in_graph()) {
      result = apply(binary_named(operation), result, truth);
    } else if (truth_of(truth) == wanted) {
      return {wanted};
    }
  }
  return result;
}
Value any(const Call& c) { return any_item(c, true, "numpy.logical_or"); }
Value all(const Call& c) { return any_item(c, false, "numpy.logical_and"); }

Value list(const Call& c) { return {List{c.has(0) ? walked(c) : std::vector<Value>()}}; }
Value tuple(const Call& c) { return {Tuple{c.has(0) ? walked(c) : std::vector<Value>()}}; }

Value range(const Call& c) {
  const std::int64_t first = c.has(1) ? integer_of(c[0]) : 0;
  const std::int64_t stop = c.has(1) ? integer_of(c[1]) : integer_of(c[0]);
  const std::int64_t step = c.integer(2, 1);
  if (step == 0) refuse("a range cannot advance by 0");
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

Value quotient_and_rest(const Call& c) {
  return {Tuple{{binary("//", c[0], c[1]), binary("%", c[0], c[1])}}};
}

// --- math, as far as it is no elementary function of NumPy's

/// The same of NumPy, of one element each, as Python's float.
Value by_numpy(const Call& c, const std::string& name) {
  Arguments arguments;
  for (std::size_t i = 0; i < c.count(); ++i) {
    const bool traced = trace_of(c[i]) != nullptr;
    arguments.values.push_back(traced
                                   ? Value{Traced{&c.trace(), reshape_to(c.b(), c.tensor(i), {})}}
                                   : Value{real_of(c[i])});
    arguments.keywords.emplace_back();
  }
  const Value result = call(name, arguments, c.runtime);
  return c.in_graph() ? result : Value{real_of(result)};
}

Value logarithm(const Call& c) {
  const auto of = [&](std::size_t i) {
    if (trace_of(c[i]) == nullptr && !(real_of(c[i]) > 0) && !std::isnan(real_of(c[i])))
      refuse(fmt::format("{} is outside the function's domain", real_text(real_of(c[i]))));
    return by_numpy(Call(c.function, {&c[i]}, c.runtime), "numpy.log");
  };
  return c.has(1) ? binary("/", of(0), of(1)) : of(0);
}

Value raised(const Call& c) {
  return c.in_graph() ? by_numpy(c, "numpy.power") : Value{std::pow(real_of(c[0]), real_of(c[1]))};
}
Value angle(const Call& c) { return by_numpy(c, "numpy.arctan2"); }
Value rest(const Call& c) {
  if (!c.in_graph()) return {std::fmod(real_of(c[0]), real_of(c[1]))};
  const auto real = [&](std::size_t i) { return c.real(reshape_to(c.b(), c.tensor(i), {})); };
  return c.result(c.emit("fmod", {real(0), real(1)}));
}

Value rounded_by(const Call& c, const std::string& name, double (*function)(double)) {
  if (!c.in_graph()) return whole({function(real_of(c[0]))});
  return whole_in_graph(c, call(name, {{{Traced{&c.trace(), element(c)}}}}, c.runtime));
}
Value floored(const Call& c) { return rounded_by(c, "numpy.floor", ::floor); }
Value ceiled(const Call& c) { return rounded_by(c, "numpy.ceil", ::ceil); }
Value truncated(const Call& c) { return rounded_by(c, "numpy.trunc", ::trunc); }

/// In order, as Python decides; numbers alone where only a graph knows them.
Value sorted(const Call& c) {
  if (c.in_graph()) {
    const Value all = call("numpy.sort", {{{Traced{&c.trace(), c.tensor(0)}}}}, c.runtime);
    const Call whole(c.function, {&all}, c.runtime);
    return {List{walked(whole)}};
  }
  std::vector<Value> items = walked(c);
  bool is_nan = false;
  for (const Value& item : items) {
    const double* number = item.as<double>();
    is_nan = is_nan || (number != nullptr && std::isnan(*number));
  }
  if (is_nan) refuse("a NaN has no place in an order");
  std::ranges::stable_sort(
      items, [](const Value& x, const Value& y) { return truth_of(compare("<", x, y)); });
  return {List{std::move(items)}};
}

Value with_sign_of(const Call& c) { return by_numpy(c, "numpy.copysign"); }

constexpr std::string_view many = "a b? c? d? e? f? g? h?";

constexpr Function python_table[] = {
    {"abs", "x", absolute},
    {"max", many, greatest},
    {"min", many, least},
    {"sum", "x start?", total},
    {"round", "x digits?", rounded},
    {"int", "x", as_int},
    {"float", "x", as_float},
    {"bool", "x", as_bool},
    {"len", "x", length},
    {"pow", "x y", power},
    {"any", "x", any},
    {"all", "x", all},
    {"list", "x?", list},
    {"tuple", "x?", tuple},
    {"range", "start stop? step?", range, true},
    {"divmod", "x y", quotient_and_rest},
    {"sorted", "x", sorted},
    {"math.copysign", "x y", with_sign_of},
    {"math.log", "x base?", logarithm},
    {"math.pow", "x y", raised},
    {"math.atan2", "y x", angle},
    {"math.floor", "x", floored},
    {"math.ceil", "x", ceiled},
    {"math.trunc", "x", truncated},
    {"math.fmod", "x y", rest},
};

}  // namespace

std::span<const Function> python_functions() { return python_table; }

}  // namespace isomer::numpy
