#include <limits>

#include "vocabularies/aten/reading.h"

// Activations that no operator of ours is alone, and weights that are made when the model runs.

namespace isomer::aten {
namespace {

// Outside of training the slope is the middle one.
Values rrelu(Reading& r) {
  if (r.flag("training", false)) r.refuse("slopes that are drawn are not read");
  r.ignore({"noise"});
  const double lower = real_of(r.scalar("lower", Scalar(1.0 / 8)));
  const double upper = real_of(r.scalar("upper", Scalar(1.0 / 3)));
  return {r.b.emit("leaky_relu", {r.tensor("self")}, {{"negative_slope", (lower + upper) / 2}})};
}

// v * (g / norm), of which each place along `dim` has its own; -1: there is one.
Values weight_norm(Reading& r) {
  Builder& b = r.b;
  const ValueId v = r.tensor("v");
  const ValueId g = r.tensor("g");
  const std::int64_t given = r.integer("dim", 0);
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; i < b.rank(v); ++i) {
    if (given == -1 || i != r.wrap(given, b.rank(v))) axes.push_back(i);
  }
  const ValueId squares = b.emit("mul", {v, v});
  const ValueId sum =
      axes.empty() ? squares : b.emit("sum", {squares}, {{"dim", ints(axes)}, {"keepdim", true}});
  const ValueId norm = flat_root(b, sum);
  return {b.emit("mul", {v, b.emit("div", {g, norm})}), norm};
}

// Nothing is drawn, so the noise stays what it is.
Values rrelu_with_noise(Reading& r) { return {rrelu(r)[0], r.tensor("noise")}; }

Values weight_norm_alone(Reading& r) { return {weight_norm(r)[0]}; }

// -- bags -----------------------------------------------------------------------------------------

/// Rows of a table, and the bag that each goes to.
struct Bags {
  ValueId rows;    // [indices, width]
  ValueId bag;     // [indices]
  ValueId count;   // of rows in each bag that count
  ValueId counts;  // whether a row does: it is none of padding; none: all
  Dim bags;
};

/// `wraps`: a row of padding below 0 counts from the end; else there is none.
Bags bags_of(Reading& r, bool wraps) {
  Builder& b = r.b;
  const ValueId weight = r.tensor("weight");
  const ValueId indices = r.tensor("indices");
  const ValueId offsets = r.tensor("offsets");
  if (b.rank(weight) != 2 || b.rank(indices) != 1 || b.rank(offsets) != 1)
    r.fail("a table, indices and offsets of one axis are needed");
  Bags bags{.rows = b.emit("index_select", {weight, indices}),
            .bag = ValueId::none,
            .count = ValueId::none,
            .counts = ValueId::none,
            .bags = b.shape(offsets)[0]};
  if (r.flag("include_last_offset", false)) bags.bags = bags.bags - Dim(1);
  // A row is in the last bag that begins no later.
  const ValueId begins = sliced(b, offsets, 0, 0, bags.bags);
  const ValueId places = b.emit("arange", {}, {{"end", b.shape(indices)[0]}});
  const ValueId begun = b.emit("le", {as_type(b, begins, DType::i64), unsqueezed(b, places, 1)});
  const ValueId before = b.emit("sum", {as_type(b, begun, DType::i64)}, {{"dim", ints({1})}});
  bags.bag = b.emit("sub", {before, b.literal(DType::i64, std::int64_t{1})});
  const DType dtype = b.dtype(weight);
  Values ones = {
      b.emit("full", {}, {{"shape", b.shape(indices)}, {"value", 1.0}, {"dtype", dtype}})};
  const Dim table = b.shape(weight)[0];
  if (r.given("padding_idx") && (wraps || r.integer("padding_idx") >= 0)) {
    std::int64_t at = r.integer("padding_idx");
    if (at < 0 && !table.known()) r.refuse("the number of rows must be known");
    if (at < 0) at += table.value();
    bags.counts = b.emit("ne", {indices, as_type(b, Operand(Scalar(at)), b.dtype(indices))});
    ones[0] = as_type(b, bags.counts, dtype);
  } else {
    r.ignore({"padding_idx"});
  }
  const ValueId none =
      b.emit("full", {}, {{"shape", Shape{bags.bags}}, {"value", 0.0}, {"dtype", dtype}});
  bags.count = b.emit("index_add", {none, bags.bag, ones[0]});
  // PyTorch's fast kernel adds up nothing from the last offset on; its others take it into the last
  // bag, and all of them count it there.
  const bool fast =
      bags.counts == ValueId::none && dtype != DType::f64 && r.integer("mode", 0) != 2;
  if (fast && r.flag("include_last_offset", false)) {
    const ValueId end = sliced(b, offsets, 0, bags.bags, bags.bags + Dim(1));
    bags.counts = b.emit("lt", {places, as_type(b, end, DType::i64)});
  }
  return bags;
}

ValueId bag_sums(Reading& r, const Bags& bags) {
  Builder& b = r.b;
  ValueId rows = bags.rows;
  const DType dtype = b.dtype(rows);
  if (const ValueId factors = r.optional_tensor("per_sample_weights"); factors != ValueId::none)
    rows = b.emit("mul", {rows, unsqueezed(b, factors, 1)});
  if (bags.counts != ValueId::none)
    rows = b.emit("where", {unsqueezed(b, bags.counts, 1), rows, b.literal(dtype, 0.0)});
  const Shape shape = {bags.bags, b.shape(rows)[1]};
  const ValueId zeros = b.emit("full", {}, {{"shape", shape}, {"value", 0.0}, {"dtype", dtype}});
  return b.emit("index_add", {zeros, bags.bag, rows});
}

// Of a bag without rows it is 0.
ValueId bag_extremes(Reading& r, const Bags& bags) {
  Builder& b = r.b;
  const DType dtype = b.dtype(bags.rows);
  r.ignore({"per_sample_weights"});
  const ValueId all = b.emit("arange", {}, {{"end", bags.bags}});
  ValueId inside = b.emit("eq", {unsqueezed(b, all, 1), bags.bag});
  if (bags.counts != ValueId::none) inside = b.emit("logical_and", {inside, bags.counts});
  const ValueId wide = unsqueezed(b, inside, 2);
  const ValueId least = b.literal(dtype, -std::numeric_limits<double>::infinity());
  const ValueId best =
      b.emit("amax", {b.emit("where", {wide, bags.rows, least})}, {{"dim", ints({1})}});
  const ValueId zero = b.literal(dtype, 0.0);
  const ValueId empty = b.emit("eq", {unsqueezed(b, bags.count, 1), zero});
  return b.emit("where", {empty, zero, best});
}

// What stands behind the result is for derivatives, which are ours.
template <bool wraps>
Values embedding_bag(Reading& r) {
  Builder& b = r.b;
  if (r.flag("scale_grad_by_freq", false)) r.refuse("gradients scaled by frequency are not read");
  const std::int64_t mode = r.integer("mode", 0);
  if (mode < 0 || mode > 2) r.fail("the mode is none of 0, 1 and 2");
  const Bags bags = bags_of(r, wraps);
  if (mode == 2) {
    if (b.shape(bags.rows)[0] == Dim(0)) r.refuse("the largest of no rows");
    return {bag_extremes(r, bags), ValueId::none, ValueId::none, ValueId::none};
  }
  ValueId y = bag_sums(r, bags);
  if (mode == 1) {
    const ValueId one = b.literal(b.dtype(y), 1.0);
    const ValueId count = b.emit("maximum", {unsqueezed(b, bags.count, 1), one});
    y = b.emit("div", {y, count});
  }
  return {y, ValueId::none, ValueId::none, ValueId::none};
}

constexpr Row activation_table[] = {
    {.targets = "rrelu rrelu_with_noise", .read = rrelu},
    {.targets = "rrelu_with_noise_functional", .read = rrelu_with_noise},
    {.targets = "_weight_norm", .inputs = "v", .read = weight_norm_alone},
    {.targets = "_weight_norm_interface", .inputs = "v", .read = weight_norm},
    {.targets = "embedding_bag.padding_idx embedding_bag",
     .inputs = "weight",
     .read = embedding_bag<true>},
    {.targets = "_embedding_bag _embedding_bag_forward_only",
     .inputs = "weight",
     .read = embedding_bag<false>},
};

}  // namespace

std::span<const Row> activation_rows() { return activation_table; }

}  // namespace isomer::aten
