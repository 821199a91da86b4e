#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

// Systems of equations, determinants, and norms of matrices.

namespace isomer::aten {
namespace {

/// The axes before the last two.
Shape leading(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

ValueId square(Reading& r, ValueId x) {
  const Shape shape = r.b.shape(x);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2])
    r.fail(fmt::format("{} is no square matrix", to_text(shape)));
  return x;
}

ValueId with_leading(Builder& b, ValueId x, Shape batch) {
  const Shape shape = b.shape(x);
  batch.insert(batch.end(), shape.end() - 2, shape.end());
  return expanded(b, x, std::move(batch));
}

/// Both with as many matrices as the other.
std::pair<ValueId, ValueId> aligned(Builder& b, ValueId x, ValueId y) {
  const Shape batch = broadcast(leading(b.shape(x)), leading(b.shape(y)));
  return {with_leading(b, x, batch), with_leading(b, y, batch)};
}

ValueId solved(Builder& b, ValueId a, ValueId right) {
  const auto [x, y] = aligned(b, a, right);
  return b.emit("solve", {x, y});
}

/// 1 on the diagonal of matrices like `x`.
ValueId identity_like(Builder& b, ValueId x) {
  const Dim length = b.shape(x).back();
  const ValueId places = b.emit("arange", {}, {{"end", length}});
  const ValueId diagonal = b.emit("eq", {unsqueezed(b, places, 1), places});
  return with_leading(b, as_type(b, diagonal, b.dtype(x)), leading(b.shape(x)));
}

ValueId inverted(Builder& b, ValueId x) { return b.emit("solve", {x, identity_like(b, x)}); }

/// What LAPACK says of each matrix: 0, that all went well. Where it does not, running throws.
ValueId no_trouble(Builder& b, ValueId x) {
  return b.emit("full", {},
                {{"shape", leading(b.shape(x))}, {"value", 0.0}, {"dtype", DType::i32}});
}

// -- equations ------------------------------------------------------------------------------------

// A right side is a vector where it has one axis, or all of the matrices' but the last.
ValueId solution(Reading& r) {
  Builder& b = r.b;
  const ValueId a = square(r, r.tensor("A"));
  ValueId right = r.tensor("B");
  const bool left = r.flag("left", true);
  r.ignore({"check_errors"});
  Shape vectors = b.shape(a);
  vectors.pop_back();
  const bool vector = b.rank(right) == 1 || b.shape(right) == vectors;
  if (vector) right = unsqueezed(b, right, b.rank(right));
  const ValueId x =
      left ? solved(b, a, right) : turned(b, solved(b, turned(b, a), turned(b, right)));
  return vector ? squeezed(b, x, {b.rank(x) - 1}) : x;
}

Values solve(Reading& r) { return {solution(r)}; }
Values solve_ex(Reading& r) { return {solution(r), no_trouble(r.b, r.tensor("A"))}; }
Values solve_with_factors(Reading& r) {
  return {solution(r), ValueId::none, ValueId::none, no_trouble(r.b, r.tensor("A"))};
}

// The last axes of the left side are those of the solution.
Values tensorsolve(Reading& r) {
  Builder& b = r.b;
  ValueId a = r.tensor("self");
  const ValueId right = r.tensor("other");
  std::vector<std::int64_t> order = all_axes(b.rank(a));
  for (const std::int64_t given : r.integers("dims", std::vector<std::int64_t>{})) {
    const std::int64_t axis = r.wrap(given, b.rank(a));
    std::erase(order, axis);
    order.push_back(axis);
  }
  a = permuted(b, a, std::move(order));
  const Shape shape = b.shape(a);
  if (b.rank(right) > b.rank(a)) r.fail("the right side has more axes than the left one");
  const Shape result(shape.begin() + b.rank(right), shape.end());
  const Dim count = count_elements(b.shape(right));
  const ValueId matrix = square(r, reshaped(b, a, {count, count_elements(result)}));
  return {reshaped(b, b.emit("solve", {matrix, reshaped(b, right, {count, Dim(1)})}), result)};
}

Values tensorinv(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const std::int64_t rows = r.integer("ind", 2);
  if (rows < 1 || rows > b.rank(x)) r.fail("ind is no number of axes");
  const Shape shape = b.shape(x);
  const Shape first(shape.begin(), shape.begin() + rows);
  Shape result(shape.begin() + rows, shape.end());
  const ValueId matrix = square(r, reshaped(b, x, {count_elements(first), count_elements(result)}));
  result.insert(result.end(), first.begin(), first.end());
  return {reshaped(b, inverted(b, matrix), std::move(result))};
}

Values inverse(Reading& r) {
  return {inverted(r.b, square(r, r.tensor(r.given("A") ? "A" : "self")))};
}

Values inverse_ex(Reading& r) {
  r.ignore({"check_errors"});
  return {inverse(r)[0], no_trouble(r.b, r.tensor("A"))};
}

Values solve_triangular(Reading& r) {
  const ValueId a = square(r, r.tensor("self"));
  const ValueId right = r.tensor("B");
  const bool upper = r.flag("upper");
  const bool unit = r.flag("unitriangular", false);
  if (r.flag("left", true)) return {solved_triangle(r.b, a, right, upper, unit)};
  return {turned(r.b, solved_triangle(r.b, turned(r.b, a), turned(r.b, right), !upper, unit))};
}

Values triangular_solve(Reading& r) {
  ValueId a = square(r, r.tensor("A"));
  bool upper = r.flag("upper", true);
  const ValueId copy = a;
  if (r.flag("transpose", false)) {
    a = turned(r.b, a);
    upper = !upper;
  }
  return {solved_triangle(r.b, a, r.tensor("self"), upper, r.flag("unitriangular", false)), copy};
}

// -- Cholesky -------------------------------------------------------------------------------------

Values cholesky(Reading& r) {
  r.ignore({"check_errors"});
  const ValueId a = square(r, r.tensor("self"));
  if (!r.flag("upper", false)) return {r.b.emit("cholesky", {a})};
  // Of the upper triangle alone.
  return {turned(r.b, r.b.emit("cholesky", {turned(r.b, a)}))};
}

Values cholesky_ex(Reading& r) { return {cholesky(r)[0], no_trouble(r.b, r.tensor("self"))}; }

ValueId solved_by_factor(Builder& b, ValueId factor, ValueId right, bool upper) {
  const ValueId other = turned(b, factor);
  const ValueId first = solved_triangle(b, upper ? other : factor, right, false);
  return solved_triangle(b, upper ? factor : other, first, true);
}

Values cholesky_solve(Reading& r) {
  const ValueId factor = square(r, r.tensor("input2"));
  return {solved_by_factor(r.b, factor, r.tensor("self"), r.flag("upper", false))};
}

Values cholesky_inverse(Reading& r) {
  const ValueId factor = square(r, r.tensor("self"));
  return {solved_by_factor(r.b, factor, identity_like(r.b, factor), r.flag("upper", false))};
}

// -- determinants ---------------------------------------------------------------------------------

template <std::size_t factors>
Values det(Reading& r) {
  Values results = {r.b.emit("det", {square(r, r.tensor(r.given("A") ? "A" : "self"))})};
  results.resize(1 + factors, ValueId::none);
  return results;
}

template <std::size_t factors>
Values slogdet(Reading& r) {
  Values results = r.b.emit_all("slogdet", {square(r, r.tensor(r.given("A") ? "A" : "self"))});
  results.resize(2 + factors, ValueId::none);
  return results;
}

// Of a determinant below 0 there is none.
Values logdet(Reading& r) {
  const Values parts = slogdet<0>(r);
  const DType dtype = r.b.dtype(parts[0]);
  const ValueId below = r.b.emit("lt", {parts[0], r.b.literal(dtype, 0.0)});
  const ValueId none = r.b.literal(dtype, std::numeric_limits<double>::quiet_NaN());
  return {r.b.emit("where", {below, none, parts[1]})};
}

// -- powers and norms -----------------------------------------------------------------------------

Values matrix_power(Reading& r) {
  constexpr std::int64_t most = 1024;
  Builder& b = r.b;
  ValueId base = square(r, r.tensor("self"));
  std::int64_t n = r.integer("n");
  if (n < -most || n > most) r.refuse(fmt::format("powers up to {} are read", most));
  if (n == 0) return {identity_like(b, base)};
  if (n < 0) base = inverted(b, base);
  ValueId power = ValueId::none;
  for (n = n < 0 ? -n : n; n > 0; n /= 2) {
    if (n % 2 != 0) power = power == ValueId::none ? base : b.emit("matmul", {power, base});
    if (n > 1) base = b.emit("matmul", {base, base});
  }
  return {power};
}

/// Of the sums of sizes along one axis the largest along the other, or the smallest.
ValueId sum_norm(Builder& b, ValueId x, std::int64_t summed, std::int64_t other, bool largest) {
  const ValueId sums =
      b.emit("sum", {b.emit("abs", {x})}, {{"dim", ints({summed})}, {"keepdim", true}});
  return b.emit(largest ? "amax" : "amin", {sums}, {{"dim", ints({other})}, {"keepdim", true}});
}

ValueId typed(Reading& r, ValueId x) {
  const auto dtype = r.dtype("dtype");
  return as_type(r.b, x, dtype ? *dtype : floating(r.b.dtype(x)));
}

Values without_kept(Reading& r, ValueId y, const std::vector<std::int64_t>& axes) {
  if (r.flag("keepdim", false)) return {y};
  return {r.b.emit("squeeze", {y}, {{"dim", ints(axes)}})};
}

ValueId frobenius(Builder& b, ValueId x, const std::vector<std::int64_t>& axes) {
  return flat_root(
      b, b.emit("sum", {b.emit("mul", {x, x})}, {{"dim", ints(axes)}, {"keepdim", true}}));
}

std::vector<std::int64_t> matrix_axes(Reading& r, ValueId x) {
  const std::vector<std::int64_t> given = r.integers("dim", std::vector<std::int64_t>{-2, -1});
  if (given.size() != 2 || r.b.rank(x) < 2) r.fail("a matrix has two axes");
  return {r.wrap(given[0], r.b.rank(x)), r.wrap(given[1], r.b.rank(x))};
}

/// What `op` makes of the singular values of matrices over these axes, which stay with length 1.
ValueId singular_norm(Builder& b, ValueId x, const std::vector<std::int64_t>& axes,
                      std::string_view op) {
  std::vector<std::int64_t> order = all_axes(b.rank(x));
  for (const std::int64_t axis : axes) {
    std::erase(order, axis);
    order.push_back(axis);
  }
  const ValueId values = singular_values(b, permuted(b, x, std::move(order)));
  const ValueId norm = b.emit(op, {values}, {{"dim", ints({-1})}});
  Shape kept = b.shape(x);
  for (const std::int64_t axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
  return reshaped(b, norm, std::move(kept));
}

Values numbered_norm(Reading& r, ValueId x, const std::vector<std::int64_t>& axes, double order) {
  const double size = order < 0 ? -order : order;
  if (size == 2)
    return without_kept(r, singular_norm(r.b, x, axes, order > 0 ? "amax" : "amin"), axes);
  if (size != 1 && size != std::numeric_limits<double>::infinity())
    r.fail("the order of a matrix norm is 1, 2 or infinity, of either sign");
  const std::size_t summed = size == 1 ? 0 : 1;
  return without_kept(r, sum_norm(r.b, x, axes[summed], axes[1 - summed], order > 0), axes);
}

Values named_norm(Reading& r, ValueId x, const std::vector<std::int64_t>& axes) {
  const std::string name = r.text("ord", "fro");
  if (name == "nuc") return without_kept(r, singular_norm(r.b, x, axes, "sum"), axes);
  if (name != "fro") r.fail("the name of a matrix norm is fro or nuc");
  return without_kept(r, frobenius(r.b, x, axes), axes);
}

Values matrix_norm(Reading& r) {
  const ValueId x = typed(r, r.tensor(r.given("A") ? "A" : "self"));
  return numbered_norm(r, x, matrix_axes(r, x), real_of(r.scalar("ord")));
}

Values named_matrix_norm(Reading& r) {
  const ValueId x = typed(r, r.tensor("self"));
  return named_norm(r, x, matrix_axes(r, x));
}

// Of one axis a vector's norm, of two a matrix'; without an order that of all elements.
Values linalg_norm(Reading& r) {
  Builder& b = r.b;
  const ValueId x = typed(r, r.tensor("self"));
  std::vector<std::int64_t> axes = r.axes("dim", b.rank(x));
  const bool flat = axes.empty();
  if (flat) axes = all_axes(b.rank(x));
  const bool ordered = r.given("ord");
  if (flat && ordered && axes.size() > 2) r.fail("with an order, one or two axes are needed");
  if (ordered && axes.size() == 2) return numbered_norm(r, x, axes, real_of(r.scalar("ord")));
  const double order = real_of(r.scalar("ord", Scalar(2.0)));
  return {norm_of(b, x, order, {{"dim", ints(axes)}, {"keepdim", r.flag("keepdim", false)}})};
}

Values named_linalg_norm(Reading& r) {
  const ValueId x = typed(r, r.tensor("self"));
  std::vector<std::int64_t> axes = r.axes("dim", r.b.rank(x));
  if (axes.empty()) axes = all_axes(r.b.rank(x));
  if (axes.size() != 2) r.fail("a matrix has two axes");
  return named_norm(r, x, axes);
}

// The largest singular value by the smallest, or a norm times that of the inverse.
Values cond(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const std::vector<std::int64_t> axes = {b.rank(x) - 2, b.rank(x) - 1};
  const double order = real_of(r.scalar("p", Scalar(2.0)));
  const auto norm = [&](ValueId y, double p) { return numbered_norm(r, y, axes, p)[0]; };
  if (std::abs(order) == 2) return {b.emit("div", {norm(x, order), norm(x, -order)})};
  return {b.emit("mul", {norm(x, order), norm(inverted(b, square(r, x)), order)})};
}

// -- of vectors -----------------------------------------------------------------------------------

// Older callers leave the axis out, which is then the first of length 3.
Values cross(Reading& r) {
  Builder& b = r.b;
  auto [x, y] = promote(b, r.tensor("self"), r.tensor("other"));
  const Shape shape = broadcast(b.shape(x), b.shape(y));
  const auto rank = static_cast<std::int64_t>(shape.size());
  const bool older = r.row.target() == "cross";
  const auto found = std::ranges::find(shape, Dim(3));
  const std::int64_t first = found == shape.end() ? 0 : found - shape.begin();
  const std::int64_t axis = r.axis("dim", rank, older ? first : -1);
  if (shape.empty() || shape[static_cast<std::size_t>(axis)] != Dim(3))
    r.fail("the axis should have length 3");
  x = expanded(b, x, shape);
  y = expanded(b, y, shape);
  const auto rolled = [&](ValueId z, std::vector<double> places) {
    return b.emit("index_select", {z, b.constant(Tensor::from_doubles(DType::i64, {3}, places))},
                  {{"dim", axis}});
  };
  const std::vector<double> next = {1, 2, 0};
  const std::vector<double> other = {2, 0, 1};
  const ValueId plus = b.emit("mul", {rolled(x, next), rolled(y, other)});
  return {b.emit("sub", {plus, b.emit("mul", {rolled(x, other), rolled(y, next)})})};
}

// Each element to the powers 0, 1, ..., along a new axis.
Values vander(Reading& r) {
  Builder& b = r.b;
  const ValueId given = r.tensor("x");
  const DType dtype = is_floating(b.dtype(given)) ? b.dtype(given) : DType::i64;
  const ValueId x = as_type(b, given, dtype);
  if (b.rank(x) == 0) r.fail("a vector is needed");
  const Dim count = r.dim("N", b.shape(x).back());
  Shape shape = b.shape(x);
  shape.push_back(count - Dim(1));
  const ValueId repeated = expanded(b, unsqueezed(b, x, b.rank(x)), shape);
  const ValueId powers = b.emit("cumprod", {repeated}, {{"dim", std::int64_t{-1}}});
  shape.back() = 1;
  const ValueId ones = b.emit("full", {}, {{"shape", shape}, {"value", 1.0}, {"dtype", dtype}});
  return {b.emit("cat", {ones, powers}, {{"dim", std::int64_t{-1}}})};
}

// Rows along an axis, of which none keeps a norm above the largest.
Values renorm(Reading& r) {
  Builder& b = r.b;
  const ValueId given = r.tensor("self");
  const std::int64_t kept = r.axis("dim", b.rank(given));
  const double order = real_of(r.scalar("p"));
  const double most = real_of(r.scalar("maxnorm"));
  std::vector<std::int64_t> axes = all_axes(b.rank(given));
  std::erase(axes, kept);
  return {rounded_once(b, {given}, [&](const Values& in) {
    const ValueId x = in[0];
    const auto number = [&](double value) { return b.literal(b.dtype(x), value); };
    const ValueId norm = norm_of(b, x, order, {{"dim", ints(axes)}, {"keepdim", true}});
    const ValueId raised = b.emit("add", {norm, number(1e-7)});
    const ValueId shrunk = b.emit("div", {number(most), raised});
    const ValueId factor =
        b.emit("where", {b.emit("gt", {norm, number(most)}), shrunk, number(1.0)});
    return b.emit("mul", {x, factor});
  })};
}

constexpr Row algebra_table[] = {
    {.targets = "cross", .read = cross},
    {.targets = "linalg_cross", .read = cross},
    {.targets = "linalg_vander", .inputs = "x", .read = vander},
    {.targets = "renorm", .read = renorm},
    {.targets = "linalg_solve",
     .ours = "solve",
     .inputs = "A B",
     .python = "torch.linalg.solve",
     .read = solve},
    {.targets = "linalg_solve_ex", .inputs = "A", .read = solve_ex},
    {.targets = "_linalg_solve_ex", .inputs = "A", .read = solve_with_factors},
    {.targets = "linalg_inv", .inputs = "A", .read = inverse},
    {.targets = "inverse", .read = inverse},
    {.targets = "linalg_inv_ex", .inputs = "A", .read = inverse_ex},
    {.targets = "linalg_tensorsolve", .read = tensorsolve},
    {.targets = "linalg_tensorinv", .read = tensorinv},
    {.targets = "linalg_solve_triangular",
     .ours = "solve_triangular",
     .inputs = "self B",
     .read = solve_triangular},
    {.targets = "triangular_solve", .read = triangular_solve},
    {.targets = "linalg_cholesky",
     .ours = "cholesky",
     .python = "torch.linalg.cholesky",
     .read = cholesky},
    {.targets = "cholesky", .read = cholesky},
    {.targets = "linalg_cholesky_ex", .read = cholesky_ex},
    {.targets = "cholesky_solve", .read = cholesky_solve},
    {.targets = "cholesky_inverse", .read = cholesky_inverse},
    {.targets = "linalg_det",
     .ours = "det",
     .inputs = "A",
     .python = "torch.linalg.det",
     .read = det<0>},
    {.targets = "det", .read = det<0>},
    {.targets = "_linalg_det", .inputs = "A", .read = det<2>},
    {.targets = "linalg_slogdet", .ours = "slogdet", .inputs = "A", .read = slogdet<0>},
    {.targets = "slogdet", .read = slogdet<0>},
    {.targets = "_linalg_slogdet", .inputs = "A", .read = slogdet<2>},
    {.targets = "logdet", .read = logdet},
    {.targets = "linalg_matrix_power matrix_power", .read = matrix_power},
    {.targets = "linalg_norm", .read = linalg_norm},
    {.targets = "linalg_norm.ord_str", .read = named_linalg_norm},
    {.targets = "linalg_cond", .read = cond},
    {.targets = "linalg_matrix_norm", .read = matrix_norm},
    {.targets = "linalg_matrix_norm.str_ord", .read = named_matrix_norm},
};

}  // namespace

ValueId turned(Builder& b, ValueId x) {
  return b.emit("transpose", {x}, {{"dim0", std::int64_t{-2}}, {"dim1", std::int64_t{-1}}});
}

ValueId solved_triangle(Builder& b, ValueId a, ValueId right, bool upper, bool unit) {
  const auto [x, y] = aligned(b, a, right);
  return b.emit("solve_triangular", {x, y}, {{"upper", upper}, {"unitriangular", unit}});
}

std::span<const Row> algebra_rows() { return algebra_table; }

}  // namespace isomer::aten
