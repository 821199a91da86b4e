#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::onnx {
namespace {

using Values = std::vector<ValueId>;
using Integers = std::vector<std::int64_t>;

// --- matrices ------------------------------------------------------------------------------------

ValueId turned(Emitter& e, ValueId x) { return e.emit("permute", {x}, {{"dims", Integers{1, 0}}}); }

ValueId scaled(Emitter& e, ValueId x, double factor) {
  return factor == 1 ? x : e.emit("mul", {x, number(e, x, factor)});
}

Values emit_gemm(Emitter& e, const OnnxCall& call) {
  ValueId a = call.inputs[0];
  const ValueId b = call.inputs[1];
  if (e.rank(a) != 2 || e.rank(b) != 2)
    throw Error(Fault::model, "", "A and B are matrices with two axes");
  if (call.integer("transA", 0) != 0) a = turned(e, a);
  const bool plain = call.integer("transB", 0) != 0 && call.real("alpha", 1) == 1 &&
                     call.real("beta", 1) == 1 && (!call.has(2) || e.rank(call.inputs[2]) == 1);
  if (plain && (!call.has(2) || e.shape(call.inputs[2]) == Shape{e.shape(b)[0]})) {
    Values inputs{a, b};
    if (call.has(2)) inputs.push_back(call.inputs[2]);
    return {e.emit("linear", inputs)};
  }
  const ValueId product = e.emit("matmul", {a, call.integer("transB", 0) != 0 ? turned(e, b) : b});
  const ValueId left = scaled(e, product, call.real("alpha", 1));
  if (!call.has(2)) return {left};
  return {e.emit("add", {left, scaled(e, call.inputs[2], call.real("beta", 1))})};
}

// One axis is widened to a row on the left, a column on the right, and dropped again.
Values emit_matmul(Emitter& e, const OnnxCall& call) {
  const auto widened = [&](ValueId x, bool row) {
    const Shape& shape = e.shape(x);
    if (shape.size() != 1) return x;
    return e.emit("reshape", {x},
                  {{"shape", row ? Shape{Dim(1), shape[0]} : Shape{shape[0], Dim(1)}}});
  };
  const bool row = e.rank(call.inputs[0]) == 1;
  const bool column = e.rank(call.inputs[1]) == 1;
  const ValueId product =
      e.emit("matmul", {widened(call.inputs[0], true), widened(call.inputs[1], false)});
  if (!row && !column) return {product};
  Shape shape = e.shape(product);
  if (column) shape.pop_back();
  if (row) shape.erase(shape.end() - (column ? 1 : 2));
  return {e.emit("reshape", {product}, {{"shape", shape}})};
}

// --- convolution and pooling
// -----------------------------------------------------------------------

void refuse_auto_pad(const OnnxCall& call) {
  if (!call.given("auto_pad")) return;
  const auto& mode = get<std::string>(call.attributes, "auto_pad");
  if (mode != "NOTSET" && mode != "VALID") {
    throw Error(Fault::unsupported, "",
                fmt::format("auto_pad {} is not read; give pads", quoted(mode)));
  }
}

struct Pads {
  Integers even;          // the same at begin and end
  std::vector<Dim> rest;  // what is left for a pad before, in its order; empty when there is none
};

Pads pads_of(const OnnxCall& call, std::size_t axes) {
  const Integers pads = call.integers("pads", Integers(2 * axes, 0));
  if (pads.size() != 2 * axes) {
    throw Error(Fault::model, "",
                fmt::format("{} axes need {} pads, not {}", axes, 2 * axes, pads.size()));
  }
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

std::size_t spatial_axes(const Emitter& e, ValueId x) {
  if (e.rank(x) < 3)
    throw Error(Fault::model, "", "the input needs a batch axis, a channel axis and one more");
  return static_cast<std::size_t>(e.rank(x)) - 2;
}

Attributes convolution_settings(const OnnxCall& call, std::size_t axes, const Integers& padding) {
  return {{"stride", call.integers("strides", Integers(axes, 1))},
          {"padding", padding},
          {"dilation", call.integers("dilations", Integers(axes, 1))},
          {"groups", call.integer("group", 1)}};
}

Values emit_conv(Emitter& e, const OnnxCall& call) {
  refuse_auto_pad(call);
  const std::size_t axes = spatial_axes(e, call.inputs[0]);
  const Pads pads = pads_of(call, axes);
  Values inputs = call.inputs;
  inputs[0] = padded(e, inputs[0], pads, 0);
  return {e.emit("convolution", inputs, convolution_settings(call, axes, pads.even))};
}

Values emit_conv_transpose(Emitter& e, const OnnxCall& call) {
  refuse_auto_pad(call);
  const std::size_t axes = spatial_axes(e, call.inputs[0]);
  const Pads pads = pads_of(call, axes);
  if (!pads.rest.empty() || call.given("output_shape")) {
    throw Error(Fault::unsupported, "",
                "output_shape and pads that differ at begin and end are not read");
  }
  Attributes settings = convolution_settings(call, axes, pads.even);
  settings.push_back({"transposed", true});
  settings.push_back({"output_padding", call.integers("output_padding", Integers(axes, 0))});
  return {e.emit("convolution", call.inputs, settings)};
}

void need_two_axes(std::size_t axes) {
  if (axes != 2)
    throw Error(Fault::unsupported, "", fmt::format("pooling is read for 2 axes, not {}", axes));
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

Values emit_max_pool(Emitter& e, const OnnxCall& call) {
  refuse_auto_pad(call);
  const ValueId x = call.inputs[0];
  const std::size_t axes = spatial_axes(e, x);
  need_two_axes(axes);
  const Pads pads = pads_of(call, axes);
  const ValueId source = padded(e, x, pads, -std::numeric_limits<double>::infinity());
  Values result = e.emit_all("max_pool2d", {source},
                             {{"kernel_size", call.integers("kernel_shape", {})},
                              {"stride", call.integers("strides", Integers(axes, 1))},
                              {"padding", pads.even},
                              {"dilation", call.integers("dilations", Integers(axes, 1))},
                              {"ceil_mode", call.integer("ceil_mode", 0) != 0}});
  const Shape shape = e.shape(x);
  if (!pads.rest.empty()) {
    result[1] = without_pads(e, result[1], shape, e.shape(source), call.integers("pads", {}));
  }
  // ONNX counts through the whole tensor, we within each plane.
  const ValueId plane = e.emit("arange", {}, {{"end", shape[0] * shape[1]}});
  const ValueId size = e.emit("length", {}, {{"value", shape[2] * shape[3]}});
  const ValueId offset = e.emit("reshape", {e.emit("mul", {plane, size})},
                                {{"shape", Shape{shape[0], shape[1], Dim(1), Dim(1)}}});
  result[1] = e.emit("add", {result[1], offset});
  return result;
}

Values emit_average_pool(Emitter& e, const OnnxCall& call) {
  refuse_auto_pad(call);
  const std::size_t axes = spatial_axes(e, call.inputs[0]);
  need_two_axes(axes);
  const Pads pads = pads_of(call, axes);
  const bool counts = call.integer("count_include_pad", 0) != 0;
  if (!pads.rest.empty() && !counts) {
    throw Error(Fault::unsupported, "",
                "pads that differ at begin and end are read with count_include_pad 1 only");
  }
  return {e.emit("avg_pool2d", {padded(e, call.inputs[0], pads, 0)},
                 {{"kernel_size", call.integers("kernel_shape", {})},
                  {"stride", call.integers("strides", Integers(axes, 1))},
                  {"padding", pads.even},
                  {"ceil_mode", call.integer("ceil_mode", 0) != 0},
                  {"count_include_pad", counts}})};
}

Values emit_global_pool(Emitter& e, const OnnxCall& call, std::string_view op) {
  Integers axes(spatial_axes(e, call.inputs[0]));
  std::iota(axes.begin(), axes.end(), 2);
  return {e.emit(op, call.inputs, {{"dim", axes}, {"keepdim", true}})};
}

Values emit_global_average(Emitter& e, const OnnxCall& call) {
  return emit_global_pool(e, call, "mean");
}
Values emit_global_max(Emitter& e, const OnnxCall& call) {
  return emit_global_pool(e, call, "amax");
}

// --- normalisation and reductions
// ------------------------------------------------------------------

Values emit_batch_norm(Emitter& e, const OnnxCall& call) {
  if (call.integer("training_mode", 0) != 0) {
    throw Error(Fault::unsupported, "",
                "training_mode 1 changes the running statistics and is not read");
  }
  return {e.emit("batch_norm", call.inputs, {{"eps", call.real("epsilon", 1e-5)}})};
}

Values emit_softmax(Emitter& e, const OnnxCall& call) {
  return {e.emit("softmax", call.inputs, {{"dim", call.integer("axis", -1)}})};
}

Values emit_log_softmax(Emitter& e, const OnnxCall& call) {
  return {e.emit("log_softmax", call.inputs, {{"dim", call.integer("axis", -1)}})};
}

Values reduced(Emitter& e, std::string_view op, ValueId x, const Integers& axes,
               const OnnxCall& call) {
  return {e.emit(op, {x}, {{"dim", axes}, {"keepdim", call.integer("keepdims", 1) != 0}})};
}

// Only the sum takes its axes as an input in this opset.
Values emit_reduce_sum(Emitter& e, const OnnxCall& call) {
  Integers axes;
  if (call.has(1)) axes = known_integers(e, call.inputs[1], "the axes");
  if (axes.empty() && call.integer("noop_with_empty_axes", 0) != 0) return {call.inputs[0]};
  return reduced(e, "sum", call.inputs[0], axes, call);
}

Values reduced(Emitter& e, std::string_view op, const OnnxCall& call) {
  return reduced(e, op, call.inputs[0], call.integers("axes", {}), call);
}

Values emit_reduce_mean(Emitter& e, const OnnxCall& call) { return reduced(e, "mean", call); }
Values emit_reduce_max(Emitter& e, const OnnxCall& call) { return reduced(e, "amax", call); }
Values emit_reduce_min(Emitter& e, const OnnxCall& call) { return reduced(e, "amin", call); }
Values emit_reduce_prod(Emitter& e, const OnnxCall& call) { return reduced(e, "prod", call); }

Values emit_reduce_log_sum_exp(Emitter& e, const OnnxCall& call) {
  Integers axes = call.integers("axes", {});
  if (axes.empty()) {
    axes.resize(e.shape(call.inputs[0]).size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  return reduced(e, "logsumexp", call.inputs[0], axes, call);
}

Values emit_reduce_l1(Emitter& e, const OnnxCall& call) {
  return reduced(e, "sum", e.emit("abs", {call.inputs[0]}), call.integers("axes", {}), call);
}

Values emit_reduce_sum_square(Emitter& e, const OnnxCall& call) {
  return reduced(e, "sum", e.emit("square", {call.inputs[0]}), call.integers("axes", {}), call);
}

Values emit_reduce_l2(Emitter& e, const OnnxCall& call) {
  return {e.emit("sqrt", emit_reduce_sum_square(e, call))};
}

Values position(Emitter& e, std::string_view op, const OnnxCall& call) {
  if (call.integer("select_last_index", 0) != 0) {
    throw Error(Fault::unsupported, "", "select_last_index 1 is not read");
  }
  return {
      e.emit(op, call.inputs,
             {{"dim", call.integer("axis", 0)}, {"keepdim", call.integer("keepdims", 1) != 0}})};
}

Values emit_arg_max(Emitter& e, const OnnxCall& call) { return position(e, "argmax", call); }
Values emit_arg_min(Emitter& e, const OnnxCall& call) { return position(e, "argmin", call); }

Values emit_cumsum(Emitter& e, const OnnxCall& call) {
  if (call.integer("exclusive", 0) != 0 || call.integer("reverse", 0) != 0) {
    throw Error(Fault::unsupported, "", "exclusive and reverse sums are not read");
  }
  return {e.emit("cumsum", {call.inputs[0]},
                 {{"dim", known_integers(e, call.inputs[1], "the axis").at(0)}})};
}

constexpr std::string_view conv_settings =
    "auto_pad:text dilations:ints group:int kernel_shape:ints pads:ints strides:ints";
constexpr std::string_view transposed_settings =
    "auto_pad:text dilations:ints group:int kernel_shape:ints output_padding:ints "
    "output_shape:ints pads:ints "
    "strides:ints";
constexpr std::string_view max_pool_settings =
    "auto_pad:text ceil_mode:int dilations:ints kernel_shape:ints! pads:ints storage_order:int "
    "strides:ints";
constexpr std::string_view average_pool_settings =
    "auto_pad:text ceil_mode:int count_include_pad:int kernel_shape:ints! pads:ints strides:ints";

constexpr OnnxOperator rows[] = {
    {"Gemm", "A B C?", "alpha:float beta:float transA:int transB:int", emit_gemm},
    {"MatMul", "A B", "", emit_matmul},
    {"Conv", "X W B?", conv_settings, emit_conv},
    {"ConvTranspose", "X W B?", transposed_settings, emit_conv_transpose},
    {"MaxPool", "X", max_pool_settings, emit_max_pool, "", true},
    {"AveragePool", "X", average_pool_settings, emit_average_pool},
    {"GlobalAveragePool", "X", "", emit_global_average},
    {"GlobalMaxPool", "X", "", emit_global_max},
    {"BatchNormalization", "X scale B input_mean input_var",
     "epsilon:float momentum:float training_mode:int!", emit_batch_norm, "", true},
    {"Softmax", "input", "axis:int", emit_softmax},
    {"LogSoftmax", "input", "axis:int", emit_log_softmax},
    {"ReduceSum", "data axes?", "keepdims:int noop_with_empty_axes:int", emit_reduce_sum},
    {"ReduceMean", "data", "axes:ints keepdims:int", emit_reduce_mean},
    {"ReduceMax", "data", "axes:ints keepdims:int", emit_reduce_max},
    {"ReduceMin", "data", "axes:ints keepdims:int", emit_reduce_min},
    {"ReduceProd", "data", "axes:ints keepdims:int", emit_reduce_prod},
    {"ReduceLogSumExp", "data", "axes:ints keepdims:int", emit_reduce_log_sum_exp},
    {"ReduceL1", "data", "axes:ints keepdims:int", emit_reduce_l1},
    {"ReduceL2", "data", "axes:ints keepdims:int", emit_reduce_l2},
    {"ReduceSumSquare", "data", "axes:ints keepdims:int", emit_reduce_sum_square},
    {"ArgMax", "data", "axis:int keepdims:int select_last_index:int", emit_arg_max},
    {"ArgMin", "data", "axis:int keepdims:int select_last_index:int", emit_arg_min},
    {"CumSum", "x axis", "exclusive:int reverse:int", emit_cumsum},
};

}  // namespace

std::span<const OnnxOperator> onnx_layers() { return rows; }

}  // namespace isomer::onnx
