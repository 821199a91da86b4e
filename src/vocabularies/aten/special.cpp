#include <cmath>
#include <numbers>

#include "vocabularies/aten/reading.h"

// Functions of tables and handbooks.

namespace isomer::aten {
namespace {

ValueId number(Builder& b, ValueId like, double value) { return b.literal(b.dtype(like), value); }

ValueId real_tensor(Reading& r, std::string_view name) {
  const ValueId x = r.tensor(name);
  return as_type(r.b, x, floating(r.b.dtype(x)));
}

/// Both in their result type, and real.
std::pair<ValueId, ValueId> reals(Reading& r, std::string_view first, std::string_view second) {
  const auto [x, y] = promote(r.b, r.operand(first), r.operand(second));
  const DType dtype = floating(r.b.dtype(x));
  return {as_type(r.b, x, dtype), as_type(r.b, y, dtype)};
}

Values modified_i0(Reading& r) { return {r.b.emit("i0", {real_tensor(r, "self")})}; }
Values modified_i1(Reading& r) { return {r.b.emit("i1", {real_tensor(r, "self")})}; }

// The first argument is the number, the second the tensor.
Values polygamma(Reading& r) {
  const std::int64_t n = r.integer("n");
  const ValueId x = real_tensor(r, "self");
  if (n == 0) return {r.b.emit("digamma", {x})};
  return {r.b.emit("polygamma", {x}, {{"n", n}})};
}

// lgamma(x) + lgamma(x - 1/2) + ... + lgamma(x - (p - 1)/2) + p (p - 1)/4 log(pi)
Values mvlgamma(Reading& r) {
  const std::int64_t p = r.integer("p");
  if (p < 1 || p > 1024) r.refuse("an order from 1 to 1024 is read");
  return {rounded_once(r.b, {real_tensor(r, "self")}, [&](const Values& in) {
    const ValueId x = in[0];
    const double constant = static_cast<double>(p * (p - 1)) / 4 * std::log(std::numbers::pi);
    ValueId sum = number(r.b, x, constant);
    for (std::int64_t j = 0; j < p; ++j) {
      const ValueId moved = r.b.emit("sub", {x, number(r.b, x, static_cast<double>(j) / 2)});
      sum = r.b.emit("add", {sum, r.b.emit("lgamma", {moved})});
    }
    return sum;
  })};
}

// sin(pi x) / (pi x), 1 at 0.
Values sinc(Reading& r) {
  return {rounded_once(r.b, {real_tensor(r, "self")}, [&](const Values& in) {
    const ValueId x = in[0];
    const ValueId at_zero = r.b.emit("eq", {x, number(r.b, x, 0.0)});
    const ValueId one = number(r.b, x, 1.0);
    const ValueId other = r.b.emit("where", {at_zero, one, x});
    const ValueId angle = r.b.emit("mul", {other, number(r.b, x, std::numbers::pi)});
    const ValueId wave = r.b.emit("div", {r.b.emit("sin", {angle}), angle});
    return r.b.emit("where", {at_zero, one, wave});
  })};
}

// The larger, and what the smaller adds to it; infinities of one sign are their own sum.
Values logaddexp(Reading& r) {
  const auto [left, right] = promote(r.b, r.tensor("self"), r.tensor("other"));
  const bool binary = r.row.target() == "logaddexp2";
  return {rounded_once(r.b, {left, right}, [&](const Values& in) {
    const ValueId x = in[0];
    const ValueId larger = r.b.emit("maximum", {x, in[1]});
    const ValueId apart = r.b.emit("neg", {r.b.emit("abs", {r.b.emit("sub", {x, in[1]})})});
    const ValueId equal = r.b.emit("eq", {x, in[1]});
    const ValueId same = r.b.emit("logical_and", {equal, r.b.emit("isinf", {x})});
    const ValueId distance = r.b.emit("where", {same, number(r.b, x, 0.0), apart});
    ValueId added = r.b.emit("log1p", {r.b.emit(binary ? "exp2" : "exp", {distance})});
    if (binary) added = r.b.emit("mul", {added, number(r.b, x, std::numbers::log2e)});
    return r.b.emit("where", {same, x, r.b.emit("add", {larger, added})});
  })};
}

// The shifted polynomials are those of 2 x - 1.
Values shifted(Reading& r) {
  const auto [x, n] = reals(r, "x", "n");
  const ValueId twice = r.b.emit("mul", {x, number(r.b, x, 2.0)});
  const ValueId moved = r.b.emit("sub", {twice, number(r.b, x, 1.0)});
  constexpr std::string_view prefix = "special_shifted_";
  return {r.b.emit(r.row.target().substr(prefix.size()), {moved, n})};
}

using enum Promotion;

constexpr Row special_table[] = {
    {.targets = "acos arccos", .ours = "acos", .promotion = real},
    {.targets = "asin arcsin", .ours = "asin", .promotion = real},
    {.targets = "sinh", .ours = "sinh", .promotion = real},
    {.targets = "cosh", .ours = "cosh", .promotion = real},
    {.targets = "asinh arcsinh", .ours = "asinh", .promotion = real},
    {.targets = "acosh arccosh", .ours = "acosh", .promotion = real},
    {.targets = "atanh arctanh", .ours = "atanh", .promotion = real},
    {.targets = "erfc special_erfc", .ours = "erfc", .promotion = real},
    {.targets = "erfinv special_erfinv", .ours = "erfinv", .promotion = real},
    {.targets = "lgamma special_gammaln", .ours = "lgamma", .promotion = real},
    {.targets = "digamma special_digamma special_psi", .ours = "digamma", .promotion = real},
    {.targets = "i0 special_i0", .ours = "i0", .promotion = real},
    {.targets = "special_erfcx", .ours = "erfcx", .promotion = real},
    {.targets = "special_ndtr", .ours = "ndtr", .promotion = real},
    {.targets = "special_log_ndtr", .ours = "log_ndtr", .promotion = real},
    {.targets = "special_ndtri", .ours = "ndtri", .promotion = real},
    {.targets = "special_i1", .ours = "i1", .promotion = real},
    {.targets = "special_i0e", .ours = "i0e", .promotion = real},
    {.targets = "special_i1e", .ours = "i1e", .promotion = real},
    {.targets = "special_bessel_j0", .ours = "bessel_j0", .promotion = real},
    {.targets = "special_bessel_j1", .ours = "bessel_j1", .promotion = real},
    {.targets = "special_bessel_y0", .ours = "bessel_y0", .promotion = real},
    {.targets = "special_bessel_y1", .ours = "bessel_y1", .promotion = real},
    {.targets = "special_modified_bessel_k0", .ours = "modified_bessel_k0", .promotion = real},
    {.targets = "special_modified_bessel_k1", .ours = "modified_bessel_k1", .promotion = real},
    {.targets = "special_scaled_modified_bessel_k0",
     .ours = "scaled_modified_bessel_k0",
     .inputs = "x",
     .promotion = real},
    {.targets = "special_scaled_modified_bessel_k1",
     .ours = "scaled_modified_bessel_k1",
     .inputs = "x",
     .promotion = real},
    {.targets = "special_spherical_bessel_j0",
     .ours = "spherical_bessel_j0",
     .inputs = "x",
     .promotion = real},
    {.targets = "special_airy_ai", .ours = "airy_ai", .inputs = "x", .promotion = real},
    {.targets = "special_chebyshev_polynomial_t special_chebyshev_polynomial_t.x_scalar "
                "special_chebyshev_polynomial_t.n_scalar",
     .ours = "chebyshev_polynomial_t",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_chebyshev_polynomial_u special_chebyshev_polynomial_u.x_scalar "
                "special_chebyshev_polynomial_u.n_scalar",
     .ours = "chebyshev_polynomial_u",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_chebyshev_polynomial_v special_chebyshev_polynomial_v.x_scalar "
                "special_chebyshev_polynomial_v.n_scalar",
     .ours = "chebyshev_polynomial_v",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_chebyshev_polynomial_w special_chebyshev_polynomial_w.x_scalar "
                "special_chebyshev_polynomial_w.n_scalar",
     .ours = "chebyshev_polynomial_w",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_hermite_polynomial_h special_hermite_polynomial_h.x_scalar "
                "special_hermite_polynomial_h.n_scalar",
     .ours = "hermite_polynomial_h",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_hermite_polynomial_he special_hermite_polynomial_he.x_scalar "
                "special_hermite_polynomial_he.n_scalar",
     .ours = "hermite_polynomial_he",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_laguerre_polynomial_l special_laguerre_polynomial_l.x_scalar "
                "special_laguerre_polynomial_l.n_scalar",
     .ours = "laguerre_polynomial_l",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_legendre_polynomial_p special_legendre_polynomial_p.x_scalar "
                "special_legendre_polynomial_p.n_scalar",
     .ours = "legendre_polynomial_p",
     .inputs = "x n",
     .promotion = common_real},
    {.targets = "special_modified_bessel_i0", .read = modified_i0},
    {.targets = "special_modified_bessel_i1", .read = modified_i1},
    {.targets = "polygamma special_polygamma", .ours = "polygamma", .read = polygamma},
    {.targets = "mvlgamma special_multigammaln", .read = mvlgamma},
    {.targets = "igamma special_gammainc",
     .ours = "igamma",
     .inputs = "self other",
     .promotion = common},
    {.targets = "igammac special_gammaincc",
     .ours = "igammac",
     .inputs = "self other",
     .promotion = common},
    {.targets = "special_zeta special_zeta.self_scalar special_zeta.other_scalar",
     .ours = "zeta",
     .inputs = "self other",
     .promotion = common_real},
    {.targets =
         "special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_t.x_scalar "
         "special_shifted_chebyshev_polynomial_t.n_scalar",
     .read = shifted},
    {.targets =
         "special_shifted_chebyshev_polynomial_u special_shifted_chebyshev_polynomial_u.x_scalar "
         "special_shifted_chebyshev_polynomial_u.n_scalar",
     .read = shifted},
    {.targets =
         "special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_v.x_scalar "
         "special_shifted_chebyshev_polynomial_v.n_scalar",
     .read = shifted},
    {.targets =
         "special_shifted_chebyshev_polynomial_w special_shifted_chebyshev_polynomial_w.x_scalar "
         "special_shifted_chebyshev_polynomial_w.n_scalar",
     .read = shifted},
    {.targets = "xlogy.Tensor xlogy.Scalar_Self xlogy.Scalar_Other special_xlogy "
                "special_xlogy.self_scalar special_xlogy.other_scalar",
     .ours = "xlogy",
     .inputs = "self other",
     .promotion = common_real},
    {.targets = "special_xlog1py special_xlog1py.self_scalar special_xlog1py.other_scalar",
     .ours = "xlog1py",
     .inputs = "self other",
     .promotion = common_real},
    {.targets = "special_entr", .ours = "entr", .promotion = real},
    {.targets = "sinc special_sinc", .read = sinc},
    {.targets = "logit special_logit", .ours = "logit", .promotion = real},
    {.targets = "logaddexp", .read = logaddexp},
    {.targets = "logaddexp2", .read = logaddexp},
    {.targets = "frexp.Tensor", .ours = "frexp"},
    {.targets = "nextafter", .ours = "nextafter", .inputs = "self other", .promotion = common},
    {.targets = "copysign.Tensor copysign.Scalar",
     .ours = "copysign",
     .inputs = "self other",
     .promotion = common_real},
    {.targets = "hypot", .ours = "hypot", .inputs = "self other", .promotion = common},
    {.targets = "atan2 arctan2", .ours = "atan2", .inputs = "self other", .promotion = common_real},
};

}  // namespace

std::span<const Row> special_rows() { return special_table; }

}  // namespace isomer::aten
