#include "base/text.h"
#include "ops/arithmetic.h"
#include "ops/families.h"

// What LAPACK takes matrices apart into, [..., rows, columns] each.

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

// Type rules ------------------------------------------------------------------------------------

/// Matrices of floats that LAPACK takes.
const TensorType& require_matrix(const OpCall& call) {
  const TensorType& type = call.types[0];
  if (!is_floating(type.dtype) || is_half(type.dtype) || type.shape.size() < 2) {
    refuse(fmt::format("the matrix is {}; it should be f32 or f64, [..., rows, columns]",
                       to_text(type)));
  }
  return type;
}

const TensorType& require_square_matrix(const OpCall& call) {
  const TensorType& type = require_matrix(call);
  if (type.shape.back() != type.shape[type.shape.size() - 2])
    refuse(fmt::format("the matrix is {}; it should be square", to_text(type)));
  return type;
}

TensorType with_lengths(const TensorType& matrix, Shape lengths) {
  Shape shape(matrix.shape.begin(), matrix.shape.end() - 2);
  shape.insert(shape.end(), lengths.begin(), lengths.end());
  return {matrix.dtype, std::move(shape)};
}

struct Sides {
  Dim rows;
  Dim columns;
  Dim lesser;
};

Sides sides_of(const TensorType& matrix) {
  const Dim& rows = matrix.shape[matrix.shape.size() - 2];
  const Dim& columns = matrix.shape.back();
  if (!rows.known() || !columns.known()) refuse("rows and columns should be known");
  return {rows, columns, rows.value() < columns.value() ? rows : columns};
}

std::vector<TensorType> qr_type(const OpCall& call) {
  const TensorType& a = require_matrix(call);
  const std::string& mode = call.get<std::string>("mode");
  if (mode != "reduced" && mode != "complete")
    refuse(fmt::format("mode is {}; it should be 'reduced' or 'complete'", quoted(mode)));
  const Sides sides = sides_of(a);
  const Dim& inner = mode == "complete" ? sides.rows : sides.lesser;
  return {with_lengths(a, {sides.rows, inner}), with_lengths(a, {inner, sides.columns})};
}

std::vector<TensorType> eigh_type(const OpCall& call) {
  const TensorType& a = require_square_matrix(call);
  return {with_lengths(a, {a.shape.back()}), a};
}

std::vector<TensorType> svd_type(const OpCall& call) {
  const TensorType& a = require_matrix(call);
  const Sides sides = sides_of(a);
  const bool full = call.flag("full_matrices");
  return {with_lengths(a, {sides.rows, full ? sides.rows : sides.lesser}),
          with_lengths(a, {sides.lesser}),
          with_lengths(a, {full ? sides.columns : sides.lesser, sides.columns})};
}

std::vector<TensorType> lu_type(const OpCall& call) {
  const TensorType& a = require_matrix(call);
  TensorType pivots = with_lengths(a, {sides_of(a).lesser});
  pivots.dtype = DType::i32;
  return {a, pivots};
}

std::vector<TensorType> matrix_exp_type(const OpCall& call) {
  return {require_square_matrix(call)};
}

// Derivatives -----------------------------------------------------------------------------------

ValueId turned(Emitter& b, ValueId x) {
  return b.emit("transpose", {x}, {{"dim0", std::int64_t{-2}}, {"dim1", std::int64_t{-1}}});
}
ValueId product(Emitter& b, ValueId x, ValueId y) { return b.emit("matmul", {x, y}); }
ValueId as_row(Emitter& b, ValueId x) { return b.emit("unsqueeze", {x}, {{"dim", b.rank(x) - 1}}); }
ValueId as_column(Emitter& b, ValueId x) { return b.emit("unsqueeze", {x}, {{"dim", b.rank(x)}}); }

/// What is on the diagonal of matrices like `x`, and what is not.
ValueId on_diagonal(Emitter& b, ValueId like, ValueId there, ValueId elsewhere) {
  const std::int64_t length = b.shape(like).back().value();
  const ValueId places = b.emit("arange", {}, {{"end", Dim(length)}});
  return where(b, b.emit("eq", {as_column(b, places), places}), there, elsewhere);
}

/// values[k] - values[i], and 1 on the diagonal.
ValueId gaps(Emitter& b, ValueId values) {
  const ValueId apart = sub(b, as_row(b, values), as_column(b, values));
  return on_diagonal(b, apart, number(b, values, 1.0), apart);
}

/// Whether a cotangent is that of an output that nobody uses.
bool is_nothing(Emitter& b, ValueId cotangent) {
  const Node* maker = b.maker(cotangent);
  if (maker == nullptr || maker->op != "full") return false;
  return get<double>(complete(op_named("full"), maker->attributes), "value") == 0;
}

// Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic
// differentiation", as are those below.
Values vjp_eigh(Emitter& b, const OpCall&, const Cotangents& c) {
  const ValueId vectors = c.outputs[1];
  // Equal values have no vectors of their own, and yet slopes.
  if (is_nothing(b, c.values[1])) {
    const ValueId scaled = mul(b, vectors, as_row(b, c.values[0]));
    return {product(b, scaled, turned(b, vectors))};
  }
  const ValueId inner = div(b, product(b, turned(b, vectors), c.values[1]), gaps(b, c.outputs[0]));
  const ValueId whole = on_diagonal(b, inner, as_row(b, c.values[0]), inner);
  // A symmetric matrix changes symmetrically.
  const ValueId even = mul(b, add(b, whole, turned(b, whole)), 0.5);
  return {product(b, vectors, product(b, even, turned(b, vectors)))};
}

ValueId skew(Emitter& b, ValueId x) { return sub(b, x, turned(b, x)); }

/// The part of `g` outside of what the columns of `u` span.
ValueId outside(Emitter& b, ValueId u, ValueId g) {
  return sub(b, g, product(b, u, product(b, turned(b, u), g)));
}

Values vjp_svd(Emitter& b, const OpCall& call, const Cotangents& c) {
  if (call.flag("full_matrices"))
    throw Error(Fault::unsupported, "", "'svd' with full matrices has no derivative");
  const ValueId u = c.outputs[0];
  const ValueId s = c.outputs[1];
  if (is_nothing(b, c.values[0]) && is_nothing(b, c.values[2]))
    return {product(b, mul(b, u, as_row(b, c.values[1])), c.outputs[2])};
  const ValueId v = turned(b, c.outputs[2]);
  const ValueId gv = turned(b, c.values[2]);
  const Sides sides = sides_of(call.types[0]);
  const ValueId apart = gaps(b, b.emit("square", {s}));
  const auto inner = [&](ValueId x, ValueId g) {
    return div(b, skew(b, product(b, turned(b, x), g)), apart);
  };
  const ValueId left = mul(b, inner(u, c.values[0]), as_row(b, s));
  const ValueId right = mul(b, as_column(b, s), inner(v, gv));
  const ValueId middle = add(b, left, right);
  const ValueId whole = on_diagonal(b, middle, as_row(b, c.values[1]), middle);
  ValueId sum = product(b, u, product(b, whole, c.outputs[2]));
  const auto scaled = [&](ValueId g) { return div(b, g, as_row(b, s)); };
  if (sides.rows != sides.lesser) {
    const ValueId more = outside(b, u, scaled(c.values[0]));
    sum = add(b, sum, product(b, more, c.outputs[2]));
  }
  if (sides.columns != sides.lesser) {
    const ValueId more = outside(b, v, scaled(gv));
    sum = add(b, sum, product(b, u, turned(b, more)));
  }
  return {sum};
}

/// The x of `x r.T = m` for an upper triangle r.
ValueId behind_turned(Emitter& b, ValueId m, ValueId r) {
  return turned(b, b.emit("solve_triangular", {r, turned(b, m)}, {{"upper", true}}));
}

Values vjp_qr(Emitter& b, const OpCall& call, const Cotangents& c) {
  const Sides sides = sides_of(call.types[0]);
  const bool square = sides.rows == sides.columns;
  if (sides.rows != sides.lesser && call.get<std::string>("mode") == "complete")
    throw Error(Fault::unsupported, "", "'qr' with a complete q has no derivative here");
  if (!square && sides.columns != sides.lesser)
    throw Error(Fault::unsupported, "", "'qr' of fewer rows than columns has no derivative here");
  const ValueId q = c.outputs[0];
  const ValueId r = c.outputs[1];
  const ValueId upper = b.emit("triu", {sub(b, product(b, c.values[1], turned(b, r)),
                                            product(b, turned(b, q), c.values[0]))});
  // Made symmetric by its upper triangle.
  const ValueId both = add(b, upper, turned(b, upper));
  const ValueId symmetric = on_diagonal(b, both, mul(b, both, 0.5), both);
  return {behind_turned(b, add(b, c.values[0], product(b, q, symmetric)), r)};
}

// With the cotangent above it, the exponential of a matrix of blocks holds the derivative there.
Values vjp_matrix_exp(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId a = turned(b, call.inputs[0]);
  const Dim length = call.types[0].shape.back();
  const auto joined = [&](ValueId x, ValueId y, std::int64_t axis) {
    return b.emit("cat", {x, y}, {{"dim", axis}});
  };
  const ValueId above = joined(a, c.values[0], -1);
  const ValueId below = joined(mul(b, a, 0.0), a, -1);
  const ValueId whole = b.emit("matrix_exp", {joined(above, below, -2)});
  const auto part = [&](ValueId x, std::int64_t axis, const Dim& start) {
    return b.emit("slice", {x}, {{"dim", axis}, {"start", start}, {"end", start + length}});
  };
  return {part(part(whole, -2, 0), -1, length)};
}

Dim size_of(const OpCall& call) {
  const Shape& shape = call.types[0].shape;
  return shape.back() * shape[shape.size() - 2];
}

constexpr Traits eliminates{.terms = size_of};
constexpr Traits exchanges{.terms = size_of, .decides = Decision::extreme};

constexpr OpSchema factorization_table[] = {
    {"qr(a, mode: string = 'reduced') -> (q, r)", qr_type, nullptr, vjp_qr,
     "orthonormal columns times an upper triangle", eliminates},
    {"eigh(a) -> (values, vectors)", eigh_type, nullptr, vjp_eigh,
     "eigenvalues in order and eigenvectors, up to their signs, of the lower triangle of a",
     eliminates},
    {"svd(a, full_matrices: bool = false) -> (u, s, vh)", svd_type, nullptr, vjp_svd,
     "singular values in falling order and vectors, up to their signs", eliminates},
    {"lu(a) -> (factors, pivots)", lu_type, nullptr, nullptr,
     "both triangles in one, and which row, from 1, each one changed places with", exchanges},
    {"matrix_exp(a) -> y", matrix_exp_type, nullptr, vjp_matrix_exp, "sum of the a**k / k!",
     eliminates},
};

}  // namespace

std::span<const OpSchema> factorization_ops() { return factorization_table; }

}  // namespace isomer
