#include <algorithm>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "graph/dim_algebra.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

std::size_t rank_of(const OpCall& call) { return call.types[0].shape.size(); }
const std::vector<Dim>& dims(const OpCall& call, std::string_view name) {
  return call.get<std::vector<Dim>>(name);
}

// Type rules ------------------------------------------------------------------------------------

std::vector<TensorType> reshape_type(const OpCall& call) {
  const Shape& shape = dims(call, "shape");
  const Dim before = count_elements(call.types[0].shape);
  const Dim after = count_elements(shape);
  // A length that a number of the caller's divides, as in x.reshape(n, -1), has no rest where it
  // runs: there the rule looks again, at numbers.
  if (before != after && DimAlgebra::undivided(before) != DimAlgebra::undivided(after)) {
    refuse(fmt::format("shape {} cannot become {}: they have {} and {} elements",
                       to_text(call.types[0].shape), to_text(shape), to_text(before),
                       to_text(after)));
  }
  return {{call.types[0].dtype, shape}};
}

std::vector<std::size_t> permutation(const OpCall& call) {
  const std::vector<std::int64_t>& given = call.integers("dims");
  if (given.size() != rank_of(call)) {
    refuse(fmt::format("dims has {}; the input has {} dimensions", counted(given.size(), "number"),
                       rank_of(call)));
  }
  std::vector<std::size_t> order;
  for (const std::int64_t axis : given) order.push_back(axis_in(axis, rank_of(call)));
  std::vector<std::size_t> sorted = order;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) refuse("dims names a dimension twice");
  return order;
}

std::vector<TensorType> permute_type(const OpCall& call) {
  Shape shape;
  for (const std::size_t axis : permutation(call)) shape.push_back(call.types[0].shape[axis]);
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> expand_type(const OpCall& call) {
  const Shape& shape = dims(call, "shape");
  const Shape& from = call.types[0].shape;
  if (from.size() > shape.size() || broadcast(from, shape) != shape) {
    refuse(fmt::format("shape {} does not expand to {}", to_text(from), to_text(shape)));
  }
  return {{call.types[0].dtype, shape}};
}

struct Slice {
  std::size_t axis;
  Dim start;
  Dim count;
  std::int64_t step;
};

/// A position counted from the front and held between 0 and the length, as Python's slices do.
Dim clamped_position(const Dim& position, const Dim& length) {
  Dim from_front = position;
  if (position.known() && position.value() < 0) from_front = position + length;
  if (from_front.known() && from_front.value() == std::numeric_limits<std::int64_t>::max())
    return length;
  if (from_front == length) return length;
  // Counted back from the end of a length of unknown size: it may fall before the front.
  if (position.known() && position.value() < 0) return larger(from_front, 0);
  return smaller(from_front, length);
}

Slice slice_of(const OpCall& call) {
  const std::size_t axis = axis_in(call.integer("dim"), rank_of(call));
  if (rank_of(call) == 0) refuse("a scalar cannot be sliced");
  const std::int64_t step = call.integer("step");
  if (step < 1) refuse(fmt::format("step is {}; it should be at least 1", step));
  const Dim& length = call.types[0].shape[axis];
  const Dim start = clamped_position(call.get<Dim>("start"), length);
  const Dim end = clamped_position(call.get<Dim>("end"), length);
  const Dim span = start == Dim(0) ? end : larger(end - start, 0);
  return {axis, start, step == 1 ? span : floor_divide(span + (step - 1), step), step};
}

std::vector<TensorType> slice_type(const OpCall& call) {
  const Slice slice = slice_of(call);
  Shape shape = call.types[0].shape;
  shape[slice.axis] = slice.count;
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> cat_type(const OpCall& call) {
  const std::size_t axis = axis_in(call.integer("dim"), rank_of(call));
  TensorType result = call.types[0];
  if (result.shape.empty()) refuse("scalars cannot be concatenated; stack them");
  for (std::size_t i = 1; i < call.types.size(); ++i) {
    const TensorType& type = call.types[i];
    bool fits = type.dtype == result.dtype && type.shape.size() == result.shape.size();
    for (std::size_t j = 0; fits && j < type.shape.size(); ++j) {
      fits = j == axis || type.shape[j] == result.shape[j];
    }
    if (!fits) {
      refuse(
          fmt::format("input {} is {} and the first {}; they should differ along dimension {} only",
                      i, to_text(type), to_text(call.types[0]), axis));
    }
    result.shape[axis] = result.shape[axis] + type.shape[axis];
  }
  return {result};
}

std::vector<TensorType> pad_type(const OpCall& call) {
  const std::vector<Dim>& pad = dims(call, "pad");
  if (pad.size() % 2 != 0 || pad.size() > 2 * rank_of(call)) {
    refuse(fmt::format(
        "pad has {}; it should have two for each of at most {} dimensions, the last one first",
        counted(pad.size(), "number"), rank_of(call)));
  }
  require_within(call.types[0].dtype, call.real("value"), "value");
  Shape shape = call.types[0].shape;
  for (std::size_t i = 0; i < pad.size() / 2; ++i) {
    Dim& length = shape[shape.size() - 1 - i];
    Dim kept = length;
    for (const Dim& amount : {pad[2 * i], pad[2 * i + 1]}) {
      if (amount.known() && amount.value() < 0) kept = kept + amount;
      length = length + amount;
    }
    if (kept.known() && kept.value() < 0) refuse("padding crops more than there is");
  }
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> flip_type(const OpCall& call) {
  if (!call.integers("dims").empty()) axes_in(call.integers("dims"), rank_of(call));
  return {call.types[0]};
}

std::vector<TensorType> transpose_type(const OpCall& call) {
  Shape shape = call.types[0].shape;
  const std::size_t a = axis_in(call.integer("dim0"), shape.size());
  const std::size_t b = axis_in(call.integer("dim1"), shape.size());
  if (!shape.empty()) std::swap(shape[a], shape[b]);
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> unsqueeze_type(const OpCall& call) {
  Shape shape = call.types[0].shape;
  const std::size_t axis = axis_in(call.integer("dim"), shape.size() + 1);
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), Dim(1));
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> squeeze_type(const OpCall& call) {
  const std::vector<std::size_t> axes = axes_in(call.integers("dim"), rank_of(call));
  Shape shape;
  for (std::size_t i = 0; i < rank_of(call); ++i) {
    const bool named = std::ranges::find(axes, i) != axes.end();
    if (!named || call.types[0].shape[i] != Dim(1)) shape.push_back(call.types[0].shape[i]);
  }
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> flatten_type(const OpCall& call) {
  const Shape& from = call.types[0].shape;
  const std::size_t start = axis_in(call.integer("start_dim"), from.size());
  const std::size_t end = axis_in(call.integer("end_dim"), from.size());
  if (start > end) refuse("start_dim comes after end_dim");
  if (from.empty()) return {{call.types[0].dtype, {Dim(1)}}};
  Shape shape(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(start));
  shape.push_back(count_elements(Shape(from.begin() + static_cast<std::ptrdiff_t>(start),
                                       from.begin() + static_cast<std::ptrdiff_t>(end) + 1)));
  shape.insert(shape.end(), from.begin() + static_cast<std::ptrdiff_t>(end) + 1, from.end());
  return {{call.types[0].dtype, shape}};
}

Dim selected_position(const OpCall& call, const Dim& length) {
  const Dim& index = call.get<Dim>("index");
  if (index.known() && length.known() &&
      (index.value() < -length.value() || index.value() >= length.value())) {
    refuse(fmt::format("index {} is out of range for length {}", index.value(), length.value()));
  }
  return index.known() && index.value() < 0 ? index + length : index;
}

std::vector<TensorType> select_type(const OpCall& call) {
  if (rank_of(call) == 0) refuse("a scalar has nothing to select from");
  Shape shape = call.types[0].shape;
  const std::size_t axis = axis_in(call.integer("dim"), shape.size());
  selected_position(call, shape[axis]);
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> split_type(const OpCall& call) {
  if (rank_of(call) == 0) refuse("a scalar cannot be split");
  const std::size_t axis = axis_in(call.integer("dim"), rank_of(call));
  std::vector<TensorType> types;
  Dim total = 0;
  for (const Dim& size : dims(call, "sizes")) {
    types.push_back(call.types[0]);
    types.back().shape[axis] = size;
    total = total + size;
  }
  if (total != call.types[0].shape[axis]) {
    refuse(fmt::format("the sizes add up to {}; dimension {} has length {}", to_text(total), axis,
                       to_text(call.types[0].shape[axis])));
  }
  return types;
}

std::vector<TensorType> stack_type(const OpCall& call) {
  for (const TensorType& type : call.types) {
    if (type != call.types[0]) {
      refuse(fmt::format("the inputs are {} and {}; they should be alike", to_text(call.types[0]),
                         to_text(type)));
    }
  }
  Shape shape = call.types[0].shape;
  const std::size_t axis = axis_in(call.integer("dim"), shape.size() + 1);
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis),
               Dim(static_cast<std::int64_t>(call.types.size())));
  return {{call.types[0].dtype, shape}};
}

/// The input's shape with as many leading ones as `repeats` has more numbers.
Shape shape_for_repeat(const OpCall& call) {
  const std::vector<std::int64_t>& repeats = call.integers("repeats");
  if (repeats.size() < rank_of(call)) {
    refuse(fmt::format("repeats has {}; the input has {} dimensions",
                       counted(repeats.size(), "number"), rank_of(call)));
  }
  Shape shape(repeats.size() - rank_of(call), Dim(1));
  shape.insert(shape.end(), call.types[0].shape.begin(), call.types[0].shape.end());
  return shape;
}

std::vector<TensorType> repeat_type(const OpCall& call) {
  Shape shape = shape_for_repeat(call);
  const std::vector<std::int64_t>& repeats = call.integers("repeats");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] < 0) refuse("repeats should not be negative");
    shape[i] = shape[i] * repeats[i];
  }
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> matrix_type(const OpCall& call) {
  if (rank_of(call) < 2)
    refuse(fmt::format("the input is {}; it should have two dimensions or more",
                       to_text(call.types[0])));
  return {call.types[0]};
}

// Derivatives -----------------------------------------------------------------------------------

Values vjp_reshape(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {reshape_to(b, c.values[0], call.types[0].shape)};
}

Values vjp_permute(Emitter& b, const OpCall& call, const Cotangents& c) {
  const std::vector<std::size_t> order = permutation(call);
  std::vector<std::int64_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<std::int64_t>(i);
  return {b.emit("permute", {c.values[0]}, {{"dims", inverse}})};
}

Values vjp_expand(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {sum_to(b, c.values[0], call.types[0].shape)};
}

Values vjp_slice(Emitter& b, const OpCall& call, const Cotangents& c) {
  const Slice slice = slice_of(call);
  const Shape& shape = call.types[0].shape;
  if (slice.step == 1) {
    std::vector<Dim> pad(2 * (shape.size() - slice.axis), Dim(0));
    pad[pad.size() - 2] = slice.start;
    pad[pad.size() - 1] = shape[slice.axis] - slice.start - slice.count;
    return {b.emit("pad", {c.values[0]}, {{"pad", pad}})};
  }
  const ValueId zeros =
      b.emit("full", {}, {{"shape", shape}, {"value", 0.0}, {"dtype", call.types[0].dtype}});
  const ValueId index = b.emit("arange", {},
                               {{"start", slice.start},
                                {"end", slice.start + slice.count * slice.step},
                                {"step", slice.step}});
  return {b.emit("index_add", {zeros, index, c.values[0]},
                 {{"dim", static_cast<std::int64_t>(slice.axis)}})};
}

Values vjp_cat(Emitter& b, const OpCall& call, const Cotangents& c) {
  const std::size_t axis = axis_in(call.integer("dim"), rank_of(call));
  Values result;
  Dim start = 0;
  for (const TensorType& type : call.types) {
    const Dim end = start + type.shape[axis];
    const Attributes part{{"dim", static_cast<std::int64_t>(axis)}, {"start", start}, {"end", end}};
    result.push_back(reshape_to(b, b.emit("slice", {c.values[0]}, part), type.shape));
    start = end;
  }
  return result;
}

// Negative padding crops, so the derivative of padding is padding by the opposite.
Values vjp_pad(Emitter& b, const OpCall& call, const Cotangents& c) {
  std::vector<Dim> pad = dims(call, "pad");
  for (Dim& amount : pad) amount = Dim(0) - amount;
  return {b.emit("pad", {c.values[0]}, {{"pad", pad}})};
}

Values vjp_same_op(Emitter& b, std::string_view op, const OpCall& call, const Cotangents& c) {
  return {b.emit(op, {c.values[0]}, call.attributes)};
}
Values vjp_flip(Emitter& b, const OpCall& call, const Cotangents& c) {
  return vjp_same_op(b, "flip", call, c);
}
Values vjp_tril(Emitter& b, const OpCall& call, const Cotangents& c) {
  return vjp_same_op(b, "tril", call, c);
}
Values vjp_triu(Emitter& b, const OpCall& call, const Cotangents& c) {
  return vjp_same_op(b, "triu", call, c);
}

// Meanings --------------------------------------------------------------------------------------

Values expand_transpose(Emitter& b, const OpCall& call) {
  std::vector<std::int64_t> order(rank_of(call));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (order.empty()) return {call.inputs[0]};
  std::swap(order[axis_in(call.integer("dim0"), order.size())],
            order[axis_in(call.integer("dim1"), order.size())]);
  return {b.emit("permute", {call.inputs[0]}, {{"dims", order}})};
}

Values expand_unsqueeze(Emitter& b, const OpCall& call) {
  return {reshape_to(b, call.inputs[0], unsqueeze_type(call)[0].shape)};
}
Values expand_squeeze(Emitter& b, const OpCall& call) {
  return {reshape_to(b, call.inputs[0], squeeze_type(call)[0].shape)};
}
Values expand_flatten(Emitter& b, const OpCall& call) {
  return {reshape_to(b, call.inputs[0], flatten_type(call)[0].shape)};
}

Values expand_select(Emitter& b, const OpCall& call) {
  const std::size_t axis = axis_in(call.integer("dim"), rank_of(call));
  const Dim start = selected_position(call, call.types[0].shape[axis]);
  const ValueId part =
      b.emit("slice", {call.inputs[0]},
             {{"dim", static_cast<std::int64_t>(axis)}, {"start", start}, {"end", start + 1}});
  const Shape shape = select_type(call)[0].shape;
  if (b.shape(part)[axis] == Dim(1)) return {reshape_to(b, part, shape)};
  // A slice may be empty where the dimension may be.
  const ValueId index = b.emit("length", {}, {{"value", start}});
  const ValueId one = b.emit("index_select", {call.inputs[0], reshape_to(b, index, {Dim(1)})},
                             {{"dim", static_cast<std::int64_t>(axis)}});
  return {reshape_to(b, one, shape)};
}

Values expand_split(Emitter& b, const OpCall& call) {
  Values parts;
  Dim start = 0;
  for (const Dim& size : dims(call, "sizes")) {
    parts.push_back(
        b.emit("slice", {call.inputs[0]},
               {{"dim", call.integer("dim")}, {"start", start}, {"end", start + size}}));
    start = start + size;
  }
  return parts;
}

Values expand_stack(Emitter& b, const OpCall& call) {
  Values parts;
  for (const ValueId x : call.inputs)
    parts.push_back(b.emit("unsqueeze", {x}, {{"dim", call.integer("dim")}}));
  const auto axis = static_cast<std::int64_t>(axis_in(call.integer("dim"), rank_of(call) + 1));
  return {b.emit("cat", parts, {{"dim", axis}})};
}

// Every length gets a new axis before it, along which it is expanded.
Values expand_repeat(Emitter& b, const OpCall& call) {
  const std::vector<std::int64_t>& repeats = call.integers("repeats");
  const Shape shape = shape_for_repeat(call);
  Shape apart;
  Shape repeated;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    apart.insert(apart.end(), {Dim(1), shape[i]});
    repeated.insert(repeated.end(), {Dim(repeats[i]), shape[i]});
  }
  const ValueId wide =
      b.emit("expand", {reshape_to(b, call.inputs[0], apart)}, {{"shape", repeated}});
  return {reshape_to(b, wide, repeat_type(call)[0].shape)};
}

// By a mask and not by subtraction, so that infinities above the diagonal do no harm.
Values expand_triu(Emitter& b, const OpCall& call) {
  const Shape& shape = call.types[0].shape;
  const Shape matrix(shape.end() - 2, shape.end());
  const ValueId full =
      b.emit("full", {}, {{"shape", matrix}, {"value", 1.0}, {"dtype", DType::boolean}});
  // Nothing lies below the least of numbers, nor below the next one.
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min() + 1;
  const std::int64_t diagonal = std::max(call.integer("diagonal"), least) - 1;
  const ValueId below = b.emit("tril", {full}, {{"diagonal", diagonal}});
  return {b.emit("where", {below, number(b, call.inputs[0], 0.0), call.inputs[0]})};
}

constexpr OpSchema shape_table[] = {
    {"reshape(x, shape: dims) -> y", reshape_type, nullptr, vjp_reshape,
     "the same elements under another shape", views_in_order},
    {"permute(x, dims: ints) -> y", permute_type, nullptr, vjp_permute,
     "dimensions in another order", views_freely},
    {"expand(x, shape: dims) -> y", expand_type, nullptr, vjp_expand, "lengths of 1 repeated",
     views_freely},
    {"slice(x, dim: int = 0, start: dim = 0, end: dim = 9223372036854775807, step: int = 1) -> y",
     slice_type, nullptr, vjp_slice, "every step-th position from start up to end", views_freely},
    {"cat(xs..., dim: int = 0) -> y", cat_type, nullptr, vjp_cat,
     "one after the other along a dimension", exact},
    {"pad(x, pad: dims, value: float = 0.0) -> y", pad_type, nullptr, vjp_pad,
     "a value put around; the last dimension's two amounts come first; negative ones crop",
     rounds_to_nearest},
    {"flip(x, dims: ints) -> y", flip_type, nullptr, vjp_flip, "dimensions reversed", moves_freely},
    {"transpose(x, dim0: int, dim1: int) -> y", transpose_type, expand_transpose, nullptr,
     "two dimensions swapped", views_freely},
    {"unsqueeze(x, dim: int) -> y", unsqueeze_type, expand_unsqueeze, nullptr,
     "a dimension of length 1 put in", views_in_order},
    {"squeeze(x, dim: ints = []) -> y", squeeze_type, expand_squeeze, nullptr,
     "named dimensions (all where none is named) of length 1 taken out", views_in_order},
    {"flatten(x, start_dim: int = 0, end_dim: int = -1) -> y", flatten_type, expand_flatten,
     nullptr, "several dimensions made one", views_in_order},
    {"select(x, dim: int, index: dim) -> y", select_type, expand_select, nullptr,
     "one position of a dimension", views_freely},
    {"split(x, sizes: dims, dim: int = 0) -> ys...", split_type, expand_split, nullptr,
     "cut into parts", views_freely},
    {"stack(xs..., dim: int = 0) -> y", stack_type, expand_stack, nullptr,
     "alike tensors along a new dimension", exact},
    {"repeat(x, repeats: ints) -> y", repeat_type, expand_repeat, nullptr, "tiled", moves_freely},
    {"tril(x, diagonal: int = 0) -> y", matrix_type, nullptr, vjp_tril, "zero above a diagonal",
     exact},
    {"triu(x, diagonal: int = 0) -> y", matrix_type, expand_triu, vjp_triu, "zero below a diagonal",
     exact},
};

}  // namespace

std::span<const OpSchema> shape_ops() { return shape_table; }

}  // namespace isomer
