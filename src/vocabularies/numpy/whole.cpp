#include "vocabularies/numpy/whole.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/operations.h"

namespace isomer::numpy {
namespace {

// Doubles decide, so a result that fits by less than their rounding counts as one that does not.
constexpr double largest_sure = largest_integer * (1 - 0x1p-48);

/// How large the result can be.
double bound_of(std::string_view sign, double x, double y, const Value& right) {
  if (sign == "*") return x * y;
  if (sign == "**") return std::pow(x, y);
  if (sign == "<<") return x * std::exp2(y);
  if (sign == "//" || sign == ">>") return x;
  if (sign == "%") return is_number(right) ? y : std::max(x, y);
  if (sign == "+" || sign == "-") return x + y;
  return 2 * std::max(x, y);  // bits
}

/// The same operation on real numbers.
ValueId in_reals(const Trace& trace, std::string_view sign, const Value& x, const Value& y) {
  Emitter& b = trace.b;
  const ValueId left = materialized(trace, x, DType::f64);
  const ValueId right = materialized(trace, y, DType::f64);
  if (sign == "<<") return b.emit("mul", {left, b.emit("exp2", {right})});
  return b.emit(binary_of(sign).ours, {left, right});
}

}  // namespace

std::optional<double> largest_of(const Value& value) {
  if (const Traced* traced = value.as<Traced>()) return traced->largest;
  if (value.as<Length>() != nullptr) return largest_integer;
  if (!is_number(value) || value.as<double>() != nullptr) return std::nullopt;
  return std::abs(static_cast<double>(integer_of(value)));
}

Value whole_value(const Trace& trace, ValueId id, double largest) {
  return {Traced{&trace, id, largest}};
}

// The first place of one is there, the second is not, and every engine says so.
ValueId only_where(Emitter& b, ValueId x, ValueId holds) {
  const ValueId fails = b.emit("cast", {b.emit("logical_not", {holds})}, {{"dtype", DType::i64}});
  const ValueId row = b.emit("unsqueeze", {x}, {{"dim", std::int64_t{0}}});
  const ValueId picked = b.emit("index_select", {row, reshape_to(b, fails, {Dim(1)})});
  return b.emit("select", {picked}, {{"dim", std::int64_t{0}}, {"index", Dim(0)}});
}

Value whole_from_real(const Trace& trace, ValueId x) {
  Emitter& b = trace.b;
  const ValueId size = b.emit("abs", {x});
  const ValueId fits = b.emit("lt", {size, b.literal(b.dtype(x), largest_integer)});
  const ValueId whole = b.emit("cast", {x}, {{"dtype", DType::i64}});
  return whole_value(trace, only_where(b, whole, fits));
}

Value binary_of_whole(std::string_view sign, const Value& x, const Value& y) {
  const Trace& trace = *(trace_of(x) != nullptr ? trace_of(x) : trace_of(y));
  Emitter& b = trace.b;
  if (sign == "**" && !is_number(y)) {
    throw Error(Fault::unsupported, "",
                "an integer to the power of one that is known only when the model runs: with a "
                "negative one it is no integer");
  }
  if (sign == "**" && integer_of(y) < 0)
    return apply(binary_of("**"), {Traced{&trace, materialized(trace, x, trace.real)}}, y);
  const double largest = bound_of(sign, *largest_of(x), *largest_of(y), y);
  const Value result = apply(binary_of(sign), x, y);
  const ValueId id = materialized(trace, result);
  if (is_floating(b.dtype(id))) return result;
  if (largest < largest_sure) return whole_value(trace, id, largest);
  if (sign == "//" || sign == ">>" || sign == "%" || sign == "&" || sign == "|" || sign == "^")
    return whole_value(trace, id);
  const ValueId real = in_reals(trace, sign, x, y);
  const ValueId fits = b.emit("lt", {b.emit("abs", {real}), b.literal(DType::f64, largest_sure)});
  return whole_value(trace, only_where(b, id, fits));
}

Value either(const Value& truth, const Value& x, const Value& y, const Runtime& runtime) {
  const Value result = call("numpy.where", {{truth, x, y}}, runtime);
  const auto left = largest_of(x);
  const auto right = largest_of(y);
  const Traced* traced = result.as<Traced>();
  if (!left || !right || traced->trace->b.dtype(traced->id) != DType::i64) return result;
  return whole_value(*traced->trace, traced->id, std::max(*left, *right));
}

}  // namespace isomer::numpy
