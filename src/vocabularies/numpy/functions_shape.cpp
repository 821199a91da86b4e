#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

namespace isomer::numpy {
namespace {

ValueId slice(const Call& c, ValueId x, std::int64_t axis, const Dim& start, const Dim& end) {
  return c.emit("slice", {x}, {{"dim", axis}, {"start", start}, {"end", end}});
}

Value reshape(const Call& c) {
  const ValueId x = c.tensor(0);
  return c.result(reshape_to(c.b(), x, with_open_length(c.lengths(1), c.b().shape(x))), false);
}

Value ravel(const Call& c) { return c.result(flattened(c.b(), c.tensor(0)), false); }

Value transpose(const Call& c) {
  const ValueId x = c.tensor(0);
  std::vector<std::int64_t> order = all_axes(c.b().rank(x));
  std::ranges::reverse(order);
  return c.result(permuted(c.b(), x, c.has(1) ? c.integers(1) : order), false);
}

Value swapaxes(const Call& c) {
  const ValueId x = c.tensor(0);
  std::vector<std::int64_t> order = all_axes(c.b().rank(x));
  std::swap(order[static_cast<std::size_t>(c.axis(1, c.b().rank(x)))],
            order[static_cast<std::size_t>(c.axis(2, c.b().rank(x)))]);
  return c.result(permuted(c.b(), x, std::move(order)), false);
}

Value moveaxis(const Call& c) {
  const ValueId x = c.tensor(0);
  const std::int64_t source = c.axis(1, c.b().rank(x));
  const std::int64_t target = c.axis(2, c.b().rank(x));
  std::vector<std::int64_t> order = all_axes(c.b().rank(x));
  order.erase(order.begin() + source);
  order.insert(order.begin() + target, source);
  return c.result(permuted(c.b(), x, std::move(order)), false);
}

Value expand_dims(const Call& c) {
  const ValueId x = c.tensor(0);
  const auto rank = static_cast<std::size_t>(c.b().rank(x)) + c.integers(1).size();
  bound_axes(rank);
  return c.result(with_new_axes(c.b(), x, c.axes(1, static_cast<std::int64_t>(rank))), false);
}

Value squeeze(const Call& c) {
  const ValueId x = c.tensor(0);
  if (!c.has(1)) return c.result(c.emit("squeeze", {x}), false);
  return c.result(without_axes(c.b(), x, c.axes(1, c.b().rank(x))), false);
}

Value broadcast(const Call& c) {
  return c.result(c.emit("expand", {c.tensor(0)}, {{"shape", c.lengths(1)}}), false);
}

std::int64_t times_in(std::int64_t count) {
  if (count >= 0) return count;
  refuse(fmt::format("an array cannot be repeated {} times", count));
}

Value tile(const Call& c) {
  const ValueId x = c.tensor(0);
  std::vector<std::int64_t> repeats = c.integers(1);
  bound_axes(repeats.size());
  const auto rank = static_cast<std::size_t>(c.b().rank(x));
  for (const std::int64_t count : repeats) times_in(count);
  if (repeats.size() < rank) repeats.insert(repeats.begin(), rank - repeats.size(), 1);
  return c.result(c.emit("repeat", {x}, {{"repeats", std::move(repeats)}}), false);
}

// Each element many times in a row: along a new axis, which the old one then takes in.
Value repeat(const Call& c) {
  const std::int64_t count = times_in(integer_of(c[1]));
  const ValueId x = c.has(2) ? c.tensor(0) : flattened(c.b(), c.tensor(0));
  const std::int64_t axis = c.axis(2, c.b().rank(x), 0);
  Shape shape = c.b().shape(x);
  Shape wide = shape;
  wide.insert(wide.begin() + axis + 1, Dim(count));
  shape[static_cast<std::size_t>(axis)] = shape[static_cast<std::size_t>(axis)] * Dim(count);
  const ValueId parts = c.emit("unsqueeze", {x}, {{"dim", axis + 1}});
  return c.result(reshape_to(c.b(), c.emit("expand", {parts}, {{"shape", wide}}), shape), false);
}

Value concatenate(const Call& c) {
  std::vector<ValueId> parts = c.tensors(0);
  if (c.is_none(1)) {
    for (ValueId& part : parts) part = flattened(c.b(), part);
  }
  const std::int64_t axis = c.axis(1, c.b().rank(parts[0]), 0);
  return c.result(c.emit("cat", std::move(parts), {{"dim", axis}}), false);
}

Value stack(const Call& c) {
  std::vector<ValueId> parts = c.tensors(0);
  const std::int64_t axis = c.axis(1, c.b().rank(parts[0]) + 1, 0);
  return c.result(c.emit("stack", std::move(parts), {{"dim", axis}}), false);
}

/// Where the parts end, the last one left out.
Shape ends_of(const Call& c, const Dim& length) {
  const bool sections = is_number(c[1]);
  Shape ends;
  if (!sections) return c.lengths(1);
  const std::int64_t parts = integer_of(c[1]);
  if (parts <= 0 || (length.known() && length.value() % parts != 0)) {
    refuse(
        fmt::format("a length of {} does not split into {} equal parts", to_text(length), parts));
  }
  bound_items(static_cast<std::uint64_t>(parts));
  for (std::int64_t i = 1; i < parts; ++i)
    ends.push_back(floor_divide(length * Dim(i), Dim(parts)));
  return ends;
}

// x, places or a number of parts, axis
Value split(const Call& c) {
  const ValueId x = c.tensor(0);
  const std::int64_t axis = c.axis(2, c.b().rank(x), 0);
  const Dim length = c.length(x, axis);
  Shape ends = ends_of(c, length);
  ends.push_back(length);
  List result;
  Dim begin = 0;
  for (const Dim& end : ends) {
    result.items.push_back(c.result(slice(c, x, axis, begin, end), false));
    begin = end;
  }
  return {std::move(result)};
}

Value flip(const Call& c) {
  const ValueId x = c.tensor(0);
  const std::int64_t rank = c.b().rank(x);
  const std::vector<std::int64_t> axes = c.has(1) ? c.axes(1, rank) : all_axes(rank);
  return c.result(axes.empty() ? x : c.emit("flip", {x}, {{"dims", axes}}), false);
}

Value triangle(const Call& c, std::string_view op) {
  return c.result(c.emit(op, {c.tensor(0)}, {{"diagonal", c.integer(1, 0)}}), false);
}
Value tril(const Call& c) { return triangle(c, "tril"); }
Value triu(const Call& c) { return triangle(c, "triu"); }

Value take(const Call& c) {
  const ValueId x = c.has(2) ? c.tensor(0) : flattened(c.b(), c.tensor(0));
  return c.result(isomer::take(c.b(), x, c.places(1), c.integer(2, 0)));
}

// x, indices of the same rank, axis
Value take_along_axis(const Call& c) {
  const ValueId x = c.is_none(2) ? flattened(c.b(), c.tensor(0)) : c.tensor(0);
  const std::int64_t axis = c.axis(2, c.b().rank(x), 0);
  const Shape shape = c.b().shape(x);
  const ValueId places = c.places(1);
  const Shape wanted = c.b().shape(places);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool differs = i < wanted.size() && wanted[i] != shape[i];
    if (wanted.size() == shape.size() && (!differs || i == static_cast<std::size_t>(axis)))
      continue;
    refuse(
        fmt::format("take_along_axis of {} needs indices of as many axes and, but for axis "
                    "{}, of its lengths; these are {}",
                    to_text(shape), axis, to_text(wanted)));
  }
  const ValueId index = index_from_front(c.b(), places, shape[static_cast<std::size_t>(axis)]);
  return c.result(c.emit("gather", {x, index}, {{"dim", axis}}));
}

// x, widths, mode, constant_values
Value pad(const Call& c) {
  const ValueId x = c.tensor(0);
  const auto* text = c.has(2) ? c[2].as<std::string>() : nullptr;
  if (c.has(2) && (text == nullptr || *text != "constant")) {
    throw Error(Fault::unsupported, "", "numpy.pad is read with mode 'constant' only");
  }
  const Shape shape = c.b().shape(x);
  const std::vector<std::int64_t> widths =
      broadcast_to(tensor_of(c[1]), {c.b().rank(x), 2}).integers();
  std::vector<Dim> pad;
  std::vector<std::int64_t> grown;
  for (std::size_t i = shape.size(); i-- > 0;) {  // the last axis comes first
    for (const std::int64_t width : {widths[2 * i], widths[2 * i + 1]}) {
      if (width < 0) refuse("an array cannot be padded by less than 0");
      pad.emplace_back(width);
    }
    const std::int64_t both = sum_of_lengths(widths[2 * i], widths[2 * i + 1]);
    grown.push_back(shape[i].known() ? sum_of_lengths(shape[i].value(), both) : both);
  }
  bounded(std::move(grown), most_elements);
  return c.result(c.emit("pad", {x}, {{"pad", std::move(pad)}, {"value", c.real(3, 0)}}), false);
}

Value shape(const Call& c) {
  Tuple result;
  for (const Dim& length : c.shape(0)) result.items.push_back(length_value(c.trace(), length));
  return {std::move(result)};
}
Value ndim(const Call& c) { return {c.rank(0)}; }
Value size(const Call& c) {
  const Shape shape = c.shape(0);
  const Dim count =
      c.has(1) ? shape[static_cast<std::size_t>(c.axis(1, c.rank(0)))] : count_elements(shape);
  return length_value(c.trace(), count);
}

constexpr Function shape_table[] = {
    {"numpy.reshape .reshape", "x shape", reshape},
    {"numpy.ravel .ravel .flatten", "x", ravel},
    {"numpy.transpose numpy.permute_dims .transpose", "x axes?", transpose},
    {"numpy.swapaxes .swapaxes", "x axis1 axis2", swapaxes},
    {"numpy.moveaxis", "x source destination", moveaxis},
    {"numpy.expand_dims", "x axis", expand_dims},
    {"numpy.squeeze .squeeze", "x axis?", squeeze},
    {"numpy.broadcast_to", "x shape", broadcast},
    {"numpy.tile", "x reps", tile},
    {"numpy.repeat .repeat", "x repeats axis?", repeat},
    {"numpy.concatenate", "arrays axis?", concatenate},
    {"numpy.stack", "arrays axis?", stack},
    {"numpy.split", "x indices_or_sections axis?", split},
    {"numpy.flip", "x axis?", flip},
    {"numpy.tril", "x k?", tril},
    {"numpy.triu", "x k?", triu},
    {"numpy.take .take", "x indices axis?", take},
    {"numpy.take_along_axis", "x indices axis", take_along_axis},
    {"numpy.pad", "x pad_width mode? constant_values?", pad},
    {"numpy.shape", "x", shape},
    {"numpy.ndim", "x", ndim},
    {"numpy.size", "x axis?", size},
};

}  // namespace

std::span<const Function> shape_functions() { return shape_table; }

}  // namespace isomer::numpy
