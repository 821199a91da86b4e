#include <algorithm>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

void require_index(const TensorType& type, std::string_view name) {
  if (type.dtype == DType::i32 || type.dtype == DType::i64) return;
  refuse(fmt::format("'{}' is {}; it should be i32 or i64", name, name_of(type.dtype)));
}

std::size_t axis_of(const OpCall& call) {
  return axis_in(call.integer("dim"), call.types[0].shape.size());
}

std::vector<TensorType> index_select_type(const OpCall& call) {
  require_index(call.types[1], "index");
  if (call.types[1].shape.size() != 1) refuse("'index' should have one dimension");
  if (call.types[0].shape.empty()) refuse("a scalar has nothing to select from");
  Shape shape = call.types[0].shape;
  shape[axis_of(call)] = call.types[1].shape[0];
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> index_add_type(const OpCall& call) {
  const TensorType selected = index_select_type(call)[0];
  if (selected != call.types[2]) {
    refuse(
        fmt::format("'source' is {}; it should be {}", to_text(call.types[2]), to_text(selected)));
  }
  return {call.types[0]};
}

std::vector<TensorType> gather_type(const OpCall& call) {
  require_index(call.types[1], "index");
  const Shape& shape = call.types[0].shape;
  const Shape& index = call.types[1].shape;
  if (index.size() != shape.size()) {
    refuse(fmt::format("'index' has {}; it should have {} like the input",
                       counted(index.size(), "dimension"), shape.size()));
  }
  const std::size_t axis = axis_of(call);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i == axis || !index[i].known() || !shape[i].known()) continue;
    if (index[i].value() > shape[i].value()) {
      refuse(fmt::format("'index' is {} and the input {}: dimension {} of the index is longer",
                         to_text(index), to_text(shape), i));
    }
  }
  return {{call.types[0].dtype, index}};
}

std::vector<TensorType> scatter_add_type(const OpCall& call) {
  gather_type(call);
  if (call.types[2].shape != call.types[1].shape || call.types[2].dtype != call.types[0].dtype) {
    refuse(fmt::format("'source' is {}; it should be {}", to_text(call.types[2]),
                       to_text(TensorType{call.types[0].dtype, call.types[1].shape})));
  }
  return {call.types[0]};
}

std::vector<TensorType> scatter_reduce_type(const OpCall& call) {
  const std::string& reduce = call.get<std::string>("reduce");
  constexpr std::string_view known[] = {"sum", "prod", "mean", "amax", "amin"};
  if (std::ranges::find(known, reduce) == std::end(known))
    refuse(fmt::format("reduce is {}; it should be sum, prod, mean, amax or amin", quoted(reduce)));
  numeric_type(call);
  return scatter_add_type(call);
}

std::vector<TensorType> sort_type(const OpCall& call) {
  if (call.types[0].shape.empty()) refuse("a scalar has nothing to sort");
  axis_of(call);
  return {call.types[0], {DType::i64, call.types[0].shape}};
}

std::vector<TensorType> mode_type(const OpCall& call) {
  Shape shape = call.types[0].shape;
  if (shape.empty()) refuse("a scalar has nothing to choose from");
  const std::size_t axis = axis_of(call);
  if (shape[axis] == Dim(0)) refuse("nothing is most frequent among nothing");
  if (call.flag("keepdim")) {
    shape[axis] = 1;
  } else {
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return {{call.types[0].dtype, shape}, {DType::i64, shape}};
}

std::vector<TensorType> topk_type(const OpCall& call) {
  Shape shape = numeric_type(call)[0].shape;
  if (shape.empty()) refuse("a scalar has nothing to select from");
  Dim& length = shape[axis_of(call)];
  const std::int64_t k = call.integer("k");
  if (k < 0 || (length.known() && k > length.value()))
    refuse(fmt::format("k is {}; the axis has {} positions", k, to_text(length)));
  length = k;
  return {{call.types[0].dtype, shape}, {DType::i64, shape}};
}

std::vector<TensorType> embedding_type(const OpCall& call) {
  require_index(call.types[1], "indices");
  if (call.types[0].shape.size() != 2) refuse("'weight' should have two dimensions");
  Shape shape = call.types[1].shape;
  shape.push_back(call.types[0].shape[1]);
  return {{call.types[0].dtype, shape}};
}

ValueId zeros_like(Emitter& b, const TensorType& type) {
  return b.emit("full", {}, {{"shape", type.shape}, {"value", 0.0}, {"dtype", type.dtype}});
}

Values vjp_index_select(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId zeros = zeros_like(b, call.types[0]);
  return {b.emit("index_add", {zeros, call.inputs[1], c.values[0]}, call.attributes),
          ValueId::none};
}

Values vjp_index_add(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {c.values[0], ValueId::none,
          b.emit("index_select", {c.values[0], call.inputs[1]}, call.attributes)};
}

Values vjp_gather(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId zeros = zeros_like(b, call.types[0]);
  return {b.emit("scatter_add", {zeros, call.inputs[1], c.values[0]}, call.attributes),
          ValueId::none};
}

Values vjp_scatter_add(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {c.values[0], ValueId::none,
          b.emit("gather", {c.values[0], call.inputs[1]}, call.attributes)};
}

Values vjp_topk(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId zeros = zeros_like(b, call.types[0]);
  return {
      b.emit("scatter_add", {zeros, c.outputs[1], c.values[0]}, {{"dim", call.integer("dim")}})};
}

// What was written over is not heard of.
Values vjp_scatter(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId zeros = zeros_like(b, {call.types[0].dtype, call.types[1].shape});
  const ValueId kept = b.emit("scatter", {c.values[0], call.inputs[1], zeros}, call.attributes);
  return {kept, ValueId::none, b.emit("gather", {c.values[0], call.inputs[1]}, call.attributes)};
}

/// The parts of `scatter_reduce`'s derivative: what each kind of reduction has of its own.
struct Reduced {
  Emitter& b;
  const OpCall& call;
  Attributes axis{{"dim", call.integer("dim")}};

  ValueId x() const { return call.inputs[0]; }
  ValueId source() const { return call.inputs[2]; }
  ValueId gathered(ValueId y) const { return b.emit("gather", {y, call.inputs[1]}, axis); }
  ValueId added(ValueId to, ValueId part) const {
    return b.emit("scatter_add", {to, call.inputs[1], part}, axis);
  }
  ValueId filled(const TensorType& type, double value) const {
    return b.emit("full", {}, {{"shape", type.shape}, {"value", value}, {"dtype", type.dtype}});
  }
  ValueId as_number(ValueId truth) const {
    return b.emit("cast", {truth}, {{"dtype", call.types[0].dtype}});
  }
};

Values mean_parts(const Reduced& r, ValueId g) {
  const ValueId own = r.filled(r.call.types[0], r.call.flag("include_self") ? 1 : 0);
  const ValueId count = r.added(own, r.filled(r.call.types[2], 1));
  const ValueId safe = r.b.emit("maximum", {count, number(r.b, g, 1.0)});
  const ValueId share = r.b.emit("div", {g, safe});
  return {share, r.gathered(share)};
}

// Equal extremes share the cotangent evenly.
Values extreme_parts(const Reduced& r, ValueId g, ValueId y) {
  const ValueId own = r.as_number(r.b.emit("eq", {r.x(), y}));
  const ValueId others = r.as_number(r.b.emit("eq", {r.source(), r.gathered(y)}));
  const ValueId share = r.b.emit("div", {g, r.added(own, others)});
  return {r.b.emit("mul", {own, share}), r.b.emit("mul", {others, r.gathered(share)})};
}

// The product of the others; what is 0 is left out of it, and where another is 0, too, there is
// none.
Values product_parts(const Reduced& r, ValueId g, ValueId y) {
  Emitter& b = r.b;
  const ValueId one = number(b, g, 1.0);
  const ValueId zero = number(b, g, 0.0);
  const auto without_zeros = [&](ValueId x) {
    return b.emit("where", {b.emit("eq", {x, zero}), one, x});
  };
  const ValueId x = without_zeros(r.x());
  const ValueId own =
      b.emit("scatter_reduce", {x, r.call.inputs[1], r.source()}, r.call.attributes);
  const ValueId is_zero = b.emit("eq", {r.source(), zero});
  const ValueId zeros = r.added(r.filled(r.call.types[0], 0), r.as_number(is_zero));
  const ValueId single = b.emit("logical_and", {is_zero, b.emit("eq", {r.gathered(zeros), one})});
  const ValueId rest = b.emit("where", {single, one, r.source()});
  const ValueId others =
      b.emit("scatter_reduce", {r.x(), r.call.inputs[1], rest}, r.call.attributes);
  const ValueId at_zero = r.gathered(b.emit("mul", {g, others}));
  const ValueId elsewhere =
      b.emit("div", {r.gathered(b.emit("mul", {g, y})), without_zeros(r.source())});
  return {b.emit("div", {b.emit("mul", {g, own}), x}),
          b.emit("where", {single, at_zero, elsewhere})};
}

Values vjp_scatter_reduce(Emitter& b, const OpCall& call, const Cotangents& c) {
  const Reduced r{b, call};
  const ValueId g = c.values[0];
  const std::string& reduce = call.get<std::string>("reduce");
  Values parts = {g, ValueId::none};
  if (reduce == "sum") parts[1] = r.gathered(g);
  if (reduce == "mean") parts = mean_parts(r, g);
  if (reduce == "amax" || reduce == "amin") parts = extreme_parts(r, g, c.outputs[0]);
  if (reduce == "prod") parts = product_parts(r, g, c.outputs[0]);
  if (!call.flag("include_self")) {
    const ValueId zeros = zeros_like(b, {call.types[0].dtype, call.types[1].shape});
    parts[0] = b.emit("scatter", {parts[0], call.inputs[1], zeros}, r.axis);
  }
  return {parts[0], ValueId::none, parts[1]};
}

Values vjp_mode(Emitter& b, const OpCall& call, const Cotangents& c) {
  const std::int64_t dim = call.integer("dim");
  const std::int64_t axis = static_cast<std::int64_t>(axis_of(call));
  const auto whole = [&](ValueId x) {
    return call.flag("keepdim") ? x : b.emit("unsqueeze", {x}, {{"dim", axis}});
  };
  const ValueId zeros = zeros_like(b, call.types[0]);
  const ValueId places = whole(c.outputs[1]);
  return {b.emit("scatter_add", {zeros, places, whole(c.values[0])}, {{"dim", dim}})};
}

Values expand_embedding(Emitter& b, const OpCall& call) {
  const ValueId flat = reshape_to(b, call.inputs[1], {count_elements(call.types[1].shape)});
  const ValueId rows = b.emit("index_select", {call.inputs[0], flat});
  return {reshape_to(b, rows, embedding_type(call)[0].shape)};
}

// The row of padding_idx is not trained (torch.nn.Embedding).
Values vjp_embedding(Emitter& b, const OpCall& call, const Cotangents& c) {
  const Dim count = count_elements(call.types[1].shape);
  const ValueId index = reshape_to(b, call.inputs[1], {count});
  ValueId g = reshape_to(b, c.values[0], {count, call.types[0].shape[1]});
  if (const std::int64_t padding = call.integer("padding_idx"); padding >= 0) {
    const ValueId is_padding = b.emit("eq", {index, b.literal(b.dtype(index), padding)});
    g = b.emit("where", {b.emit("unsqueeze", {is_padding}, {{"dim", std::int64_t{1}}}),
                         number(b, g, 0.0), g});
  }
  return {b.emit("index_add", {zeros_like(b, call.types[0]), index, g}), ValueId::none};
}

/// All may go to one place, to what is there.
Dim added(const OpCall& call) {
  const Shape& source = call.types[2].shape;
  return source.empty() ? Dim(2) : source[axis_of(call)] + 1;
}

constexpr Traits adds_at{.terms = added, .indexes = Indexing{}};

constexpr OpSchema indexing_table[] = {
    {"index_select(x, index, dim: int = 0) -> y", index_select_type, nullptr, vjp_index_select,
     "positions of one dimension, in the order of the index", picks},
    {"index_add(x, index, source, dim: int = 0) -> y", index_add_type, nullptr, vjp_index_add,
     "x with slices of the source added at the positions of the index", adds_at},
    {"gather(x, index, dim: int) -> y", gather_type, nullptr, vjp_gather,
     "y[i][j] = x[index[i][j]][j] for dim 0, and so on", picks},
    {"scatter_add(x, index, source, dim: int) -> y", scatter_add_type, nullptr, vjp_scatter_add,
     "x[index[i][j]][j] += source[i][j] for dim 0, and so on", adds_at},
    {"topk(x, k: int, dim: int = -1, largest: bool = true, sorted: bool = true) -> (values, "
     "indices)",
     topk_type, nullptr, vjp_topk,
     "the k largest or smallest along a dimension, and their positions, the first of equal ones "
     "first",
     finds_extreme},
    {"scatter(x, index, source, dim: int) -> y", scatter_add_type, nullptr, vjp_scatter,
     "x[index[i][j]][j] = source[i][j] for dim 0, and so on; of several the last stays",
     Traits{.rounds = Rounds::never, .indexes = Indexing{}}},
    {"scatter_reduce(x, index, source, dim: int, reduce: string, include_self: bool = true) -> y",
     scatter_reduce_type, nullptr, vjp_scatter_reduce,
     "sum, prod, mean, amax or amin of what comes to each place, and of what is there", adds_at},
    {"sort(x, dim: int = -1, descending: bool = false, stable: bool = false) -> (values, indices)",
     sort_type, nullptr, vjp_topk,
     "in order along a dimension, and their positions; stable: equal ones as they stood",
     finds_extreme},
    {"mode(x, dim: int = -1, keepdim: bool = false) -> (values, indices)", mode_type, nullptr,
     vjp_mode, "the most frequent element, of several the smallest, and where it stands last",
     finds_extreme},
    {"embedding(weight, indices, padding_idx: int = -1) -> y", embedding_type, expand_embedding,
     vjp_embedding, "rows of the weight",
     Traits{.rounds = Rounds::never,
            .moves = Moves::freely,
            .indexes = Indexing{.axis = 0},
            .own_slope = true}},
};

}  // namespace

std::span<const OpSchema> indexing_ops() { return indexing_table; }

}  // namespace isomer
