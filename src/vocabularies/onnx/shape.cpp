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

ValueId reshaped(Emitter& e, ValueId x, Shape shape) {
  return e.emit("reshape", {x}, {{"shape", std::move(shape)}});
}

// 0 takes the input's length of the same place, -1 what is left over.
Values emit_reshape(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const Integers wanted = known_integers(e, call.inputs[1], "the shape");
  const bool zero_is_zero = call.integer("allowzero", 0) != 0;
  Shape shape;
  Dim known(1);
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      if (open) throw Error(Fault::model, "", "a shape has at most one -1");
      open = i;
      shape.emplace_back(0);
      continue;
    }
    const bool copied = wanted[i] == 0 && !zero_is_zero;
    if (wanted[i] < 0 || (copied && i >= e.shape(x).size())) {
      throw Error(Fault::model, "", fmt::format("{} is no length of a shape here", wanted[i]));
    }
    shape.push_back(copied ? e.shape(x)[i] : Dim(wanted[i]));
    known = known * shape.back();
  }
  if (open)
    shape[*open] = known == Dim(0) ? Dim(0) : floor_divide(count_elements(e.shape(x)), known);
  return {reshaped(e, x, shape)};
}

Values emit_flatten(Emitter& e, const OnnxCall& call) {
  const Shape& shape = e.shape(call.inputs[0]);
  const std::int64_t rank = e.rank(call.inputs[0]);
  const std::int64_t axis = call.integer("axis", 1) == rank
                                ? rank
                                : axis_of(call.integer("axis", 1), std::max(rank, std::int64_t{1}));
  const auto middle = shape.begin() + axis;
  return {reshaped(
      e, call.inputs[0],
      {count_elements(Shape(shape.begin(), middle)), count_elements(Shape(middle, shape.end()))})};
}

Integers axes_in(Emitter& e, const OnnxCall& call, std::int64_t rank) {
  Integers axes = known_integers(e, call.inputs[1], "the axes");
  for (std::int64_t& axis : axes) axis = axis_of(axis, rank);
  return axes;
}

Values emit_squeeze(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const Shape& from = e.shape(x);
  Integers axes;
  if (call.has(1)) {
    axes = axes_in(e, call, e.rank(x));
  } else {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] == Dim(1)) axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  Shape shape;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (std::ranges::find(axes, static_cast<std::int64_t>(i)) == axes.end())
      shape.push_back(from[i]);
  }
  return {reshaped(e, x, shape)};
}

Values emit_unsqueeze(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const auto count =
      static_cast<std::int64_t>(known_integers(e, call.inputs[1], "the axes").size());
  Integers axes = axes_in(e, call, e.rank(x) + count);
  std::ranges::sort(axes);
  Shape shape = e.shape(x);
  for (const std::int64_t axis : axes) {
    if (axis > static_cast<std::int64_t>(shape.size()))
      throw Error(Fault::model, "", "an axis is added twice");
    shape.insert(shape.begin() + axis, Dim(1));
  }
  return {reshaped(e, x, shape)};
}

Values emit_transpose(Emitter& e, const OnnxCall& call) {
  Integers reversed(e.shape(call.inputs[0]).size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return {e.emit("permute", call.inputs, {{"dims", call.integers("perm", reversed)}})};
}

// Both sides may be stretched.
Values emit_expand(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const Integers wanted = known_integers(e, call.inputs[1], "the shape");
  Shape shape(std::max(wanted.size(), e.shape(x).size()), Dim(1));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Dim& length = shape[shape.size() - 1 - i];
    if (i < e.shape(x).size()) length = e.shape(x)[e.shape(x).size() - 1 - i];
    if (i < wanted.size() && wanted[wanted.size() - 1 - i] != 1)
      length = Dim(wanted[wanted.size() - 1 - i]);
  }
  return {e.emit("expand", {x}, {{"shape", shape}})};
}

Values emit_tile(Emitter& e, const OnnxCall& call) {
  return {e.emit("repeat", {call.inputs[0]},
                 {{"repeats", known_integers(e, call.inputs[1], "the repeats")}})};
}

// Turns the axis round, then counts from its new front.
ValueId backward_slice(Emitter& e, ValueId x, std::int64_t axis, std::int64_t start,
                       std::int64_t end, std::int64_t step) {
  const Dim length = e.shape(x)[static_cast<std::size_t>(axis)];
  if (!length.known() || step == 0) {
    throw Error(Fault::unsupported, "", "a backward slice of a length that is not known");
  }
  const std::int64_t n = length.value();
  const auto place = [n](std::int64_t at) {
    return std::clamp(at < 0 ? at + n : at, std::int64_t{-1}, n - 1);
  };
  const std::int64_t first = n - 1 - place(start);
  const std::int64_t last = end < -n ? n : n - 1 - place(end);
  const ValueId turned = e.emit("flip", {x}, {{"dims", Integers{axis}}});
  return e.emit(
      "slice", {turned},
      {{"dim", axis}, {"start", Dim(first)}, {"end", Dim(std::max(first, last))}, {"step", -step}});
}

Values emit_slice(Emitter& e, const OnnxCall& call) {
  ValueId x = call.inputs[0];
  const Integers starts = known_integers(e, call.inputs[1], "the starts");
  const Integers ends = known_integers(e, call.inputs[2], "the ends");
  Integers axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (call.has(3)) axes = known_integers(e, call.inputs[3], "the axes");
  Integers steps(starts.size(), 1);
  if (call.has(4)) steps = known_integers(e, call.inputs[4], "the steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    throw Error(Fault::model, "", "starts, ends, axes and steps must be equally many");
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t axis = axis_of(axes[i], e.rank(x));
    x = steps[i] <= 0 ? backward_slice(e, x, axis, starts[i], ends[i], steps[i])
                      : e.emit("slice", {x},
                               {{"dim", axis},
                                {"start", Dim(starts[i])},
                                {"end", Dim(ends[i])},
                                {"step", steps[i]}});
  }
  return {x};
}

Values emit_concat(Emitter& e, const OnnxCall& call) {
  return {e.emit("cat", call.inputs,
                 {{"dim", axis_of(call.integer("axis", 0), e.rank(call.inputs[0]))}})};
}

// Mirrors or repeats what is at the border: each axis is picked anew, by index.
ValueId border_padded(Emitter& e, ValueId x, const Integers& pads, bool mirror) {
  const std::size_t rank = e.shape(x).size();
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (pads[axis] == 0 && pads[rank + axis] == 0) continue;
    if (!e.shape(x)[axis].known())
      throw Error(Fault::unsupported, "", "padding of a length that is not known");
    const std::int64_t length = e.shape(x)[axis].value();
    if (pads[axis] < 0 || pads[rank + axis] < 0 ||
        (mirror && std::max(pads[axis], pads[rank + axis]) >= length)) {
      throw Error(Fault::model, "", fmt::format("a length of {} cannot be padded so far", length));
    }
    Integers index;
    for (std::int64_t i = -pads[axis]; i < length + pads[rank + axis]; ++i) {
      const std::int64_t reflected = i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i;
      index.push_back(mirror ? reflected : std::clamp(i, std::int64_t{0}, length - 1));
    }
    const auto count = static_cast<std::int64_t>(index.size());
    x = e.emit("index_select", {x, e.constant(Tensor::of<std::int64_t>({count}, index))},
               {{"dim", static_cast<std::int64_t>(axis)}});
  }
  return x;
}

Values emit_pad(Emitter& e, const OnnxCall& call) {
  const std::string mode =
      call.given("mode") ? get<std::string>(call.attributes, "mode") : "constant";
  const Integers pads = known_integers(e, call.inputs[1], "the pads");
  const std::size_t rank = e.shape(call.inputs[0]).size();
  if (pads.size() != 2 * rank)
    throw Error(Fault::model, "", fmt::format("{} axes need {} pads", rank, 2 * rank));
  if (mode == "reflect" || mode == "edge")
    return {border_padded(e, call.inputs[0], pads, mode == "reflect")};
  if (mode != "constant") {
    throw Error(Fault::model, "",
                fmt::format("mode is {}; it is 'constant', 'reflect' or 'edge'", quoted(mode)));
  }
  std::vector<Dim> ours;  // last axis first, each with its begin and end
  for (std::size_t i = rank; i-- > 0;) {
    ours.emplace_back(pads[i]);
    ours.emplace_back(pads[rank + i]);
  }
  double value = 0;
  if (call.has(2)) {
    const auto known = e.known(call.inputs[2]);
    if (!known || known->count() != 1)
      throw Error(Fault::unsupported, "", "the value must be one constant number");
    value = known->doubles()[0];
  }
  return {e.emit("pad", {call.inputs[0]}, {{"pad", ours}, {"value", value}})};
}

// Indices may count from the end.
ValueId from_front(Emitter& e, ValueId index, const Dim& length) {
  const auto known = e.known(index);
  if (known) {
    const Integers places = known->integers();
    if (std::ranges::all_of(places, [](std::int64_t place) { return place >= 0; })) return index;
  }
  const ValueId size = e.emit("length", {}, {{"value", length}, {"dtype", e.dtype(index)}});
  const ValueId negative = e.emit("lt", {index, number(e, index, 0)});
  return e.emit("where", {negative, e.emit("add", {index, size}), index});
}

Values emit_gather(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const std::int64_t axis = axis_of(call.integer("axis", 0), e.rank(x));
  const Shape from = e.shape(x);
  const Shape places = e.shape(call.inputs[1]);
  const ValueId index = from_front(e, call.inputs[1], from[static_cast<std::size_t>(axis)]);
  if (places.size() == 1) return {e.emit("index_select", {x, index}, {{"dim", axis}})};
  const ValueId flat = reshaped(e, index, {count_elements(places)});
  const ValueId picked = e.emit("index_select", {x, flat}, {{"dim", axis}});
  Shape shape(from.begin(), from.begin() + axis);
  shape.insert(shape.end(), places.begin(), places.end());
  shape.insert(shape.end(), from.begin() + axis + 1, from.end());
  return {reshaped(e, picked, shape)};
}

Values emit_gather_elements(Emitter& e, const OnnxCall& call) {
  const ValueId x = call.inputs[0];
  const std::int64_t axis = axis_of(call.integer("axis", 0), e.rank(x));
  const ValueId index = from_front(e, call.inputs[1], e.shape(x)[static_cast<std::size_t>(axis)]);
  return {e.emit("gather", {x, index}, {{"dim", axis}})};
}

Values emit_trilu(Emitter& e, const OnnxCall& call) {
  std::int64_t diagonal = 0;
  if (call.has(1)) diagonal = known_integers(e, call.inputs[1], "the diagonal").at(0);
  const bool upper = call.integer("upper", 1) != 0;
  return {e.emit(upper ? "triu" : "tril", {call.inputs[0]}, {{"diagonal", diagonal}})};
}

Values emit_shape(Emitter& e, const OnnxCall& call) {
  const Shape shape = e.shape(call.inputs[0]);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto place = [rank](std::int64_t at) {
    return std::clamp(at < 0 ? at + rank : at, std::int64_t{0}, rank);
  };
  const std::int64_t start = place(call.integer("start", 0));
  const std::int64_t end = place(call.integer("end", rank));
  if (const auto known = known_shape(shape)) {
    const Integers lengths(known->begin() + start, known->begin() + std::max(start, end));
    const auto count = static_cast<std::int64_t>(lengths.size());
    return {e.constant(Tensor::of<std::int64_t>({count}, lengths))};
  }
  Values lengths;
  for (std::int64_t i = start; i < end; ++i) {
    const ValueId length = e.emit("length", {}, {{"value", shape[static_cast<std::size_t>(i)]}});
    lengths.push_back(reshaped(e, length, {Dim(1)}));
  }
  return {e.emit("cat", lengths, {{"dim", std::int64_t{0}}})};
}

Values emit_size(Emitter& e, const OnnxCall& call) {
  return {e.emit("length", {}, {{"value", count_elements(e.shape(call.inputs[0]))}})};
}

Values emit_constant(Emitter&, const OnnxCall& call) { return {call.inputs[0]}; }

constexpr OnnxOperator rows[] = {
    {"Reshape", "data shape", "allowzero:int", emit_reshape},
    {"Flatten", "input", "axis:int", emit_flatten},
    {"Squeeze", "data axes?", "", emit_squeeze},
    {"Unsqueeze", "data axes", "", emit_unsqueeze},
    {"Transpose", "data", "perm:ints", emit_transpose},
    {"Expand", "input shape", "", emit_expand},
    {"Tile", "input repeats", "", emit_tile},
    {"Slice", "data starts ends axes? steps?", "", emit_slice},
    {"Concat", "*", "axis:int!", emit_concat},
    {"Pad", "data pads constant_value?", "mode:text", emit_pad},
    {"Gather", "data indices", "axis:int", emit_gather},
    {"GatherElements", "data indices", "axis:int", emit_gather_elements},
    {"Trilu", "input k?", "upper:int", emit_trilu},
    {"Shape", "data", "start:int end:int", emit_shape},
    {"Size", "data", "", emit_size},
    {"Constant", "value", "", emit_constant},
};

}  // namespace

std::span<const OnnxOperator> onnx_shapes() { return rows; }

}  // namespace isomer::onnx
