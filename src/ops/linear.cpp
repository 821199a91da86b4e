#include <numeric>

#include "base/text.h"
#include "ops/arithmetic.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;
using Integers = std::vector<std::int64_t>;

std::vector<TensorType> matmul_type(const OpCall& call) {
  require_same_dtype(call);
  numeric_type(call);
  const Shape& x = call.types[0].shape;
  const Shape& y = call.types[1].shape;
  if (x.size() < 2 || y.size() < 2) {
    refuse(fmt::format("the operands are {} and {}; both should have two dimensions or more",
                       to_text(x), to_text(y)));
  }
  if (x[x.size() - 1] != y[y.size() - 2]) {
    refuse(fmt::format("{} and {} do not multiply: the first has {} columns, the second {} rows",
                       to_text(x), to_text(y), to_text(x[x.size() - 1]), to_text(y[y.size() - 2])));
  }
  Shape shape = broadcast(Shape(x.begin(), x.end() - 2), Shape(y.begin(), y.end() - 2));
  shape.push_back(x[x.size() - 2]);
  shape.push_back(y[y.size() - 1]);
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> linear_type(const OpCall& call) {
  require_same_dtype(call);
  numeric_type(call);
  const Shape& x = call.types[0].shape;
  const Shape& weight = call.types[1].shape;
  if (weight.size() != 2)
    refuse(fmt::format("the weight is {}; it should be [outputs, inputs]", to_text(weight)));
  if (x.empty() || x.back() != weight[1]) {
    refuse(
        fmt::format("the input is {} and the weight {}; the last length of the input should be {}",
                    to_text(x), to_text(weight), to_text(weight[1])));
  }
  if (call.has(2) && call.types[2].shape != Shape{weight[0]}) {
    refuse(fmt::format("the bias is {}; it should be [{}]", to_text(call.types[2].shape),
                       to_text(weight[0])));
  }
  Shape shape = x;
  shape.back() = weight[0];
  return {{call.types[0].dtype, shape}};
}

ValueId transposed(Emitter& b, ValueId x) {
  return b.emit("transpose", {x}, {{"dim0", std::int64_t{-2}}, {"dim1", std::int64_t{-1}}});
}

/// All dimensions but the last made one.
ValueId as_rows(Emitter& b, ValueId x) {
  const Shape shape = b.shape(x);
  return reshape_to(b, x, {count_elements(Shape(shape.begin(), shape.end() - 1)), shape.back()});
}

Values vjp_matmul(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = b.emit("matmul", {c.values[0], transposed(b, call.inputs[1])});
  const ValueId y = b.emit("matmul", {transposed(b, call.inputs[0]), c.values[0]});
  return {sum_to(b, x, call.types[0].shape), sum_to(b, y, call.types[1].shape)};
}

Values expand_linear(Emitter& b, const OpCall& call) {
  const ValueId product =
      b.emit("matmul", {as_rows(b, call.inputs[0]), transposed(b, call.inputs[1])});
  const ValueId y = call.has(2) ? b.emit("add", {product, call.inputs[2]}) : product;
  return {reshape_to(b, y, linear_type(call)[0].shape)};
}

Values vjp_linear(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = as_rows(b, c.values[0]);
  const ValueId x = reshape_to(b, b.emit("matmul", {g, call.inputs[1]}), call.types[0].shape);
  const ValueId weight = b.emit("matmul", {transposed(b, g), as_rows(b, call.inputs[0])});
  if (!call.has(2)) return {x, weight, ValueId::none};
  return {x, weight, b.emit("sum", {g}, {{"dim", std::vector<std::int64_t>{0}}})};
}

// Systems of equations ----------------------------------------------------------------------------

/// Square matrices of floats that LAPACK takes.
Shape require_square(const OpCall& call) {
  const TensorType& type = call.types[0];
  const Shape& shape = type.shape;
  if (!is_floating(type.dtype) || is_half(type.dtype) || shape.size() < 2 ||
      shape.back() != shape[shape.size() - 2]) {
    refuse(fmt::format("the matrix is {}; it should be f32 or f64, [..., n, n]", to_text(type)));
  }
  return {shape.begin(), shape.end() - 2};
}

std::vector<TensorType> solve_type(const OpCall& call) {
  require_same_dtype(call);
  const Shape batch = require_square(call);
  const TensorType& right = call.types[1];
  const Shape& shape = right.shape;
  if (shape.size() != batch.size() + 2 || !std::equal(batch.begin(), batch.end(), shape.begin()) ||
      shape[batch.size()] != call.types[0].shape.back()) {
    refuse(fmt::format("the right side is {}; to {} fits [..., n, columns], of as many matrices",
                       to_text(shape), to_text(call.types[0].shape)));
  }
  return {right};
}

std::vector<TensorType> square_type(const OpCall& call) {
  require_square(call);
  return {call.types[0]};
}

std::vector<TensorType> det_type(const OpCall& call) {
  return {{call.types[0].dtype, require_square(call)}};
}

std::vector<TensorType> slogdet_type(const OpCall& call) {
  const TensorType type = det_type(call)[0];
  return {type, type};
}

/// The cotangent of the matrix of `a x = b`, from that of `b`.
ValueId of_matrix(Emitter& b, ValueId grad_right, ValueId x) {
  return b.emit("neg", {b.emit("matmul", {grad_right, transposed(b, x)})});
}

Values vjp_solve(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId right = b.emit("solve", {transposed(b, call.inputs[0]), c.values[0]});
  return {of_matrix(b, right, c.outputs[0]), right};
}

Values vjp_solve_triangular(Emitter& b, const OpCall& call, const Cotangents& c) {
  const bool upper = call.flag("upper");
  const bool unit = call.flag("unitriangular");
  const ValueId right = b.emit("solve_triangular", {transposed(b, call.inputs[0]), c.values[0]},
                               {{"upper", !upper}, {"unitriangular", unit}});
  const ValueId all = of_matrix(b, right, c.outputs[0]);
  const std::int64_t diagonal = unit ? 1 : 0;
  return {b.emit(upper ? "triu" : "tril", {all}, {{"diagonal", upper ? diagonal : -diagonal}}),
          right};
}

// Murray 2016, "Differentiation of the Cholesky decomposition", and made symmetric.
Values vjp_cholesky(Emitter& b, const OpCall&, const Cotangents& c) {
  const ValueId lower = c.outputs[0];
  const ValueId upper = transposed(b, lower);
  const ValueId product = b.emit("matmul", {upper, c.values[0]});
  const ValueId below = b.emit("tril", {product});
  const ValueId strictly = b.emit("tril", {product}, {{"diagonal", std::int64_t{-1}}});
  const ValueId half = number(b, product, 0.5);
  const ValueId inner = b.emit("mul", {b.emit("add", {below, strictly}), half});
  const Attributes above = {{"upper", true}};
  const ValueId left = b.emit("solve_triangular", {upper, inner}, above);
  const ValueId all =
      transposed(b, b.emit("solve_triangular", {upper, transposed(b, left)}, above));
  return {b.emit("mul", {b.emit("add", {all, transposed(b, all)}), half})};
}

/// The transposed inverse, each matrix times a number of its own.
ValueId scaled_inverse(Emitter& b, const OpCall& call, ValueId factors) {
  const Shape shape = call.types[0].shape;
  const DType dtype = call.types[0].dtype;
  const ValueId ones =
      b.emit("full", {}, {{"shape", shape}, {"value", 1.0}, {"dtype", DType::boolean}});
  const ValueId diagonal =
      b.emit("logical_xor",
             {b.emit("tril", {ones}), b.emit("tril", {ones}, {{"diagonal", std::int64_t{-1}}})});
  Shape wide = b.shape(factors);
  wide.insert(wide.end(), 2, Dim(1));
  const ValueId scaled =
      b.emit("where", {diagonal, reshape_to(b, factors, wide), b.literal(dtype, 0.0)});
  return b.emit("solve", {transposed(b, call.inputs[0]), scaled});
}

Values vjp_det(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {scaled_inverse(b, call, b.emit("mul", {c.values[0], c.outputs[0]}))};
}

Values vjp_slogdet(Emitter& b, const OpCall& call, const Cotangents& c) {
  if (c.values[1] == ValueId::none) return {ValueId::none};
  return {scaled_inverse(b, call, c.values[1])};
}

Dim size_of_square(const OpCall& call) {
  return call.types[0].shape.back() * call.types[0].shape.back();
}

Dim products(const OpCall& call) { return call.types[0].shape.back(); }

constexpr Traits adds_products{.terms = products};
constexpr Traits solves{.terms = size_of_square};

// Fourier transforms ------------------------------------------------------------------------------

// A complex tensor is a real one with a last axis of two, the real parts and the imaginary ones;
// axes are counted without it.

/// The shape without the axis of pairs.
Shape shape_of_pairs(const TensorType& type) {
  if (type.shape.empty() || type.shape.back() != Dim(2))
    refuse(fmt::format("the input is {}; complex numbers are pairs on a last axis of 2",
                       to_text(type)));
  return {type.shape.begin(), type.shape.end() - 1};
}

Shape paired(Shape shape) {
  shape.emplace_back(2);
  return shape;
}

/// Each axis once, in the order in which they stand; the last is the one that is halved.
std::vector<std::size_t> transformed_axes(const OpCall& call, const Shape& shape) {
  const DType dtype = call.types[0].dtype;
  if (dtype != DType::f32 && dtype != DType::f64)
    refuse(fmt::format("the input is {}; it should be f32 or f64 (cast it first)", name_of(dtype)));
  const auto& norm = call.get<std::string>("norm");
  if (norm != "backward" && norm != "ortho" && norm != "forward")
    refuse(fmt::format("norm is {}; it should be 'backward', 'ortho' or 'forward'", quoted(norm)));
  if (call.integers("dim").empty()) refuse("no axis is named; one or more should be");
  const std::vector<std::size_t> axes = axes_in(call.integers("dim"), shape.size());
  for (const std::size_t axis : axes) {
    if (shape.empty() || shape[axis] == Dim(0))
      refuse(fmt::format("dimension {} has no elements; a transform needs one", axis));
  }
  return axes;
}

Dim half(const Dim& length) { return floor_divide(length, 2) + 1; }

std::vector<TensorType> fft_type(const OpCall& call) {
  transformed_axes(call, shape_of_pairs(call.types[0]));
  return {call.types[0]};
}

std::vector<TensorType> rfft_type(const OpCall& call) {
  Shape shape = call.types[0].shape;
  Dim& last = shape[transformed_axes(call, shape).back()];
  last = half(last);
  return {{call.types[0].dtype, paired(std::move(shape))}};
}

std::vector<TensorType> irfft_type(const OpCall& call) {
  Shape shape = shape_of_pairs(call.types[0]);
  const std::size_t last = transformed_axes(call, shape).back();
  const Dim& n = call.get<Dim>("n");
  if (n.known() && n.value() < 1) refuse(fmt::format("n is {}; it should be 1 or more", n.value()));
  shape[last] = n;
  return {{call.types[0].dtype, std::move(shape)}};
}

std::int64_t last_axis(const OpCall& call, std::int64_t rank) {
  return static_cast<std::int64_t>(
      axis_in(call.integers("dim").back(), static_cast<std::size_t>(rank)));
}

/// Of one axis or the last: one number of each pair.
ValueId part(Emitter& b, ValueId x, std::int64_t which) {
  return b.emit("select", {x}, {{"dim", std::int64_t{-1}}, {"index", Dim(which)}});
}

ValueId complex_of(Emitter& b, ValueId re, ValueId im) {
  return b.emit("stack", {re, im}, {{"dim", std::int64_t{-1}}});
}

ValueId transform(Emitter& b, ValueId x, Integers dim, bool inverse, const std::string& norm) {
  return b.emit("fft", {x}, {{"dim", std::move(dim)}, {"inverse", inverse}, {"norm", norm}});
}

// What is real has the other half of its transform mirrored.
Values expand_rfft(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId zeros = b.emit("expand", {number(b, x, 0.0)}, {{"shape", call.types[0].shape}});
  const ValueId all = transform(b, complex_of(b, x, zeros), call.integers("dim"), false,
                                call.get<std::string>("norm"));
  const std::int64_t axis = last_axis(call, b.rank(x));
  const Dim end = half(call.types[0].shape[static_cast<std::size_t>(axis)]);
  return {b.emit("slice", {all}, {{"dim", axis}, {"end", end}})};
}

/// The first `length` along the axis, or zeros behind what there is.
ValueId resized(Emitter& b, ValueId x, std::int64_t axis, const Dim& length) {
  const Shape shape = b.shape(x);
  const Dim more = length - shape[static_cast<std::size_t>(axis)];
  if (more == Dim(0)) return x;
  std::vector<Dim> pad(2 * static_cast<std::size_t>(b.rank(x) - axis), 0);
  pad.back() = more;
  return b.emit("pad", {x}, {{"pad", std::move(pad)}});
}

// The half that is not there is the mirror of the one that is: of its first number, and at even
// lengths of its last, only the real part counts.
Values expand_irfft(Emitter& b, const OpCall& call) {
  const auto& norm = call.get<std::string>("norm");
  const Dim& n = call.get<Dim>("n");
  const std::int64_t axis = last_axis(call, b.rank(call.inputs[0]) - 1);
  Integers others = call.integers("dim");
  others.pop_back();
  ValueId x = call.inputs[0];
  if (!others.empty()) x = transform(b, x, others, true, norm);
  x = resized(b, x, axis, half(n));
  const ValueId mirrored = b.emit(
      "flip", {b.emit("slice", {x}, {{"dim", axis}, {"start", Dim(1)}, {"end", n - half(n) + 1}})},
      {{"dims", Integers{axis}}});
  const ValueId conjugate =
      complex_of(b, part(b, mirrored, 0), b.emit("neg", {part(b, mirrored, 1)}));
  const ValueId all = b.emit("cat", {x, conjugate}, {{"dim", axis}});
  return {part(b, transform(b, all, {axis}, true, norm), 0)};
}

// The matrix is symmetric: what it is transposed to runs the other way, scaled as before.
Values vjp_fft(Emitter& b, const OpCall& call, const Cotangents& c) {
  const auto& norm = call.get<std::string>("norm");
  const std::string other = norm == "ortho" ? norm : norm == "forward" ? "backward" : "forward";
  return {transform(b, c.values[0], call.integers("dim"), !call.flag("inverse"), other)};
}

Dim terms(const OpCall& call) {
  const Shape& shape = call.types[0].shape;
  Dim count = 2;
  for (const std::size_t axis : axes_in(call.integers("dim"), shape.size() - 1))
    count = count * shape[axis];
  return count;
}

constexpr OpSchema linear_table[] = {
    {"matmul(x, y) -> z", matmul_type, nullptr, vjp_matmul,
     "matrix product of the last two dimensions", adds_products},
    {"linear(x, weight, bias?) -> y", linear_type, expand_linear, vjp_linear, "x @ weight.T + bias",
     adds_products},
    {"solve(a, b) -> x", solve_type, nullptr, vjp_solve, "the x of a @ x = b", solves},
    {"solve_triangular(a, b, upper: bool, unitriangular: bool = false) -> x", solve_type, nullptr,
     vjp_solve_triangular, "the x of a @ x = b, of one triangle of a", solves},
    {"cholesky(a) -> l", square_type, nullptr, vjp_cholesky,
     "the lower triangle with l @ l.T = a, of the lower one of a", solves},
    {"det(a) -> y", det_type, nullptr, vjp_det, "determinant", solves},
    {"slogdet(a) -> (sign, logabsdet)", slogdet_type, nullptr, vjp_slogdet,
     "sign and logarithm of the size of the determinant", solves},
    {"fft(x, dim: ints, inverse: bool = false, norm: string = 'backward') -> y", fft_type, nullptr,
     vjp_fft, "Fourier transform of pairs, along axes counted without that of the pairs",
     Traits{.terms = terms}},
    {"rfft(x, dim: ints, norm: string = 'backward') -> y", rfft_type, expand_rfft, nullptr,
     "Fourier transform of real numbers, half of the last axis, as pairs"},
    {"irfft(x, dim: ints, n: dim, norm: string = 'backward') -> y", irfft_type, expand_irfft,
     nullptr, "inverse of rfft; n numbers along the last axis"},
};

}  // namespace

std::span<const OpSchema> linear_ops() { return linear_table; }

}  // namespace isomer
