#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "systems/mdf/spelling.h"

namespace isomer::mdf {
namespace {

using Words = std::optional<Wording>;
using Integers = std::vector<std::int64_t>;

std::int64_t integer(const Phrase& p, std::string_view name) {
  return get<std::int64_t>(p.attributes, name);
}
const Integers& integers(const Phrase& p, std::string_view name) {
  return get<Integers>(p.attributes, name);
}
const Shape& dims(const Phrase& p, std::string_view name) { return get<Shape>(p.attributes, name); }

std::int64_t from_front(std::int64_t axis, std::int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

bool has_zero(const Shape& shape) { return std::ranges::find(shape, Dim(0)) != shape.end(); }

// A value without axes must not come out of ONNX with one, and 0 would keep a length.
Words reshaped(const Phrase& p, const Shape& shape) {
  if (has_zero(shape) || shape.empty())
    return expression(fmt::format("numpy.reshape({},{})", p.id(0), p.tuple(shape)));
  return in_onnx({"reshape", p.attributes, p.inputs, p.outputs, p.length_text});
}

Words word_reshape(const Phrase& p) { return reshaped(p, dims(p, "shape")); }
Words word_flatten(const Phrase& p) { return reshaped(p, p.outputs[0].shape); }

Words word_expand(const Phrase& p) {
  const Shape& shape = dims(p, "shape");
  if (!has_zero(shape) && !shape.empty()) return in_onnx(p);
  return expression(fmt::format("numpy.broadcast_to({},{})", p.id(0), p.tuple(shape)));
}

std::string all_operands(const Phrase& p) {
  std::string items;
  for (std::size_t i = 0; i < p.inputs.size(); ++i) items += p.id(i) + ",";
  return "(" + items + ")";
}

bool has_empty_operand(const Phrase& p) {
  return std::ranges::any_of(
      p.inputs, [](const auto& operand) { return operand && has_zero(operand->type.shape); });
}

// Every operand has a port of its own, in order; the writer sees to that.
Words word_cat(const Phrase& p) {
  // The reference cannot hand an empty array to ONNX.
  if (has_empty_operand(p)) {
    return expression(
        fmt::format("numpy.concatenate({},axis={})", all_operands(p), integer(p, "dim")));
  }
  return in_onnx(p);
}

Words word_stack(const Phrase& p) {
  return expression(fmt::format("numpy.stack({},axis={})", all_operands(p), integer(p, "dim")));
}

Words word_pad(const Phrase& p) {
  if (p.type(0).dtype == DType::boolean || !has_empty_operand(p)) return in_onnx(p);
  // Nothing is left of an empty array but the shape it gets.
  return expression(fmt::format("numpy.full({},{})", p.tuple(p.outputs[0].shape),
                                number_text(get<double>(p.attributes, "value"))));
}

Words word_flip(const Phrase& p) {
  return expression(fmt::format("numpy.flip({},{})", p.id(0), tuple_text(integers(p, "dims"))));
}

Words word_unsqueeze(const Phrase& p) {
  if (p.rank(0) > 0) return in_onnx(p);
  return expression(fmt::format("numpy.reshape({},(1,))", p.id(0)));
}

Words word_squeeze(const Phrase& p) {
  if (!p.outputs[0].shape.empty()) {
    if (Words words = in_onnx(p)) return words;
  }
  return reshaped(p, p.outputs[0].shape);
}

Words word_select(const Phrase& p) {
  return expression(fmt::format("numpy.take({},{},axis={})", p.id(0),
                                p.text(get<Dim>(p.attributes, "index")), integer(p, "dim")));
}

// Without square brackets: the format's check of names does not take them
// inside a call.
Words word_split(const Phrase& p) {
  const Shape& sizes = dims(p, "sizes");
  std::string places;
  Dim end(0);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    end = end + sizes[i];
    places += p.text(end) + ",";
  }
  Wording wording;
  wording.parameters.emplace_back(
      "parts", parameter_of({fmt::format("numpy.split({},({}),axis={})", p.id(0), places,
                                         integer(p, "dim"))}));
  for (std::size_t i = 0; i < sizes.size(); ++i)
    wording.outputs.push_back(fmt::format("parts[{}]", i));
  return wording;
}

Words word_repeat(const Phrase& p) {
  return expression(fmt::format("numpy.tile({},{})", p.id(0), tuple_text(integers(p, "repeats"))));
}

Words word_tril(const Phrase& p) {
  return expression(fmt::format("numpy.{}({},{})", p.op, p.id(0), integer(p, "diagonal")));
}

// --- indexing and making
// ---------------------------------------------------------------------------

// A matrix that says which index goes where, times what is added. There is no
// function that adds in place.
Words word_index_add(const Phrase& p) {
  const std::int64_t axis = from_front(integer(p, "dim"), p.rank(0));
  if (p.rank(0) == 0 || p.rank(1) != 1) return std::nullopt;
  const std::string text = fmt::format(
      "{0}+numpy.moveaxis(numpy.tensordot((numpy.expand_dims(numpy."
      "arange(numpy.size({0},{3})),1)=="
      "{1})*1,{2},(1,{3})),"
      "0,{3})",
      p.id(0), p.id(1), p.id(2), axis);
  return expression(text);
}

Words word_scatter_add(const Phrase& p) {
  const std::int64_t axis = from_front(integer(p, "dim"), p.rank(0));
  const Shape& index = p.type(1).shape;
  if (p.rank(0) == 0 || p.type(2).shape != index) return std::nullopt;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (static_cast<std::int64_t>(i) != axis && index[i] != p.type(0).shape[i]) return std::nullopt;
  }
  std::string places;
  for (std::int64_t i = 0; i <= p.rank(0); ++i) places += i == axis ? "-1," : "1,";
  return expression(
      fmt::format("{0}+numpy.sum((numpy.expand_dims({1},{3})==numpy.reshape("
                  "numpy.arange(numpy.size({0},"
                  "{3})),({4})))*numpy.expand_dims({2},{3}),axis={5})",
                  p.id(0), p.id(1), p.id(2), axis, places, axis + 1));
}

std::string filled_with(DType dtype, double value) {
  if (dtype == DType::boolean) return value != 0 ? "True" : "False";
  if (is_floating(dtype)) return std::isfinite(value) ? real_text(value) : number_text(value);
  // Python has the least number only as a negated one, which 64 bits do not hold.
  if (value == -0x1p63) return "-9223372036854775807-1";
  return fmt::format("{}", static_cast<std::int64_t>(value));
}

Words word_full(const Phrase& p) {
  return expression(fmt::format(
      "numpy.full({},{})", p.tuple(dims(p, "shape")),
      filled_with(get<DType>(p.attributes, "dtype"), get<double>(p.attributes, "value"))));
}

Words word_arange(const Phrase& p) {
  const std::string text =
      fmt::format("numpy.arange({},{},{})", p.text(get<Dim>(p.attributes, "start")),
                  p.text(get<Dim>(p.attributes, "end")), integer(p, "step"));
  return expression(is_floating(get<DType>(p.attributes, "dtype")) ? text + "*1.0" : text);
}

Words word_length(const Phrase& p) {
  const bool real = is_floating(get<DType>(p.attributes, "dtype"));
  return expression(fmt::format("numpy.array({}{})", p.text(get<Dim>(p.attributes, "value")),
                                real ? "*1.0" : ""));
}

constexpr Spelling rows[] = {
    {"reshape", "", word_reshape},     {"flatten", "", word_flatten},
    {"expand", "", word_expand},       {"cat", "", word_cat},
    {"stack", "", word_stack},         {"pad", "", word_pad},
    {"flip", "", word_flip},           {"unsqueeze", "", word_unsqueeze},
    {"squeeze", "", word_squeeze},     {"select", "", word_select},
    {"split", "", word_split},         {"repeat", "", word_repeat},
    {"tril", "", word_tril},           {"triu", "", word_tril},
    {"index_add", "", word_index_add}, {"scatter_add", "", word_scatter_add},
    {"full", "", word_full},           {"arange", "", word_arange},
    {"length", "", word_length},
};

}  // namespace

std::span<const Spelling> shape_spellings() { return rows; }

}  // namespace isomer::mdf
