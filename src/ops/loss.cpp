#include <limits>

#include "base/text.h"
#include "ops/arithmetic.h"
#include "ops/families.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

const std::string& reduction_of(const OpCall& call) {
  const std::string& reduction = call.get<std::string>("reduction");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") {
    refuse(fmt::format("reduction is {}; it should be 'mean', 'sum' or 'none'", quoted(reduction)));
  }
  return reduction;
}

std::vector<TensorType> class_loss_type(const OpCall& call) {
  same_floating_type(call);
  const Shape& x = call.types[0].shape;
  if (x.empty()) refuse("the input should have a dimension of classes");
  Shape wanted = x;
  wanted.erase(wanted.begin() + (x.size() > 1 ? 1 : 0));
  if (call.types[1] != TensorType{DType::i64, wanted}) {
    refuse(fmt::format("the target is {}; it should be class numbers, {}", to_text(call.types[1]),
                       to_text(TensorType{DType::i64, wanted})));
  }
  const TensorType weights{call.types[0].dtype, {x[x.size() > 1 ? 1 : 0]}};
  if (call.has(2) && call.types[2] != weights) {
    refuse(
        fmt::format("the weight is {}; it should be {}", to_text(call.types[2]), to_text(weights)));
  }
  return {{call.types[0].dtype, reduction_of(call) == "none" ? wanted : Shape{}}};
}

std::vector<TensorType> mse_type(const OpCall& call) {
  same_floating_type(call);
  if (call.types[0].dtype != call.types[1].dtype) refuse("input and target should be of one type");
  const Shape shape = broadcast(call.types[0].shape, call.types[1].shape);
  return {{call.types[0].dtype, reduction_of(call) == "none" ? shape : Shape{}}};
}

std::vector<TensorType> like_target(const OpCall& call) {
  same_floating_type(call);
  if (call.types[0] != call.types[1]) {
    refuse(fmt::format("the target is {}; it should be as the input, {}", to_text(call.types[1]),
                       to_text(call.types[0])));
  }
  return {call.types[0]};
}

ValueId reduced(Emitter& b, ValueId x, const std::string& reduction) {
  return reduction == "none" ? x : b.emit(reduction, {x});
}

Values expand_mse(Emitter& b, const OpCall& call) {
  const ValueId difference = b.emit("sub", {call.inputs[0], call.inputs[1]});
  return {reduced(b, b.emit("square", {difference}), reduction_of(call))};
}

// Logarithms are kept above -100, as torch.nn.BCELoss documents.
Values expand_binary_cross_entropy(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId target = call.inputs[1];
  const Attributes above = {{"min", -100.0}};
  const ValueId yes = b.emit("clamp", {b.emit("log", {x})}, above);
  const ValueId no = b.emit("clamp", {b.emit("log1p", {neg(b, x)})}, above);
  const ValueId miss = mul(b, add(b, target, -1.0), no);
  return {sub(b, miss, mul(b, target, yes))};
}

// The divisor is at least 1e-12, so that it is steep and finite where the logarithms are not
// (EPSILON of ATen/native/Loss.cpp).
Values vjp_binary_cross_entropy(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId g = c.values[0];
  const ValueId rest = sub(b, number(b, x, 1.0), x);
  const ValueId divisor = b.emit("maximum", {mul(b, rest, x), number(b, x, 1e-12)});
  const ValueId for_x = div(b, mul(b, g, sub(b, x, call.inputs[1])), divisor);
  const ValueId apart = sub(b, b.emit("log", {rest}), b.emit("log", {x}));
  return {for_x, mul(b, g, apart)};
}

struct Targets {
  std::int64_t class_axis;
  ValueId classes;  // ignored ones replaced by 0
  ValueId weights;  // of each target; 0 where it is ignored
};

Targets targets_of(Emitter& b, const OpCall& call) {
  const ValueId target = call.inputs[1];
  const DType dtype = call.types[0].dtype;
  const ValueId kept =
      b.emit("ne", {target, b.literal(b.dtype(target), call.integer("ignore_index"))});
  const ValueId classes =
      b.emit("where", {kept, target, b.literal(b.dtype(target), std::int64_t{0})});
  ValueId weights = b.emit("cast", {kept}, {{"dtype", dtype}});
  if (call.has(2)) {
    const ValueId flat = reshape_to(b, classes, {count_elements(b.shape(classes))});
    const ValueId chosen =
        reshape_to(b, b.emit("index_select", {call.inputs[2], flat}), b.shape(classes));
    weights = b.emit("mul", {weights, chosen});
  }
  return {call.types[0].shape.size() > 1 ? 1 : 0, classes, weights};
}

/// Minus the log probability of each target, not weighted yet.
ValueId picked(Emitter& b, ValueId log_probabilities, const Targets& targets) {
  const ValueId index = b.emit("unsqueeze", {targets.classes}, {{"dim", targets.class_axis}});
  const ValueId chosen =
      b.emit("gather", {log_probabilities, index}, {{"dim", targets.class_axis}});
  return b.emit("neg", {reshape_to(b, chosen, b.shape(targets.classes))});
}

/// The mean is over the weights, not over the count (torch.nn.functional.nll_loss). Where they add
/// up to 0 it is not a number, and nothing is learned from it: 0 / 0 itself has no slope.
ValueId weighted(Emitter& b, ValueId losses, const Targets& targets, const std::string& reduction) {
  if (reduction == "none") return losses;
  const ValueId sum = b.emit("sum", {losses});
  if (reduction == "sum") return sum;
  const ValueId total = b.emit("sum", {targets.weights});
  const ValueId nothing = b.emit("eq", {total, number(b, total, 0.0)});
  const ValueId divisor = b.emit("where", {nothing, number(b, total, 1.0), total});
  const ValueId undefined = number(b, sum, std::numeric_limits<double>::quiet_NaN());
  return b.emit("where", {nothing, undefined, b.emit("div", {sum, divisor})});
}

Values expand_nll(Emitter& b, const OpCall& call) {
  const Targets targets = targets_of(b, call);
  const ValueId losses = b.emit("mul", {picked(b, call.inputs[0], targets), targets.weights});
  return {weighted(b, losses, targets, reduction_of(call))};
}

// With label smoothing a part of the weight is spread over all classes, each with its own class
// weight.
Values expand_cross_entropy(Emitter& b, const OpCall& call) {
  const Targets targets = targets_of(b, call);
  const ValueId logs = b.emit("log_softmax", {call.inputs[0]}, {{"dim", targets.class_axis}});
  ValueId losses = b.emit("mul", {picked(b, logs, targets), targets.weights});
  if (const double smoothing = call.real("label_smoothing"); smoothing > 0.0) {
    const Dim& classes = call.types[0].shape[static_cast<std::size_t>(targets.class_axis)];
    if (!classes.known()) refuse("the number of classes should be known");
    ValueId all = logs;
    if (call.has(2)) {
      Shape wide(call.types[0].shape.size(), Dim(1));
      wide[static_cast<std::size_t>(targets.class_axis)] = classes;
      all = b.emit("mul", {logs, reshape_to(b, call.inputs[2], wide)});
    }
    const ValueId kept = b.emit(
        "ne", {call.inputs[1], b.literal(b.dtype(call.inputs[1]), call.integer("ignore_index"))});
    const ValueId total = b.emit(
        "neg", {b.emit("sum", {all}, {{"dim", std::vector<std::int64_t>{targets.class_axis}}})});
    const ValueId spread = b.emit("where", {kept, total, number(b, total, 0.0)});
    const double share = smoothing / static_cast<double>(classes.value());
    losses = b.emit("add", {b.emit("mul", {losses, number(b, losses, 1.0 - smoothing)}),
                            b.emit("mul", {spread, number(b, spread, share)})});
  }
  return {weighted(b, losses, targets, reduction_of(call))};
}

constexpr Traits indexes_classes{.indexes = Indexing{.axis = 1}};

constexpr Traits bends{.own_slope = true};

constexpr OpSchema loss_table[] = {
    {"mse_loss(x, target, reduction: string = 'mean') -> y", mse_type, expand_mse, nullptr,
     "(x - target)**2, reduced", commutes},
    {"binary_cross_entropy(x, target) -> y", like_target, expand_binary_cross_entropy,
     vjp_binary_cross_entropy, "-target * log(x) - (1 - target) * log(1 - x), no log below -100",
     bends},
    {"nll_loss(x, target, weight?, reduction: string = 'mean', ignore_index: int = -100) -> y",
     class_loss_type, expand_nll, nullptr, "minus the log probability of the target class",
     indexes_classes},
    {"cross_entropy(x, target, weight?, reduction: string = 'mean', ignore_index: int = -100, "
     "label_smoothing: float = 0.0) -> y",
     class_loss_type, expand_cross_entropy, nullptr, "nll_loss of log_softmax(x)", indexes_classes},
};

}  // namespace

std::span<const OpSchema> loss_ops() { return loss_table; }

}  // namespace isomer
