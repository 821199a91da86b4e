#include <algorithm>
#include <ranges>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

namespace isomer::aten {
namespace {

Values unchanged(Reading& r) { return {r.tensor("self")}; }

// -- reshaping ------------------------------------------------------------------------------------

// PyTorch's -1 stands for whatever is left over.
Shape without_unknown(const Reading& r, const Shape& from, Shape to) {
  Dim* open = nullptr;
  Dim others = 1;
  for (Dim& length : to) {
    if (length != Dim(-1)) {
      others = others * length;
      continue;
    }
    if (open != nullptr) r.fail("two lengths are -1; one may be");
    open = &length;
  }
  if (open == nullptr) return to;
  if (others == Dim(0)) r.fail("-1 beside a length of 0 could be any length");
  *open = floor_divide(count_elements(from), others);
  return to;
}

// A linear layer of a tensor with many axes is decomposed as view, addmm, view. The views go away
// again, so that the layer is one node, as it was written.
ValueId lifted_linear(Builder& b, ValueId x, const Shape& shape) {
  const Node* linear = b.maker(x);
  if (linear == nullptr || linear->op != "linear" || shape.empty()) return ValueId::none;
  const std::vector<ValueId> inputs = linear->inputs;
  const Node* view = b.maker(inputs[0]);
  if (view == nullptr || view->op != "reshape") return ValueId::none;
  const ValueId before = view->inputs[0];
  Shape wanted = b.shape(before);
  if (wanted.empty()) return ValueId::none;
  const Shape flat = {count_elements({wanted.begin(), wanted.end() - 1}), wanted.back()};
  wanted.back() = b.shape(x).back();
  if (wanted != shape || b.shape(inputs[0]) != flat) return ValueId::none;
  return b.emit("linear", {before, inputs[1], inputs[2]});
}

ValueId viewed(Reading& r, ValueId x, Shape shape) {
  shape = without_unknown(r, r.b.shape(x), std::move(shape));
  const ValueId lifted = lifted_linear(r.b, x, shape);
  return lifted == ValueId::none ? reshaped(r.b, x, std::move(shape)) : lifted;
}

Values view(Reading& r) { return {viewed(r, r.tensor("self"), r.dims("size"))}; }
Values reshape(Reading& r) { return {viewed(r, r.tensor("self"), r.dims("shape"))}; }

Values reshape_as(Reading& r) {
  return {reshaped(r.b, r.tensor("self"), r.b.shape(r.tensor("other")))};
}

Values flatten(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t first = r.axis("start_dim", r.b.rank(x), 0);
  const std::int64_t last = r.axis("end_dim", r.b.rank(x), -1);
  if (first > last) r.fail("start_dim comes after end_dim");
  if (r.b.rank(x) == 0) return {reshaped(r.b, x, {1})};
  if (first == last) return {x};
  return {r.b.emit("flatten", {x}, {{"start_dim", first}, {"end_dim", last}})};
}

Values ravel(Reading& r) {
  const ValueId x = r.tensor("self");
  return {reshaped(r.b, x, {count_elements(r.b.shape(x))})};
}

Values unflatten(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  Shape shape = r.b.shape(x);
  if (shape.empty()) r.fail("a scalar has no axis to split");
  const auto place = shape.begin() + axis;
  const Shape parts = without_unknown(r, {*place}, r.dims("sizes"));
  shape.insert(shape.erase(place), parts.begin(), parts.end());
  return {reshaped(r.b, x, std::move(shape))};
}

// -- order of axes --------------------------------------------------------------------------------

Values permute(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> dims = r.axes("dims", r.b.rank(x));
  std::vector<std::int64_t> sorted = dims;
  std::ranges::sort(sorted);
  const bool repeated = std::ranges::adjacent_find(sorted) != sorted.end();
  if (repeated || sorted.size() != r.b.shape(x).size()) r.fail("every axis must be named once");
  return {permuted(r.b, x, std::move(dims))};
}

ValueId swapped(Builder& b, ValueId x, std::int64_t first, std::int64_t second) {
  if (first == second) return x;
  return b.emit("transpose", {x}, {{"dim0", first}, {"dim1", second}});
}

Values transpose(Reading& r) {
  const ValueId x = r.tensor("self");
  return {swapped(r.b, x, r.axis("dim0", r.b.rank(x)), r.axis("dim1", r.b.rank(x)))};
}

Values swapaxes(Reading& r) {
  const ValueId x = r.tensor("self");
  return {swapped(r.b, x, r.axis("axis0", r.b.rank(x)), r.axis("axis1", r.b.rank(x)))};
}

Values t(Reading& r) {
  const ValueId x = r.tensor("self");
  if (r.b.rank(x) > 2) r.fail("a matrix is needed");
  return {r.b.rank(x) < 2 ? x : swapped(r.b, x, 0, 1)};
}

Values matrix_transpose(Reading& r) {
  const ValueId x = r.tensor("self");
  if (r.b.rank(x) < 2) r.fail("at least two axes are needed");
  return {swapped(r.b, x, r.b.rank(x) - 2, r.b.rank(x) - 1)};
}

Values reversed(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> dims = all_axes(r.b.rank(x));
  std::ranges::reverse(dims);
  return {permuted(r.b, x, std::move(dims))};
}

Values movedim(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::vector<std::int64_t> sources = r.axes("source", r.b.rank(x));
  const std::vector<std::int64_t> targets = r.axes("destination", r.b.rank(x));
  if (sources.size() != targets.size()) r.fail("source and destination differ in number");
  constexpr std::int64_t open = -1;
  std::vector<std::int64_t> dims(r.b.shape(x).size(), open);
  for (std::size_t i = 0; i < sources.size(); ++i)
    dims[static_cast<std::size_t>(targets[i])] = sources[i];
  auto slot = dims.begin();
  for (std::int64_t axis = 0; axis < r.b.rank(x); ++axis) {
    if (std::ranges::find(sources, axis) != sources.end()) continue;
    slot = std::find(slot, dims.end(), open);
    if (slot == dims.end()) r.fail("an axis is named twice");
    *slot = axis;
  }
  if (std::ranges::find(dims, open) != dims.end()) r.fail("an axis is named twice");
  return {permuted(r.b, x, std::move(dims))};
}

// -- axes of length 1, and repetition -------------------------------------------------------------

Values unsqueeze(Reading& r) {
  const ValueId x = r.tensor("self");
  return {unsqueezed(r.b, x, r.axis("dim", r.b.rank(x) + 1))};
}

Values squeeze_all(Reading& r) {
  const ValueId x = r.tensor("self");
  return {squeezed(r.b, x, all_axes(r.b.rank(x)))};
}

Values squeeze(Reading& r) {
  const ValueId x = r.tensor("self");
  return {squeezed(r.b, x, r.axes("dim", r.b.rank(x)))};
}

Values expand(Reading& r) {
  const ValueId x = r.tensor("self");
  Shape shape = r.dims("size");
  const Shape& old = r.b.shape(x);
  if (shape.size() < old.size()) r.fail("the new shape has fewer axes");
  const std::size_t added = shape.size() - old.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != Dim(-1)) continue;
    if (i < added) r.fail("-1 stands for an axis that does not exist yet");
    shape[i] = old[i - added];
  }
  return {expanded(r.b, x, std::move(shape))};
}

Values expand_as(Reading& r) {
  return {expanded(r.b, r.tensor("self"), r.b.shape(r.tensor("other")))};
}

// broadcast_tensors gives a list.
Values broadcast_tensors(Reading& r) {
  Values all = r.all_tensors("tensors");
  Shape shape;
  for (const ValueId x : all) shape = broadcast(shape, r.b.shape(x));
  for (ValueId& x : all) x = expanded(r.b, x, shape);
  return all;
}

ValueId repeated(Reading& r, ValueId x, std::vector<std::int64_t> times) {
  if (std::ranges::any_of(times, [](std::int64_t n) { return n < 0; }))
    r.fail("a repetition is negative");
  const bool once = std::ranges::all_of(times, [](std::int64_t n) { return n == 1; });
  if (once && times.size() == r.b.shape(x).size()) return x;
  return r.b.emit("repeat", {x}, {{"repeats", ints(std::move(times))}});
}

Values repeat(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<Dim> times = r.dims("repeats");
  if (times.size() < r.b.shape(x).size()) r.fail("there are fewer repetitions than axes");
  // By a length that is not known: each axis behind a new one, which is repeated and merged.
  Shape shape = r.b.shape(x);
  shape.insert(shape.begin(), times.size() - shape.size(), Dim(1));
  Shape apart;
  Shape repeated_apart;
  Shape merged;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool alone = shape[i] == Dim(1) || times[i] == Dim(1);
    if (!alone) apart.emplace_back(1);
    if (!alone) repeated_apart.push_back(times[i]);
    apart.push_back(shape[i]);
    repeated_apart.push_back(alone ? shape[i] * times[i] : shape[i]);
    merged.push_back(shape[i] * times[i]);
  }
  const ValueId wide = expanded(r.b, reshaped(r.b, x, apart), std::move(repeated_apart));
  return {reshaped(r.b, wide, std::move(merged))};
}

Values tile(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> times = r.integers("dims");
  const std::size_t rank = r.b.shape(x).size();
  if (times.size() < rank) times.insert(times.begin(), rank - times.size(), 1);
  return {repeated(r, x, std::move(times))};
}

// Each element n times in a row: a new axis after its own, then both in one.
Values repeat_interleave(Reading& r) {
  ValueId x = r.tensor("self");
  const Dim times = r.dim("repeats");
  r.ignore({"output_size"});
  if (!r.given("dim")) x = reshaped(r.b, x, {count_elements(r.b.shape(x))});
  const std::int64_t axis = r.axis("dim", r.b.rank(x), 0);
  Shape shape = r.b.shape(x);
  if (shape.empty()) shape = {1};
  Shape merged = shape;
  merged[static_cast<std::size_t>(axis)] = merged[static_cast<std::size_t>(axis)] * times;
  shape.insert(shape.begin() + axis + 1, Dim(1));
  const ValueId apart = reshaped(r.b, x, shape);
  shape[static_cast<std::size_t>(axis) + 1] = times;
  return {reshaped(r.b, expanded(r.b, apart, std::move(shape)), std::move(merged))};
}

// What was repeated to come to this shape is added up.
Values sum_to_size(Reading& r) {
  const ValueId x = r.tensor("self");
  const Shape shape = r.dims("size");
  if (r.b.shape(x) == shape) return {x};
  const bool truth = r.b.dtype(x) == DType::boolean;
  return {sum_to(r.b, truth ? as_type(r.b, x, DType::i64) : x, shape)};
}

// A vector lies in the last axis of a matrix and in the middle one of three.
ValueId with_axes_before(Builder& b, ValueId x, std::int64_t rank) {
  const bool matrix_of_three = rank == 3 && b.rank(x) > 0;
  if (matrix_of_three && b.rank(x) < 2) x = unsqueezed(b, x, 0);
  if (matrix_of_three && b.rank(x) < 3) return unsqueezed(b, x, 2);
  while (b.rank(x) < rank) x = unsqueezed(b, x, 0);
  return x;
}

template <int rank>
Values at_least(Reading& r) {
  Values all = r.given("tensors") ? r.all_tensors("tensors") : Values{r.tensor("self")};
  for (ValueId& x : all) x = with_axes_before(r.b, x, rank);
  return all;
}

// -- types and copies -----------------------------------------------------------------------------

Values to(Reading& r) {
  const ValueId x = r.tensor("self");
  const auto dtype = r.dtype("dtype");
  return {dtype ? as_type(r.b, x, *dtype) : x};
}

Values type_as(Reading& r) {
  return {as_type(r.b, r.tensor("self"), r.b.dtype(r.tensor("other")))};
}

Values copy(Reading& r) {
  const ValueId target = r.tensor("self");
  const ValueId source = as_type(r.b, r.tensor("src"), r.b.dtype(target));
  return {expanded(r.b, source, r.b.shape(target))};
}

// Where no gradient flows there is none to stop.
Values detach(Reading& r) {
  const ValueId x = r.tensor("self");
  return {carries_gradient(r.b, x) ? r.b.emit("detach", {x}) : x};
}

using enum Aliasing;

constexpr Row shape_table[] = {
    {.targets = "view", .aliases = always, .read = view},
    {.targets = "_unsafe_view view_copy", .read = view},
    {.targets = "reshape", .ours = "reshape", .aliases = if_viewable, .read = reshape},
    {.targets = "view_as", .aliases = always, .read = reshape_as},
    {.targets = "reshape_as", .aliases = if_viewable, .read = reshape_as},
    {.targets = "flatten.using_ints", .ours = "flatten", .aliases = if_viewable, .read = flatten},
    {.targets = "ravel", .aliases = if_viewable, .read = ravel},
    {.targets = "unflatten.int", .aliases = always, .read = unflatten},
    {.targets = "permute_copy", .read = permute},
    {.targets = "transpose_copy.int", .read = transpose},
    {.targets = "permute", .ours = "permute", .aliases = always, .read = permute},
    {.targets = "transpose.int swapdims",
     .ours = "transpose",
     .aliases = always,
     .read = transpose},
    {.targets = "swapaxes", .aliases = always, .read = swapaxes},
    {.targets = "t", .aliases = always, .read = t},
    {.targets = "t_copy", .read = t},
    // Of real tensors the adjoint is the transpose.
    {.targets = "mT mH", .aliases = always, .read = matrix_transpose},
    {.targets = "numpy_T", .aliases = always, .read = reversed},
    {.targets = "matrix_H adjoint", .aliases = always, .read = t},
    {.targets = "movedim.int movedim.intlist", .aliases = always, .read = movedim},
    {.targets = "unsqueeze", .ours = "unsqueeze", .aliases = always, .read = unsqueeze},
    {.targets = "unsqueeze_copy", .read = unsqueeze},
    {.targets = "squeeze_copy", .read = squeeze_all},
    {.targets = "squeeze_copy.dim squeeze_copy.dims", .read = squeeze},
    {.targets = "expand_copy", .read = expand},
    {.targets = "squeeze", .aliases = always, .read = squeeze_all},
    {.targets = "squeeze.dim squeeze.dims", .aliases = always, .read = squeeze},
    {.targets = "expand broadcast_to",
     .ours = "expand",
     .renames = "shape=size",
     .aliases = always,
     .read = expand},
    {.targets = "expand_as", .aliases = always, .read = expand_as},
    {.targets = "broadcast_tensors", .read = broadcast_tensors},
    {.targets = "sum_to_size", .read = sum_to_size},
    {.targets = "atleast_1d atleast_1d.Sequence", .aliases = may_if_unchanged, .read = at_least<1>},
    {.targets = "atleast_2d atleast_2d.Sequence", .aliases = may_if_unchanged, .read = at_least<2>},
    {.targets = "atleast_3d atleast_3d.Sequence", .aliases = may_if_unchanged, .read = at_least<3>},
    {.targets = "repeat", .ours = "repeat", .read = repeat},
    {.targets = "tile", .read = tile},
    {.targets = "repeat_interleave.self_int", .read = repeat_interleave},
    {.targets = "to.dtype to.device to.dtype_layout",
     .ours = "cast",
     .aliases = may_if_unchanged,
     .read = to},
    {.targets = "_to_copy", .read = to},
    {.targets = "to.other type_as", .aliases = may_if_unchanged, .read = type_as},
    {.targets = "copy", .read = copy},
    {.targets = "clone lift lift_fresh_copy alias_copy detach_copy", .read = unchanged},
    {.targets = "contiguous", .aliases = if_contiguous, .read = unchanged},
    {.targets = "alias lift_fresh resolve_conj resolve_neg real",
     .aliases = always,
     .read = unchanged},
    {.targets = "conj conj_physical _conj positive", .aliases = always, .read = unchanged},
    {.targets = "detach",
     .ours = "detach",
     .python = "self.detach",
     .aliases = always,
     .read = detach},
};

}  // namespace

std::span<const Row> shape_rows() { return shape_table; }

}  // namespace isomer::aten
