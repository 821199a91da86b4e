#include <algorithm>

#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

// Tensors made of several, and tensors that see one several times.

namespace isomer::aten {
namespace {

constexpr std::int64_t most_pieces = 1 << 12;  // of one graph

Values in_one_type(Builder& b, Values parts) {
  const std::vector<Operand> operands(parts.begin(), parts.end());
  const DType dtype = result_type(b, operands);
  for (ValueId& x : parts) x = as_type(b, x, dtype);
  return parts;
}

Values parts_of(Reading& r) {
  Values parts = r.all_tensors("tensors");
  if (parts.empty()) r.fail("there is nothing to join");
  return in_one_type(r.b, std::move(parts));
}

ValueId joined(Builder& b, Values parts, std::int64_t axis) {
  return parts.size() == 1 ? parts[0] : b.emit("cat", std::move(parts), {{"dim", axis}});
}

Values hstack(Reading& r) {
  Values parts = parts_of(r);
  for (ValueId& x : parts) {
    if (r.b.rank(x) == 0) x = unsqueezed(r.b, x, 0);
  }
  const std::int64_t axis = r.b.rank(parts[0]) == 1 ? 0 : 1;
  return {joined(r.b, std::move(parts), axis)};
}

Values vstack(Reading& r) {
  Values parts = parts_of(r);
  for (ValueId& x : parts) {
    while (r.b.rank(x) < 2) x = unsqueezed(r.b, x, 0);
  }
  return {joined(r.b, std::move(parts), 0)};
}

Values dstack(Reading& r) {
  Values parts = parts_of(r);
  for (ValueId& x : parts) {
    while (r.b.rank(x) < 2) x = unsqueezed(r.b, x, 0);
    if (r.b.rank(x) < 3) x = unsqueezed(r.b, x, 2);
  }
  return {joined(r.b, std::move(parts), 2)};
}

// What has no two axes is a column.
Values column_stack(Reading& r) {
  Values parts = parts_of(r);
  for (ValueId& x : parts) {
    if (r.b.rank(x) < 2) x = reshaped(r.b, x, {count_elements(r.b.shape(x)), 1});
  }
  return {joined(r.b, std::move(parts), 1)};
}

/// Vectors spread out over a grid, each along an axis of its own.
Values spread_out(Builder& b, const Values& vectors) {
  Shape grid;
  for (const ValueId x : vectors) grid.push_back(count_elements(b.shape(x)));
  Values results;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    Shape shape(vectors.size(), Dim(1));
    shape[i] = grid[i];
    results.push_back(expanded(b, reshaped(b, vectors[i], std::move(shape)), grid));
  }
  return results;
}

// With the indexing "xy" the first two axes change places.
Values meshgrid(Reading& r) {
  Values vectors = r.all_tensors("tensors");
  const std::string indexing = r.text("indexing", "ij");
  if (indexing != "ij" && indexing != "xy") r.fail("indexing is neither 'ij' nor 'xy'");
  const bool swaps = indexing == "xy" && vectors.size() >= 2;
  if (swaps) std::swap(vectors[0], vectors[1]);
  Values results = spread_out(r.b, vectors);
  if (!swaps) return results;
  std::swap(results[0], results[1]);
  for (ValueId& x : results)
    x = r.b.emit("transpose", {x}, {{"dim0", std::int64_t{0}}, {"dim1", std::int64_t{1}}});
  return results;
}

/// Tuples of elements, one per row.
ValueId tuples(Builder& b, const Values& columns) {
  Values flat;
  for (const ValueId x : columns) flat.push_back(reshaped(b, x, {count_elements(b.shape(x)), 1}));
  return joined(b, std::move(flat), 1);
}

Values cartesian_prod(Reading& r) {
  const Values vectors = parts_of(r);
  if (vectors.size() == 1) return {vectors[0]};
  return {tuples(r.b, spread_out(r.b, vectors))};
}

// Places of r elements in the order of the first, then of the second, and so on.
std::vector<std::vector<std::int64_t>> combinations_of(Reading& r, std::int64_t n,
                                                       std::int64_t size, bool repeated) {
  std::vector<std::vector<std::int64_t>> all(1);
  for (std::int64_t k = 0; k < size; ++k) {
    // What is begun can be ended, so that no step makes more than there will be.
    const std::int64_t end = repeated ? n : n - (size - 1 - k);
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto& begun : all) {
      const std::int64_t from = begun.empty() ? 0 : begun.back() + (repeated ? 0 : 1);
      for (std::int64_t i = from; i < end; ++i) {
        if (std::ssize(longer) == most_places) r.refuse("there are too many combinations");
        longer.push_back(begun);
        longer.back().push_back(i);
      }
    }
    all = std::move(longer);
  }
  return all;
}

Values combinations(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t size = r.integer("r", 2);
  const bool repeated = r.flag("with_replacement", false);
  if (r.b.rank(x) != 1 || !r.b.shape(x)[0].known()) r.refuse("a vector of known length is read");
  if (size < 0 || size > 16) r.refuse("combinations of up to 16 elements are read");
  if (size == 0) return {r.b.constant(Tensor::from_doubles(r.b.dtype(x), {0}, {}))};
  const auto all = combinations_of(r, r.b.shape(x)[0].value(), size, repeated);
  const auto count = static_cast<std::int64_t>(all.size());
  std::vector<double> places;
  for (const auto& one : all) {
    for (const std::int64_t place : one) places.push_back(static_cast<double>(place));
  }
  const ValueId index =
      r.b.constant(Tensor::from_doubles(DType::i64, {count * size}, std::move(places)));
  const ValueId picked = r.b.emit("index_select", {x, index}, {{"dim", std::int64_t{0}}});
  return {reshaped(r.b, picked, {count, size})};
}

ValueId padded(Builder& b, ValueId x, std::vector<std::int64_t> pad) {
  const bool none = std::ranges::all_of(pad, [](std::int64_t n) { return n == 0; });
  return none ? x : b.emit("pad", {x}, {{"pad", ints(std::move(pad))}});
}

// Each block in its own rows and columns, zeros elsewhere.
Values block_diag(Reading& r) {
  Values blocks = parts_of(r);
  std::int64_t columns = 0;
  for (ValueId& x : blocks) {
    while (r.b.rank(x) < 2) x = unsqueezed(r.b, x, 0);
    if (r.b.rank(x) > 2) r.fail("blocks have at most two axes");
    if (!r.b.shape(x)[1].known()) r.refuse("blocks of known width are read");
    columns += r.b.shape(x)[1].value();
  }
  std::int64_t before = 0;
  for (ValueId& x : blocks) {
    const std::int64_t width = r.b.shape(x)[1].value();
    x = padded(r.b, x, {before, columns - before - width});
    before += width;
  }
  return {joined(r.b, std::move(blocks), 0)};
}

// Windows of an axis, one behind the other, each along a new last axis.
Values unfold(Reading& r) {
  ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dimension", r.b.rank(x));
  const std::int64_t size = r.integer("size");
  const std::int64_t step = r.integer("step");
  const bool scalar = r.b.rank(x) == 0;
  if (scalar) x = reshaped(r.b, x, {1});
  const Dim length = r.b.shape(x)[static_cast<std::size_t>(axis)];
  if (size < 0 || step < 1) r.fail("the size must not be negative, and the step positive");
  if (length.known() && size > length.value()) r.fail("a window is longer than the axis");
  const Dim windows = floor_divide(length - countable(r, size), countable(r, step)) + 1;
  const ValueId index = window_places(r, windows, size, step);
  Shape shape = r.b.shape(x);
  ValueId y = r.b.emit("index_select", {x, index}, {{"dim", axis}});
  shape[static_cast<std::size_t>(axis)] = windows;
  shape.insert(shape.begin() + axis + 1, Dim(size));
  y = reshaped(r.b, y, std::move(shape));
  if (scalar) return {squeezed(r.b, y, {0})};
  std::vector<std::int64_t> order = all_axes(r.b.rank(y));
  order.erase(order.begin() + axis + 1);
  order.push_back(axis + 1);
  return {permuted(r.b, y, std::move(order))};
}

/// The places that a view of memory has, in a tensor in C order.
ValueId strided_places(Reading& r, ValueId x) {
  const std::vector<std::int64_t> size = r.integers("size");
  const std::vector<std::int64_t> stride = r.integers("stride");
  const std::int64_t offset = r.integer("storage_offset", 0);
  const Dim count = count_elements(r.b.shape(x));
  if (!count.known()) r.refuse("a tensor of known shape is read");
  if (size.size() != stride.size()) r.fail("there must be a stride for each length");
  std::vector<std::int64_t> places{countable(r, offset)};
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (size[i] < 0 || size[i] > most_places) r.fail("a length is out of range");
    std::vector<std::int64_t> longer;
    countable(r, stride[i]);
    if (std::ssize(places) * size[i] > most_places) r.refuse("the view has too many elements");
    for (const std::int64_t begin : places) {
      for (std::int64_t k = 0; k < size[i]; ++k) longer.push_back(begin + k * stride[i]);
    }
    places = std::move(longer);
  }
  for (const std::int64_t place : places) {
    if (place < 0 || place >= count.value())
      r.refuse("the view reaches beyond the elements of its tensor");
  }
  return r.b.constant(Tensor::from_doubles(DType::i64, {std::ssize(places)},
                                           std::vector<double>(places.begin(), places.end())));
}

Shape as_shape(const std::vector<std::int64_t>& lengths) {
  return {lengths.begin(), lengths.end()};
}

Values as_strided(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId index = strided_places(r, x);
  const ValueId flat = reshaped(r.b, x, {count_elements(r.b.shape(x))});
  const ValueId picked = r.b.emit("index_select", {flat, index}, {{"dim", std::int64_t{0}}});
  return {reshaped(r.b, picked, as_shape(r.integers("size")))};
}

Values as_strided_scatter(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId index = strided_places(r, x);
  const Shape shape = r.b.shape(x);
  const ValueId flat = reshaped(r.b, x, {count_elements(shape)});
  const ValueId source = as_type(r.b, r.tensor("src"), r.b.dtype(x));
  const ValueId all = expanded(r.b, source, as_shape(r.integers("size")));
  const ValueId values = reshaped(r.b, all, {count_elements(r.b.shape(all))});
  const ValueId y = r.b.emit("scatter", {flat, index, values}, {{"dim", std::int64_t{0}}});
  return {reshaped(r.b, y, shape)};
}

// Each tensor in chunks along an axis, padded to fill them; then chunk by chunk beside each other.
Values chunk_cat(Reading& r) {
  const Values parts = parts_of(r);
  const std::int64_t axis = r.axis("dim", r.b.rank(parts[0]));
  const std::int64_t chunks = r.integer("num_chunks");
  if (chunks < 1 || chunks > most_pieces) r.fail("the number of chunks is out of range");
  Values rows;
  for (ValueId x : parts) {
    Shape shape = r.b.shape(x);
    const auto place = static_cast<std::size_t>(axis);
    if (!shape[place].known()) r.refuse("axes of known length are read");
    const std::int64_t each = (shape[place].value() + chunks - 1) / chunks;
    std::vector<std::int64_t> pad(2 * (shape.size() - place), 0);
    pad.back() = each * chunks - shape[place].value();
    x = padded(r.b, x, std::move(pad));
    shape.resize(place);
    shape.emplace_back(chunks);
    Dim rest = 1;
    for (std::size_t i = place; i < r.b.shape(x).size(); ++i) rest = rest * r.b.shape(x)[i];
    shape.push_back(floor_divide(rest, chunks));
    rows.push_back(reshaped(r.b, x, std::move(shape)));
  }
  return {joined(r.b, std::move(rows), axis + 1)};
}

using enum Aliasing;

constexpr Row joining_table[] = {
    {.targets = "hstack", .inputs = "tensors", .read = hstack},
    {.targets = "vstack row_stack", .inputs = "tensors", .read = vstack},
    {.targets = "dstack", .inputs = "tensors", .read = dstack},
    {.targets = "column_stack", .inputs = "tensors", .read = column_stack},
    {.targets = "meshgrid meshgrid.indexing", .inputs = "tensors", .read = meshgrid},
    {.targets = "cartesian_prod", .inputs = "tensors", .read = cartesian_prod},
    {.targets = "combinations", .read = combinations},
    {.targets = "block_diag", .inputs = "tensors", .read = block_diag},
    {.targets = "_chunk_cat", .inputs = "tensors", .read = chunk_cat},
    {.targets = "unfold", .aliases = always, .read = unfold},
    {.targets = "unfold_copy", .read = unfold},
    {.targets = "as_strided", .aliases = always, .by_memory = true, .read = as_strided},
    {.targets = "as_strided_copy", .by_memory = true, .read = as_strided},
    {.targets = "as_strided_scatter", .by_memory = true, .read = as_strided_scatter},
};

}  // namespace

ValueId window_places(Reading& r, const Dim& windows, std::int64_t size, std::int64_t step) {
  if (!windows.known()) {
    const ValueId starts = r.b.emit(
        "mul", {r.b.emit("arange", {}, {{"end", windows}}), r.b.literal(DType::i64, step)});
    const ValueId within = r.b.emit("arange", {}, {{"end", Dim(size)}});
    return reshaped(r.b, r.b.emit("add", {unsqueezed(r.b, starts, 1), within}),
                    {windows * Dim(size)});
  }
  const std::int64_t count = windows.value();
  if (count > most_places || size > most_places || count * size > most_places)
    r.refuse("there are too many windows");
  std::vector<double> places;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < size; ++k) places.push_back(static_cast<double>(i * step + k));
  }
  return r.b.constant(Tensor::from_doubles(DType::i64, {count * size}, std::move(places)));
}

std::span<const Row> joining_rows() { return joining_table; }

}  // namespace isomer::aten
