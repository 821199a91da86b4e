#include <cmath>
#include <limits>
#include <numbers>

#include "run/reference/elementwise.h"

namespace isomer {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = std::numbers::pi;

// -- the normal distribution ----------------------------------------------------------------------

// From 26 on exp(x * x) is too large a factor and erfc(x) too small a one: the asymptotic series.
double scaled_erfc(double x) {
  if (x < 26) return std::exp(x * x) * std::erfc(x);
  const double t = 1 / (2 * x * x);
  return std::numbers::inv_sqrtpi / x * (1 - t * (1 - 3 * t * (1 - 5 * t * (1 - 7 * t))));
}

// Winitzki's approximation, within 0.002, then steps of Newton's method on the function that loses
// no digits: erf in the middle, the logarithm of erfc in the tails.
double inverse_erfc(double q) {
  if (std::isnan(q) || q < 0 || q > 2) return undefined;
  if (q == 0 || q == 2) return q == 0 ? infinity : -infinity;
  if (q > 1) return -inverse_erfc(2 - q);
  constexpr double a = 0.147;
  const double logarithm = std::log(q * (2 - q));
  const double half = 2 / (pi * a) + logarithm / 2;
  double y = std::sqrt(std::sqrt(half * half - logarithm / a) - half);
  for (int i = 0; i < 6; ++i) {
    const double there = std::erfc(y);
    const double slope = -2 * std::numbers::inv_sqrtpi * std::exp(-y * y) / there;
    y -= (std::log(there) - std::log(q)) / slope;
  }
  return y;
}

double inverse_erf(double x) {
  if (std::abs(x) > 0.5) return std::copysign(inverse_erfc(1 - std::abs(x)), x);
  double y = x / (2 * std::numbers::inv_sqrtpi);
  for (int i = 0; i < 6; ++i)
    y -= (std::erf(y) - x) / (2 * std::numbers::inv_sqrtpi * std::exp(-y * y));
  return y;
}

double log_normal_distribution(double x) {
  const double t = x / std::numbers::sqrt2;
  return x < -1 ? std::log(scaled_erfc(-t) / 2) - t * t : std::log1p(-std::erfc(t) / 2);
}

// -- gamma functions ------------------------------------------------------------------------------

// B(2k) / (2k)!, of the sums below.
constexpr double bernoulli[] = {1.0 / 12,          -1.0 / 720,
                                1.0 / 30240,       -1.0 / 1209600,
                                1.0 / 47900160,    -691.0 / 1307674368000,
                                1.0 / 74724249600, -3617.0 / 10670622842880000};

// The first terms as they are, the others by Euler and Maclaurin's formula.
double hurwitz_zeta(double x, double q) {
  if (x == 1) return infinity;
  if (!(x > 1) || std::isnan(q)) return undefined;
  if (q == infinity) return 0;
  if (q <= 0) {
    if (q == std::floor(q)) return infinity;
    if (x != std::floor(x)) return undefined;
  }
  double sum = 0;
  for (int i = 0; i < 12 || q < 12; ++i, ++q) {
    const double term = std::pow(q, -x);
    sum += term;
    if (std::abs(term) < std::numeric_limits<double>::epsilon() * std::abs(sum)) return sum;
  }
  const double last = std::pow(q, -x);
  sum += last * q / (x - 1) + last / 2;
  double power = last / q * x;
  for (int k = 0; k < 8; ++k) {
    sum += bernoulli[k] * power;
    power *= (x + 2 * k + 1) * (x + 2 * k + 2) / (q * q);
  }
  return sum;
}

double digamma(double x) {
  if (x == 0) return std::copysign(infinity, -x);
  if (x < 0) {
    if (x == std::floor(x)) return undefined;
    return digamma(1 - x) - pi / std::tan(pi * (x - std::trunc(x)));
  }
  double sum = 0;
  for (; x < 12; ++x) sum -= 1 / x;
  if (std::isinf(x)) return x;
  sum += std::log(x) - 1 / (2 * x);
  // B(2k) / 2k
  constexpr double parts[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                              1.0 / 132, -691.0 / 32760, 1.0 / 12};
  double power = 1 / (x * x);
  for (const double part : parts) {
    sum -= part * power;
    power /= x * x;
  }
  return sum;
}

double polygamma(double x, std::int64_t n) {
  if (n == 0) return digamma(x);
  const double size =
      std::tgamma(static_cast<double>(n + 1)) * hurwitz_zeta(static_cast<double>(n + 1), x);
  return n % 2 == 0 ? -size : size;
}

double gamma_density(double a, double x) { return std::exp(a * std::log(x) - x - std::lgamma(a)); }

// The series of the lower function, for x below a + 1.
double lower_series(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (int i = 1; i < 10000 && std::abs(term) > 1e-17 * std::abs(sum); ++i) {
    term *= x / (a + i);
    sum += term;
  }
  return sum * gamma_density(a, x);
}

// Lentz's evaluation of the continued fraction of the upper one, for x above.
double upper_fraction(double a, double x) {
  constexpr double tiny = 1e-300;
  double b = x + 1 - a;
  double c = 1 / tiny;
  double d = 1 / b;
  double result = d;
  for (int i = 1; i < 10000; ++i) {
    const double factor = -i * (i - a);
    b += 2;
    d = factor * d + b;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = b + factor / c;
    if (std::abs(c) < tiny) c = tiny;
    result *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return result * gamma_density(a, x);
}

// Both at once, so that each is exact where it is small.
double incomplete_gamma(double a, double x, bool upper) {
  const double nothing = upper ? 1 : 0;
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0) return undefined;
  if (a == 0) return x > 0 ? 1 - nothing : undefined;
  if (x == 0) return nothing;
  if (std::isinf(a)) return std::isinf(x) ? undefined : nothing;
  if (std::isinf(x)) return 1 - nothing;
  const bool below = x < a + 1;
  const double part = below ? lower_series(a, x) : upper_fraction(a, x);
  return below == upper ? 1 - part : part;
}

// -- Bessel functions -----------------------------------------------------------------------------

// The standard library's functions take no negative numbers; those of order 0 are even, those of
// order 1 odd.
template <int order>
double mirrored(double (*function)(double, double), double x) {
  const double y = function(order, std::abs(x));
  return order == 1 && x < 0 ? -y : y;
}

// Beyond it I is infinite and K is 0; the standard library's functions throw somewhere there.
// PyTorch's series of J, Y and I end in inf / inf or inf - inf at infinity.
constexpr double far = 750;

double first_kind(double order, double x) {
  return std::isinf(x) ? undefined : std::cyl_bessel_j(order, x);
}
double modified_first_kind(double order, double x) {
  if (std::isinf(x)) return undefined;
  return x > far ? infinity : std::cyl_bessel_i(order, x);
}

// exp(-x) * I(x); beyond 500, where I overflows soon, by its asymptotic series.
double scaled_first_kind(double order, double x) {
  if (x <= 500) return std::exp(-x) * std::cyl_bessel_i(order, x);
  const double m = 4 * order * order;
  double term = 1;
  double sum = 1;
  for (int k = 1; k < 8; ++k) {
    term *= -(m - (2.0 * k - 1) * (2.0 * k - 1)) / (8 * k * x);
    sum += term;
  }
  return sum / std::sqrt(2 * pi * x);
}

double second_kind(double order, double x) {
  if (!(x >= 0) || std::isinf(x)) return undefined;
  return x == 0 ? -infinity : std::cyl_neumann(order, x);
}

double modified_second_kind(double order, double x, bool scaled) {
  if (std::isnan(x) || x < 0) return undefined;
  if (x == 0) return infinity;
  if (std::isinf(x) || (!scaled && x > far)) return 0;
  if (!scaled || x < 500) return std::cyl_bessel_k(order, x) * (scaled ? std::exp(x) : 1);
  const double m = 4 * order * order;
  double term = 1;
  double sum = 1;
  for (int k = 1; k < 8; ++k) {
    term *= (m - (2.0 * k - 1) * (2.0 * k - 1)) / (8 * k * x);
    sum += term;
  }
  return sum * std::sqrt(pi / (2 * x));
}

double spherical(double x) {
  if (std::isinf(x)) return 0;
  return x == 0 ? 1 : std::sin(x) / x;
}

// By Bessel functions of order 1/3.
double airy(double x) {
  if (std::isnan(x) || std::isinf(x)) return undefined;
  if (x == 0) return 0.355028053887817239;
  constexpr double third = 1.0 / 3;
  const double size = std::abs(x);
  const double z = 2 * third * size * std::sqrt(size);
  if (x > 0) return z > 700 ? 0 : std::sqrt(x / 3) / pi * std::cyl_bessel_k(third, z);
  const double j = std::cyl_bessel_j(third, z);
  const double mirrored_j =
      std::cos(third * pi) * j - std::sin(third * pi) * std::cyl_neumann(third, z);
  return std::sqrt(size) / 3 * (j + mirrored_j);
}

// -- polynomials ----------------------------------------------------------------------------------

/// p(k + 1) = next(k, p(k), p(k - 1)) from p(0) = 1 and p(1); of a negative degree 0. No degree is
/// beyond `most`.
template <class Next>
double polynomial(double degree, double first, Next next, double most = 1 << 20) {
  if (degree <= -1) return 0;
  if (!(degree <= most)) return undefined;
  const auto n = static_cast<std::int64_t>(degree);
  double before = 1;
  if (n == 0) return before;
  double p = first;
  for (std::int64_t k = 1; k < n; ++k) {
    const double after = next(static_cast<double>(k), p, before);
    before = p;
    p = after;
  }
  return p;
}

/// The four kinds of Chebyshev polynomials differ in their first one only.
double chebyshev(double x, double degree, double first) {
  return polynomial(degree, first,
                    [&](double, double p, double before) { return 2 * x * p - before; });
}

double hermite(double x, double degree, double factor) {
  constexpr double most = 512;  // getHermitianLimit of ATen/native/Math.h
  const auto next = [&](double k, double p, double before) {
    return factor * (x * p - k * before);
  };
  return polynomial(degree, factor * x, next, most);
}

double laguerre(double x, double degree) {
  return polynomial(degree, 1 - x, [&](double k, double p, double before) {
    return ((2 * k + 1 - x) * p - k * before) / (k + 1);
  });
}

double legendre(double x, double degree) {
  return polynomial(degree, x, [&](double k, double p, double before) {
    return ((2 * k + 1) * x * p - k * before) / (k + 1);
  });
}

// -- the parts of a number ------------------------------------------------------------------------

void run_frexp(const KernelCall& call) {
  Reals mantissas = call.input(0).reals();
  Integers exponents(mantissas.size());
  for (std::size_t i = 0; i < mantissas.size(); ++i) {
    int exponent = 0;
    mantissas[i] = std::frexp(mantissas[i], &exponent);
    exponents[i] = exponent;
  }
  call.results[0].elements = std::move(mantissas);
  call.results[1].elements = std::move(exponents);
}

/// Significant bits, and the exponent of the smallest number.
struct Format {
  int digits;
  int least;
};

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return {11, -24};
    case DType::bf16: return {8, -133};
    case DType::f32: return {24, -149};
    default: return {53, -1074};
  }
}

double next_after(double x, double y, Format format) {
  if (std::isnan(x) || std::isnan(y)) return undefined;
  if (x == y) return y;
  if (format.digits == 53) return std::nextafter(x, y);
  const double smallest = std::ldexp(1.0, format.least);
  if (x == 0) return std::copysign(smallest, y);
  const bool outwards = (x < y) == (x > 0);
  if (std::isinf(x)) {
    const int most = -format.least + 2 - format.digits;  // the exponent of the largest number
    return std::copysign(std::ldexp(2 - std::ldexp(2.0, -format.digits), most), x);
  }
  int exponent = 0;
  const double mantissa = std::abs(std::frexp(x, &exponent));
  // Below a power of 2 the numbers stand closer.
  const int step = exponent - format.digits - (!outwards && mantissa == 0.5 ? 1 : 0);
  const double moved = std::ldexp(1.0, std::max(step, format.least));
  return x + (x < y ? moved : -moved);
}

void run_nextafter(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& y = call.input(1);
  Operand& z = call.result();
  const Format format = format_of(z.dtype);
  set_mapped(
      z, [&](double from, double to) { return next_after(from, to, format); },
      Broadcast(x.reals(), x, z), Broadcast(y.reals(), y, z));
}

void run_polygamma(const KernelCall& call) {
  const std::int64_t n = call.integer("n");
  call.result().elements = mapped([&](double x) { return polygamma(x, n); }, call.input(0).reals());
}

constexpr Kernel special_table[] = {
    {"acos", each_real([](double x) { return std::acos(x); })},
    {"asin", each_real([](double x) { return std::asin(x); })},
    {"sinh", each_real([](double x) { return std::sinh(x); })},
    {"cosh", each_real([](double x) { return std::cosh(x); })},
    {"asinh", each_real([](double x) { return std::asinh(x); })},
    {"acosh", each_real([](double x) { return std::acosh(x); })},
    {"atanh", each_real([](double x) { return std::atanh(x); })},
    {"erfc", each_real([](double x) { return std::erfc(x); })},
    {"erfinv", each_real([](double x) { return inverse_erf(x); })},
    {"erfcx", each_real([](double x) { return scaled_erfc(x); })},
    {"log_ndtr", each_real([](double x) { return log_normal_distribution(x); })},
    {"ndtri", each_real([](double x) { return -std::numbers::sqrt2 * inverse_erfc(2 * x); })},
    {"lgamma", each_real([](double x) { return std::lgamma(x); })},
    {"digamma", each_real([](double x) { return digamma(x); })},
    {"polygamma", run_polygamma},
    {"igamma", pairwise_real([](double a, double x) { return incomplete_gamma(a, x, false); })},
    {"igammac", pairwise_real([](double a, double x) { return incomplete_gamma(a, x, true); })},
    {"zeta", pairwise_real([](double x, double q) { return hurwitz_zeta(x, q); })},
    {"i0", each_real([](double x) { return mirrored<0>(modified_first_kind, x); })},
    {"i1", each_real([](double x) { return mirrored<1>(modified_first_kind, x); })},
    {"i0e", each_real([](double x) { return mirrored<0>(scaled_first_kind, x); })},
    {"i1e", each_real([](double x) { return mirrored<1>(scaled_first_kind, x); })},
    {"bessel_j0", each_real([](double x) { return mirrored<0>(first_kind, x); })},
    {"bessel_j1", each_real([](double x) { return mirrored<1>(first_kind, x); })},
    {"bessel_y0", each_real([](double x) { return second_kind(0, x); })},
    {"bessel_y1", each_real([](double x) { return second_kind(1, x); })},
    {"modified_bessel_k0", each_real([](double x) { return modified_second_kind(0, x, false); })},
    {"modified_bessel_k1", each_real([](double x) { return modified_second_kind(1, x, false); })},
    {"scaled_modified_bessel_k0",
     each_real([](double x) { return modified_second_kind(0, x, true); })},
    {"scaled_modified_bessel_k1",
     each_real([](double x) { return modified_second_kind(1, x, true); })},
    {"spherical_bessel_j0", each_real([](double x) { return spherical(x); })},
    {"airy_ai", each_real([](double x) { return airy(x); })},
    {"chebyshev_polynomial_t",
     pairwise_real([](double x, double n) { return chebyshev(x, n, x); })},
    {"chebyshev_polynomial_u",
     pairwise_real([](double x, double n) { return chebyshev(x, n, 2 * x); })},
    {"chebyshev_polynomial_v",
     pairwise_real([](double x, double n) { return chebyshev(x, n, 2 * x - 1); })},
    {"chebyshev_polynomial_w",
     pairwise_real([](double x, double n) { return chebyshev(x, n, 2 * x + 1); })},
    {"hermite_polynomial_h", pairwise_real([](double x, double n) { return hermite(x, n, 2); })},
    {"hermite_polynomial_he", pairwise_real([](double x, double n) { return hermite(x, n, 1); })},
    {"laguerre_polynomial_l", pairwise_real([](double x, double n) { return laguerre(x, n); })},
    {"legendre_polynomial_p", pairwise_real([](double x, double n) { return legendre(x, n); })},
    {"frexp", run_frexp},
    {"nextafter", run_nextafter},
    {"copysign", pairwise_real([](double x, double y) { return std::copysign(x, y); })},
    {"hypot", pairwise_real([](double x, double y) { return std::hypot(x, y); })},
    {"atan2", pairwise_real([](double y, double x) { return std::atan2(y, x); })},
};

}  // namespace

std::span<const Kernel> special_kernels() { return special_table; }

}  // namespace isomer
