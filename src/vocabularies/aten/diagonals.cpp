#include <algorithm>

#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

// Diagonals of matrices, and what has one.

namespace isomer::aten {
namespace {

constexpr std::int64_t largest_matrix = 1 << 24;  // in elements

/// The two axes of a matrix, and which diagonal: above the main one where it is positive.
struct Diagonal {
  std::int64_t offset = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 1;
};

Diagonal diagonal_of(Reading& r, std::int64_t rank, std::int64_t first, std::int64_t second) {
  const Diagonal diagonal{countable(r, r.integer("offset", 0)), r.axis("dim1", rank, first),
                          r.axis("dim2", rank, second)};
  if (diagonal.rows == diagonal.columns) r.fail("the two axes are one");
  return diagonal;
}

/// All axes but two, in order, then these two.
std::vector<std::int64_t> matrices_last(std::int64_t rank, const Diagonal& diagonal) {
  std::vector<std::int64_t> order;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    if (axis != diagonal.rows && axis != diagonal.columns) order.push_back(axis);
  }
  order.push_back(diagonal.rows);
  order.push_back(diagonal.columns);
  return order;
}

/// Where its elements stand in a matrix taken as one axis.
ValueId places_of(Reading& r, const Shape& matrices, std::int64_t given) {
  const Dim rows = matrices[matrices.size() - 2];
  const Dim columns = matrices.back();
  if (!rows.known() || !columns.known()) r.refuse("matrices of known size are read");
  const std::int64_t n = rows.value();
  const std::int64_t m = columns.value();
  const std::int64_t offset = std::clamp(given, -n, m);  // beyond, a diagonal is as empty
  const std::int64_t start = offset >= 0 ? offset : -offset * m;
  const std::int64_t longest = offset >= 0 ? std::min(n, m - offset) : std::min(n + offset, m);
  const std::int64_t length = std::max<std::int64_t>(longest, 0);
  const std::int64_t end = length == 0 ? start : start + (length - 1) * (m + 1) + 1;
  return r.b.emit("arange", {}, {{"start", Dim(start)}, {"end", Dim(end)}, {"step", m + 1}});
}

/// Matrices in the last two axes, those taken as one.
ValueId in_rows(Builder& b, ValueId matrices) {
  Shape shape = b.shape(matrices);
  const Dim count = shape[shape.size() - 2] * shape.back();
  shape.pop_back();
  shape.back() = count;
  return reshaped(b, matrices, std::move(shape));
}

ValueId diagonal_from(Reading& r, ValueId x, const Diagonal& diagonal) {
  const ValueId matrices = permuted(r.b, x, matrices_last(r.b.rank(x), diagonal));
  const ValueId places = places_of(r, r.b.shape(matrices), diagonal.offset);
  const ValueId rows = in_rows(r.b, matrices);
  return r.b.emit("index_select", {rows, places}, {{"dim", r.b.rank(rows) - 1}});
}

Values diagonal(Reading& r) {
  const ValueId x = r.tensor("self");
  return {diagonal_from(r, x, diagonal_of(r, r.b.rank(x), 0, 1))};
}

// Of the last two axes unless others are named.
Values linalg_diagonal(Reading& r) {
  const ValueId x = r.tensor("A");
  return {diagonal_from(r, x, diagonal_of(r, r.b.rank(x), -2, -1))};
}

Values diagonal_scatter(Reading& r) {
  const ValueId x = r.tensor("self");
  const Diagonal diagonal = diagonal_of(r, r.b.rank(x), 0, 1);
  const std::vector<std::int64_t> order = matrices_last(r.b.rank(x), diagonal);
  const ValueId matrices = permuted(r.b, x, order);
  const Shape shape = r.b.shape(matrices);
  const ValueId rows = in_rows(r.b, matrices);
  const ValueId source = as_type(r.b, r.tensor("src"), r.b.dtype(x));
  const ValueId places = expanded(r.b, places_of(r, shape, diagonal.offset), r.b.shape(source));
  const ValueId y = r.b.emit("scatter", {rows, places, source}, {{"dim", r.b.rank(rows) - 1}});
  return {permuted(r.b, reshaped(r.b, y, shape), inverse_order(order))};
}

/// Whether a place of a matrix is on a diagonal.
ValueId on_diagonal(Builder& b, const Dim& rows, const Dim& columns, std::int64_t offset) {
  const ValueId row = unsqueezed(b, b.emit("arange", {}, {{"end", rows}}), 1);
  const ValueId column = b.emit("arange", {}, {{"end", columns}});
  const ValueId moved = offset == 0 ? row : b.emit("add", {row, b.literal(DType::i64, offset)});
  return b.emit("eq", {moved, column});
}

/// Matrices in the last two axes with the last axis of `x` on a diagonal, zeros elsewhere.
ValueId embedded(Builder& b, ValueId x, std::int64_t offset) {
  const std::int64_t aside = std::abs(offset);
  // Elements go by their row above the main diagonal, by their column below it.
  const ValueId longer = aside == 0 ? x : b.emit("pad", {x}, {{"pad", ints({0, aside})}});
  const Dim length = b.shape(longer).back();
  const ValueId spread = unsqueezed(b, longer, b.rank(x) - (offset >= 0 ? 0 : 1));
  const ValueId zero = as_type(b, Operand(Scalar(std::int64_t{0})), b.dtype(x));
  return b.emit("where", {on_diagonal(b, length, length, offset), spread, zero});
}

Values diag_embed(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t rank = r.b.rank(x) + 1;
  const Diagonal diagonal = diagonal_of(r, rank, -2, -1);
  const std::vector<std::int64_t> order = matrices_last(rank, diagonal);
  return {permuted(r.b, embedded(r.b, x, diagonal.offset), inverse_order(order))};
}

// A matrix of a vector, the diagonal of a matrix.
Values diag(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t offset = countable(r, r.integer("diagonal", 0));
  if (r.b.rank(x) == 1) return {embedded(r.b, x, offset)};
  if (r.b.rank(x) != 2) r.fail("a vector or a matrix is needed");
  return {diagonal_from(r, x, {offset, 0, 1})};
}

Values diagflat(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId flat = reshaped(r.b, x, {count_elements(r.b.shape(x))});
  return {embedded(r.b, flat, countable(r, r.integer("offset", 0)))};
}

Values trace(Reading& r) {
  const ValueId x = r.tensor("self");
  if (r.b.rank(x) != 2) r.fail("a matrix is needed");
  const ValueId elements = diagonal_from(r, x, {0, 0, 1});
  const DType dtype = r.b.dtype(x);
  return {r.b.emit("sum", {as_type(r.b, elements, is_floating(dtype) ? dtype : DType::i64)})};
}

Values eye(Reading& r) {
  const Dim rows = r.dim("n");
  const Dim columns = r.dim("m", rows);
  return {as_type(r.b, on_diagonal(r.b, rows, columns, 0), r.dtype("dtype").value_or(DType::f32))};
}

// The places in the lower or upper triangle of a matrix: a row of rows, a row of columns.
Values triangle_indices(Reading& r) {
  const std::int64_t rows = r.integer("row");
  const std::int64_t columns = r.integer("col");
  const std::int64_t offset = r.integer("offset", 0);
  const bool lower = r.row.target() == "tril_indices";
  if (rows < 0 || columns < 0 || rows > largest_matrix ||
      columns > largest_matrix / std::max<std::int64_t>(rows, 1))
    r.refuse("the matrix is too large");
  std::vector<double> places;
  for (const bool row_wanted : {true, false}) {
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        const bool inside = lower ? column - row <= offset : column - row >= offset;
        if (inside) places.push_back(static_cast<double>(row_wanted ? row : column));
      }
    }
  }
  const std::int64_t count = std::ssize(places) / 2;
  return {r.b.constant(
      Tensor::from_doubles(r.dtype("dtype").value_or(DType::i64), {2, count}, places))};
}

using enum Aliasing;

constexpr Row diagonal_table[] = {
    {.targets = "diagonal", .aliases = always, .read = diagonal},
    {.targets = "diagonal_copy", .read = diagonal},
    {.targets = "linalg_diagonal", .inputs = "A", .aliases = always, .read = linalg_diagonal},
    {.targets = "diagonal_scatter", .read = diagonal_scatter},
    {.targets = "diag_embed", .read = diag_embed},
    {.targets = "diag", .read = diag},
    {.targets = "diagflat", .read = diagflat},
    {.targets = "trace", .read = trace},
    {.targets = "eye eye.m", .read = eye},
    {.targets = "tril_indices", .read = triangle_indices},
    {.targets = "triu_indices", .read = triangle_indices},
};

}  // namespace

std::span<const Row> diagonal_rows() { return diagonal_table; }

}  // namespace isomer::aten
