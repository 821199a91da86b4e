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

// --- convolution and pooling

struct Pads {
  Integers even;          // the same at begin and end
  std::vector<Dim> rest;  // what is left for a pad before, in its order; empty
                          // when there is none
};

Pads pads_of(Call& c, std::size_t axes) {
  const std::string mode = c.text("auto_pad");
  if (mode != "NOTSET" && mode != "VALID")
    c.refuse(fmt::format("auto_pad {} is not read; give pads", quoted(mode)));
  const Integers pads = c.integers("pads", Integers(2 * axes, 0));
  if (pads.size() != 2 * axes)
    c.fail(fmt::format("{} axes need {} pads, not {}", axes, 2 * axes, pads.size()));
  Pads result;
  bool uneven = false;
  for (std::size_t i = 0; i < axes; ++i) uneven = uneven || pads[i] != pads[axes + i];
  for (std::size_t i = 0; i < axes; ++i) result.even.push_back(uneven ? 0 : pads[i]);
  for (std::size_t i = axes; uneven && i-- > 0;) {
    result.rest.emplace_back(pads[i]);
    result.rest.emplace_back(pads[axes + i]);
  }
  return result;
}

ValueId padded(Emitter& e, ValueId x, const Pads& pads, double value) {
  return pads.rest.empty() ? x : e.emit("pad", {x}, {{"pad", pads.rest}, {"value", value}});
}

std::size_t spatial_axes(const Call& c, ValueId x) {
  if (c.e.rank(x) < 3) c.fail("the input needs a batch axis, a channel axis and one more");
  return static_cast<std::size_t>(c.e.rank(x)) - 2;
}

Attributes convolution_settings(Call& c, std::size_t axes, const Integers& padding) {
  Shape kernel = c.e.shape(c.tensor("W"));
  if (kernel.size() == axes + 2 && c.given("kernel_shape") &&
      c.dims("kernel_shape") != Shape(kernel.begin() + 2, kernel.end())) {
    c.fail("kernel_shape is not that of W");
  }
  return {{"stride", c.integers("strides", Integers(axes, 1))},
          {"padding", padding},
          {"dilation", c.integers("dilations", Integers(axes, 1))},
          {"groups", c.integer("group")}};
}

Values read_conv(Call& c) {
  Values inputs = c.inputs();
  const std::size_t axes = spatial_axes(c, inputs[0]);
  const Pads pads = pads_of(c, axes);
  inputs[0] = padded(c.e, inputs[0], pads, 0);
  return {c.e.emit("convolution", inputs, convolution_settings(c, axes, pads.even))};
}

Values read_conv_transpose(Call& c) {
  const Values inputs = c.inputs();
  const std::size_t axes = spatial_axes(c, inputs[0]);
  const Pads pads = pads_of(c, axes);
  if (!pads.rest.empty()) c.refuse("pads that differ at begin and end are not read");
  Attributes settings = convolution_settings(c, axes, pads.even);
  settings.push_back({"transposed", true});
  settings.push_back({"output_padding", c.integers("output_padding", Integers(axes, 0))});
  return {c.e.emit("convolution", inputs, settings)};
}

Integers per_axis(const Integers& list, std::size_t axes) {
  return list.size() == axes ? list : Integers(axes, list.empty() ? 0 : list[0]);
}

Integers twice(Integers list) {
  const Integers again = list;
  list.insert(list.end(), again.begin(), again.end());
  return list;
}

std::optional<Node> write_conv(const Operator& op, const Subject& s) {
  const bool transposed = s.call.flag("transposed");
  if (transposed != (op.name() == "ConvTranspose")) return std::nullopt;
  const auto axes = static_cast<std::size_t>(s.rank(0)) - 2;
  const Shape& weight = s.call.types[1].shape;
  const auto kernel = known_shape(Shape(weight.begin() + 2, weight.end()));
  if (!kernel) return std::nullopt;
  const auto list = [&](std::string_view name) { return per_axis(s.call.integers(name), axes); };
  Node node{op.name(),
            operands(s),
            {{"kernel_shape", *kernel},
             {"strides", list("stride")},
             {"pads", twice(list("padding"))},
             {"dilations", list("dilation")},
             {"group", s.call.integer("groups")}}};
  if (transposed) node.attributes.push_back({"output_padding", list("output_padding")});
  return node;
}

void need_two_axes(const Call& c, std::size_t axes) {
  if (axes != 2) c.refuse(fmt::format("pooling is read for 2 axes, not {}", axes));
}

/// Positions in a padded plane as positions in the plane itself.
ValueId without_pads(Emitter& e, ValueId index, const Shape& plane, const Shape& padded,
                     const Integers& pads) {
  const auto length = [&](const Dim& value) { return e.emit("length", {}, {{"value", value}}); };
  const ValueId width = length(padded[3]);
  const ValueId row = e.emit("sub", {e.emit("floor_divide", {index, width}), length(Dim(pads[0]))});
  const ValueId column = e.emit("sub", {e.emit("remainder", {index, width}), length(Dim(pads[1]))});
  return e.emit("add", {e.emit("mul", {row, length(plane[3])}), column});
}

Values read_max_pool(Call& c) {
  const ValueId x = c.tensor("X");
  const std::size_t axes = spatial_axes(c, x);
  need_two_axes(c, axes);
  const Pads pads = pads_of(c, axes);
  const ValueId source = padded(c.e, x, pads, -std::numeric_limits<double>::infinity());
  Values result = c.e.emit_all("max_pool2d", {source},
                               {{"kernel_size", c.integers("kernel_shape")},
                                {"stride", c.integers("strides", Integers(axes, 1))},
                                {"padding", pads.even},
                                {"dilation", c.integers("dilations", Integers(axes, 1))},
                                {"ceil_mode", c.flag("ceil_mode")}});
  const Shape shape = c.e.shape(x);
  if (!pads.rest.empty())
    result[1] = without_pads(c.e, result[1], shape, c.e.shape(source), c.integers("pads"));
  // ONNX counts through the whole tensor, we within each plane.
  const ValueId plane = c.e.emit("arange", {}, {{"end", shape[0] * shape[1]}});
  const ValueId size = c.e.emit("length", {}, {{"value", shape[2] * shape[3]}});
  const ValueId offset = c.e.emit("reshape", {c.e.emit("mul", {plane, size})},
                                  {{"shape", Shape{shape[0], shape[1], Dim(1), Dim(1)}}});
  result[1] = c.e.emit("add", {result[1], offset});
  return result;
}

Values read_average_pool(Call& c) {
  const ValueId x = c.tensor("X");
  const std::size_t axes = spatial_axes(c, x);
  need_two_axes(c, axes);
  const Pads pads = pads_of(c, axes);
  const bool counts = c.flag("count_include_pad");
  if (!pads.rest.empty() && !counts)
    c.refuse("pads that differ at begin and end are read with count_include_pad 1 only");
  if (c.integers("dilations", Integers(axes, 1)) != Integers(axes, 1))
    c.refuse("dilations of an average are not read");
  return {c.e.emit("avg_pool2d", {padded(c.e, x, pads, 0)},
                   {{"kernel_size", c.integers("kernel_shape")},
                    {"stride", c.integers("strides", Integers(axes, 1))},
                    {"padding", pads.even},
                    {"ceil_mode", c.flag("ceil_mode")},
                    {"count_include_pad", counts}})};
}

/// Windows of a pooling. With ceil_mode, a last window that sticks out needs padding at the end;
/// ONNX's programs and PyTorch differ in which windows they count, so the padding is written out.
struct Windows {
  Integers kernel, stride, dilation, pads;
  bool sticks_out = false;

  Attributes attributes() const {
    return {{"kernel_shape", kernel}, {"strides", stride}, {"pads", pads}};
  }
};

std::optional<Windows> windows_of(const Subject& s, const Integers& dilation) {
  if (s.rank(0) != 4) return std::nullopt;
  Windows w;
  w.kernel = per_axis(s.call.integers("kernel_size"), 2);
  const Integers& stride = s.call.integers("stride");
  w.stride = stride.empty() ? w.kernel : per_axis(stride, 2);
  w.dilation = dilation;
  const Integers padding = per_axis(s.call.integers("padding"), 2);
  w.pads = twice(padding);
  if (!s.call.flag("ceil_mode")) return w;
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim& from = s.call.types[0].shape[2 + i];
    const Dim& to = s.outputs[0].shape[2 + i];
    if (!from.known() || !to.known()) return std::nullopt;
    const std::int64_t needed =
        (to.value() - 1) * w.stride[i] + w.dilation[i] * (w.kernel[i] - 1) + 1;
    const std::int64_t more = needed - from.value() - 2 * padding[i];
    if (more <= 0) continue;
    w.pads[2 + i] += more;
    w.sticks_out = true;
  }
  return w;
}

std::optional<Node> write_max_pool(const Operator& op, const Subject& s) {
  const auto windows = windows_of(s, per_axis(s.call.integers("dilation"), 2));
  if (!windows || !is_floating(s.call.types[0].dtype)) return std::nullopt;
  for (std::size_t i = 0; i < 4; ++i) {
    if (windows->pads[i] >= windows->kernel[i % 2]) return std::nullopt;
  }
  Node node{op.name(), {{s.call.inputs[0]}}, windows->attributes()};
  node.attributes.push_back({"dilations", windows->dilation});
  return node;
}

std::optional<Node> write_average_pool(const Operator& op, const Subject& s) {
  const auto windows = windows_of(s, {1, 1});
  if (!windows || windows->sticks_out || s.call.given("divisor_override")) return std::nullopt;
  Node node{op.name(), {{s.call.inputs[0]}}, windows->attributes()};
  node.attributes.push_back({"count_include_pad", std::int64_t{s.call.flag("count_include_pad")}});
  return node;
}

Values read_global(Call& c, std::string_view op) {
  const ValueId x = c.tensor("X");
  Integers axes(spatial_axes(c, x));
  std::iota(axes.begin(), axes.end(), 2);
  return {c.e.emit(op, {x}, {{"dim", axes}, {"keepdim", true}})};
}

Values read_global_average(Call& c) { return read_global(c, "mean"); }
Values read_global_max(Call& c) { return read_global(c, "amax"); }

std::optional<Node> write_global_average(const Operator& op, const Subject& s) {
  const Integers& size = s.call.integers("output_size");
  const bool one = std::ranges::all_of(size, [](std::int64_t length) { return length == 1; });
  if (s.rank(0) != 4 || !one) return std::nullopt;
  return Node{op.name(), {{s.call.inputs[0]}}, {}};
}

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

Values read_reduced_norm(Call& c) { return {c.e.emit("sqrt", read_reduced_square(c))}; }

// All axes at once are those of a list; a single place among all is not said.
std::optional<Node> write_logsumexp(const Operator& op, const Subject& s) {
  return s.call.integers("dim").empty() ? std::nullopt : write_renamed(op, s);
}

constexpr OperatorRow rows[] = {
    {13, "Gemm(A, B, C?, alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0) -> Y",
     "linear", "", read_gemm, write_gemm},
    {13, "MatMul(A, B) -> Y", "matmul", "", read_matmul, write_renamed},
    {11,
     "Conv(X, W, B?, auto_pad: string = 'NOTSET', dilations: ints?, group: int = 1, kernel_shape: "
     "ints?, pads: ints?, strides: ints?) -> Y",
     "convolution", "", read_conv, write_conv},
    {11,
     "ConvTranspose(X, W, B?, auto_pad: string = 'NOTSET', dilations: ints?, group: int = 1, "
     "kernel_shape: ints?, output_padding: ints?, output_shape: ints?, pads: ints?, strides: "
     "ints?) -> Y",
     "convolution", "", read_conv_transpose, write_conv},
    {12,
     "MaxPool(X, auto_pad: string = 'NOTSET', ceil_mode: int = 0, dilations: ints?, kernel_shape: "
     "ints, pads: ints?, storage_order: int = 0, strides: ints?) -> (Y, Indices)",
     "max_pool2d", "", read_max_pool, write_max_pool},
    {11,
     "AveragePool(X, auto_pad: string = 'NOTSET', ceil_mode: int = 0, count_include_pad: int = 0, "
     "kernel_shape: ints, pads: ints?, strides: ints?) -> Y",
     "avg_pool2d", "", read_average_pool, write_average_pool},
    {19,
     "AveragePool(X, auto_pad: string = 'NOTSET', ceil_mode: int = 0, count_include_pad: int = 0, "
     "dilations: ints?, kernel_shape: ints, pads: ints?, strides: ints?) -> Y",
     "avg_pool2d", "", read_average_pool, write_average_pool},
    {1, "GlobalAveragePool(X) -> Y", "adaptive_avg_pool2d", "", read_global_average,
     write_global_average},
    {1, "GlobalMaxPool(X) -> Y", "", "", read_global_max},
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
     "argmax", "dim=axis keepdim=keepdims"},
    {13, "ArgMin(data, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> reduced",
     "argmin", "dim=axis keepdim=keepdims"},
    {14, "CumSum(x, axis, exclusive: int = 0, reverse: int = 0) -> y", "cumsum", "dim=axis"},
};

}  // namespace

std::span<const OperatorRow> layer_rows() { return rows; }

}  // namespace isomer::onnx
