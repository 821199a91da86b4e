#include <algorithm>
#include <limits>

#include "base/text.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

namespace isomer::aten {
namespace {

// A file may claim any length; a graph has one node for each piece.
constexpr std::int64_t most_pieces = 1 << 16;

void demand_few(const Reading& r, std::int64_t pieces) {
  if (pieces > most_pieces) r.refuse(fmt::format("at most {} results are read", most_pieces));
}

Dim length_of(const Reading& r, ValueId x, std::int64_t axis) {
  if (r.b.rank(x) == 0) r.fail("a scalar cannot be cut");
  return r.b.shape(x)[static_cast<std::size_t>(axis)];
}

// Python's rule for one bound: counted from the end when negative, then kept inside.
Dim bound(const Dim& given, const Dim& length) {
  const bool from_end = given.known() && given.value() < 0;
  const Dim from_start = from_end ? length + given : given;
  if (!from_start.known()) return from_start;
  if (from_start.value() <= 0) return 0;
  if (!length.known()) return from_start;
  return std::min(from_start.value(), length.value());
}

// The half-open range that Python's start:end means; the whole axis where they are left out.
struct Range {
  Dim start;
  Dim end;
};

Range range_of(Reading& r, const Dim& length) {
  constexpr std::int64_t open = std::numeric_limits<std::int64_t>::max();
  const Dim start = bound(r.dim("start", Dim(0)), length);
  const Dim given = r.dim("end", Dim(open));
  const Dim end = given == Dim(open) ? length : bound(given, length);
  if (start.known() && end.known() && end.value() < start.value()) return {start, start};
  return {start, end};
}

Values slice(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  const auto [start, end] = range_of(r, length_of(r, x, axis));
  const std::int64_t step = r.integer("step", 1);
  if (step < 1) r.fail("the step must be positive");
  if (step == 1) return {sliced(r.b, x, axis, start, end)};
  return {r.b.emit("slice", {x}, {{"dim", axis}, {"start", start}, {"end", end}, {"step", step}})};
}

Values narrow(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const Dim start = bound(r.dim("start"), length_of(r, x, axis));
  return {sliced(r.b, x, axis, start, start + r.dim("length"))};
}

// Replaces a part of an axis.
Values slice_scatter(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  const auto [start, end] = range_of(r, length_of(r, x, axis));
  const std::int64_t step = r.integer("step", 1);
  const ValueId source = as_type(r.b, r.tensor("src"), r.b.dtype(x));
  if (step == 1) return {with_part(r.b, x, source, axis, start, end)};
  if (step < 1) r.fail("a step is 1 or more");
  const Dim count = r.b.shape(source)[static_cast<std::size_t>(axis)];
  const ValueId places = r.b.emit(
      "arange", {}, {{"start", start}, {"end", start + count * Dim(step)}, {"step", step}});
  return {with_places(r.b, x, source, axis, places)};
}

Dim index_of(const Reading& r, const Dim& index, const Dim& length) {
  if (!index.known()) return index;
  const std::int64_t number = index.value();
  if (!length.known()) return number < 0 ? length + index : index;
  if (number < -length.value() || number >= length.value()) {
    r.fail(fmt::format("index {} is out of range of an axis of length {}", number, length.value()));
  }
  return number < 0 ? length + index : index;
}

ValueId selected(Builder& b, ValueId x, std::int64_t axis, const Dim& index) {
  return b.emit("select", {x}, {{"dim", axis}, {"index", index}});
}

Values select(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  return {selected(r.b, x, axis, index_of(r, r.dim("index"), length_of(r, x, axis)))};
}

Values select_scatter(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const Dim index = index_of(r, r.dim("index"), length_of(r, x, axis));
  const ValueId source = unsqueezed(r.b, as_type(r.b, r.tensor("src"), r.b.dtype(x)), axis);
  return {with_part(r.b, x, source, axis, index, index + 1)};
}

Values unbind(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  const Dim length = length_of(r, x, axis);
  if (!length.known())
    r.refuse("the length of the axis must be known, for it is the number of results");
  demand_few(r, length.value());
  Values results;
  for (std::int64_t i = 0; i < length.value(); ++i) results.push_back(selected(r.b, x, axis, i));
  return results;
}

Values split_into(Reading& r, ValueId x, std::int64_t axis, std::vector<Dim> sizes) {
  if (sizes.size() == 1) return {x};
  return r.b.emit_all("split", {x}, {{"sizes", std::move(sizes)}, {"dim", axis}});
}

// Pieces of one size, the last one smaller where they do not fit.
Values pieces(Reading& r, ValueId x, std::int64_t axis, const Dim& size) {
  const Dim length = length_of(r, x, axis);
  if (size == length) return {x};
  // A known number of pieces of a length that is not.
  constexpr std::int64_t most_unknown = 64;
  for (std::int64_t count = 2; count <= most_unknown && !size.known(); ++count) {
    if (size * count == length)
      return split_into(r, x, axis, std::vector<Dim>(static_cast<std::size_t>(count), size));
  }
  if (!length.known() || !size.known())
    r.refuse("the length of the axis must be known, for it is the number of results");
  if (size.value() < 0 || (size.value() == 0 && length.value() > 0))
    r.fail("the size of a piece must be positive");
  std::vector<Dim> sizes;
  for (std::int64_t left = length.value(); left > 0; left -= sizes.back().value()) {
    demand_few(r, std::ssize(sizes) + 1);
    sizes.emplace_back(std::min(size.value(), left));
  }
  if (sizes.empty()) return {x};
  return split_into(r, x, axis, std::move(sizes));
}

Values split(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  return pieces(r, x, axis, r.dim("split_size"));
}

Values split_sizes(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  std::vector<Dim> sizes = r.dims(r.given("split_sizes") ? "split_sizes" : "split_size");
  Dim total = 0;
  for (const Dim& size : sizes) total = total + size;
  if (total != length_of(r, x, axis)) r.fail("the sizes do not add up to the length of the axis");
  return split_into(r, x, axis, std::move(sizes));
}

Values chunk(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  const std::int64_t count = r.integer("chunks");
  if (count < 1) r.fail("the number of chunks must be positive");
  demand_few(r, count);
  const Dim length = length_of(r, x, axis);
  const Dim exact = floor_divide(length, count);
  if (exact * Dim(count) == length) {
    return split_into(r, x, axis, std::vector<Dim>(static_cast<std::size_t>(count), exact));
  }
  return pieces(r, x, axis, floor_divide(length + Dim(count - 1), count));
}

// At the given places, or into so many parts, of which the first are longer by one.
Values split_at(Reading& r, ValueId x, std::int64_t axis) {
  const Dim length = length_of(r, x, axis);
  std::vector<Dim> bounds;
  if (r.given("indices")) {
    for (const Dim& index : r.dims("indices")) bounds.push_back(bound(index, length));
  } else {
    const std::int64_t parts = r.integer("sections");
    if (parts < 1) r.fail("the number of sections must be positive");
    demand_few(r, parts);
    if (!length.known()) r.refuse("the length of the axis must be known");
    const std::int64_t whole = length.value() / parts;
    const std::int64_t longer = length.value() % parts;
    for (std::int64_t i = 1; i < parts; ++i) bounds.emplace_back(i * whole + std::min(i, longer));
  }
  bounds.push_back(length);
  Values results;
  Dim start = 0;
  for (const Dim& end : bounds) {
    const bool empty = start.known() && end.known() && end.value() < start.value();
    results.push_back(sliced(r.b, x, axis, start, empty ? start : end));
    start = end;
  }
  return results;
}

Values tensor_split(Reading& r) {
  const ValueId x = r.tensor("self");
  return split_at(r, x, r.axis("dim", r.b.rank(x), 0));
}

template <int axis>
Values split_along(Reading& r) {
  return split_at(r, r.tensor("self"), axis);
}

Values split_horizontally(Reading& r) {
  const ValueId x = r.tensor("self");
  return split_at(r, x, r.b.rank(x) == 1 ? 0 : 1);
}

// All in one type. An empty vector is nothing to PyTorch, whatever the others' shapes.
Values joined(Reading& r, Values parts) {
  const Shape nothing = {0};
  const auto kept =
      std::ranges::count_if(parts, [&](ValueId x) { return r.b.shape(x) != nothing; });
  if (kept > 0 && r.row.ours == "cat")
    std::erase_if(parts, [&](ValueId x) { return r.b.shape(x) == nothing; });
  if (parts.empty()) r.fail("there is nothing to join");
  const std::vector<Operand> operands(parts.begin(), parts.end());
  const DType dtype = result_type(r.b, operands);
  for (ValueId& x : parts) x = as_type(r.b, x, dtype);
  return parts;
}

Values cat(Reading& r) {
  Values parts = joined(r, r.all_tensors("tensors"));
  const std::int64_t axis = r.axis("dim", r.b.rank(parts[0]), 0);
  if (parts.size() == 1) return parts;
  return {r.b.emit("cat", std::move(parts), {{"dim", axis}})};
}

Values stack(Reading& r) {
  Values parts = joined(r, r.all_tensors("tensors"));
  const std::int64_t axis = r.axis("dim", r.b.rank(parts[0]) + 1, 0);
  if (parts.size() == 1) return {unsqueezed(r.b, parts[0], axis)};
  return {r.b.emit("stack", std::move(parts), {{"dim", axis}})};
}

Values flip(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> axes = r.axes("dims", r.b.rank(x));
  if (axes.empty()) return {x};
  return {r.b.emit("flip", {x}, {{"dims", ints(std::move(axes))}})};
}

ValueId rolled(Reading& r, ValueId x, std::int64_t axis, const Dim& shift) {
  const Dim length = length_of(r, x, axis);
  if (length == Dim(0)) return x;
  const Dim cut = remainder(length - shift, length);
  if (cut == Dim(0)) return x;
  return r.b.emit("cat", {sliced(r.b, x, axis, cut, length), sliced(r.b, x, axis, 0, cut)},
                  {{"dim", axis}});
}

Values roll(Reading& r) {
  ValueId x = r.tensor("self");
  const std::vector<Dim> shifts = r.dims("shifts");
  const std::vector<std::int64_t> axes = r.axes("dims", r.b.rank(x));
  if (r.b.rank(x) == 0) return {x};
  if (axes.empty() && shifts.size() == 1) {
    const Shape shape = r.b.shape(x);
    const ValueId flat = reshaped(r.b, x, {count_elements(shape)});
    return {reshaped(r.b, rolled(r, flat, 0, shifts[0]), shape)};
  }
  if (axes.size() != shifts.size()) r.fail("there must be a shift for each axis");
  for (std::size_t i = 0; i < axes.size(); ++i) x = rolled(r, x, axes[i], shifts[i]);
  return {x};
}

template <int axis>
Values flipped(Reading& r) {
  return {r.b.emit("flip", {r.tensor("self")}, {{"dims", ints({axis})}})};
}

// Quarter turns from the first axis to the second.
Values rot90(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::vector<std::int64_t> axes =
      r.given("dims") ? r.axes("dims", r.b.rank(x)) : std::vector<std::int64_t>{0, 1};
  const std::int64_t turns = ((r.integer("k", 1) % 4) + 4) % 4;
  if (axes.size() != 2 || axes[0] == axes[1]) r.fail("two axes are needed");
  if (turns == 0) return {x};
  if (turns == 2) return {r.b.emit("flip", {x}, {{"dims", ints({axes[0], axes[1]})}})};
  const ValueId turned = turns == 1 ? r.b.emit("flip", {x}, {{"dims", ints({axes[1]})}}) : x;
  const ValueId swapped = r.b.emit("transpose", {turned}, {{"dim0", axes[0]}, {"dim1", axes[1]}});
  return {turns == 1 ? swapped : r.b.emit("flip", {swapped}, {{"dims", ints({axes[1]})}})};
}

Values diff(Reading& r) {
  ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x), -1);
  const std::int64_t times = r.integer("n", 1);
  if (times < 0 || times > most_pieces) r.fail("n is out of range");
  std::vector<Operand> parts{r.optional_tensor("prepend"), x, r.optional_tensor("append")};
  std::erase_if(parts, [](const Operand& part) { return !part.is_tensor(); });
  if (times == 0) return {x};
  if (parts.size() > 1) {
    const DType dtype = result_type(r.b, parts);
    Values joined;
    for (const Operand& part : parts) joined.push_back(as_type(r.b, part.id, dtype));
    x = r.b.emit("cat", std::move(joined), {{"dim", axis}});
  }
  for (std::int64_t i = 0; i < times; ++i) {
    const Dim length = length_of(r, x, axis);
    const ValueId after = sliced(r.b, x, axis, 1, length);
    const ValueId before = sliced(r.b, x, axis, 0, length - Dim(1));
    // Booleans differ or do not.
    x = r.b.emit(r.b.dtype(x) == DType::boolean ? "logical_xor" : "sub", {after, before});
  }
  return {x};
}

using enum Aliasing;

constexpr Row slicing_table[] = {
    {.targets = "slice.Tensor", .ours = "slice", .aliases = always, .read = slice},
    {.targets = "slice_copy.Tensor", .read = slice},
    {.targets = "narrow", .aliases = always, .read = narrow},
    {.targets = "narrow_copy", .read = narrow},
    {.targets = "slice_scatter", .read = slice_scatter},
    {.targets = "select.int", .ours = "select", .aliases = always, .read = select},
    {.targets = "select_copy.int", .read = select},
    {.targets = "select_scatter", .read = select_scatter},
    {.targets = "unbind.int", .aliases = always, .read = unbind},
    {.targets = "unbind_copy.int", .read = unbind},
    {.targets = "split.Tensor", .aliases = always, .read = split},
    {.targets = "unsafe_split.Tensor split_copy.Tensor", .read = split},
    {.targets = "unsafe_split_with_sizes split_with_sizes_copy", .read = split_sizes},
    {.targets = "unsafe_chunk", .read = chunk},
    {.targets = "tensor_split.sections tensor_split.indices",
     .aliases = always,
     .read = tensor_split},
    {.targets = "hsplit.int hsplit.array", .aliases = always, .read = split_horizontally},
    {.targets = "vsplit.int vsplit.array", .aliases = always, .read = split_along<0>},
    {.targets = "dsplit.int dsplit.array", .aliases = always, .read = split_along<2>},
    {.targets = "split_with_sizes split.sizes",
     .ours = "split",
     .renames = "sizes=split_sizes",
     .aliases = always,
     .read = split_sizes},
    {.targets = "chunk", .aliases = always, .read = chunk},
    {.targets = "cat concat concatenate", .ours = "cat", .read = cat},
    {.targets = "stack", .ours = "stack", .read = stack},
    {.targets = "flip", .ours = "flip", .read = flip},
    {.targets = "roll", .read = roll},
    {.targets = "fliplr", .read = flipped<1>},
    {.targets = "flipud", .read = flipped<0>},
    {.targets = "rot90", .read = rot90},
    {.targets = "diff", .read = diff},
};

}  // namespace

std::span<const Row> slicing_rows() { return slicing_table; }

}  // namespace isomer::aten
