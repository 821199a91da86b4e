#include <algorithm>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

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
  std::vector<std::int64_t> order = {};  // of the axes, where they were brought together
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
  return {permuted(r.b, x, axes), 0, indices, axes};
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

/// An index of one axis as it stands for each element of the source.
ValueId spread_index(Builder& b, ValueId index, ValueId source, std::int64_t axis) {
  Shape shape(b.shape(source).size(), Dim(1));
  shape[static_cast<std::size_t>(axis)] = b.shape(index)[0];
  return expanded(b, reshaped(b, index, std::move(shape)), b.shape(source));
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

/// The values of a list that the true places of a mask take, one after the other; what stands at
/// the others is none's. `values` is a list, `mask` of rank 1.
ValueId dealt_out(Builder& b, ValueId values, ValueId mask) {
  const ValueId counted = as_type(b, mask, DType::i64);
  const ValueId number = b.emit("cumsum", {counted}, {{"dim", std::int64_t{0}}});
  const ValueId place = b.emit("sub", {number, b.literal(DType::i64, std::int64_t{1})});
  const Dim count = b.shape(values)[0];
  const ValueId last = as_type(b, Operand(Scalar(count - Dim(1))), DType::i64);
  const ValueId zero = b.literal(DType::i64, std::int64_t{0});
  const ValueId inside = b.emit("minimum", {b.emit("maximum", {place, zero}), last});
  return b.emit("index_select", {values, inside}, {{"dim", std::int64_t{0}}});
}

// Where a mask of the leading axes holds: one value, or values in order.
ValueId put_by_mask(Reading& r, ValueId x, ValueId mask, ValueId values, bool adds) {
  const Shape shape = r.b.shape(x);
  const Shape masked = r.b.shape(mask);
  Shape rows(shape.begin() + std::ssize(masked), shape.end());
  Shape wide = masked;
  wide.resize(shape.size(), Dim(1));
  ValueId all = as_type(r.b, values, r.b.dtype(x));
  const bool ordered = r.b.shape(all).size() == rows.size() + 1 && r.b.shape(all)[0] != Dim(1);
  if (ordered) {
    if (r.b.shape(all)[0] == Dim(0)) return x;
    Shape list = rows;
    list.insert(list.begin(), r.b.shape(all)[0]);
    const ValueId flat = reshaped(r.b, mask, {count_elements(masked)});
    all = reshaped(r.b, dealt_out(r.b, expanded(r.b, all, std::move(list)), flat), shape);
  } else if (r.b.shape(all).size() > rows.size()) {
    all = reshaped(r.b, all, rows);
  }
  if (adds) all = arithmetic(r.b, "add", x, all);
  return r.b.emit("where", {reshaped(r.b, mask, std::move(wide)), all, x});
}

// Of two values for one place the last stays. Axes that are no neighbours are brought together, and
// back.
ValueId put_by_index(Reading& r, ValueId x, const Values& given, ValueId values, bool adds) {
  const Indexed call = gathered_axes(r, x, given);
  const Merged at = merged(r, call);
  Shape source = r.b.shape(at.rows);
  source[call.first] = r.b.shape(at.index)[0];
  const ValueId all = reshaped(r.b, expanded(r.b, as_type(r.b, values, r.b.dtype(x)), at.result),
                               std::move(source));
  ValueId put;
  if (adds) {
    const bool truth = r.b.dtype(x) == DType::boolean;
    const auto number = [&](ValueId y) { return truth ? as_type(r.b, y, DType::i64) : y; };
    put = r.b.emit("index_add", {number(at.rows), at.index, number(all)}, {{"dim", at.axis}});
    put = as_type(r.b, put, r.b.dtype(x));
  } else {
    put = r.b.emit("scatter", {at.rows, spread_index(r.b, at.index, all, at.axis), all},
                   {{"dim", at.axis}});
  }
  put = reshaped(r.b, put, r.b.shape(call.value));
  if (call.value == x) return put;
  return permuted(r.b, put, inverse_order(call.order));
}

Values index_put(Reading& r) {
  const ValueId x = r.tensor("self");
  const Values given = given_indices(r, x);
  const ValueId values = r.tensor("values");
  const bool adds = r.flag("accumulate", false);
  const bool mask =
      given.size() == 1 && given[0] != ValueId::none && r.b.dtype(given[0]) == DType::boolean;
  if (mask) return {put_by_mask(r, x, given[0], values, adds)};
  return {put_by_index(r, x, given, values, adds)};
}

/// Indices held inside, of which those outside a mask count for nothing.
Values held_inside(Reading& r, ValueId x, ValueId mask) {
  Values given = given_indices(r, x);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] == ValueId::none) continue;
    const ValueId zero = r.b.literal(DType::i64, std::int64_t{0});
    given[i] = r.b.emit("where", {mask, integers_of(r, given[i]), zero});
  }
  return given;
}

Values masked_index(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId mask = r.tensor("mask");
  const Merged at = merged(r, gathered_axes(r, x, held_inside(r, x, mask)));
  const ValueId y = r.b.emit("index_select", {at.rows, at.index}, {{"dim", at.axis}});
  const ValueId fill = as_type(r.b, Operand(r.scalar("fill")), r.b.dtype(x));
  return {r.b.emit("where", {mask, reshaped(r.b, y, at.result), fill})};
}

Values masked_index_put(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId mask = r.tensor("mask");
  const ValueId values = as_type(r.b, r.tensor("values"), r.b.dtype(x));
  const ValueId zero = as_type(r.b, Operand(Scalar(std::int64_t{0})), r.b.dtype(x));
  const ValueId kept = r.b.emit("where", {mask, values, zero});
  return {put_by_index(r, x, held_inside(r, x, mask), kept, true)};
}

Values index_select(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  ValueId at = integers_of(r, r.tensor("index"));
  if (r.b.rank(at) == 0) at = reshaped(r.b, at, {1});
  if (r.b.rank(x) > 0) return {r.b.emit("index_select", {x, at}, {{"dim", axis}})};
  return {reshaped(r.b, r.b.emit("index_select", {reshaped(r.b, x, {1}), at}), {})};
}

/// A tensor in which an axis is indexed; a scalar is a vector for the while.
struct Along {
  ValueId x;
  std::int64_t axis;
  bool scalar;

  ValueId back(Builder& b, ValueId y) const { return scalar ? squeezed(b, y, {0}) : y; }
};

Along along(Reading& r, ValueId x) {
  const bool scalar = r.b.rank(x) == 0;
  return {scalar ? unsqueezed(r.b, x, 0) : x, r.axis("dim", r.b.rank(x)), scalar};
}

ValueId as_vector(Builder& b, ValueId x) { return b.rank(x) == 0 ? unsqueezed(b, x, 0) : x; }

Values gather(Reading& r) {
  const Along at = along(r, r.tensor("self"));
  const ValueId given = integers_of(r, r.tensor("index"));
  const ValueId index = at.scalar ? as_vector(r.b, given) : given;
  const Shape shape = r.b.shape(index);
  // No places of any rank take nothing.
  if (shape.size() != r.b.shape(at.x).size() && std::ranges::find(shape, Dim(0)) != shape.end()) {
    const Scalar nothing(std::int64_t{0});
    return {expanded(r.b, as_type(r.b, nothing, r.b.dtype(at.x)), shape)};
  }
  const bool one = !at.scalar && r.b.rank(index) == 0;
  const ValueId y =
      r.b.emit("gather", {at.x, one ? unsqueezed(r.b, index, 0) : index}, {{"dim", at.axis}});
  return {r.b.rank(given) == 0 ? squeezed(r.b, y, {0}) : y};
}

/// As much of the source as the index has places for.
ValueId fitted(Builder& b, ValueId source, ValueId index) {
  for (std::int64_t axis = 0; axis < b.rank(source); ++axis)
    source = sliced(b, source, axis, 0, b.shape(index)[static_cast<std::size_t>(axis)]);
  return source;
}

struct Scattered {
  Along at;
  ValueId index;
  ValueId source;
};

Scattered scattered(Reading& r, const Operand& source) {
  const Along at = along(r, r.tensor("self"));
  const ValueId index = as_vector(r.b, integers_of(r, r.tensor("index")));
  const ValueId typed = as_type(r.b, source, r.b.dtype(at.x));
  if (!source.is_tensor()) return {at, index, expanded(r.b, typed, r.b.shape(index))};
  return {at, index, fitted(r.b, as_vector(r.b, typed), index)};
}

Values scatter_add(Reading& r) {
  const Scattered s = scattered(r, r.tensor("src"));
  return {
      s.at.back(r.b, r.b.emit("scatter_add", {s.at.x, s.index, s.source}, {{"dim", s.at.axis}}))};
}

ValueId reduced_into(Builder& b, const Scattered& s, std::string reduce, bool with_own) {
  const DType dtype = b.dtype(s.at.x);
  const bool truth = dtype == DType::boolean;
  const ValueId x = truth ? as_type(b, s.at.x, DType::i64) : s.at.x;
  const ValueId source = truth ? as_type(b, s.source, DType::i64) : s.source;
  const ValueId y =
      b.emit("scatter_reduce", {x, s.index, source},
             {{"dim", s.at.axis}, {"reduce", std::move(reduce)}, {"include_self", with_own}});
  return s.at.back(b, truth ? as_type(b, y, dtype) : y);
}

// Set, or in an older form added or multiplied.
Values scatter(Reading& r) {
  const Scattered s = scattered(r, r.operand(r.given("src") ? "src" : "value"));
  const std::string reduce = r.text("reduce", "");
  if (reduce == "add") return {reduced_into(r.b, s, "sum", true)};
  if (reduce == "multiply") return {reduced_into(r.b, s, "prod", true)};
  if (!reduce.empty()) r.fail("reduce is neither 'add' nor 'multiply'");
  return {s.at.back(r.b, r.b.emit("scatter", {s.at.x, s.index, s.source}, {{"dim", s.at.axis}}))};
}

Values scatter_reduce(Reading& r) {
  const Scattered s = scattered(r, r.tensor("src"));
  return {reduced_into(r.b, s, r.text("reduce"), r.flag("include_self", true))};
}

/// Slices along an axis: an index of one axis, spread over the source.
Scattered slices(Reading& r, const Operand& source) {
  const Along at = along(r, r.tensor("self"));
  const ValueId index = as_vector(r.b, integers_of(r, r.tensor("index")));
  const ValueId typed = as_type(r.b, source, r.b.dtype(at.x));
  Shape shape = r.b.shape(at.x);
  shape[static_cast<std::size_t>(at.axis)] = r.b.shape(index)[0];
  const bool one = source.is_tensor() && r.b.rank(at.x) == 1 && r.b.rank(typed) == 0;
  const ValueId all = one ? as_vector(r.b, typed) : expanded(r.b, typed, std::move(shape));
  return {at, spread_index(r.b, index, all, at.axis), all};
}

Values index_copy(Reading& r) {
  const Scattered s = slices(r, r.tensor("source"));
  return {s.at.back(r.b, r.b.emit("scatter", {s.at.x, s.index, s.source}, {{"dim", s.at.axis}}))};
}

// Negative places count from the end.
Values index_fill(Reading& r) {
  Scattered s = slices(r, r.operand("value"));
  const Dim length = r.b.shape(s.at.x)[static_cast<std::size_t>(s.at.axis)];
  s.index = from_start(r, s.index, length);
  return {s.at.back(r.b, r.b.emit("scatter", {s.at.x, s.index, s.source}, {{"dim", s.at.axis}}))};
}

Values index_reduce(Reading& r) {
  const Scattered s = slices(r, r.tensor("source"));
  return {reduced_into(r.b, s, r.text("reduce"), r.flag("include_self", true))};
}

Values index_add(Reading& r) {
  const Along at = along(r, r.tensor("self"));
  const Scalar alpha = r.scalar("alpha", Scalar(std::int64_t{1}));
  ValueId source = as_vector(r.b, r.tensor("source"));
  if (real_of(alpha) != 1)
    source = arithmetic(r.b, "mul", source, as_type(r.b, Operand(alpha), r.b.dtype(source)));
  const ValueId index = as_vector(r.b, integers_of(r, r.tensor("index")));
  if (r.b.dtype(at.x) == DType::boolean)
    return {
        reduced_into(r.b, {at, spread_index(r.b, index, source, at.axis), source}, "sum", true)};
  return {at.back(r.b, r.b.emit("index_add", {at.x, index, source}, {{"dim", at.axis}}))};
}

// Of a tensor taken as one row.
ValueId flat(Builder& b, ValueId x) { return reshaped(b, x, {count_elements(b.shape(x))}); }

Values take(Reading& r) {
  const ValueId row = flat(r.b, r.tensor("self"));
  const ValueId given = r.tensor("index");
  const ValueId index = from_start(r, flat(r.b, given), r.b.shape(row)[0]);
  const ValueId y = r.b.emit("index_select", {row, index}, {{"dim", std::int64_t{0}}});
  return {reshaped(r.b, y, r.b.shape(given))};
}

Values put(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId row = flat(r.b, x);
  const ValueId index = from_start(r, flat(r.b, r.tensor("index")), r.b.shape(row)[0]);
  const ValueId source = as_type(r.b, flat(r.b, r.tensor("source")), r.b.dtype(x));
  const Scattered s{{row, 0, false}, index, source};
  if (r.flag("accumulate", false))
    return {reshaped(r.b, reduced_into(r.b, s, "sum", true), r.b.shape(x))};
  const ValueId y = r.b.emit("scatter", {row, index, source}, {{"dim", std::int64_t{0}}});
  return {reshaped(r.b, y, r.b.shape(x))};
}

// Without an axis of both taken as rows; else they broadcast along the other axes.
Values take_along_dim(Reading& r) {
  ValueId x = r.tensor("self");
  ValueId index = integers_of(r, r.tensor("indices"));
  if (!r.given("dim")) {
    x = flat(r.b, x);
    return {r.b.emit("gather", {x, from_start(r, flat(r.b, index), r.b.shape(x)[0])},
                     {{"dim", std::int64_t{0}}})};
  }
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const auto place = static_cast<std::size_t>(axis);
  Shape source = r.b.shape(x);
  Shape places = r.b.shape(index);
  if (source.size() != places.size()) r.fail("the tensor and the indices differ in rank");
  const Dim length = source[place];
  const Dim count = places[place];
  source[place] = places[place] = 1;
  Shape both = broadcast(source, places);
  both[place] = length;
  x = expanded(r.b, x, both);
  both[place] = count;
  index = from_start(r, expanded(r.b, index, both), length);
  return {r.b.emit("gather", {x, index}, {{"dim", axis}})};
}

// The places of a mask take the elements of the source in order.
Values masked_scatter(Reading& r) {
  const ValueId given = r.tensor("self");
  const ValueId flags = as_type(r.b, r.tensor("mask"), DType::boolean);
  const Shape shape = broadcast(r.b.shape(given), r.b.shape(flags));
  const ValueId x = expanded(r.b, given, shape);
  const ValueId source = as_type(r.b, flat(r.b, r.tensor("source")), r.b.dtype(x));
  if (r.b.shape(source)[0] == Dim(0)) return {x};
  const ValueId mask = expanded(r.b, flags, shape);
  const ValueId dealt = reshaped(r.b, dealt_out(r.b, source, flat(r.b, mask)), shape);
  return {r.b.emit("where", {mask, dealt, x})};
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

constexpr Row indexing_table[] = {
    {.targets = "index.Tensor", .read = index},
    {.targets = "index_put", .read = index_put},
    {.targets = "index_select", .ours = "index_select", .read = index_select},
    {.targets = "gather", .ours = "gather", .read = gather},
    {.targets = "scatter_add", .ours = "scatter_add", .read = scatter_add},
    {.targets = "scatter.src scatter.value scatter.reduce scatter.value_reduce",
     .ours = "scatter",
     .inputs = "self index src",
     .read = scatter},
    {.targets = "scatter_reduce.two",
     .ours = "scatter_reduce",
     .inputs = "self index src",
     .read = scatter_reduce},
    {.targets = "index_copy", .read = index_copy},
    {.targets = "index_fill.int_Scalar index_fill.int_Tensor", .read = index_fill},
    {.targets = "index_reduce", .read = index_reduce},
    {.targets = "take", .read = take},
    {.targets = "put", .read = put},
    {.targets = "take_along_dim", .read = take_along_dim},
    {.targets = "masked_scatter", .read = masked_scatter},
    {.targets = "_unsafe_index.Tensor", .read = index},
    {.targets = "_unsafe_index_put", .read = index_put},
    {.targets = "_unsafe_masked_index", .read = masked_index},
    {.targets = "_unsafe_masked_index_put_accumulate", .read = masked_index_put},
    {.targets = "index_add", .ours = "index_add", .read = index_add},
    {.targets = "embedding", .ours = "embedding", .read = embedding},
    {.targets = "one_hot", .read = one_hot},
};

}  // namespace

std::span<const Row> indexing_rows() { return indexing_table; }

}  // namespace isomer::aten
