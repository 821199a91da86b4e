#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "systems/mdf/spelling.h"
#include "vocabularies/composites.h"

namespace isomer::mdf {
namespace {

using Integers = std::vector<std::int64_t>;

// A value without axes must not come out of ONNX with one, and 0 would keep a length.
Lowered reshaped(const Operation& op, const Shape& shape) {
  if (has_zero(shape) || shape.empty())
    return expression(fmt::format("numpy.reshape({},{})", op.id(0), op.tuple(shape)));
  return in_onnx({"reshape", op.attributes, op.inputs, op.outputs, op.length_text});
}

Lowered lower_reshape(const Operation& op) { return reshaped(op, op.get<Shape>("shape")); }
Lowered lower_flatten(const Operation& op) { return reshaped(op, op.outputs[0].shape); }

Lowered lower_expand(const Operation& op) {
  const Shape& shape = op.get<Shape>("shape");
  if (!has_zero(shape) && !shape.empty()) return in_onnx(op);
  return filled("numpy.broadcast_to({0},{shape})", op);
}

bool has_empty_operand(const Operation& op) {
  return std::ranges::any_of(
      op.inputs, [](const auto& operand) { return operand && has_zero(operand->type.shape); });
}

// Every operand has a port of its own, in order; the writer sees to that.
Lowered lower_cat(const Operation& op) {
  // The reference cannot hand an empty array to ONNX.
  if (has_empty_operand(op)) {
    return filled("numpy.concatenate({all},axis={dim})", op);
  }
  return in_onnx(op);
}

Lowered lower_pad(const Operation& op) {
  if (op.type(0).dtype == DType::boolean || !has_empty_operand(op)) return in_onnx(op);
  // Nothing is left of an empty array but the shape it gets.
  return expression(fmt::format("numpy.full({},{})", op.tuple(op.outputs[0].shape),
                                number_text(op.get<double>("value"))));
}

Lowered lower_unsqueeze(const Operation& op) {
  if (op.rank(0) > 0) return in_onnx(op);
  return expression(fmt::format("numpy.reshape({},(1,))", op.id(0)));
}

Lowered lower_squeeze(const Operation& op) {
  if (!op.outputs[0].shape.empty()) {
    if (Lowered lowered = in_onnx(op)) return lowered;
  }
  return reshaped(op, op.outputs[0].shape);
}

// Without square brackets: the format's check of names does not take them inside a call.
Lowered lower_split(const Operation& op) {
  const Shape& sizes = op.get<Shape>("sizes");
  std::string places;
  Dim end(0);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    end = end + sizes[i];
    places += op.text(end) + ",";
  }
  Lowering lowering;
  lowering.parameters.emplace_back(
      "parts", parameter_of({fmt::format("numpy.split({},({}),axis={})", op.id(0), places,
                                         op.integer("dim"))}));
  for (std::size_t i = 0; i < sizes.size(); ++i)
    lowering.outputs.push_back(fmt::format("parts[{}]", i));
  return lowering;
}

// --- indexing and making

// A matrix that says which index goes where, times what is added. There is no
// function that adds in place.
Lowered lower_index_add(const Operation& op) {
  const std::int64_t axis = axis_from_front(op.integer("dim"), op.rank(0));
  if (op.rank(0) == 0 || op.rank(1) != 1) return std::nullopt;
  const std::string text = fmt::format(
      "{0}+numpy.moveaxis(numpy.tensordot((numpy.expand_dims(numpy.arange(numpy.size({0},{3})),1)=="
      "{1})*1,{2},(1,{3})),0,{3})",
      op.id(0), op.id(1), op.id(2), axis);
  return expression(text);
}

Lowered lower_scatter_add(const Operation& op) {
  const std::int64_t axis = axis_from_front(op.integer("dim"), op.rank(0));
  const Shape& index = op.type(1).shape;
  if (op.rank(0) == 0 || op.type(2).shape != index) return std::nullopt;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (static_cast<std::int64_t>(i) != axis && index[i] != op.type(0).shape[i])
      return std::nullopt;
  }
  std::string places;
  for (std::int64_t i = 0; i <= op.rank(0); ++i) places += i == axis ? "-1," : "1,";
  return expression(
      fmt::format("{0}+numpy.sum((numpy.expand_dims({1},{3})==numpy.reshape(numpy.arange(numpy."
                  "size({0},{3})),({4})))*numpy.expand_dims({2},{3}),axis={5})",
                  op.id(0), op.id(1), op.id(2), axis, places, axis + 1));
}

std::string filled_with(DType dtype, double value) {
  if (dtype == DType::boolean) return value != 0 ? "True" : "False";
  if (is_floating(dtype)) return std::isfinite(value) ? real_text(value) : number_text(value);
  return fmt::format("{}", static_cast<std::int64_t>(value));
}

Lowered lower_full(const Operation& op) {
  return expression(fmt::format("numpy.full({},{})", op.tuple(op.get<Shape>("shape")),
                                filled_with(op.get<DType>("dtype"), op.get<double>("value"))));
}

Lowered lower_arange(const Operation& op) {
  const std::string text = fmt::format("numpy.arange({},{},{})", op.text(op.get<Dim>("start")),
                                       op.text(op.get<Dim>("end")), op.integer("step"));
  return expression(is_floating(op.get<DType>("dtype")) ? text + "*1.0" : text);
}

Lowered lower_length(const Operation& op) {
  const bool real = is_floating(op.get<DType>("dtype"));
  return expression(
      fmt::format("numpy.array({}{})", op.text(op.get<Dim>("value")), real ? "*1.0" : ""));
}

constexpr Spelling shape_table[] = {
    {"reshape", "", lower_reshape},
    {"flatten", "", lower_flatten},
    {"expand", "", lower_expand},
    {"cat", "", lower_cat},
    {"stack", "numpy.stack({all},axis={dim})"},
    {"pad", "", lower_pad},
    {"flip", "numpy.flip({0},{dims})"},
    {"unsqueeze", "", lower_unsqueeze},
    {"squeeze", "", lower_squeeze},
    {"select", "numpy.take({0},{index},axis={dim})"},
    {"split", "", lower_split},
    {"repeat", "numpy.tile({0},{repeats})"},
    {"tril", "numpy.tril({0},{diagonal})"},
    {"triu", "numpy.triu({0},{diagonal})"},
    {"index_add", "", lower_index_add},
    {"scatter_add", "", lower_scatter_add},
    {"full", "", lower_full},
    {"arange", "", lower_arange},
    {"length", "", lower_length},
};

}  // namespace

std::span<const Spelling> shape_spellings() { return shape_table; }

}  // namespace isomer::mdf
