#include <array>
#include <cmath>
#include <numbers>

#include "vocabularies/aten/complex.h"

// What PyTorch's arithmetic means of complex numbers.

namespace isomer::aten {
namespace {

ValueId literal(Builder& b, ValueId like, double value) { return b.literal(b.dtype(like), value); }
ValueId add(Builder& b, ValueId x, ValueId y) { return b.emit("add", {x, y}); }
ValueId mul(Builder& b, ValueId x, ValueId y) { return b.emit("mul", {x, y}); }
ValueId mul(Builder& b, ValueId x, double y) { return mul(b, x, literal(b, x, y)); }
ValueId div(Builder& b, ValueId x, ValueId y) { return b.emit("div", {x, y}); }
ValueId unary(Builder& b, std::string_view op, ValueId x) { return b.emit(op, {x}); }
ValueId where(Builder& b, ValueId condition, ValueId x, ValueId y) {
  return b.emit("where", {condition, x, y});
}

// -- size and angle, whose slopes at 0 are 0 ------------------------------------------------------

struct Polar {
  ValueId re;
  ValueId im;
  ValueId is_zero;
  ValueId size_or_one;  // of 0 1
};

Polar polar_of(Builder& b, const Complex& z) {
  const auto [re, im] = tensors_of(b, z);
  const auto zero = [&, &re = re](ValueId x) { return b.emit("eq", {x, literal(b, re, 0.0)}); };
  const ValueId is_zero = b.emit("logical_and", {zero(re), zero(im)});
  const ValueId safe = where(b, is_zero, literal(b, re, 1.0), re);
  return {re, im, is_zero, b.emit("hypot", {safe, im})};
}

ValueId size(Builder& b, const Polar& z) {
  return where(b, z.is_zero, literal(b, z.re, 0.0), z.size_or_one);
}

// A zero has a sign, which decides between the angles 0 and pi.
ValueId angle(Builder& b, const Polar& z) {
  const ValueId one = b.emit("copysign", {literal(b, z.re, 1.0), z.re});
  const ValueId still = carries_gradient(b, z.im) ? b.emit("detach", {z.im}) : z.im;
  return b.emit("atan2", {where(b, z.is_zero, still, z.im), where(b, z.is_zero, one, z.re)});
}

Complex turned(Builder& b, ValueId size, ValueId angle) {
  return {Operand(mul(b, size, unary(b, "cos", angle))),
          Operand(mul(b, size, unary(b, "sin", angle)))};
}

// -- functions ------------------------------------------------------------------------------------

Complex exp(Builder& b, const Complex& z) {
  const auto [re, im] = tensors_of(b, z);
  return turned(b, unary(b, "exp", re), im);
}

Complex log(Builder& b, const Complex& z) {
  const Polar polar = polar_of(b, z);
  return {Operand(unary(b, "log", size(b, polar))), Operand(angle(b, polar))};
}

template <double (*base)(double)>
Complex log_of(Builder& b, const Complex& z) {
  const Scalar factor = base(std::numbers::e);
  return times(b, log(b, z), real_number(factor));
}
double log2_of(double x) { return std::log2(x); }
double log10_of(double x) { return std::log10(x); }

Complex log1p(Builder& b, const Complex& z) { return log(b, plus(b, z, real_number(Scalar(1.0)))); }

/// A power by half the angle, or minus that.
Complex root(Builder& b, const Complex& z, std::string_view of_size, double of_angle) {
  const Polar polar = polar_of(b, z);
  return turned(b, unary(b, of_size, size(b, polar)), mul(b, angle(b, polar), of_angle));
}
Complex sqrt(Builder& b, const Complex& z) { return root(b, z, "sqrt", 0.5); }
Complex rsqrt(Builder& b, const Complex& z) { return root(b, z, "rsqrt", -0.5); }

Complex sgn(Builder& b, const Complex& z) {
  const Polar polar = polar_of(b, z);
  return {Operand(div(b, polar.re, polar.size_or_one)),
          Operand(div(b, polar.im, polar.size_or_one))};
}

// The larger part of the divisor is made 1 before it is squared, and does not overflow.
Complex quotient(Builder& b, const Complex& x, const Complex& y) {
  const auto [re, im] = tensors_of(b, y);
  ValueId scale = b.emit("maximum", {unary(b, "abs", re), unary(b, "abs", im)});
  if (carries_gradient(b, scale)) scale = b.emit("detach", {scale});
  const Complex small{Operand(div(b, re, scale)), Operand(div(b, im, scale))};
  const ValueId square =
      add(b, mul(b, small.re->id, small.re->id), mul(b, small.im->id, small.im->id));
  const auto [above, beside] = tensors_of(b, times(b, x, conjugate(b, small)));
  const ValueId below = mul(b, square, scale);
  return {Operand(div(b, above, below)), Operand(div(b, beside, below))};
}

Complex reciprocal(Builder& b, const Complex& z) {
  return quotient(b, real_number(Scalar(1.0)), z);
}

Complex square(Builder& b, const Complex& z) { return times(b, z, z); }

Complex sigmoid(Builder& b, const Complex& z) {
  const auto [re, im] = tensors_of(b, z);
  const Complex e = exp(b, {Operand(unary(b, "neg", re)), Operand(unary(b, "neg", im))});
  return reciprocal(b, plus(b, real_number(Scalar(1.0)), e));
}

/// f(re) g(im), and h(re) k(im) with a sign: what addition theorems say.
template <bool turned_round>
Complex by_theorem(Builder& b, const Complex& z, const std::array<std::string_view, 4>& names) {
  const auto [re, im] = tensors_of(b, z);
  const ValueId second = mul(b, unary(b, names[2], re), unary(b, names[3], im));
  return {Operand(mul(b, unary(b, names[0], re), unary(b, names[1], im))),
          Operand(turned_round ? unary(b, "neg", second) : second)};
}
Complex sin(Builder& b, const Complex& z) {
  return by_theorem<false>(b, z, {"sin", "cosh", "cos", "sinh"});
}
Complex cos(Builder& b, const Complex& z) {
  return by_theorem<true>(b, z, {"cos", "cosh", "sin", "sinh"});
}
Complex sinh(Builder& b, const Complex& z) {
  return by_theorem<false>(b, z, {"sinh", "cos", "cosh", "sin"});
}
Complex cosh(Builder& b, const Complex& z) {
  return by_theorem<false>(b, z, {"cosh", "cos", "sinh", "sin"});
}

// Of tanh(re) and tan(im), neither of which overflows.
Complex tanh(Builder& b, const Complex& z) {
  const auto [re, im] = tensors_of(b, z);
  const ValueId t = unary(b, "tanh", re);
  const ValueId u = unary(b, "tan", im);
  const ValueId one = literal(b, re, 1.0);
  const ValueId uu = mul(b, u, u);
  const ValueId tt = mul(b, t, t);
  const ValueId below = add(b, one, mul(b, tt, uu));
  return {Operand(div(b, mul(b, t, add(b, one, uu)), below)),
          Operand(div(b, mul(b, u, b.emit("sub", {one, tt})), below))};
}

Complex conjugated(Builder& b, const Complex& z) { return conjugate(b, z); }

// -- calls ----------------------------------------------------------------------------------------

Values part(ComplexReading& r, std::int64_t which) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("select", {x}, {{"dim", r.b.rank(x) - 1}, {"index", Dim(which)}})};
}
Values real_part(ComplexReading& r) { return part(r, 0); }
Values imaginary_part(ComplexReading& r) { return part(r, 1); }

Values unchanged(ComplexReading& r) { return {r.tensor("self")}; }

Values from_parts(ComplexReading& r) {
  return {joined(r.b, {r.operand("real"), r.operand("imag")})};
}

Values from_polar(ComplexReading& r) {
  return {joined(r.b, turned(r.b, r.tensor("abs"), r.tensor("angle")))};
}

Values abs(ComplexReading& r) { return {size(r.b, polar_of(r.b, r.complex("self")))}; }
Values angle(ComplexReading& r) { return {angle(r.b, polar_of(r.b, r.complex("self")))}; }

/// A real operand of pairs: its elements serve both parts.
Operand beside_pairs(Reading& r, std::string_view name) {
  const Operand x = r.operand(name);
  if (!x.is_tensor() || r.b.rank(x.id) == 0) return x;
  return unsqueezed(r.b, x.id, r.b.rank(x.id));
}

/// `self op alpha * other`. Of two complex operands it is that of the pairs.
Values added(ComplexReading& r, bool subtract, std::string_view left, std::string_view right) {
  const Complex alpha{r.scalar("alpha", Scalar(std::int64_t{1})), {}};
  const auto combine = subtract ? minus : plus;
  const bool one = is_one(alpha.re->scalar);
  if (one && r.is_pairs(left) && r.is_pairs(right))
    return {arithmetic(r.b, subtract ? "sub" : "add", r.tensor(left), r.tensor(right))};
  return {joined(r.b, combine(r.b, r.complex(left), times(r.b, alpha, r.complex(right))))};
}
Values plus_call(ComplexReading& r) { return added(r, false, "self", "other"); }
Values minus_call(ComplexReading& r) { return added(r, true, "self", "other"); }
Values minus_turned(ComplexReading& r) { return added(r, true, "other", "self"); }

Values times_call(ComplexReading& r) {
  for (const auto& [one, other] : {std::pair{"self", "other"}, std::pair{"other", "self"}}) {
    if (r.is_pairs(one) && !r.is_complex(other))
      return {arithmetic(r.b, "mul", r.tensor(one), beside_pairs(r, other))};
  }
  return {joined(r.b, times(r.b, r.complex("self"), r.complex("other")))};
}

Values divide(ComplexReading& r) {
  if (r.is_pairs("self") && !r.is_complex("other"))
    return {arithmetic(r.b, "div", r.tensor("self"), beside_pairs(r, "other"))};
  return {joined(r.b, quotient(r.b, r.complex("self"), r.complex("other")))};
}

/// What PyTorch does not compute by logarithms.
std::optional<Complex> simple_power(Builder& b, const Complex& z, double exponent) {
  if (exponent == 1) return z;
  if (exponent == 2) return square(b, z);
  if (exponent == 3) return times(b, square(b, z), z);
  if (exponent == 0.5) return sqrt(b, z);
  if (exponent == -0.5) return rsqrt(b, z);
  if (exponent == -1) return reciprocal(b, z);
  if (exponent == -2) return reciprocal(b, square(b, z));
  return std::nullopt;
}

Values pow(ComplexReading& r) {
  const Complex base = r.complex("self");
  const Complex exponent = r.complex("exponent");
  if (!exponent.im && exponent.re && !exponent.re->is_tensor()) {
    if (const auto simple = simple_power(r.b, base, real_of(exponent.re->scalar)))
      return {joined(r.b, *simple)};
  }
  return {joined(r.b, exp(r.b, times(r.b, exponent, log(r.b, base))))};
}

// Of the sizes.
Values norm(ComplexReading& r) {
  Call call = for_pairs(r.call());
  for (NamedArgument& argument : call.arguments) {
    if (r.is_pairs(argument.name))
      argument.value = size(r.b, polar_of(r.b, r.complex(argument.name)));
  }
  r.ignore_all();
  return emit(r.b, call);
}

Values vdot(ComplexReading& r) {
  const ValueId turned = joined(r.b, conjugate(r.b, r.complex("self")));
  return emit_complex(r.b, {"dot",
                            {{"self", turned}, {"tensor", r.pairs("other")}},
                            std::vector<std::string>{"self", "tensor"}});
}

// A product of two matrices on a third.
Values added_product(ComplexReading& r, std::string_view left, std::string_view right) {
  for (const std::string_view factor : {"alpha", "beta"}) {
    if (!is_one(r.scalar(factor, Scalar(std::int64_t{1})))) r.refuse("scaled, it is not read");
  }
  const Values product = emit_complex(r.b, {"matmul",
                                            {{"self", r.pairs(left)}, {"other", r.pairs(right)}},
                                            std::vector<std::string>{"self", "other"}});
  return {joined(r.b, plus(r.b, r.complex("self"), parts_of(r.b, product[0])))};
}
Values addmm(ComplexReading& r) { return added_product(r, "mat1", "mat2"); }
Values baddbmm(ComplexReading& r) { return added_product(r, "batch1", "batch2"); }

/// Both parts, or either: what a test of complex numbers asks of them.
Values tested(ComplexReading& r, std::string_view op, std::string_view both) {
  const auto [re, im] = tensors_of(r.b, r.complex("self"));
  if (!r.given("other")) return {r.b.emit(both, {r.b.emit(op, {re}), r.b.emit(op, {im})})};
  const auto [other_re, other_im] = tensors_of(r.b, r.complex("other"));
  return {r.b.emit(both, {r.b.emit(op, {re, other_re}), r.b.emit(op, {im, other_im})})};
}
Values eq(ComplexReading& r) { return tested(r, "eq", "logical_and"); }
Values ne(ComplexReading& r) { return tested(r, "ne", "logical_or"); }
Values isnan(ComplexReading& r) { return tested(r, "isnan", "logical_or"); }
Values isinf(ComplexReading& r) { return tested(r, "isinf", "logical_or"); }
Values isfinite(ComplexReading& r) { return tested(r, "isfinite", "logical_and"); }

using enum Aliasing;

constexpr ComplexRow complex_arithmetic_table[] = {
    {.targets = "view_as_real view_as_complex", .read = unchanged, .aliases = always},
    {.targets = "view_as_real_copy view_as_complex_copy", .read = unchanged, .aliases = never},
    {.targets = "real", .read = real_part, .aliases = always},
    {.targets = "imag", .read = imaginary_part, .aliases = always},
    {.targets = "complex", .read = from_parts},
    {.targets = "polar", .read = from_polar},
    {.targets = "abs", .read = abs},
    {.targets = "angle", .read = angle},
    {.targets = "conj _conj", .function = conjugated, .aliases = may},
    {.targets = "conj_physical _conj_physical", .function = conjugated, .aliases = never},
    {.targets = "add.Tensor add.Scalar", .read = plus_call},
    {.targets = "sub.Tensor sub.Scalar", .read = minus_call},
    {.targets = "rsub.Scalar rsub.Tensor", .read = minus_turned},
    {.targets = "mul.Tensor mul.Scalar", .read = times_call},
    {.targets = "div.Tensor div.Scalar", .read = divide},
    {.targets = "pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar", .read = pow},
    {.targets = "exp", .function = exp},
    {.targets = "log", .function = log},
    {.targets = "log2", .function = log_of<log2_of>},
    {.targets = "log10", .function = log_of<log10_of>},
    {.targets = "log1p", .function = log1p},
    {.targets = "sqrt", .function = sqrt},
    {.targets = "rsqrt", .function = rsqrt},
    {.targets = "reciprocal", .function = reciprocal},
    {.targets = "square", .function = square},
    {.targets = "sgn", .function = sgn},
    {.targets = "sigmoid", .function = sigmoid},
    {.targets = "sin", .function = sin},
    {.targets = "cos", .function = cos},
    {.targets = "sinh", .function = sinh},
    {.targets = "cosh", .function = cosh},
    {.targets = "tanh", .function = tanh},
    {.targets = "linalg_vector_norm norm.Scalar norm.ScalarOpt_dim linalg_norm", .read = norm},
    {.targets = "eq.Tensor eq.Scalar", .read = eq},
    {.targets = "ne.Tensor ne.Scalar", .read = ne},
    {.targets = "isnan", .read = isnan},
    {.targets = "isinf", .read = isinf},
    {.targets = "isfinite", .read = isfinite},
    {.targets = "matmul inner kron tensordot", .factors = "self other"},
    {.targets = "mm bmm outer ger", .factors = "self mat2 vec2"},
    {.targets = "mv dot", .factors = "self vec tensor"},
    {.targets = "vdot", .read = vdot},
    {.targets = "addmm", .read = addmm},
    {.targets = "baddbmm", .read = baddbmm},
    {.targets = "einsum", .factors = "tensors"},
    {.targets = "linear conv1d conv2d conv3d convolution", .factors = "input weight"},
    {.targets = "sum sum.dim_IntList mean mean.dim cumsum", .parts = "self"},
};

}  // namespace

std::span<const ComplexRow> complex_arithmetic_rows() { return complex_arithmetic_table; }

}  // namespace isomer::aten
