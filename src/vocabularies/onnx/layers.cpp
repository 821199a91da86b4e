#include <algorithm>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::onnx {
namespace {

// --- matrices

ValueId turned(Emitter& e, ValueId x) { return e.emit("permute", {x}, {{"dims", Integers{1, 0}}}); }

ValueId scaled(Emitter& e, ValueId x, double factor) {
  return factor == 1 ? x : e.emit("mul", {x, number(e, x, factor)});
}

Values read_gemm(Call& c) {
  ValueId a = c.tensor("A");
  const ValueId b = c.tensor("B");
  if (c.e.rank(a) != 2 || c.e.rank(b) != 2) c.fail("A and B are matrices with two axes");
  if (c.flag("transA")) a = turned(c.e, a);
  const bool turn = c.flag("transB");
  const double alpha = c.real("alpha");
  const double beta = c.real("beta");
  const ValueId bias = c.optional_tensor("C");
  if (turn && alpha == 1 && bias == ValueId::none) return {c.e.emit("linear", {a, b})};
  if (turn && alpha == 1 && beta == 1 && c.e.shape(bias) == Shape{c.e.shape(b)[0]})
    return {c.e.emit("linear", {a, b, bias})};
  const ValueId product = c.e.emit("matmul", {a, turn ? turned(c.e, b) : b});
  const ValueId left = scaled(c.e, product, alpha);
  if (bias == ValueId::none) return {left};
  return {c.e.emit("add", {left, scaled(c.e, bias, beta)})};
}

// `linear` of a matrix
std::optional<Node> write_gemm(const Operator& op, const Subject& s) {
  if (s.rank(0) != 2) return std::nullopt;
  return Node{op.name(), operands(s), {{"alpha", 1.0}, {"beta", 1.0}, {"transB", std::int64_t{1}}}};
}

Values read_matmul(Call& c) { return {matrix_product(c.e, c.tensor("A"), c.tensor("B"))}; }

// --- normalisation and reductions

// The statistics are given; training_mode, which changes them, is refused.
Values read_batch_norm(Call& c) {
  c.ignore({"momentum"});
  return {c.e.emit("batch_norm", c.inputs(), {{"eps", c.real("epsilon")}})};
}

std::optional<Node> write_batch_norm(const Operator& op, const Subject& s) {
  return Node{op.name(),
              operands(s),
              {{"epsilon", s.call.real("eps")}, {"training_mode", std::int64_t{0}}}};
}

Values read_instance_norm(Call& c) {
  const ValueId x = c.tensor("input");
  const Shape shape = c.e.shape(x);
  if (shape.size() < 2 || !shape[1].known()) c.refuse("channels of a number that is not known");
  return {c.e.emit("group_norm", {x, c.tensor("scale"), c.tensor("B")},
                   {{"num_groups", shape[1].value()}, {"eps", c.real("epsilon")}})};
}

// ONNX says it with the mean of squares.
Values read_mean_variance_norm(Call& c) {
  const ValueId x = c.tensor("X");
  const Attributes along{{"dim", c.integers("axes", Integers{0, 2, 3})}, {"keepdim", true}};
  const ValueId mean = c.e.emit("mean", {x}, along);
  const ValueId squares = c.e.emit("mean", {c.e.emit("square", {x})}, along);
  const ValueId spread = c.e.emit("sqrt", {c.e.emit("sub", {squares, c.e.emit("square", {mean})})});
  return {c.e.emit("div",
                   {c.e.emit("sub", {x, mean}), c.e.emit("add", {spread, number(c.e, x, 1e-9)})})};
}

// What has no length stays.
Values read_lp_norm(Call& c) {
  const ValueId x = c.tensor("input");
  const std::int64_t p = c.integer("p");
  if (p != 1 && p != 2) c.fail(fmt::format("p is {}; it is 1 or 2", p));
  const ValueId powers = c.e.emit(p == 1 ? "abs" : "square", {x});
  const ValueId sum = c.e.emit("sum", {powers},
                               {{"dim", Integers{c.axis("axis", c.e.rank(x))}}, {"keepdim", true}});
  const ValueId length = p == 1 ? sum : c.e.emit("sqrt", {sum});
  const ValueId none = c.e.emit("eq", {length, number(c.e, x, 0)});
  return {c.e.emit("div", {x, c.e.emit("where", {none, number(c.e, x, 1), length})})};
}

// The mean of squares is over `size` channels, those beyond the border as zeros.
Values read_lrn(Call& c) {
  const ValueId x = c.tensor("X");
  const Shape shape = c.e.shape(x);
  const std::int64_t size = c.integer("size");
  if (shape.size() < 3 || size < 1)
    c.fail("the input has three axes or more, and size is positive");
  const Dim plane = count_elements(Shape(shape.begin() + 2, shape.end()));
  const ValueId squares =
      reshape_to(c.e, c.e.emit("square", {x}), {shape[0], Dim(1), shape[1], plane});
  const ValueId wide =
      c.e.emit("pad", {squares},
               {{"pad", std::vector<Dim>{Dim(0), Dim(0), Dim((size - 1) / 2), Dim(size / 2)}}});
  const ValueId mean = c.e.emit("avg_pool2d", {wide},
                                {{"kernel_size", Integers{size, 1}}, {"stride", Integers{1, 1}}});
  const ValueId base =
      c.e.emit("add", {scaled(c.e, mean, c.real("alpha")), number(c.e, x, c.real("bias"))});
  const ValueId divisor = c.e.emit("pow", {base, number(c.e, x, c.real("beta"))});
  return {c.e.emit("div", {x, reshape_to(c.e, divisor, shape)})};
}

// The last of equals is the first from behind.
Values read_place(Call& c) {
  const ValueId x = c.tensor("data");
  const std::int64_t axis = c.axis("axis", c.e.rank(x));
  const Attributes along{{"dim", axis}, {"keepdim", c.flag("keepdims")}};
  if (!c.flag("select_last_index")) return {c.e.emit(c.ours, {x}, along)};
  const ValueId turned = c.e.emit("flip", {x}, {{"dims", Integers{axis}}});
  const ValueId last = length_value(c.e, c.e.shape(x)[static_cast<std::size_t>(axis)] - Dim(1));
  return {c.e.emit("sub", {last, c.e.emit(c.ours, {turned}, along)})};
}

// Backwards it is the sum of what follows; exclusive, without the element itself.
Values read_cumsum(Call& c) {
  ValueId x = c.tensor("x");
  const std::int64_t axis = axis_from_front(c.integer("axis"), c.e.rank(x));
  const bool back = c.flag("reverse");
  const auto turned_round = [&](ValueId value) {
    return back ? c.e.emit("flip", {value}, {{"dims", Integers{axis}}}) : value;
  };
  x = turned_round(x);
  ValueId sum = c.e.emit("cumsum", {x}, {{"dim", axis}});
  if (c.flag("exclusive")) {
    std::vector<Dim> pad(2 * static_cast<std::size_t>(c.e.rank(x) - axis), Dim(0));
    pad[pad.size() - 2] = Dim(1);
    pad[pad.size() - 1] = Dim(-1);
    sum = c.e.emit("pad", {sum}, {{"pad", pad}});
  }
  return {turned_round(sum)};
}

ValueId class_loss(Call& c, ValueId scores, ValueId target, ValueId weight) {
  if (c.e.dtype(target) != DType::i64) target = c.e.emit("cast", {target}, {{"dtype", DType::i64}});
  Values inputs{scores, target};
  if (weight != ValueId::none) inputs.push_back(weight);
  // No class has the least number, so that it leaves out none.
  return c.e.emit(
      "nll_loss", inputs,
      {{"reduction", c.text("reduction")},
       {"ignore_index", c.integer("ignore_index", std::numeric_limits<std::int64_t>::min())}});
}

Values read_class_loss(Call& c) {
  return {class_loss(c, c.tensor("input"), c.tensor("target"), c.optional_tensor("weight"))};
}

Values read_cross_entropy(Call& c) {
  const ValueId logs = c.e.emit("log_softmax", {c.tensor("scores")}, {{"dim", std::int64_t{1}}});
  return {class_loss(c, logs, c.tensor("labels"), c.optional_tensor("weights")), logs};
}

// A value without axes has none to go along.
std::optional<Node> write_along(const Operator& op, const Subject& s) {
  return s.rank(0) == 0 ? std::nullopt : write_renamed(op, s);
}

Values reduced(Call& c, std::string_view op, ValueId x) {
  Integers axes = c.integers("axes", Integers());
  if (axes.empty() && op == "logsumexp") {
    axes = all_axes(c.e.rank(x));
  }
  return {c.e.emit(op, {x}, {{"dim", axes}, {"keepdim", c.flag("keepdims")}})};
}

// Axes are an attribute, and an input from opset 18 on; of a sum from 13 on.
Values read_reduced(Call& c) {
  const ValueId x = c.tensor("data");
  const bool none = c.integers("axes", Integers()).empty();
  if (c.flag("noop_with_empty_axes", false) && none) return {x};
  return reduced(c, c.ours, x);
}

Values read_reduced_abs(Call& c) { return reduced(c, "sum", c.e.emit("abs", {c.tensor("data")})); }

Values read_reduced_square(Call& c) {
  return reduced(c, "sum", c.e.emit("square", {c.tensor("data")}));
}

Values read_reduced_log(Call& c) { return {c.e.emit("log", reduced(c, "sum", c.tensor("data")))}; }

Values read_reduced_norm(Call& c) { return {c.e.emit("sqrt", read_reduced_square(c))}; }

// All axes at once are those of a list; a single place among all is not said.
std::optional<Node> write_logsumexp(const Operator& op, const Subject& s) {
  return s.call.integers("dim").empty() ? std::nullopt : write_renamed(op, s);
}

constexpr OperatorRow layer_table[] = {
    {13, "Gemm(A, B, C?, alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0) -> Y",
     "linear", "", read_gemm, write_gemm},
    {13, "MatMul(A, B) -> Y", "matmul", "", read_matmul, write_renamed},
    {15,
     "BatchNormalization(X, scale, B, input_mean, input_var, epsilon: float = 1e-05, momentum: "
     "float = 0.9, training_mode: int = 0) -> (Y, running_mean, running_var)",
     "batch_norm", "", read_batch_norm, write_batch_norm},
    {21,
     "GroupNormalization(X, scale, bias, epsilon: float = 1e-05, num_groups: int, stash_type: int "
     "= 1) -> Y",
     "group_norm", "num_groups eps=epsilon"},
    {13, "Softmax(input, axis: int = -1) -> output", "softmax", "dim=axis", nullptr, write_along},
    {13, "LogSoftmax(input, axis: int = -1) -> output", "log_softmax", "dim=axis", nullptr,
     write_along},
    {13, "ReduceSum(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "sum", "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {13, "ReduceMean(data, axes: ints?, keepdims: int = 1) -> reduced", "mean",
     "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {18, "ReduceMean(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "mean", "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {13, "ReduceMax(data, axes: ints?, keepdims: int = 1) -> reduced", "amax",
     "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {18, "ReduceMax(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "amax", "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {13, "ReduceMin(data, axes: ints?, keepdims: int = 1) -> reduced", "amin",
     "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {18, "ReduceMin(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "amin", "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {13, "ReduceProd(data, axes: ints?, keepdims: int = 1) -> reduced", "prod",
     "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {18, "ReduceProd(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "prod", "dim=axes keepdim=keepdims", read_reduced, write_renamed},
    {13, "ReduceLogSumExp(data, axes: ints?, keepdims: int = 1) -> reduced", "logsumexp",
     "dim=axes keepdim=keepdims", read_reduced, write_logsumexp},
    {18,
     "ReduceLogSumExp(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "logsumexp", "dim=axes keepdim=keepdims", read_reduced, write_logsumexp},
    {13, "ReduceL1(data, axes: ints?, keepdims: int = 1) -> reduced", "", "", read_reduced_abs},
    {18, "ReduceL1(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced", "",
     "", read_reduced_abs},
    {13, "ReduceL2(data, axes: ints?, keepdims: int = 1) -> reduced", "", "", read_reduced_norm},
    {18, "ReduceL2(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced", "",
     "", read_reduced_norm},
    {13, "ReduceSumSquare(data, axes: ints?, keepdims: int = 1) -> reduced", "", "",
     read_reduced_square},
    {18,
     "ReduceSumSquare(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "", "", read_reduced_square},
    {13, "ArgMax(data, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> reduced",
     "argmax", "dim=axis keepdim=keepdims", read_place, write_renamed},
    {13, "ArgMin(data, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> reduced",
     "argmin", "dim=axis keepdim=keepdims", read_place, write_renamed},
    {14, "CumSum(x, axis, exclusive: int = 0, reverse: int = 0) -> y", "cumsum", "dim=axis",
     read_cumsum, write_along},
    {6, "InstanceNormalization(input, scale, B, epsilon: float = 1e-05) -> output", "", "",
     read_instance_norm},
    {13, "MeanVarianceNormalization(X, axes: ints?) -> Y", "", "", read_mean_variance_norm},
    {1, "LpNormalization(input, axis: int = -1, p: int = 2) -> output", "", "", read_lp_norm},
    {13, "LRN(X, alpha: float = 0.0001, beta: float = 0.75, bias: float = 1, size: int) -> Y", "",
     "", read_lrn},
    {11, "Det(X) -> Y", "det"},
    {13, "ReduceLogSum(data, axes: ints?, keepdims: int = 1) -> reduced", "", "", read_reduced_log},
    {18, "ReduceLogSum(data, axes?, keepdims: int = 1, noop_with_empty_axes: int = 0) -> reduced",
     "", "", read_reduced_log},
    {13,
     "NegativeLogLikelihoodLoss(input, target, weight?, ignore_index: int?, reduction: string = "
     "'mean') -> loss",
     "", "", read_class_loss},
    {13,
     "SoftmaxCrossEntropyLoss(scores, labels, weights?, ignore_index: int?, reduction: string = "
     "'mean') -> (output, log_prob)",
     "", "", read_cross_entropy},
};

}  // namespace

std::span<const OperatorRow> layer_rows() { return layer_table; }

}  // namespace isomer::onnx
