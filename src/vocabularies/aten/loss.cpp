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
  const ValueId near = b.emit("mul", {b.emit("square", {d}), number(0.5 * factor)});
  const ValueId far =
      b.emit("mul", {b.emit("sub", {d, number(0.5 * limit)}), number(limit * factor)});
  return b.emit("where", {b.emit("lt", {d, number(limit)}), near, far});
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

// Logarithms are kept above -100, as torch.nn.BCELoss documents.
Values binary_cross_entropy(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const ValueId target = r.tensor("target");
  const ValueId one = b.literal(b.dtype(x), 1.0);
  const Attributes above = {{"min", -100.0}};
  const ValueId yes = b.emit("clamp", {b.emit("log", {x})}, above);
  const ValueId no = b.emit("clamp", {b.emit("log1p", {b.emit("neg", {x})})}, above);
  const ValueId hit = b.emit("mul", {target, yes});
  const ValueId miss = b.emit("mul", {b.emit("sub", {one, target}), no});
  return {reduced(r, times_weight(r, b.emit("neg", {b.emit("add", {hit, miss})})))};
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

constexpr Row table[] = {
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
    {.targets = "binary_cross_entropy", .read = binary_cross_entropy},
    {.targets = "binary_cross_entropy_with_logits", .read = binary_cross_entropy_with_logits},
};

}  // namespace

std::span<const Row> loss_rows() { return table; }

}  // namespace isomer::aten
