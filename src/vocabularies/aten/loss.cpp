#include <numbers>
#include <string_view>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// Targets that are probabilities: the mean is over samples, whatever the classes' weights.
ValueId soft_cross_entropy(Reading& r, ValueId x, ValueId target, double smoothing) {
  Builder& b = r.b;
  const DType dtype = b.dtype(x);
  const std::int64_t axis = b.rank(x) > 1 ? 1 : 0;
  if (smoothing > 0) {
    if (b.rank(x) == 0) r.fail("there are no classes");
    const Dim classes = b.shape(x)[static_cast<std::size_t>(axis)];
    if (!classes.known()) r.refuse("the number of classes must be known");
    const double floor = smoothing / static_cast<double>(classes.value());
    target = b.emit(
        "add", {b.emit("mul", {target, b.literal(dtype, 1 - smoothing)}), b.literal(dtype, floor)});
  }
  ValueId products = b.emit("mul", {b.emit("log_softmax", {x}, {{"dim", axis}}), target});
  if (const ValueId weight = r.optional_tensor("weight"); weight != ValueId::none) {
    Shape shape(b.shape(x).size(), Dim(1));
    shape[static_cast<std::size_t>(axis)] = b.shape(x)[static_cast<std::size_t>(axis)];
    products = b.emit("mul", {products, reshaped(b, weight, std::move(shape))});
  }
  const ValueId losses = b.emit("neg", {b.emit("sum", {products}, {{"dim", ints({axis})}})});
  return reduced(r, losses);
}

Values cross_entropy(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  const double smoothing = r.real("label_smoothing", 0.0);
  if (is_floating(r.b.dtype(target))) {
    r.ignore({"ignore_index"});
    return {soft_cross_entropy(r, x, target, smoothing)};
  }
  const Values inputs = {x, target, r.optional_tensor("weight")};
  return {r.b.emit("cross_entropy", inputs,
                   {{"reduction", reduction_name(r)},
                    {"ignore_index", r.integer("ignore_index", -100)},
                    {"label_smoothing", smoothing}})};
}

Values mse_loss(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  if (r.b.shape(x) == r.b.shape(target)) {
    return {r.b.emit("mse_loss", {x, target}, {{"reduction", reduction_name(r)}})};
  }
  return {reduced(r, r.b.emit("square", {arithmetic(r.b, "sub", x, target)}))};
}

ValueId distance(Reading& r) {
  return r.b.emit("abs", {arithmetic(r.b, "sub", r.tensor("self"), r.tensor("target"))});
}

Values l1_loss(Reading& r) { return {reduced(r, distance(r))}; }

// Quadratic below `limit`, linear above; `factor` times the whole.
ValueId bent(Builder& b, ValueId d, double limit, double factor) {
  const auto number = [&](double x) { return b.literal(b.dtype(d), x); };
  // Held to where it counts, so that what is infinite has a slope.
  const ValueId held = b.emit("minimum", {d, number(limit)});
  const ValueId near = b.emit("mul", {b.emit("square", {held}), number(0.5 * factor)});
  const ValueId far =
      b.emit("mul", {b.emit("sub", {d, number(0.5 * limit)}), number(limit * factor)});
  return b.emit("where", {b.emit("le", {number(limit), d}), far, near});
}

Values smooth_l1_loss(Reading& r) {
  const double beta = r.real("beta", 1.0);
  const ValueId d = distance(r);
  return {reduced(r, beta == 0 ? d : bent(r.b, d, beta, 1 / beta))};
}

Values huber_loss(Reading& r) {
  const double delta = r.real("delta", 1.0);
  return {reduced(r, bent(r.b, distance(r), delta, 1.0))};
}

ValueId times_weight(Reading& r, ValueId losses) {
  const ValueId weight = r.optional_tensor("weight");
  return weight == ValueId::none ? losses : arithmetic(r.b, "mul", losses, weight);
}

Values binary_cross_entropy(Reading& r) {
  const ValueId losses = r.b.emit(r.row.ours, {r.tensor("self"), r.tensor("target")});
  return {reduced(r, times_weight(r, losses))};
}

Values binary_cross_entropy_with_logits(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  const ValueId one = b.literal(b.dtype(x), 1.0);
  ValueId log_yes = b.emit("log_sigmoid", {x});
  if (const ValueId positive = r.optional_tensor("pos_weight"); positive != ValueId::none) {
    const ValueId extra = b.emit("mul", {b.emit("sub", {positive, one}), target});
    log_yes = b.emit("mul", {b.emit("add", {extra, one}), log_yes});
  }
  const ValueId misses = b.emit("mul", {b.emit("sub", {one, target}), x});
  return {reduced(r, times_weight(r, b.emit("sub", {misses, log_yes})))};
}

// -- of distributions and margins -----------------------------------------------------------------

ValueId number_like(Builder& b, ValueId x, double value) {
  return as_type(b, Operand(Scalar(value)), b.dtype(x));
}

Values kl_div(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  if (r.flag("log_target", false)) {
    const ValueId difference = arithmetic(b, "sub", target, x);
    return {reduced(r, arithmetic(b, "mul", b.emit("exp", {target}), difference))};
  }
  const ValueId cross = arithmetic(b, "mul", target, x);
  return {reduced(r, arithmetic(b, "sub", b.emit("xlogy", {target, target}), cross))};
}

// Stirling's approximation of log(target!), and 0 where the target is not above 1.
ValueId stirling(Builder& b, ValueId t) {
  const ValueId small = b.emit("le", {t, number_like(b, t, 1.0)});
  const ValueId main = b.emit("sub", {b.emit("mul", {t, b.emit("log", {t})}), t});
  const ValueId circle = b.emit("mul", {t, number_like(b, t, 2 * std::numbers::pi)});
  const ValueId rest = b.emit("mul", {b.emit("log", {circle}), number_like(b, t, 0.5)});
  return b.emit("where", {small, number_like(b, t, 0.0), b.emit("add", {main, rest})});
}

Values poisson_nll_loss(Reading& r) {
  Builder& b = r.b;
  const auto real = [&](ValueId z) { return as_type(b, z, floating(b.dtype(z))); };
  const ValueId x = real(r.tensor("input"));
  const ValueId target = real(r.tensor("target"));
  const double eps = r.real("eps");
  ValueId loss = ValueId::none;
  if (r.flag("log_input")) {
    loss = arithmetic(b, "sub", b.emit("exp", {x}), arithmetic(b, "mul", target, x));
  } else {
    const ValueId log = b.emit("log", {b.emit("add", {x, number_like(b, x, eps)})});
    loss = arithmetic(b, "sub", x, arithmetic(b, "mul", target, log));
  }
  if (r.flag("full")) loss = arithmetic(b, "add", loss, stirling(b, target));
  return {reduced(r, loss)};
}

// The distance itself for 1, what it lacks to the margin for -1, both for anything else.
Values hinge_embedding_loss(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  const ValueId zero = number_like(b, x, 0.0);
  const auto unless = [&](double sign, ValueId then) {
    const ValueId is = b.emit("eq", {target, number_like(b, target, sign)});
    return b.emit("where", {is, zero, then});
  };
  const ValueId lacks = above_zero(b, b.emit("sub", {number_like(b, x, r.real("margin", 1.0)), x}));
  return {reduced(r, b.emit("add", {unless(1.0, lacks), unless(-1.0, x)}))};
}

Values margin_ranking_loss(Reading& r) {
  Builder& b = r.b;
  const ValueId order = arithmetic(b, "sub", r.tensor("input1"), r.tensor("input2"));
  const ValueId whole = arithmetic(b, "mul", b.emit("neg", {r.tensor("target")}), order);
  const ValueId product = as_type(b, whole, floating(b.dtype(whole)));
  const ValueId margin = number_like(b, product, r.real("margin", 0.0));
  return {reduced(r, above_zero(b, b.emit("add", {product, margin})))};
}

Values soft_margin_loss(Reading& r) {
  Builder& b = r.b;
  const ValueId product =
      arithmetic(b, "mul", b.emit("neg", {r.tensor("target")}), r.tensor("self"));
  return {reduced(r, b.emit("log1p", {b.emit("exp", {product})}))};
}

/// Scores of classes as rows, and whether there was but one row.
std::pair<ValueId, bool> as_rows(Reading& r) {
  const ValueId x = r.tensor("self");
  if (r.b.rank(x) == 2) return {x, false};
  if (r.b.rank(x) > 2) r.fail("at most two axes are needed");
  return {reshaped(r.b, x, {Dim(1), count_elements(r.b.shape(x))}), true};
}

/// The losses of rows, reduced; of one row alone, a scalar.
Values reduced_rows(Reading& r, ValueId losses, bool single) {
  return {reduced(r, single ? reshaped(r.b, losses, {}) : losses)};
}

ValueId mean_over_classes(Builder& b, ValueId sums, const Dim& classes) {
  return b.emit("div", {sums, as_type(b, Operand(Scalar(classes)), b.dtype(sums))});
}

/// Unlike `above_zero`, 0 has no slope and NaN counts for nothing.
ValueId if_positive(Builder& b, ValueId x) {
  const ValueId zero = number_like(b, x, 0.0);
  return b.emit("where", {b.emit("gt", {x, zero}), x, zero});
}

Values multi_margin_loss(Reading& r) {
  Builder& b = r.b;
  const auto [x, single] = as_rows(r);
  const Shape shape = b.shape(x);
  const double p = real_of(r.scalar("p", Scalar(std::int64_t{1})));
  if (p != 1 && p != 2) r.fail("p is neither 1 nor 2");
  const ValueId target = reshaped(b, r.tensor("target"), {shape[0], Dim(1)});
  const ValueId own = b.emit("gather", {x, target}, {{"dim", std::int64_t{1}}});
  const ValueId margin =
      as_type(b, Operand(r.scalar("margin", Scalar(std::int64_t{1}))), b.dtype(x));
  ValueId gap = if_positive(b, b.emit("add", {b.emit("sub", {margin, own}), x}));
  if (p == 2) gap = b.emit("mul", {gap, gap});
  if (const ValueId weight = r.optional_tensor("weight"); weight != ValueId::none) {
    const ValueId chosen = b.emit("index_select", {weight, reshaped(b, target, {shape[0]})});
    gap = b.emit("mul", {gap, reshaped(b, chosen, {shape[0], Dim(1)})});
  }
  const ValueId classes = b.emit("arange", {}, {{"end", shape[1]}});
  const ValueId is_own = b.emit("eq", {classes, target});
  const ValueId others = b.emit("where", {is_own, number_like(b, gap, 0.0), gap});
  const ValueId sums = b.emit("sum", {others}, {{"dim", ints({1})}});
  return reduced_rows(r, mean_over_classes(b, sums, shape[1]), single);
}

// The classes of a row end with the first negative one.
Values multilabel_margin_loss(Reading& r) {
  Builder& b = r.b;
  const auto [x, single] = as_rows(r);
  const Shape shape = b.shape(x);
  const ValueId target = reshaped(b, r.tensor("target"), shape);
  const ValueId zero = b.literal(DType::i64, std::int64_t{0});
  const ValueId ends = as_type(b, b.emit("lt", {target, zero}), DType::i64);
  const ValueId counts = b.emit("eq", {b.emit("cumsum", {ends}, {{"dim", std::int64_t{1}}}), zero});
  const ValueId places = b.emit("where", {counts, target, zero});
  const ValueId own = b.emit("gather", {x, places}, {{"dim", std::int64_t{1}}});
  // [row, target, class]
  const ValueId classes = b.emit("arange", {}, {{"end", shape[1]}});
  const ValueId named = b.emit(
      "logical_and", {b.emit("eq", {unsqueezed(b, places, 2), classes}), unsqueezed(b, counts, 2)});
  const ValueId is_target = b.emit("any", {named}, {{"dim", ints({1})}, {"keepdim", true}});
  const ValueId meets =
      b.emit("logical_and", {unsqueezed(b, counts, 2), b.emit("logical_not", {is_target})});
  const ValueId lead = b.emit("sub", {unsqueezed(b, own, 2), unsqueezed(b, x, 1)});
  const ValueId gap = if_positive(b, b.emit("sub", {number_like(b, x, 1.0), lead}));
  const ValueId kept = b.emit("where", {meets, gap, number_like(b, x, 0.0)});
  const ValueId sums = b.emit("sum", {kept}, {{"dim", ints({1, 2})}});
  return reduced_rows(r, mean_over_classes(b, sums, shape[1]), single);
}

Values multilabel_margin_loss_forward(Reading& r) {
  return {multilabel_margin_loss(r)[0], ValueId::none};
}

constexpr Row loss_table[] = {
    {.targets = "nll_loss_nd nll_loss nll_loss2d",
     .ours = "nll_loss",
     .inputs = "self target weight",
     .python = "F.nll_loss"},
    {.targets = "nll_loss_forward nll_loss2d_forward",
     .ours = "nll_loss",
     .inputs = "self target weight",
     .read = renamed_and_saved<1>},
    {.targets = "cross_entropy_loss",
     .ours = "cross_entropy",
     .inputs = "self target weight",
     .python = "F.cross_entropy",
     .read = cross_entropy},
    {.targets = "mse_loss", .ours = "mse_loss", .python = "F.mse_loss", .read = mse_loss},
    {.targets = "l1_loss", .read = l1_loss},
    {.targets = "smooth_l1_loss", .read = smooth_l1_loss},
    {.targets = "huber_loss", .read = huber_loss},
    {.targets = "binary_cross_entropy",
     .ours = "binary_cross_entropy",
     .inputs = "self target",
     .fixed = "reduction=0",
     .read = binary_cross_entropy},
    {.targets = "binary_cross_entropy_with_logits", .read = binary_cross_entropy_with_logits},
    {.targets = "kl_div", .read = kl_div},
    {.targets = "poisson_nll_loss", .inputs = "input", .read = poisson_nll_loss},
    {.targets = "hinge_embedding_loss", .read = hinge_embedding_loss},
    {.targets = "margin_ranking_loss", .inputs = "input1", .read = margin_ranking_loss},
    {.targets = "soft_margin_loss", .read = soft_margin_loss},
    {.targets = "multi_margin_loss", .read = multi_margin_loss},
    {.targets = "multilabel_margin_loss", .read = multilabel_margin_loss},
    {.targets = "multilabel_margin_loss_forward", .read = multilabel_margin_loss_forward},
};

}  // namespace

std::span<const Row> loss_rows() { return loss_table; }

}  // namespace isomer::aten
