#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/composites.h"
#include "vocabularies/numpy/operations.h"

namespace isomer::numpy {
namespace {

double sign_of(double x) { return std::isnan(x) ? x : (x > 0) - (x < 0); }
double is_nan(double x) { return std::isnan(x); }
double is_infinite(double x) { return std::isinf(x); }
double is_finite(double x) { return std::isfinite(x); }
double is_zero(double x) { return x == 0; }
double inverse(double x) { return 1 / x; }
double squared(double x) { return x * x; }
double degrees(double x) { return x * (180 / std::numbers::pi); }
double radians(double x) { return x * (std::numbers::pi / 180); }

// Integers wrap, as NumPy's do.
std::int64_t magnitude(std::int64_t x) {
  return x < 0 ? static_cast<std::int64_t>(-static_cast<std::uint64_t>(x)) : x;
}
std::int64_t sign_of(std::int64_t x) { return (x > 0) - (x < 0); }
std::int64_t squared(std::int64_t x) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(x));
}
std::int64_t inverse(std::int64_t x) { return x == 1 || x == -1 ? x : 0; }

ValueId emit_is_zero(Emitter& b, ValueId x) {
  return b.emit("eq", {x, b.literal(b.dtype(x), 0.0)});
}

using UnaryKind = UnaryUfunc::Kind;

constexpr UnaryUfunc ufuncs[] = {
    {"numpy.exp", "math.exp", UnaryKind::real, ::exp, "exp"},
    {"numpy.exp2", "math.exp2", UnaryKind::real, ::exp2, "exp2"},
    {"numpy.expm1", "math.expm1", UnaryKind::real, ::expm1, "expm1"},
    {"numpy.log", "", UnaryKind::real, ::log, "log"},
    {"numpy.log2", "math.log2", UnaryKind::real, ::log2, "log2"},
    {"numpy.log10", "math.log10", UnaryKind::real, ::log10, "log10"},
    {"numpy.log1p", "math.log1p", UnaryKind::real, ::log1p, "log1p"},
    {"numpy.sqrt", "math.sqrt", UnaryKind::real, ::sqrt, "sqrt"},
    {"numpy.sin", "math.sin", UnaryKind::real, ::sin, "sin"},
    {"numpy.cos", "math.cos", UnaryKind::real, ::cos, "cos"},
    {"numpy.tan", "math.tan", UnaryKind::real, ::tan, "tan"},
    {"numpy.arcsin", "math.asin", UnaryKind::real, ::asin, "", emit_arcsin},
    {"numpy.arccos", "math.acos", UnaryKind::real, ::acos, "", emit_arccos},
    {"numpy.arctan", "math.atan", UnaryKind::real, ::atan, "atan"},
    {"numpy.sinh", "math.sinh", UnaryKind::real, ::sinh, "", emit_sinh},
    {"numpy.cosh", "math.cosh", UnaryKind::real, ::cosh, "", emit_cosh},
    {"numpy.tanh", "math.tanh", UnaryKind::real, ::tanh, "tanh"},
    {"numpy.arcsinh", "math.asinh", UnaryKind::real, ::asinh, "", emit_arcsinh},
    {"numpy.arccosh", "math.acosh", UnaryKind::real, ::acosh, "", emit_arccosh},
    {"numpy.arctanh", "math.atanh", UnaryKind::real, ::atanh, "", emit_arctanh},
    {"numpy.cbrt", "math.cbrt", UnaryKind::real, ::cbrt, "", emit_cbrt},
    {"", "math.gamma", UnaryKind::real, ::tgamma, "", emit_gamma},
    {"", "math.erf", UnaryKind::real, ::erf, "erf"},
    {"", "math.erfc", UnaryKind::real, ::erfc, "erfc"},
    {"", "math.lgamma", UnaryKind::real, ::lgamma, "lgamma"},
    {"numpy.degrees numpy.rad2deg", "math.degrees", UnaryKind::real, degrees, "", emit_degrees},
    {"numpy.radians numpy.deg2rad", "math.radians", UnaryKind::real, radians, "", emit_radians},
    {"numpy.fabs", "math.fabs", UnaryKind::real, ::fabs, "abs"},
    {"numpy.rint", "", UnaryKind::real, ::nearbyint, "round"},
    {"numpy.abs numpy.absolute", "", UnaryKind::same, ::fabs, "abs", nullptr, magnitude},
    {"numpy.floor", "", UnaryKind::same, ::floor, "floor"},
    {"numpy.ceil", "", UnaryKind::same, ::ceil, "ceil"},
    {"numpy.trunc numpy.fix", "", UnaryKind::same, ::trunc, "trunc"},
    {"numpy.sign", "", UnaryKind::same, sign_of, "", sign_or_nan, sign_of},
    {"numpy.reciprocal", "", UnaryKind::same, inverse, "", emit_reciprocal, inverse},
    {"numpy.square", "", UnaryKind::same, squared, "square", nullptr, squared},
    {"numpy.isnan", "math.isnan", UnaryKind::truth, is_nan, "isnan"},
    {"numpy.isinf", "math.isinf", UnaryKind::truth, is_infinite, "isinf"},
    {"numpy.isfinite", "math.isfinite", UnaryKind::truth, is_finite, "isfinite"},
    {"numpy.logical_not", "", UnaryKind::truth, is_zero, "", emit_is_zero},
};

/// The type in which one of the kind `same` is computed: truths are numbers to most.
DType same_type(const UnaryUfunc& f, DType dtype) {
  if (dtype != DType::boolean || f.integers == nullptr || f.integers == magnitude) return dtype;
  if (f.ours.empty() && f.emit == sign_or_nan) refuse("truths have no sign");
  return DType::i8;
}

Value at_once(const UnaryUfunc& f, const Tensor& given) {
  const Tensor x = f.kind == UnaryKind::same ? given.converted(same_type(f, given.dtype())) : given;
  const bool real = is_floating(x.dtype());
  if (f.kind == UnaryKind::truth) return result_of(map_reals(x, DType::boolean, f.reals));
  if (real || f.kind == UnaryKind::real)
    return result_of(map_reals(x, ufunc_real_type(x.dtype()), f.reals));
  return result_of(f.integers == nullptr ? x : map_integers(x, x.dtype(), f.integers));
}

ValueId in_graph(const Call& c, ValueId x) {
  const UnaryUfunc& f = *c.function.unary;
  const DType given = c.b().dtype(x);
  if (f.kind == UnaryKind::same) x = c.cast(x, same_type(f, given));
  if (f.kind == UnaryKind::real) x = c.cast(x, ufunc_real_type(given, c.float64()));
  if (f.kind == UnaryKind::truth) x = c.real(x);
  const DType dtype = c.b().dtype(x);
  const bool unchanged = dtype == DType::boolean || (!is_floating(dtype) && f.integers == nullptr);
  if (unchanged) return x;
  return f.emit != nullptr ? f.emit(c.b(), x) : c.emit(f.ours, {x});
}

// --- more than one number

Value clip(const Call& c) {
  Value result = c[0];
  if (c.has(1)) result = apply(binary_named("numpy.maximum"), result, c[1]);
  if (c.has(2)) result = apply(binary_named("numpy.minimum"), result, c[2]);
  return result;
}

Value where(const Call& c) {
  if (!c.has(1) && !c.has(2)) return c.asked("numpy.nonzero", {c[0]});
  if (!c.has(1) || !c.has(2)) refuse("numpy.where needs both of what it chooses from, or neither");
  const auto strong = [&](std::size_t i) {
    if (items_of(c[i]) == nullptr) return c[i];
    return c.in_graph() ? Value{Traced{&c.trace(), c.tensor(i)}} : array_value(tensor_of(c[i]));
  };
  const Value x = strong(1);
  const Value y = strong(2);
  const DType dtype = joint_type(x, y, c.float64());
  demand_fit(x, dtype);
  demand_fit(y, dtype);
  if (!c.in_graph()) {
    return result_of(
        chosen(tensor_of(c[0]), tensor_of(x).converted(dtype), tensor_of(y).converted(dtype)),
        false);
  }
  return c.result(c.emit("where", {c.tensor(0, DType::boolean), materialized(c.trace(), x, dtype),
                                   materialized(c.trace(), y, dtype)}));
}

Value negative(const Call& c) {
  return unary("-", is_number(c[0]) || items_of(c[0]) ? array_value(tensor_of(c[0])) : c[0]);
}

// x, how many digits
Value round(const Call& c) {
  const std::int64_t digits = c.integer(1, 0);
  const ValueId x = c.tensor(0);
  const bool real = is_floating(c.b().dtype(x));
  if (!real && digits >= 0) return c.result(x);
  if (!real) throw Error(Fault::unsupported, "", "integers are rounded to whole numbers only");
  if (digits == 0) return c.result(c.emit("round", {x}));
  const ValueId scale = c.b().literal(c.b().dtype(x), std::pow(10.0, std::abs(digits)));
  const char* const out[] = {"mul", "div"};
  const bool fraction = digits > 0;
  const ValueId scaled = c.emit("round", {c.emit(out[fraction ? 0 : 1], {x, scale})});
  return c.result(c.emit(out[fraction ? 1 : 0], {scaled, scale}));
}

constexpr Function elementwise_table[] = {
    {"numpy.negative", "x", negative},
    {"numpy.round .round", "x decimals?", round},
    {"numpy.clip .clip", "x min? max?", clip},
    {"numpy.where", "condition x? y?", where},
};

}  // namespace

Value run_unary(const Call& c) {
  if (!c.in_graph()) return at_once(*c.function.unary, tensor_of(c[0]));
  return c.result(in_graph(c, c.tensor(0)));
}

// One number. Where Python would raise an error and NumPy give a NaN, it is refused.
Value run_math(const Call& c) {
  const UnaryUfunc& f = *c.function.unary;
  if (c.in_graph()) return c.result(in_graph(c, c.real(reshape_to(c.b(), c.tensor(0), {}))));
  const double x = real_of(c[0]);
  const double result = f.reals(x);
  if (f.kind == UnaryKind::truth) return {result != 0};
  if (std::isnan(result) && !std::isnan(x))
    refuse(fmt::format("{} is outside the function's domain", real_text(x)));
  if (std::isinf(result) && std::isfinite(x))
    refuse(fmt::format("the function's value at {} is too large", real_text(x)));
  return {result};
}

std::span<const UnaryUfunc> unary_ufuncs() { return ufuncs; }
std::span<const Function> elementwise_functions() { return elementwise_table; }

}  // namespace isomer::numpy
