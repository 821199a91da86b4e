#include <algorithm>
#include <limits>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

// Integers that stand for real numbers: x = (q - zero point) * scale.

namespace isomer::onnx {
namespace {

ValueId cast(Emitter& e, ValueId x, DType dtype) {
  return e.dtype(x) == dtype ? x : e.emit("cast", {x}, {{"dtype", dtype}});
}

/// A scale or a zero point beside `like`: one number, or one for each place of an axis.
ValueId beside(Emitter& e, ValueId x, ValueId like, std::int64_t axis) {
  if (e.rank(x) == 0 || e.shape(x) == Shape{Dim(1)}) return reshape_to(e, x, {});
  Shape shape(e.shape(like).size(), Dim(1));
  shape[static_cast<std::size_t>(axis_from_front(axis, e.rank(like)))] = e.shape(x)[0];
  return reshape_to(e, x, shape);
}

/// The integers as doubles, which are exact, counted from their zero point.
ValueId from_zero(Emitter& e, ValueId q, ValueId zero, std::int64_t axis) {
  const ValueId whole = cast(e, q, DType::f64);
  if (zero == ValueId::none) return whole;
  return e.emit("sub", {whole, cast(e, beside(e, zero, q, axis), DType::f64)});
}

/// Rounded and moved to the zero point, as far as bytes go.
ValueId saturated(Emitter& e, ValueId x, ValueId zero, std::int64_t axis) {
  const bool has_sign = zero != ValueId::none && e.dtype(zero) == DType::i8;
  ValueId whole = e.emit("round", {x});
  if (zero != ValueId::none)
    whole = e.emit("add", {whole, cast(e, beside(e, zero, x, axis), e.dtype(x))});
  const ValueId fitted = e.emit(
      "clamp", {whole}, {{"min", has_sign ? -128.0 : 0.0}, {"max", has_sign ? 127.0 : 255.0}});
  return cast(e, fitted, has_sign ? DType::i8 : DType::u8);
}

Values read_quantize(Call& c) {
  const ValueId x = c.tensor("x");
  const ValueId zero = c.optional_tensor("y_zero_point");
  if (zero != ValueId::none && size_of(c.e.dtype(zero)) != 1)
    c.fail(fmt::format("y_zero_point is of type i8 or u8, not {}", name_of(c.e.dtype(zero))));
  const std::int64_t axis = c.integer("axis");
  const ValueId scaled = c.e.emit("div", {x, beside(c.e, c.tensor("y_scale"), x, axis)});
  return {saturated(c.e, scaled, zero, axis)};
}

Values read_dequantize(Call& c) {
  const ValueId q = c.tensor("x");
  const ValueId scale = c.tensor("x_scale");
  const std::int64_t axis = c.integer("axis");
  const ValueId whole = from_zero(c.e, q, c.optional_tensor("x_zero_point"), axis);
  return {c.e.emit("mul", {cast(c.e, whole, c.e.dtype(scale)), beside(c.e, scale, q, axis)})};
}

// The range of all elements and 0, over 255 steps.
Values read_dynamic_quantize(Call& c) {
  const ValueId x = c.tensor("x");
  const ValueId zero = number(c.e, x, 0);
  const ValueId high = c.e.emit("maximum", {c.e.emit("amax", {x}), zero});
  const ValueId low = c.e.emit("minimum", {c.e.emit("amin", {x}), zero});
  const ValueId width = c.e.emit("sub", {high, low});
  const ValueId none = c.e.emit("eq", {width, zero});
  const ValueId scale =
      c.e.emit("where", {none, number(c.e, x, 1), c.e.emit("div", {width, number(c.e, x, 255)})});
  const ValueId back = c.e.emit("div", {c.e.emit("neg", {low}), scale});
  const ValueId point = saturated(c.e, back, ValueId::none, 0);
  return {saturated(c.e, c.e.emit("div", {x, scale}), point, 0), scale, point};
}

Values read_matmul_integer(Call& c) {
  const ValueId a = c.tensor("A");
  const ValueId b = c.tensor("B");
  const ValueId left = from_zero(c.e, a, c.optional_tensor("a_zero_point"), -2);
  const ValueId right = from_zero(c.e, b, c.optional_tensor("b_zero_point"), -1);
  return {cast(c.e, matrix_product(c.e, left, right), DType::i32)};
}

Values read_conv_integer(Call& c) {
  const ValueId x = from_zero(c.e, c.tensor("x"), c.optional_tensor("x_zero_point"), 1);
  const ValueId w = from_zero(c.e, c.tensor("w"), c.optional_tensor("w_zero_point"), 0);
  return {cast(c.e, convolved(c, x, w, ValueId::none), DType::i32)};
}

/// What a product of integers becomes: its scales are those of both factors and of the result.
/// Those of the first factor stand along `x_axis`.
ValueId rescaled(Call& c, ValueId product, std::string_view x, std::string_view w,
                 std::int64_t x_axis, std::int64_t axis) {
  const auto placed = [&](std::string_view name, std::int64_t along) {
    return beside(c.e, c.tensor(name), product, along);
  };
  const ValueId both = c.e.emit("mul", {placed(x, x_axis), placed(w, axis)});
  const ValueId factor = c.e.emit("div", {both, placed("y_scale", axis)});
  const ValueId scaled = c.e.emit("mul", {cast(c.e, product, c.e.dtype(factor)), factor});
  return saturated(c.e, scaled, c.tensor("y_zero_point"), axis);
}

Values read_qlinear_matmul(Call& c) {
  const ValueId left = from_zero(c.e, c.tensor("a"), c.tensor("a_zero_point"), -2);
  const ValueId right = from_zero(c.e, c.tensor("b"), c.tensor("b_zero_point"), -1);
  return {rescaled(c, matrix_product(c.e, left, right), "a_scale", "b_scale", -2, -1)};
}

Values read_qlinear_conv(Call& c) {
  const ValueId x = from_zero(c.e, c.tensor("x"), c.tensor("x_zero_point"), 1);
  const ValueId w = from_zero(c.e, c.tensor("w"), c.tensor("w_zero_point"), 0);
  const ValueId bias = c.optional_tensor("B");
  const ValueId y = convolved(c, x, w, bias == ValueId::none ? bias : cast(c.e, bias, DType::f64));
  return {rescaled(c, y, "x_scale", "w_scale", 1, 1)};
}

constexpr OperatorRow quantized_table[] = {
    {13, "QuantizeLinear(x, y_scale, y_zero_point?, axis: int = 1) -> y", "", "", read_quantize},
    {19, "QuantizeLinear(x, y_scale, y_zero_point?, axis: int = 1, saturate: int = 1) -> y", "", "",
     read_quantize},
    {21,
     "QuantizeLinear(x, y_scale, y_zero_point?, axis: int = 1, block_size: int = 0, output_dtype: "
     "int = 0, saturate: int = 1) -> y",
     "", "", read_quantize},
    {23,
     "QuantizeLinear(x, y_scale, y_zero_point?, axis: int = 1, block_size: int = 0, output_dtype: "
     "int = 0, precision: int = 0, saturate: int = 1) -> y",
     "", "", read_quantize},
    {13, "DequantizeLinear(x, x_scale, x_zero_point?, axis: int = 1) -> y", "", "",
     read_dequantize},
    {21, "DequantizeLinear(x, x_scale, x_zero_point?, axis: int = 1, block_size: int = 0) -> y", "",
     "", read_dequantize},
    {23,
     "DequantizeLinear(x, x_scale, x_zero_point?, axis: int = 1, block_size: int = 0, "
     "output_dtype: "
     "int = 0) -> y",
     "", "", read_dequantize},
    {11, "DynamicQuantizeLinear(x) -> (y, y_scale, y_zero_point)", "", "", read_dynamic_quantize},
    {10, "MatMulInteger(A, B, a_zero_point?, b_zero_point?) -> Y", "", "", read_matmul_integer},
    {10,
     "ConvInteger(x, w, x_zero_point?, w_zero_point?, auto_pad: string = 'NOTSET', dilations: "
     "ints?, group: int = 1, kernel_shape: ints?, pads: ints?, strides: ints?) -> y",
     "", "", read_conv_integer},
    {10,
     "QLinearMatMul(a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point) -> "
     "y",
     "", "", read_qlinear_matmul},
    {10,
     "QLinearConv(x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B?, "
     "auto_pad: string = 'NOTSET', dilations: ints?, group: int = 1, kernel_shape: ints?, pads: "
     "ints?, strides: ints?) -> y",
     "", "", read_qlinear_conv},
};

}  // namespace

std::span<const OperatorRow> quantized_rows() { return quantized_table; }

}  // namespace isomer::onnx
