#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

constexpr std::int64_t most_classes = 1 << 24;

ValueId integers_of(Reading& r, ValueId index) {
  if (!is_integer(r.b.dtype(index)))
    r.refuse("an index of integers is read; masks give results of unknown shape");
  return as_type(r.b, index, DType::i64);
}

// Whether an index can be seen to have no negative elements.
bool counts_from_start(const Builder& b, ValueId index) {
  for (const Node* node = b.maker(index); node != nullptr; node = b.maker(index)) {
    if (traits_of(*node).decides == Decision::extreme && node->outputs.size() == 1) return true;
    if (node->op == "arange") {
      const auto* start = find(node->attributes, "start");
      const Dim* first = start == nullptr ? nullptr : std::get_if<Dim>(start);
      return first == nullptr || (first->known() && first->value() >= 0);
    }
    if (traits_of(*node).moves == Moves::none && node->op != "cast") return false;
    index = node->inputs[0];
  }
  const Constant* constant = b.constant_of(index);
  if (constant == nullptr || !constant->names.empty()) return false;
  return std::ranges::all_of(constant->data.integers(), [](std::int64_t i) { return i >= 0; });
}

// Negative elements of an index count from the end.
ValueId from_start(Reading& r, ValueId given, const Dim& length) {
  const ValueId index = integers_of(r, given);
  if (counts_from_start(r.b, index)) return index;
  const ValueId negative = r.b.emit("lt", {index, r.b.literal(DType::i64, std::int64_t{0})});
  const ValueId total = as_type(r.b, Operand(Scalar(length)), DType::i64);
  return r.b.emit("where", {negative, r.b.emit("add", {index, total}), index});
}

struct Indexed {
  ValueId value;
  std::size_t first;  // indexed axes are these and following ones
  Values indices;
};

// NumPy's rule: where the indexed axes are not neighbours, the result's new axes come first.
Indexed gathered_axes(Reading& r, ValueId x, const Values& given) {
  std::vector<std::int64_t> axes;
  Values indices;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] == ValueId::none) continue;
    axes.push_back(static_cast<std::int64_t>(i));
    indices.push_back(from_start(r, given[i], r.b.shape(x)[i]));
  }
  if (axes.empty()) r.fail("there is no index");
  const auto first = static_cast<std::size_t>(axes.front());
  if (axes.back() - axes.front() + 1 == static_cast<std::int64_t>(axes.size()))
    return {x, first, indices};
  for (std::int64_t axis = 0; axis < r.b.rank(x); ++axis) {
    if (std::ranges::find(axes, axis) == axes.end()) axes.push_back(axis);
  }
  return {permuted(r.b, x, axes), 0, indices};
}

// Several indices become one into the axes they index, taken as one axis.
ValueId merged_index(Reading& r, const Indexed& call, const Shape& shape) {
  ValueId all = call.indices[0];
  for (std::size_t i = 1; i < call.indices.size(); ++i) {
    const ValueId factor = as_type(r.b, Operand(Scalar(shape[call.first + i])), DType::i64);
    all = r.b.emit("add", {r.b.emit("mul", {all, factor}), call.indices[i]});
  }
  return all;
}

/// Axes that several indices index, taken as one axis with one index.
struct Merged {
  ValueId rows;   // the tensor, those axes in one
  ValueId index;  // of rank 1
  std::int64_t axis;
  Shape result;  // of the indexing
};

Merged merged(Reading& r, const Indexed& call) {
  const Shape shape = r.b.shape(call.value);
  const ValueId at = merged_index(r, call, shape);
  const Shape picked = r.b.shape(at);
  const auto begin = shape.begin() + static_cast<std::ptrdiff_t>(call.first);
  const auto end = begin + static_cast<std::ptrdiff_t>(call.indices.size());

  Shape rows(shape.begin(), begin);
  rows.push_back(count_elements({begin, end}));
  rows.insert(rows.end(), end, shape.end());
  Shape result(shape.begin(), begin);
  result.insert(result.end(), picked.begin(), picked.end());
  result.insert(result.end(), end, shape.end());
  return {reshaped(r.b, call.value, std::move(rows)), reshaped(r.b, at, {count_elements(picked)}),
          static_cast<std::int64_t>(call.first), std::move(result)};
}

Values given_indices(Reading& r, ValueId x) {
  Values given = r.tensors("indices");
  if (given.size() > r.b.shape(x).size()) r.fail("there are more indices than axes");
  return given;
}

Values index(Reading& r) {
  const ValueId x = r.tensor("self");
  const Merged at = merged(r, gathered_axes(r, x, given_indices(r, x)));
  const ValueId y = r.b.emit("index_select", {at.rows, at.index}, {{"dim", at.axis}});
  return {reshaped(r.b, y, at.result)};
}

// One value where a mask of the leading axes says so.
ValueId filled_by_mask(Reading& r, ValueId x, ValueId mask, ValueId value) {
  if (count_elements(r.b.shape(value)) != Dim(1)) {
    r.refuse("a mask with one value is read; more are placed by what the mask holds");
  }
  Shape shape = r.b.shape(mask);
  shape.resize(r.b.shape(x).size(), Dim(1));
  const ValueId one = reshaped(r.b, as_type(r.b, value, r.b.dtype(x)), {});
  return r.b.emit("where", {reshaped(r.b, mask, std::move(shape)), one, x});
}

Values index_put(Reading& r) {
  const ValueId x = r.tensor("self");
  const Values given = given_indices(r, x);
  const ValueId values = r.tensor("values");
  const bool adds = r.flag("accumulate", false);
  const bool mask =
      given.size() == 1 && given[0] != ValueId::none && r.b.dtype(given[0]) == DType::boolean;
  if (mask && !adds) return {filled_by_mask(r, x, given[0], values)};
  // Where an index stands twice, it would be open which of two values stays.
  if (!adds) r.refuse("an index of integers is read where it accumulates");
  const Indexed call = gathered_axes(r, x, given);
  if (call.value != x) r.refuse("the indexed axes must be neighbours");
  const Merged at = merged(r, call);
  Shape source = r.b.shape(at.rows);
  source[call.first] = r.b.shape(at.index)[0];
  const ValueId all = expanded(r.b, as_type(r.b, values, r.b.dtype(x)), at.result);
  const ValueId sum = r.b.emit(
      "index_add", {at.rows, at.index, reshaped(r.b, all, std::move(source))}, {{"dim", at.axis}});
  return {reshaped(r.b, sum, r.b.shape(x))};
}

Values index_select(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  ValueId at = integers_of(r, r.tensor("index"));
  if (r.b.rank(at) == 0) at = reshaped(r.b, at, {1});
  if (r.b.rank(x) > 0) return {r.b.emit("index_select", {x, at}, {{"dim", axis}})};
  return {reshaped(r.b, r.b.emit("index_select", {reshaped(r.b, x, {1}), at}), {})};
}

// The axis of `self` along which positions lie.
Attributes along(Reading& r, ValueId x) {
  if (r.b.rank(x) == 0) r.refuse("a scalar is not read here");
  return {{"dim", r.axis("dim", r.b.rank(x))}};
}

Values gather(Reading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("gather", {x, integers_of(r, r.tensor("index"))}, along(r, x))};
}

Values scatter_add(Reading& r) {
  const ValueId x = r.tensor("self");
  const Values inputs = {x, integers_of(r, r.tensor("index")), r.tensor("src")};
  return {r.b.emit("scatter_add", inputs, along(r, x))};
}

Values index_add(Reading& r) {
  const ValueId x = r.tensor("self");
  const Scalar alpha = r.scalar("alpha", Scalar(std::int64_t{1}));
  ValueId source = r.tensor("source");
  if (real_of(alpha) != 1)
    source = r.b.emit("mul", {source, as_type(r.b, Operand(alpha), r.b.dtype(source))});
  return {r.b.emit("index_add", {x, integers_of(r, r.tensor("index")), source}, along(r, x))};
}

Values embedding(Reading& r) {
  if (r.flag("scale_grad_by_freq", false)) r.refuse("scale_grad_by_freq is not read");
  const ValueId weight = r.tensor("weight");
  const ValueId indices = integers_of(r, r.tensor("indices"));
  return {
      r.b.emit("embedding", {weight, indices}, {{"padding_idx", r.integer("padding_idx", -1)}})};
}

Values one_hot(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t classes = r.integer("num_classes", -1);
  if (classes < 1)
    r.refuse("the number of classes must be given, for it is a length of the result");
  if (classes > most_classes) r.refuse(fmt::format("at most {} classes are read", most_classes));
  const ValueId all = r.b.emit("arange", {}, {{"end", Dim(classes)}});
  const ValueId hits = r.b.emit("eq", {unsqueezed(r.b, integers_of(r, x), r.b.rank(x)), all});
  return {as_type(r.b, hits, DType::i64)};
}

constexpr Row table[] = {
    {.targets = "index.Tensor", .read = index},
    {.targets = "index_put", .read = index_put},
    {.targets = "index_select", .ours = "index_select", .read = index_select},
    {.targets = "gather", .ours = "gather", .read = gather},
    {.targets = "scatter_add", .ours = "scatter_add", .read = scatter_add},
    {.targets = "index_add", .ours = "index_add", .read = index_add},
    {.targets = "embedding", .ours = "embedding", .read = embedding},
    {.targets = "topk", .ours = "topk"},
    {.targets = "one_hot", .read = one_hot},
};

}  // namespace

std::span<const Row> indexing_rows() { return table; }

}  // namespace isomer::aten
