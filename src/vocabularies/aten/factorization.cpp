#include <cmath>
#include <limits>

#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// What matrices are taken apart into, and what is said with their singular values.

namespace isomer::aten {
namespace {

ValueId matrix(Reading& r) {
  const ValueId x = r.tensor(r.given("A") ? "A" : r.given("input") ? "input" : "self");
  if (r.b.rank(x) < 2) r.fail("a matrix has two axes");
  return x;
}

ValueId matmul(Builder& b, ValueId x, ValueId y) { return b.emit("matmul", {x, y}); }

/// Stands for a result that PyTorch leaves empty.
ValueId nothing(Builder& b, DType dtype) {
  return b.emit("full", {}, {{"shape", Shape{0}}, {"value", 0.0}, {"dtype", dtype}});
}

// -- q and r --------------------------------------------------------------------------------------

Values linalg_qr(Reading& r) {
  const ValueId a = matrix(r);
  const std::string mode = r.text("mode", "reduced");
  if (mode != "r") return r.b.emit_all("qr", {a}, {{"mode", mode}});
  return {nothing(r.b, r.b.dtype(a)), r.b.emit_all("qr", {a})[1]};
}

Values qr(Reading& r) {
  const std::string mode = r.flag("some", true) ? "reduced" : "complete";
  return r.b.emit_all("qr", {matrix(r)}, {{"mode", mode}});
}

// -- eigenvalues of symmetric matrices ------------------------------------------------------------

Values of_symmetric(Reading& r) {
  const ValueId a = matrix(r);
  const std::string triangle = r.text("UPLO", "L");
  if (triangle != "L" && triangle != "U") r.fail("UPLO is neither L nor U");
  return r.b.emit_all("eigh", {triangle == "L" ? a : turned(r.b, a)});
}

Values eigh(Reading& r) {
  Values both = of_symmetric(r);
  if (!r.flag("compute_v", true)) both[1] = nothing(r.b, r.b.dtype(both[0]));
  return both;
}

Values eigvalsh(Reading& r) { return {of_symmetric(r)[0]}; }

// -- singular values ------------------------------------------------------------------------------

template <bool full_by_default>
Values linalg_svd(Reading& r) {
  const ValueId a = matrix(r);
  r.ignore({"driver"});
  const bool full = r.flag("full_matrices", full_by_default);
  if (r.flag("compute_uv", true)) return r.b.emit_all("svd", {a}, {{"full_matrices", full}});
  const ValueId none = nothing(r.b, r.b.dtype(a));
  return {none, singular_values(r.b, a), none};
}

// The right vectors are columns here.
Values svd(Reading& r) {
  Builder& b = r.b;
  const ValueId a = matrix(r);
  const bool full = !r.flag("some", true);
  if (r.flag("compute_uv", true)) {
    const Values all = b.emit_all("svd", {a}, {{"full_matrices", full}});
    return {all[0], all[1], turned(b, all[2])};
  }
  const auto zeros = [&](const Dim& length) {
    Shape shape = b.shape(a);
    shape[shape.size() - 2] = length;
    shape.back() = length;
    return b.emit("full", {}, {{"shape", shape}, {"value", 0.0}, {"dtype", b.dtype(a)}});
  };
  const Shape shape = b.shape(a);
  return {zeros(shape[shape.size() - 2]), singular_values(b, a), zeros(shape.back())};
}

Values svdvals(Reading& r) {
  r.ignore({"driver"});
  return {singular_values(r.b, matrix(r))};
}

/// What singular values, largest last axis' extreme, must be above to count: the larger of `atol`
/// and `rtol` times the largest (torch.linalg.pinv).
ValueId threshold(Reading& r, ValueId a, ValueId values) {
  Builder& b = r.b;
  const DType dtype = b.dtype(values);
  const Shape shape = b.shape(a);
  const Dim& rows = shape[shape.size() - 2];
  if (!rows.known() || !shape.back().known()) r.refuse("rows and columns of known number are read");
  const double epsilon = dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                                             : std::numeric_limits<float>::epsilon();
  const double usual = epsilon * static_cast<double>(std::max(rows.value(), shape.back().value()));
  const auto given = [&](std::string_view name) {
    const ValueId x = as_type(b, r.operand(name), dtype);
    return b.rank(x) == 0 ? x : unsqueezed(b, x, b.rank(x));
  };
  const bool one_bound = r.given("tol") || r.given("rcond");
  const std::string_view relative = one_bound ? "rcond" : "rtol";
  const std::string_view absolute = one_bound ? "tol" : "atol";
  const ValueId zero = b.literal(dtype, 0.0);
  const ValueId least = r.given(absolute) ? given(absolute) : zero;
  ValueId share = b.literal(dtype, usual);
  if (r.given(relative)) {
    share = given(relative);
  } else if (r.given("tol")) {
    share = zero;
  } else if (r.given(absolute)) {
    share = b.emit("where", {b.emit("gt", {least, zero}), zero, share});
  } else if (r.row.target() == "pinverse") {
    share = b.literal(dtype, 1e-15);
  }
  const ValueId largest = b.emit("amax", {values}, {{"dim", ints({-1})}, {"keepdim", true}});
  return b.emit("maximum", {b.emit("mul", {share, largest}), least});
}

/// `inverse`, the pseudoinverse of what `a` is now, with the slopes that it has where the rank
/// stays: those of its singular vectors do not exist where values are equal (Golub and Pereyra
/// 1973).
ValueId with_slopes(Builder& b, ValueId a, ValueId inverse) {
  if (!carries_gradient(b, a)) return inverse;
  const ValueId now = b.emit("detach", {a});
  const ValueId p = b.emit("detach", {inverse});
  const ValueId q = turned(b, p);
  const ValueId change = b.emit("sub", {a, now});
  const ValueId other = turned(b, change);
  const ValueId inner = matmul(b, p, matmul(b, change, p));
  const ValueId left = matmul(b, p, matmul(b, q, other));
  const ValueId right = matmul(b, matmul(b, other, q), p);
  const ValueId rows = b.emit("sub", {left, matmul(b, matmul(b, left, now), p)});
  const ValueId columns = b.emit("sub", {right, matmul(b, p, matmul(b, now, right))});
  const ValueId sum = b.emit("sub", {b.emit("add", {rows, columns}), inner});
  return b.emit("add", {p, sum});
}

Values pinv(Reading& r) {
  Builder& b = r.b;
  const ValueId given = matrix(r);
  const ValueId a = b.emit("detach", {given});
  const ValueId zero = b.literal(b.dtype(a), 0.0);
  const auto inverse_of = [&](ValueId values, ValueId sizes) {
    const ValueId counts = b.emit("gt", {sizes, threshold(r, a, sizes)});
    const ValueId safe = b.emit("where", {counts, values, b.literal(b.dtype(a), 1.0)});
    const ValueId inverse = b.emit("where", {counts, b.emit("reciprocal", {safe}), zero});
    return unsqueezed(b, inverse, b.rank(inverse) - 1);
  };
  if (r.flag("hermitian", false)) {
    const Values both = b.emit_all("eigh", {a});
    const ValueId scaled = b.emit("mul", {both[1], inverse_of(both[0], b.emit("abs", {both[0]}))});
    return {with_slopes(b, given, matmul(b, scaled, turned(b, both[1])))};
  }
  const Values all = b.emit_all("svd", {a});
  const ValueId scaled = b.emit("mul", {turned(b, all[2]), inverse_of(all[1], all[1])});
  return {with_slopes(b, given, matmul(b, scaled, turned(b, all[0])))};
}

Values matrix_rank(Reading& r) {
  Builder& b = r.b;
  const ValueId a = matrix(r);
  const ValueId values = r.flag("hermitian", false) ? b.emit("abs", {b.emit_all("eigh", {a})[0]})
                                                    : singular_values(b, a);
  const ValueId counts = b.emit("gt", {values, threshold(r, a, values)});
  return {b.emit("sum", {as_type(b, counts, DType::i64)}, {{"dim", ints({-1})}})};
}

// -- elimination ----------------------------------------------------------------------------------

Values factors_of(Reading& r) {
  if (!r.flag("pivot", true)) r.refuse("elimination without exchanges is not read");
  r.ignore({"check_errors"});
  return r.b.emit_all("lu", {matrix(r)});
}

Values factors_and_info(Reading& r) {
  Builder& b = r.b;
  Values results = factors_of(r);
  // Which pivot, from 1, is the first that is 0; 0 where none is.
  const Dim steps = b.shape(results[1]).back();
  const ValueId places = b.emit("arange", {}, {{"end", steps}});
  const ValueId square = sliced(b, sliced(b, results[0], b.rank(results[0]) - 1, 0, steps),
                                b.rank(results[0]) - 2, 0, steps);
  const ValueId diagonal = b.emit("eq", {unsqueezed(b, places, 1), places});
  const ValueId is_zero = b.emit("eq", {square, b.literal(b.dtype(square), 0.0)});
  const ValueId zeros = b.emit("logical_and", {diagonal, is_zero});
  const ValueId numbers = b.emit("sub", {as_type(b, Operand(Scalar(steps)), DType::i64), places});
  const ValueId found = b.emit("where", {zeros, numbers, b.literal(DType::i64, std::int64_t{0})});
  const ValueId largest = b.emit("amax", {found}, {{"dim", ints({-2, -1})}});
  const ValueId first =
      b.emit("sub", {as_type(b, Operand(Scalar(steps + Dim(1))), DType::i64), largest});
  const ValueId none = b.emit("eq", {largest, b.literal(DType::i64, std::int64_t{0})});
  const ValueId info = b.emit("where", {none, b.literal(DType::i64, std::int64_t{0}), first});
  results.push_back(as_type(b, info, DType::i32));
  return results;
}

/// The matrix of the exchanges that `pivots` name one after the other, of so many rows.
ValueId permutation(Reading& r, ValueId pivots, const Dim& rows, DType dtype) {
  Builder& b = r.b;
  const Dim steps = b.shape(pivots).back();
  constexpr std::int64_t most = 256;
  if (!steps.known() || steps.value() > most) r.refuse("at most 256 exchanges are read");
  const ValueId all = b.emit("arange", {}, {{"end", rows}});
  const std::int64_t last = b.rank(pivots) - 1;
  Shape shape = b.shape(pivots);
  shape.back() = rows;
  const ValueId zero_based =
      b.emit("sub", {as_type(b, pivots, DType::i64), b.literal(DType::i64, std::int64_t{1})});
  ValueId order = expanded(b, all, shape);
  for (std::int64_t i = 0; i < steps.value(); ++i) {
    const ValueId other = sliced(b, zero_based, last, i, i + 1);
    const ValueId theirs = b.emit("gather", {order, other}, {{"dim", last}});
    const ValueId mine = sliced(b, order, last, i, i + 1);
    const ValueId is_other = b.emit("eq", {all, other});
    const ValueId is_this = b.emit("eq", {all, b.literal(DType::i64, i)});
    order = b.emit("where", {is_this, theirs, b.emit("where", {is_other, mine, order})});
  }
  const ValueId placed = b.emit("eq", {unsqueezed(b, all, 1), unsqueezed(b, order, last)});
  return as_type(b, placed, dtype);
}

/// P, L and U.
Values unpacked(Reading& r, ValueId factors, ValueId pivots) {
  Builder& b = r.b;
  const Shape shape = b.shape(factors);
  const std::int64_t last = b.rank(factors) - 1;
  const Dim rows = shape[shape.size() - 2];
  const Dim lesser = b.shape(pivots).back();
  const ValueId below =
      b.emit("tril", {sliced(b, factors, last, 0, lesser)}, {{"diagonal", std::int64_t{-1}}});
  const ValueId down = b.emit("arange", {}, {{"end", rows}});
  const ValueId right = b.emit("arange", {}, {{"end", lesser}});
  const ValueId diagonal = b.emit("eq", {unsqueezed(b, down, 1), right});
  const ValueId lower = b.emit("where", {diagonal, b.literal(b.dtype(factors), 1.0), below});
  const ValueId upper = b.emit("triu", {sliced(b, factors, last - 1, 0, lesser)});
  return {permutation(r, pivots, rows, b.dtype(factors)), lower, upper};
}

Values lu(Reading& r) {
  const Values both = factors_of(r);
  return unpacked(r, both[0], both[1]);
}

Values lu_unpack(Reading& r) {
  const ValueId factors = r.tensor("LU_data");
  Values parts = unpacked(r, factors, r.tensor("LU_pivots"));
  const ValueId none = nothing(r.b, r.b.dtype(factors));
  if (!r.flag("unpack_pivots", true)) parts[0] = none;
  if (!r.flag("unpack_data", true)) parts[1] = parts[2] = none;
  return parts;
}

/// The x of `a x = right`, or of `a.T x = right`, of the factors of a.
ValueId solved_by_factors(Reading& r, ValueId factors, ValueId pivots, ValueId right,
                          bool adjoint) {
  Builder& b = r.b;
  const Shape shape = b.shape(factors);
  const ValueId order = permutation(r, pivots, shape.back(), b.dtype(factors));
  if (!adjoint) {
    const ValueId lower =
        solved_triangle(b, factors, matmul(b, turned(b, order), right), false, true);
    return solved_triangle(b, factors, lower, true);
  }
  const ValueId other = turned(b, factors);
  const ValueId upper = solved_triangle(b, other, right, false);
  return matmul(b, order, solved_triangle(b, other, upper, true, true));
}

Values lu_solve(Reading& r) {
  const ValueId factors = r.tensor("LU_data");
  return {solved_by_factors(r, factors, r.tensor("LU_pivots"), r.tensor("self"), false)};
}

Values linalg_lu_solve(Reading& r) {
  const ValueId factors = r.tensor("LU");
  const ValueId pivots = r.tensor("pivots");
  const ValueId right = r.tensor("B");
  const bool adjoint = r.flag("adjoint", false);
  if (r.flag("left", true)) return {solved_by_factors(r, factors, pivots, right, adjoint)};
  return {turned(r.b, solved_by_factors(r, factors, pivots, turned(r.b, right), !adjoint))};
}

constexpr Row factorization_table[] = {
    {.targets = "linalg_qr",
     .ours = "qr",
     .inputs = "A",
     .python = "torch.linalg.qr",
     .read = linalg_qr},
    {.targets = "qr", .read = qr},
    {.targets = "linalg_eigh", .ours = "eigh", .python = "torch.linalg.eigh", .read = eigh},
    {.targets = "_linalg_eigh", .inputs = "A", .read = eigh},
    {.targets = "linalg_eigvalsh", .read = eigvalsh},
    {.targets = "linalg_svd", .ours = "svd", .inputs = "A", .read = linalg_svd<true>},
    {.targets = "_linalg_svd", .inputs = "A", .read = linalg_svd<false>},
    {.targets = "svd", .read = svd},
    {.targets = "linalg_svdvals", .inputs = "A", .read = svdvals},
    {.targets = "linalg_pinv.atol_rtol_tensor linalg_pinv.atol_rtol_float linalg_pinv "
                "linalg_pinv.rcond_tensor pinverse",
     .read = pinv},
    {.targets = "linalg_matrix_rank.atol_rtol_tensor linalg_matrix_rank.atol_rtol_float "
                "linalg_matrix_rank linalg_matrix_rank.tol_tensor",
     .read = matrix_rank},
    {.targets = "linalg_lu_factor",
     .ours = "lu",
     .inputs = "A",
     .python = "torch.linalg.lu_factor",
     .read = factors_of},
    {.targets = "linalg_lu_factor_ex", .inputs = "A", .read = factors_and_info},
    {.targets = "_lu_with_info", .read = factors_and_info},
    {.targets = "linalg_lu", .inputs = "A", .read = lu},
    {.targets = "lu_unpack", .inputs = "LU_data", .read = lu_unpack},
    {.targets = "lu_solve", .read = lu_solve},
    {.targets = "linalg_lu_solve", .inputs = "LU", .read = linalg_lu_solve},
    {.targets = "linalg_matrix_exp matrix_exp", .ours = "matrix_exp"},
};

}  // namespace

ValueId singular_values(Builder& b, ValueId x) { return b.emit_all("svd", {x})[1]; }

std::span<const Row> factorization_rows() { return factorization_table; }

}  // namespace isomer::aten
