#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/contraction.h"
#include "vocabularies/onnx/onnx.h"

// What picks, places and rearranges elements.

namespace isomer::onnx {
namespace {

/// Positions along one axis of a tensor of that rank, which broadcast.
ValueId positions(Emitter& e, const Dim& length, std::int64_t axis, std::int64_t rank) {
  Shape shape(static_cast<std::size_t>(rank), Dim(1));
  shape[static_cast<std::size_t>(axis)] = length;
  return reshape_to(e, e.emit("arange", {}, {{"end", length}}), shape);
}

/// What an input holds. Throws Fault::unsupported where only the model's run tells: what comes of
/// it has no shape before.
Tensor data_of(Call& c, std::string_view name) {
  if (const auto known = c.e.known(c.tensor(name))) return *known;
  c.refuse(
      fmt::format("the shape of its result depends on the values of '{}', which are known "
                  "only when the model runs: it is no operator of a graph",
                  name));
}

ValueId whole_numbers(Emitter& e, const std::vector<std::int64_t>& shape, const Integers& values) {
  return e.constant(Tensor::of<std::int64_t>(shape, values));
}

// --- by places of several axes

/// A tensor whose axes from `first` on, `count` of them, are one.
struct Joined {
  ValueId places;  // along that one axis, flat
  Shape shape;     // [axes before, one axis, axes behind] as two: the joined ones, and the rest
  Shape rest;
};

/// Places of an axis. They are picked from all its places, so that what is outside is told as such:
/// axes that are joined would hide it.
ValueId within(Emitter& e, ValueId places, const Dim& length) {
  const Shape shape = e.shape(places);
  const ValueId all = e.emit("arange", {}, {{"end", length}});
  return reshape_to(
      e, e.emit("index_select", {all, reshape_to(e, places, {count_elements(shape)})}), shape);
}

/// `indices` name places of the `count` axes behind `batch` ones that are the same in both.
Joined join_places(Call& c, ValueId data, ValueId indices, std::int64_t batch) {
  const Shape from = c.e.shape(data);
  const Shape at = c.e.shape(indices);
  if (at.empty() || !at.back().known()) c.refuse("places of a number of axes that is not known");
  const std::int64_t count = at.back().value();
  const auto rank = static_cast<std::int64_t>(from.size());
  if (batch < 0 || batch >= static_cast<std::int64_t>(at.size()) || batch + count > rank ||
      count < 1)
    c.fail(fmt::format("places of {} axes behind {}, in a tensor of {}", count, batch, rank));
  const auto begin = from.begin() + batch;
  const Shape places(at.begin(), at.end() - 1);
  ValueId flat = ValueId::none;
  for (std::int64_t k = 0; k < count; ++k) {
    const Dim& length = from[static_cast<std::size_t>(batch + k)];
    const ValueId one =
        c.e.emit("select", {indices}, {{"dim", std::int64_t{-1}}, {"index", Dim(k)}});
    ValueId front = index_from_front(c.e, one, length);
    if (count > 1 || batch > 0) front = within(c.e, front, length);
    flat = flat == ValueId::none
               ? front
               : c.e.emit("add", {c.e.emit("mul", {flat, length_value(c.e, length)}), front});
  }
  const Dim joined = count_elements(Shape(begin, begin + count));
  const Dim batches = count_elements(Shape(from.begin(), begin));
  if (batch > 0) {
    const Shape leading(places.begin(), places.begin() + batch);
    Shape beside(places.size(), Dim(1));
    std::ranges::copy(leading, beside.begin());
    const ValueId number =
        reshape_to(c.e, c.e.emit("arange", {}, {{"end", batches}}), std::move(beside));
    flat = c.e.emit("add", {c.e.emit("mul", {number, length_value(c.e, joined)}), flat});
  }
  const Shape rest(begin + count, from.end());
  return {reshape_to(c.e, flat, {count_elements(places)}),
          {batches * joined, count_elements(rest)},
          rest};
}

Values read_gather_nd(Call& c) {
  const ValueId data = c.tensor("data");
  const ValueId indices = c.tensor("indices");
  const Joined joined = join_places(c, data, indices, c.integer("batch_dims"));
  const ValueId picked =
      c.e.emit("index_select", {reshape_to(c.e, data, joined.shape), joined.places});
  Shape shape = c.e.shape(indices);
  shape.pop_back();
  shape.insert(shape.end(), joined.rest.begin(), joined.rest.end());
  return {reshape_to(c.e, picked, shape)};
}

Values read_scatter_nd(Call& c) {
  const ValueId data = c.tensor("data");
  const Joined joined = join_places(c, data, c.tensor("indices"), 0);
  const Shape rows{c.e.shape(joined.places)[0], joined.shape[1]};
  const ValueId places = c.e.emit("unsqueeze", {joined.places}, {{"dim", std::int64_t{1}}});
  const ValueId y = c.e.emit("scatter",
                             {reshape_to(c.e, data, joined.shape), expanded(c.e, places, rows),
                              reshape_to(c.e, c.tensor("updates"), rows)},
                             {{"dim", std::int64_t{0}}});
  return {reshape_to(c.e, y, c.e.shape(data))};
}

Values read_scatter_elements(Call& c) {
  const ValueId x = c.tensor("data");
  const std::int64_t axis = c.axis("axis", c.e.rank(x));
  const Dim length = c.e.shape(x)[static_cast<std::size_t>(axis)];
  return {c.e.emit("scatter",
                   {x, index_from_front(c.e, c.tensor("indices"), length), c.tensor("updates")},
                   {{"dim", axis}})};
}

// PyTorch lets the source be larger than the index.
std::optional<Node> write_scatter_elements(const Operator& op, const Subject& s) {
  const bool same = s.rank(0) > 0 && s.call.types[1].shape == s.call.types[2].shape;
  return same ? write_renamed(op, s) : std::nullopt;
}

// --- one of many

// An index beyond the depth is nowhere.
Values read_one_hot(Call& c) {
  const std::int64_t depth = c.integer("depth");
  ValueId indices = c.tensor("indices");
  if (c.e.dtype(indices) != DType::i64)
    indices = c.e.emit("cast", {indices}, {{"dtype", DType::i64}});
  const std::int64_t rank = c.e.rank(indices) + 1;
  const std::int64_t axis = c.axis("axis", rank);
  const ValueId places =
      c.e.emit("unsqueeze", {index_from_front(c.e, indices, Dim(depth))}, {{"dim", axis}});
  const ValueId hot = c.e.emit("eq", {places, positions(c.e, Dim(depth), axis, rank)});
  const auto value = [&](std::int64_t i) {
    return c.e.emit("select", {c.tensor("values")}, {{"dim", std::int64_t{0}}, {"index", Dim(i)}});
  };
  return {c.e.emit("where", {hot, value(1), value(0)})};
}

Values read_hardmax(Call& c) {
  const ValueId x = c.tensor("input");
  const std::int64_t axis = c.axis("axis", c.e.rank(x));
  const ValueId best = c.e.emit("argmax", {x}, {{"dim", axis}, {"keepdim", true}});
  const Dim length = c.e.shape(x)[static_cast<std::size_t>(axis)];
  const ValueId is = c.e.emit("eq", {best, positions(c.e, length, axis, c.e.rank(x))});
  return {c.e.emit("cast", {is}, {{"dtype", c.e.dtype(x)}})};
}

Values read_eye_like(Call& c) {
  const ValueId x = c.tensor("input");
  const Shape shape = c.e.shape(x);
  if (shape.size() != 2) c.fail("a matrix is needed");
  const DType dtype = type_in(c, "dtype").value_or(c.e.dtype(x));
  const ValueId rows =
      c.e.emit("add", {positions(c.e, shape[0], 0, 2), c.e.literal(DType::i64, c.integer("k"))});
  const ValueId same = c.e.emit("eq", {rows, positions(c.e, shape[1], 1, 2)});
  return {c.e.emit("cast", {same}, {{"dtype", dtype}})};
}

// --- what is there depends on data

Values read_compress(Call& c) {
  ValueId x = c.tensor("input");
  const std::vector<double> taken = data_of(c, "condition").doubles();
  const bool flat = !c.given("axis");
  if (flat) x = reshape_to(c.e, x, {count_elements(c.e.shape(x))});
  const std::int64_t axis = flat ? 0 : c.axis("axis", c.e.rank(x));
  Integers places;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i] != 0) places.push_back(static_cast<std::int64_t>(i));
  }
  return {c.e.emit("index_select",
                   {x, whole_numbers(c.e, {static_cast<std::int64_t>(places.size())}, places)},
                   {{"dim", axis}})};
}

Values read_nonzero(Call& c) {
  const Tensor x = data_of(c, "X");
  std::vector<std::int64_t> shape = x.shape();
  if (shape.empty()) shape.push_back(1);
  Integers found;
  const std::vector<double> values = x.converted(DType::f64).doubles();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) found.push_back(static_cast<std::int64_t>(i));
  }
  Integers places;
  std::int64_t behind = x.count();
  for (const std::int64_t length : shape) {
    behind /= std::max(length, std::int64_t{1});
    for (const std::int64_t at : found)
      places.push_back(at / std::max(behind, std::int64_t{1}) % std::max(length, std::int64_t{1}));
  }
  return {whole_numbers(
      c.e, {static_cast<std::int64_t>(shape.size()), static_cast<std::int64_t>(found.size())},
      places)};
}

/// Where each kind of slice stands first, which kind each is, and how many there are of a kind.
struct Kinds {
  Integers first, kind, count;
};

Kinds kinds_of(const std::vector<std::vector<double>>& slices, bool sorted) {
  Kinds kinds;
  std::map<std::vector<double>, std::size_t> numbers;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const auto [found, fresh] = numbers.try_emplace(slices[i], kinds.first.size());
    if (fresh) kinds.first.push_back(static_cast<std::int64_t>(i));
    if (fresh) kinds.count.push_back(0);
    kinds.kind.push_back(static_cast<std::int64_t>(found->second));
    ++kinds.count[found->second];
  }
  if (!sorted) return kinds;
  Integers rank(kinds.first.size());
  Kinds ordered{{}, {}, {}};
  for (const auto& [slice, number] : numbers) {
    rank[number] = static_cast<std::int64_t>(ordered.first.size());
    ordered.first.push_back(kinds.first[number]);
    ordered.count.push_back(kinds.count[number]);
  }
  for (const std::int64_t kind : kinds.kind)
    ordered.kind.push_back(rank[static_cast<std::size_t>(kind)]);
  return ordered;
}

Values read_unique(Call& c) {
  ValueId x = c.tensor("X");
  data_of(c, "X");
  const bool flat = !c.given("axis");
  if (flat) x = reshape_to(c.e, x, {count_elements(c.e.shape(x))});
  const std::int64_t axis = flat ? 0 : c.axis("axis", c.e.rank(x));
  std::vector<std::int64_t> order = all_axes(c.e.rank(x));
  std::rotate(order.begin(), order.begin() + axis, order.begin() + axis + 1);
  const Tensor rows = c.e.known(permuted(c.e, x, order)).value();
  const std::vector<double> values = rows.converted(DType::f64).doubles();
  constexpr double exact = 0x1p53;
  for (const double value : values) {
    if (std::isnan(value)) c.refuse("numbers of which some are NaN");
    if (is_integer(rows.dtype()) && std::abs(value) >= exact)
      c.refuse(fmt::format("integers from {} on", real_text(exact)));
  }
  const auto count = static_cast<std::size_t>(rows.shape()[0]);
  const std::size_t width = count == 0 ? 0 : values.size() / count;
  std::vector<std::vector<double>> slices;
  for (std::size_t i = 0; i < count; ++i)
    slices.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i * width),
                        values.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
  const Kinds kinds = kinds_of(slices, c.flag("sorted"));
  const auto list = [&](const Integers& numbers) {
    return whole_numbers(c.e, {static_cast<std::int64_t>(numbers.size())}, numbers);
  };
  const ValueId first = list(kinds.first);
  return {c.e.emit("index_select", {x, first}, {{"dim", axis}}), first, list(kinds.kind),
          list(kinds.count)};
}

// --- rearranged

Values read_reverse_sequence(Call& c) {
  const ValueId x = c.tensor("input");
  const std::int64_t rank = c.e.rank(x);
  const std::int64_t batch = axis_from_front(c.integer("batch_axis"), rank);
  const std::int64_t time = axis_from_front(c.integer("time_axis"), rank);
  if (batch == time) c.fail("batch_axis and time_axis are the same");
  return {reversed_to(c.e, x, c.tensor("sequence_lens"), batch, time)};
}

struct Blocks {
  Shape shape;  // of the input: batch, channels, height, width
  Dim size;
  Dim channels;  // to a block, or from one
};

Blocks blocks_in(Call& c, ValueId x) {
  const Shape shape = c.e.shape(x);
  if (shape.size() != 4) c.fail("the input has four axes");
  return {shape, Dim(c.integer("blocksize")), Dim(1)};
}

Values read_depth_to_space(Call& c) {
  const ValueId x = c.tensor("input");
  const Blocks b = blocks_in(c, x);
  const std::string mode = c.text("mode");
  if (mode != "DCR" && mode != "CRD")
    c.fail(fmt::format("mode is {}; it is DCR or CRD", quoted(mode)));
  const Dim depth = floor_divide(b.shape[1], b.size * b.size);
  const bool depth_last = mode == "DCR";
  const Shape apart = depth_last ? Shape{b.shape[0], b.size, b.size, depth, b.shape[2], b.shape[3]}
                                 : Shape{b.shape[0], depth, b.size, b.size, b.shape[2], b.shape[3]};
  const Integers order = depth_last ? Integers{0, 3, 4, 1, 5, 2} : Integers{0, 1, 4, 2, 5, 3};
  return {reshape_to(c.e, permuted(c.e, reshape_to(c.e, x, apart), order),
                     {b.shape[0], depth, b.shape[2] * b.size, b.shape[3] * b.size})};
}

Values read_space_to_depth(Call& c) {
  const ValueId x = c.tensor("input");
  const Blocks b = blocks_in(c, x);
  const Dim rows = floor_divide(b.shape[2], b.size);
  const Dim columns = floor_divide(b.shape[3], b.size);
  const ValueId apart = reshape_to(c.e, x, {b.shape[0], b.shape[1], rows, b.size, columns, b.size});
  return {reshape_to(c.e, permuted(c.e, apart, {0, 3, 5, 1, 2, 4}),
                     {b.shape[0], b.shape[1] * b.size * b.size, rows, columns})};
}

Values read_split(Call& c) {
  const ValueId x = c.tensor("input");
  const std::int64_t axis = c.axis("axis", c.e.rank(x));
  if (!c.given("split")) c.refuse("without 'split' nothing says how many parts there are");
  return c.e.emit_all("split", {x}, {{"sizes", c.dims("split")}, {"dim", axis}});
}

Values read_einsum(Call& c) { return {einsum(c.e, c.text("equation"), c.inputs())}; }

constexpr OperatorRow index_table[] = {
    {13, "GatherND(data, indices, batch_dims: int = 0) -> output", "", "", read_gather_nd},
    {13, "ScatterElements(data, indices, updates, axis: int = 0) -> output", "scatter", "dim=axis",
     read_scatter_elements, write_scatter_elements},
    {16,
     "ScatterElements(data, indices, updates, axis: int = 0, reduction: string = 'none') -> output",
     "scatter", "dim=axis", read_scatter_elements, write_scatter_elements},
    {13, "ScatterND(data, indices, updates) -> output", "", "", read_scatter_nd},
    {16, "ScatterND(data, indices, updates, reduction: string = 'none') -> output", "", "",
     read_scatter_nd},
    {11, "OneHot(indices, depth, values, axis: int = -1) -> output", "", "", read_one_hot},
    {13, "Hardmax(input, axis: int = -1) -> output", "", "", read_hardmax},
    {9, "EyeLike(input, dtype: int?, k: int = 0) -> output", "", "", read_eye_like},
    {11, "Compress(input, condition, axis: int?) -> output", "", "", read_compress},
    {13, "NonZero(X) -> Y", "", "", read_nonzero},
    {11, "Unique(X, axis: int?, sorted: int = 1) -> (Y, indices, inverse_indices, counts)", "", "",
     read_unique},
    {10, "ReverseSequence(input, sequence_lens, batch_axis: int = 1, time_axis: int = 0) -> Y", "",
     "", read_reverse_sequence},
    {13, "DepthToSpace(input, blocksize: int, mode: string = 'DCR') -> output", "", "",
     read_depth_to_space},
    {13, "SpaceToDepth(input, blocksize: int) -> output", "", "", read_space_to_depth},
    {13, "Split(input, split?, axis: int = 0) -> outputs...", "", "", read_split},
    {18, "Split(input, split?, axis: int = 0, num_outputs: int?) -> outputs...", "", "",
     read_split},
    {12, "Einsum(Inputs..., equation: string) -> Output", "", "", read_einsum},
};

}  // namespace

ValueId reversed_to(Emitter& e, ValueId x, ValueId lengths, std::int64_t batch, std::int64_t time) {
  const Shape shape = e.shape(x);
  const std::int64_t rank = e.rank(x);
  Shape beside(shape.size(), Dim(1));
  beside[static_cast<std::size_t>(batch)] = shape[static_cast<std::size_t>(batch)];
  const ValueId length = reshape_to(
      e,
      e.dtype(lengths) == DType::i64 ? lengths : e.emit("cast", {lengths}, {{"dtype", DType::i64}}),
      beside);
  const ValueId at = positions(e, shape[static_cast<std::size_t>(time)], time, rank);
  const ValueId back =
      e.emit("sub", {e.emit("sub", {length, e.literal(DType::i64, std::int64_t{1})}), at});
  const ValueId places = e.emit("where", {e.emit("lt", {at, length}), back, at});
  return e.emit("gather", {x, expanded(e, places, shape)}, {{"dim", time}});
}

std::span<const OperatorRow> index_rows() { return index_table; }

}  // namespace isomer::onnx
