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

/// Calls the operator on the first input with further inputs that are parameters of the same names.
Wording call_on(const Phrase& p, std::string_view function, std::string_view formal,
                Elements<Tree> extra) {
  Elements<Tree> args{{std::string(formal), {argument(*p.inputs[0], true)}}};
  for (const auto& [name, value] : extra) args.emplace_back(name, Tree{name});
  return call_with(function, args, std::move(extra));
}

// 0 keeps the input's length of the same place, -1 is what is left: so any batch size fits.
Tree shape_for(const Phrase& p, const Shape& from, const Shape& to) {
  Tree::List list;
  bool open = false;
  bool empty = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].known()) {
      list.push_back({to[i].value()});
      empty = empty || to[i].value() == 0;
    } else if (i < from.size() && from[i] == to[i]) {
      list.push_back({std::int64_t{0}});
    } else if (!open) {
      list.push_back({std::int64_t{-1}});
      open = true;
    } else {
      return p.lengths(to);
    }
  }
  // A length that is 0 itself would be taken for "keep".
  if (empty) return p.lengths(to);
  return {std::move(list)};
}

bool has_zero(const Shape& shape) { return std::ranges::find(shape, Dim(0)) != shape.end(); }

Words reshaped(const Phrase& p, const Shape& shape) {
  if (has_zero(shape)) {
    std::string items;
    for (const Dim& length : shape) items += p.text(length) + ",";
    return expression(fmt::format("numpy.reshape({},({}))", p.id(0), items));
  }
  // A value without axes must not come out with one.
  if (shape.empty()) return expression(fmt::format("numpy.reshape({},())", p.id(0)));
  return call_on(p, "Reshape", "data", {{"shape", shape_for(p, p.type(0).shape, shape)}});
}

Words word_reshape(const Phrase& p) { return reshaped(p, dims(p, "shape")); }
Words word_flatten(const Phrase& p) { return reshaped(p, p.outputs[0].shape); }

Words word_permute(const Phrase& p) {
  Integers order = integers(p, "dims");
  for (std::int64_t& axis : order) axis = from_front(axis, p.rank(0));
  return call(p, "Transpose", {{"perm", tree_of(order)}});
}

Words word_transpose(const Phrase& p) {
  if (p.rank(0) == 0) return std::nullopt;
  Integers order(static_cast<std::size_t>(p.rank(0)));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(from_front(integer(p, "dim0"), p.rank(0)))],
            order[static_cast<std::size_t>(from_front(integer(p, "dim1"), p.rank(0)))]);
  return call(p, "Transpose", {{"perm", tree_of(order)}});
}

// A length that stays is written 1, which stretches nothing: so any batch size fits.
Words word_expand(const Phrase& p) {
  const Shape& from = p.type(0).shape;
  Shape shape = dims(p, "shape");
  if (has_zero(shape) || shape.empty()) {
    std::string items;
    for (const Dim& length : shape) items += p.text(length) + ",";
    return expression(fmt::format("numpy.broadcast_to({},({}))", p.id(0), items));
  }
  const std::size_t more = shape.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (shape[more + i] == from[i]) shape[more + i] = Dim(1);
  }
  return call_on(p, "Expand", "input", {{"shape", p.lengths(shape)}});
}

Words word_slice(const Phrase& p) {
  const std::int64_t axis = from_front(integer(p, "dim"), p.rank(0));
  const Dim start = get<Dim>(p.attributes, "start");
  const Dim end = get<Dim>(p.attributes, "end");
  return call_on(p, "Slice", "data",
                 {{"starts", p.lengths({&start, 1})},
                  {"ends", p.lengths({&end, 1})},
                  {"axes", tree_of({&axis, 1})},
                  {"steps", tree_of(Integers{integer(p, "step")})}});
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
  std::string names;
  for (std::size_t i = 0; i < p.inputs.size(); ++i) names += (i == 0 ? "'" : ", '") + p.id(i) + "'";
  return call_with("Concat", {{"inputs", {"[" + names + "]"}}}, {{"axis", {integer(p, "dim")}}});
}

Words word_stack(const Phrase& p) {
  return expression(fmt::format("numpy.stack({},axis={})", all_operands(p), integer(p, "dim")));
}

Words word_pad(const Phrase& p) {
  const Shape& ours = dims(p, "pad");
  const auto rank = static_cast<std::size_t>(p.rank(0));
  Shape pads(2 * rank, Dim(0));
  for (std::size_t i = 0; i < ours.size() / 2; ++i) {
    pads[rank - 1 - i] = ours[2 * i];
    pads[2 * rank - 1 - i] = ours[2 * i + 1];
  }
  const double value = get<double>(p.attributes, "value");
  const DType dtype = p.type(0).dtype;
  if (dtype == DType::boolean) return std::nullopt;
  if (has_empty_operand(p)) {
    // Nothing is left of an empty array but the shape it gets.
    std::string items;
    for (const Dim& length : p.outputs[0].shape) items += p.text(length) + ",";
    return expression(fmt::format("numpy.full(({}),{})", items, number_text(value)));
  }
  Elements<Tree> extra{{"pads", p.lengths(pads)}};
  if (is_floating(dtype)) {
    extra.emplace_back("constant_value", std::isfinite(value)
                                             ? Tree{value}
                                             : Tree{"numpy.array(" + number_text(value) + ")"});
  } else {
    extra.emplace_back("constant_value", Tree{static_cast<std::int64_t>(value)});
  }
  return call_on(p, "Pad", "data", std::move(extra));
}

Words word_flip(const Phrase& p) {
  return expression(fmt::format("numpy.flip({},{})", p.id(0), tuple_text(integers(p, "dims"))));
}

Words word_unsqueeze(const Phrase& p) {
  const std::int64_t axis = from_front(integer(p, "dim"), p.rank(0) + 1);
  if (p.rank(0) == 0) return expression(fmt::format("numpy.reshape({},(1,))", p.id(0)));
  return call_on(p, "Unsqueeze", "data", {{"axes", tree_of({&axis, 1})}});
}

Words word_squeeze(const Phrase& p) {
  Integers axes;
  for (std::int64_t axis : integers(p, "dim")) {
    axis = from_front(axis, p.rank(0));
    if (p.type(0).shape[static_cast<std::size_t>(axis)] == Dim(1)) axes.push_back(axis);
  }
  if (integers(p, "dim").empty()) {
    for (std::size_t i = 0; i < p.type(0).shape.size(); ++i) {
      if (p.type(0).shape[i] == Dim(1)) axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (axes.empty() || p.outputs[0].shape.empty()) return reshaped(p, p.outputs[0].shape);
  return call_on(p, "Squeeze", "data", {{"axes", tree_of(axes)}});
}

Words word_select(const Phrase& p) {
  return expression(fmt::format("numpy.take({},{},axis={})", p.id(0),
                                p.text(get<Dim>(p.attributes, "index")), integer(p, "dim")));
}

// Without square brackets: the format's check of names does not take them inside a call.
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

Words word_index_select(const Phrase& p) {
  if (p.rank(1) != 1 || p.rank(0) == 0) return std::nullopt;
  return call(p, "Gather", {{"axis", {integer(p, "dim")}}});
}

Words word_embedding(const Phrase& p) { return call(p, "Gather", {{"axis", {std::int64_t{0}}}}); }

Words word_gather(const Phrase& p) {
  if (p.rank(0) == 0) return std::nullopt;
  return call(p, "GatherElements", {{"axis", {integer(p, "dim")}}});
}

// A matrix that says which index goes where, times what is added. There is no function that adds in
// place.
Words word_index_add(const Phrase& p) {
  const std::int64_t axis = from_front(integer(p, "dim"), p.rank(0));
  if (p.rank(0) == 0 || p.rank(1) != 1) return std::nullopt;
  const std::string text = fmt::format(
      "{0}+numpy.moveaxis(numpy.tensordot((numpy.expand_dims(numpy.arange(numpy.size({0},{3})),1)=="
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
  return expression(fmt::format(
      "{0}+numpy.sum((numpy.expand_dims({1},{3})==numpy.reshape(numpy.arange(numpy.size({0},"
      "{3})),({4})))*numpy.expand_dims({2},{3}),axis={5})",
      p.id(0), p.id(1), p.id(2), axis, places, axis + 1));
}

std::string filled_with(DType dtype, double value) {
  if (dtype == DType::boolean) return value != 0 ? "True" : "False";
  if (is_floating(dtype)) return std::isfinite(value) ? real_text(value) : number_text(value);
  return fmt::format("{}", static_cast<std::int64_t>(value));
}

Words word_full(const Phrase& p) {
  std::string items;
  for (const Dim& length : dims(p, "shape")) items += p.text(length) + ",";
  return expression(fmt::format(
      "numpy.full(({}),{})", items,
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
    {"reshape", "", "", "", word_reshape},
    {"flatten", "", "", "", word_flatten},
    {"permute", "", "", "", word_permute},
    {"transpose", "", "", "", word_transpose},
    {"expand", "", "", "", word_expand},
    {"slice", "", "", "", word_slice},
    {"cat", "", "", "", word_cat},
    {"stack", "", "", "", word_stack},
    {"pad", "", "", "", word_pad},
    {"flip", "", "", "", word_flip},
    {"unsqueeze", "", "", "", word_unsqueeze},
    {"squeeze", "", "", "", word_squeeze},
    {"select", "", "", "", word_select},
    {"split", "", "", "", word_split},
    {"repeat", "", "", "", word_repeat},
    {"tril", "", "", "", word_tril},
    {"triu", "", "", "", word_tril},
    {"index_select", "", "", "", word_index_select},
    {"embedding", "", "", "", word_embedding},
    {"gather", "", "", "", word_gather},
    {"index_add", "", "", "", word_index_add},
    {"scatter_add", "", "", "", word_scatter_add},
    {"full", "", "", "", word_full},
    {"arange", "", "", "", word_arange},
    {"length", "", "", "", word_length},
};

}  // namespace

std::span<const Spelling> shape_spellings() { return rows; }

}  // namespace isomer::mdf
