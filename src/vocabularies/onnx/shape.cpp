#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::onnx {
namespace {

// 0 takes the input's length of the same place, -1 what is left over.
Values read_reshape(Call& c) {
  const ValueId x = c.tensor("data");
  const Shape from = c.e.shape(x);
  Shape shape = c.dims("shape");
  const bool zero_is_zero = c.flag("allowzero");
  for (std::size_t i = 0; !zero_is_zero && i < shape.size(); ++i) {
    if (shape[i] != Dim(0)) continue;
    if (i >= from.size()) c.fail("0 is no length of a shape here");
    shape[i] = from[i];
  }
  return {reshape_to(c.e, x, with_open_length(std::move(shape), from))};
}

bool has_zero(const Shape& shape) { return std::ranges::find(shape, Dim(0)) != shape.end(); }

// 0 keeps the input's length of the same place, -1 is what is left: so any batch size fits.
std::optional<Node> write_reshape(const Operator& op, const Subject& s) {
  const Shape& from = s.call.types[0].shape;
  const Shape& to = s.outputs[0].shape;
  const auto node = [&](const Shape& shape) {
    return Node{op.name(), {{s.call.inputs[0]}, {ValueId::none, shape}}, {}};
  };
  // A length that is 0 itself would be taken for "keep".
  if (has_zero(to)) return std::nullopt;
  Shape shape;
  bool open = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].known()) {
      shape.push_back(to[i]);
    } else if (i < from.size() && from[i] == to[i]) {
      shape.emplace_back(0);
    } else if (!open) {
      shape.emplace_back(-1);
      open = true;
    } else {
      return node(to);
    }
  }
  return node(shape);
}

Values read_flatten(Call& c) {
  const ValueId x = c.tensor("input");
  const Shape shape = c.e.shape(x);
  const std::int64_t rank = c.e.rank(x);
  const std::int64_t given = c.integer("axis");
  const std::int64_t axis =
      given == rank ? rank : axis_from_front(given, std::max(rank, std::int64_t{1}));
  const auto middle = shape.begin() + axis;
  return {reshape_to(
      c.e, x,
      {count_elements(Shape(shape.begin(), middle)), count_elements(Shape(middle, shape.end()))})};
}

Integers axes_in(Call& c, std::int64_t rank) {
  Integers axes = c.integers("axes");
  for (std::int64_t& axis : axes) axis = axis_from_front(axis, rank);
  return axes;
}

Values read_squeeze(Call& c) {
  const ValueId x = c.tensor("data");
  if (!c.given("axes")) return {c.e.emit("squeeze", {x})};
  return {without_axes(c.e, x, axes_in(c, c.e.rank(x)))};
}

// Ours leaves axes as they are whose length is not 1.
std::optional<Node> write_squeeze(const Operator& op, const Subject& s) {
  const Shape& from = s.call.types[0].shape;
  const Integers& dims = s.call.integers("dim");
  Integers axes;
  for (std::int64_t axis : dims.empty() ? all_axes(s.rank(0)) : dims) {
    axis = axis_from_front(axis, s.rank(0));
    if (from[static_cast<std::size_t>(axis)] == Dim(1)) axes.push_back(axis);
  }
  if (axes.empty()) return std::nullopt;
  return Node{op.name(), {{s.call.inputs[0]}, {ValueId::none, axes}}, {}};
}

Values read_unsqueeze(Call& c) {
  const ValueId x = c.tensor("data");
  const auto count = static_cast<std::int64_t>(c.integers("axes").size());
  return {with_new_axes(c.e, x, axes_in(c, c.e.rank(x) + count))};
}

std::optional<Node> write_unsqueeze(const Operator& op, const Subject& s) {
  const Integers axes{axis_from_front(s.call.integer("dim"), s.rank(0) + 1)};
  return Node{op.name(), {{s.call.inputs[0]}, {ValueId::none, axes}}, {}};
}

Values read_transpose(Call& c) {
  const ValueId x = c.tensor("data");
  Integers reversed = all_axes(c.e.rank(x));
  std::ranges::reverse(reversed);
  return {c.e.emit("permute", {x}, {{"dims", c.integers("perm", reversed)}})};
}

// `permute` or `transpose`
std::optional<Node> write_transpose(const Operator& op, const Subject& s) {
  if (s.rank(0) == 0 && s.op == "transpose") return std::nullopt;
  Integers order = all_axes(s.rank(0));
  if (s.op == "permute") {
    order = s.call.integers("dims");
    for (std::int64_t& axis : order) axis = axis_from_front(axis, s.rank(0));
  } else {
    std::swap(order[static_cast<std::size_t>(axis_from_front(s.call.integer("dim0"), s.rank(0)))],
              order[static_cast<std::size_t>(axis_from_front(s.call.integer("dim1"), s.rank(0)))]);
  }
  return Node{op.name(), {{s.call.inputs[0]}}, {{"perm", order}}};
}

// Both sides may be stretched.
Values read_expand(Call& c) {
  const ValueId x = c.tensor("input");
  const Shape wanted = c.dims("shape");
  const Shape from = c.e.shape(x);
  Shape shape(std::max(wanted.size(), from.size()), Dim(1));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Dim& length = shape[shape.size() - 1 - i];
    if (i < from.size()) length = from[from.size() - 1 - i];
    if (i < wanted.size() && wanted[wanted.size() - 1 - i] != Dim(1))
      length = wanted[wanted.size() - 1 - i];
  }
  return {c.e.emit("expand", {x}, {{"shape", shape}})};
}

// A length that stays is written 1, which stretches nothing: so any batch size fits.
std::optional<Node> write_expand(const Operator& op, const Subject& s) {
  const Shape& from = s.call.types[0].shape;
  Shape shape = s.outputs[0].shape;
  const std::size_t more = shape.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (shape[more + i] == from[i]) shape[more + i] = Dim(1);
  }
  return Node{op.name(), {{s.call.inputs[0]}, {ValueId::none, shape}}, {}};
}

Values read_slice(Call& c) {
  ValueId x = c.tensor("data");
  const Shape starts = c.dims("starts");
  const Shape ends = c.dims("ends");
  const Integers axes = c.integers("axes", all_axes(static_cast<std::int64_t>(starts.size())));
  const Integers steps = c.integers("steps", Integers(starts.size(), 1));
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    c.fail("starts, ends, axes and steps must be equally many");
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t axis = axis_from_front(axes[i], c.e.rank(x));
    if (steps[i] > 0) {
      x = c.e.emit("slice", {x},
                   {{"dim", axis}, {"start", starts[i]}, {"end", ends[i]}, {"step", steps[i]}});
      continue;
    }
    const Dim length = c.e.shape(x)[static_cast<std::size_t>(axis)];
    if (!length.known() || !starts[i].known() || !ends[i].known())
      c.refuse("a backward slice of a length that is not known");
    const Places places = places_of(starts[i].value(), ends[i].value(), steps[i], length.value());
    x = backward_slice(c.e, x, axis, places);
  }
  return {x};
}

std::optional<Node> write_slice(const Operator& op, const Subject& s) {
  Node node{op.name(), {{s.call.inputs[0]}}, {}};
  for (const std::string_view name : {"start", "end"})
    node.inputs.push_back({ValueId::none, std::vector<Dim>{s.call.get<Dim>(name)}});
  node.inputs.push_back(
      {ValueId::none, Integers{axis_from_front(s.call.integer("dim"), s.rank(0))}});
  node.inputs.push_back({ValueId::none, Integers{s.call.integer("step")}});
  return node;
}

Values read_concat(Call& c) {
  const Values inputs = c.inputs();
  return {c.e.emit("cat", inputs, {{"dim", c.axis("axis", c.e.rank(inputs[0]))}})};
}

// Mirrors or repeats what is at the border: each axis is picked anew, by index.
ValueId border_padded(Call& c, ValueId x, const Shape& pads, bool mirror) {
  const std::size_t rank = c.e.shape(x).size();
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const Dim begin = pads[axis];
    const Dim end = pads[rank + axis];
    if (begin == Dim(0) && end == Dim(0)) continue;
    const Dim from = c.e.shape(x)[axis];
    if (!from.known() || !begin.known() || !end.known())
      c.refuse("padding of or by a length that is not known");
    const std::int64_t length = from.value();
    if (begin.value() < 0 || end.value() < 0 ||
        (mirror && std::max(begin.value(), end.value()) >= length)) {
      c.fail(fmt::format("a length of {} cannot be padded so far", length));
    }
    Integers index;
    for (std::int64_t i = -begin.value(); i < length + end.value(); ++i) {
      const std::int64_t reflected = i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i;
      index.push_back(mirror ? reflected : std::clamp(i, std::int64_t{0}, length - 1));
    }
    const auto count = static_cast<std::int64_t>(index.size());
    x = c.e.emit("index_select", {x, c.e.constant(Tensor::of<std::int64_t>({count}, index))},
                 {{"dim", static_cast<std::int64_t>(axis)}});
  }
  return x;
}

// At begin and end of each axis of a tensor of that rank; opset 18 names the axes.
Shape pads_in(Call& c, std::int64_t rank) {
  const Shape given = c.dims("pads");
  const Integers axes = c.integers("axes", all_axes(rank));
  if (given.size() != 2 * axes.size())
    c.fail(fmt::format("{} axes need {} pads", axes.size(), 2 * axes.size()));
  Shape pads(2 * static_cast<std::size_t>(rank), Dim(0));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axis_from_front(axes[i], rank);
    pads[static_cast<std::size_t>(axis)] = given[i];
    pads[static_cast<std::size_t>(rank + axis)] = given[axes.size() + i];
  }
  return pads;
}

Values read_pad(Call& c) {
  const ValueId x = c.tensor("data");
  const std::string mode = c.text("mode");
  const Shape pads = pads_in(c, c.e.rank(x));
  if (mode == "reflect" || mode == "edge") {
    c.ignore({"constant_value"});
    return {border_padded(c, x, pads, mode == "reflect")};
  }
  if (mode != "constant")
    c.fail(fmt::format("mode is {}; it is 'constant', 'reflect' or 'edge'", quoted(mode)));
  const std::size_t rank = pads.size() / 2;
  Shape ours;  // last axis first, each with its begin and end
  for (std::size_t i = rank; i-- > 0;) {
    ours.push_back(pads[i]);
    ours.push_back(pads[rank + i]);
  }
  return {c.e.emit("pad", {x}, {{"pad", ours}, {"value", c.real("constant_value", 0)}})};
}

std::optional<Node> write_pad(const Operator& op, const Subject& s) {
  const DType dtype = s.call.types[0].dtype;
  if (dtype == DType::boolean) return std::nullopt;
  const auto& ours = s.call.get<Shape>("pad");
  const auto rank = static_cast<std::size_t>(s.rank(0));
  Shape pads(2 * rank, Dim(0));
  for (std::size_t i = 0; i < ours.size() / 2; ++i) {
    pads[rank - 1 - i] = ours[2 * i];
    pads[2 * rank - 1 - i] = ours[2 * i + 1];
  }
  const double value = s.call.real("value");
  Node node{op.name(), {{s.call.inputs[0]}, {ValueId::none, pads}, {ValueId::none, value}}, {}};
  if (!is_floating(dtype)) node.inputs[2].constant = static_cast<std::int64_t>(value);
  return node;
}

Values read_gather(Call& c) {
  return {take(c.e, c.tensor("data"), c.tensor("indices"), c.integer("axis"))};
}

// `index_select`, or `embedding`, which picks rows
std::optional<Node> write_gather(const Operator& op, const Subject& s) {
  std::int64_t axis = 0;
  if (s.op == "index_select") {
    if (s.rank(1) != 1 || s.rank(0) == 0) return std::nullopt;
    axis = s.call.integer("dim");
  }
  return Node{op.name(), {{s.call.inputs[0]}, {s.call.inputs[1]}}, {{"axis", axis}}};
}

Values read_gather_elements(Call& c) {
  const ValueId x = c.tensor("data");
  const std::int64_t axis = c.axis("axis", c.e.rank(x));
  const Dim length = c.e.shape(x)[static_cast<std::size_t>(axis)];
  return {
      c.e.emit("gather", {x, index_from_front(c.e, c.tensor("indices"), length)}, {{"dim", axis}})};
}

std::optional<Node> write_gather_elements(const Operator& op, const Subject& s) {
  return s.rank(0) == 0 ? std::nullopt : write_renamed(op, s);
}

Values read_trilu(Call& c) {
  const std::string_view op = c.flag("upper") ? "triu" : "tril";
  return {c.e.emit(op, {c.tensor("input")}, {{"diagonal", c.integer("k", 0)}})};
}

std::optional<Node> write_trilu(const Operator& op, const Subject& s) {
  return Node{op.name(),
              {{s.call.inputs[0]}, {ValueId::none, s.call.integer("diagonal")}},
              {{"upper", std::int64_t{s.op == "triu"}}}};
}

// As many repeats as axes; ours may have more.
std::optional<Node> write_tile(const Operator& op, const Subject& s) {
  const auto repeats = static_cast<std::int64_t>(s.call.integers("repeats").size());
  return repeats == s.rank(0) ? write_renamed(op, s) : std::nullopt;
}

Values read_tile(Call& c) {
  const ValueId x = c.tensor("input");
  const Integers repeats = c.integers("repeats");
  if (static_cast<std::int64_t>(repeats.size()) != c.e.rank(x))
    c.fail(fmt::format("{} axes need as many repeats, not {}", c.e.rank(x), repeats.size()));
  return {c.e.emit("repeat", {x}, {{"repeats", repeats}})};
}

Values read_shape(Call& c) {
  const Shape shape = c.e.shape(c.tensor("data"));
  const auto rank = static_cast<std::int64_t>(shape.size());
  const Places places = places_of(c.integer("start"), c.integer("end", rank), 1, rank);
  const auto begin = shape.begin() + places.start;
  const Shape part(begin, begin + places.count);
  if (const auto known = known_shape(part))
    return {c.e.constant(Tensor::of<std::int64_t>({places.count}, *known))};
  Values lengths;
  for (const Dim& length : part)
    lengths.push_back(reshape_to(c.e, length_value(c.e, length), {Dim(1)}));
  return {c.e.emit("cat", lengths, {{"dim", std::int64_t{0}}})};
}

Values read_size(Call& c) {
  return {length_value(c.e, count_elements(c.e.shape(c.tensor("data"))))};
}

Values read_constant(Call& c) { return {c.tensor("value")}; }

// One value everywhere; its attribute is a tensor of one element.
Values read_constant_of_shape(Call& c) {
  const Shape shape = c.dims("input");
  const ValueId value = c.optional_tensor("value");
  const ValueId one =
      value == ValueId::none ? c.e.literal(DType::f32, 0.0) : reshape_to(c.e, value, {});
  return {c.e.emit("expand", {one}, {{"shape", shape}})};
}

Values read_range(Call& c) {
  const DType dtype = c.e.dtype(c.tensor("start"));
  if (!is_floating(dtype)) {
    const Dim start = c.dim("start");
    Dim end = c.dim("limit");
    const std::int64_t step = c.integer("delta");
    // Nothing lies between a start and a limit behind it.
    if (start.known() && end.known() && (step > 0) == (end.value() < start.value())) end = start;
    return {
        c.e.emit("arange", {}, {{"start", start}, {"end", end}, {"step", step}, {"dtype", dtype}})};
  }
  const double start = c.real("start");
  const double delta = c.real("delta");
  const double count = std::max(0.0, std::ceil((c.real("limit") - start) / delta));
  constexpr double most = 1LL << 31;
  if (!(count <= most)) c.refuse("a range of so many numbers");
  const ValueId places =
      c.e.emit("arange", {}, {{"end", Dim(static_cast<std::int64_t>(count))}, {"dtype", dtype}});
  const ValueId scaled = c.e.emit("mul", {places, number(c.e, places, delta)});
  return {c.e.emit("add", {scaled, number(c.e, places, start)})};
}

// --- resizing: each axis by itself

/// An axis that is resized.
struct Resized {
  std::int64_t from, to;
  double scale;
  double start = 0, end = 1;  // the part of it that is taken, where the mode crops
};

/// Where the element at `i` lies in what is resized.
double source_place(Call& c, const std::string& mode, std::int64_t i, const Resized& r) {
  const auto at = static_cast<double>(i);
  const auto last = static_cast<double>(r.from - 1);
  const auto gaps = static_cast<double>(r.to - 1);
  if (mode == "asymmetric") return at / r.scale;
  if (mode == "align_corners") return r.to == 1 ? 0 : at * last / gaps;
  if (mode == "tf_crop_and_resize") {
    return r.to == 1 ? (r.start + r.end) * last / 2
                     : r.start * last + at * (r.end - r.start) * last / gaps;
  }
  if (mode == "pytorch_half_pixel" && r.to == 1) return 0;
  if (mode == "half_pixel" || mode == "pytorch_half_pixel") return (at + 0.5) / r.scale - 0.5;
  c.refuse(fmt::format("coordinates by {} are not read", quoted(mode)));
}

std::int64_t nearest_place(const std::string& rounding, double place, std::int64_t length) {
  const double whole = rounding == "floor"               ? std::floor(place)
                       : rounding == "ceil"              ? std::ceil(place)
                       : rounding == "round_prefer_ceil" ? std::floor(place + 0.5)
                                                         : std::ceil(place - 0.5);
  return std::clamp(static_cast<std::int64_t>(whole), std::int64_t{0}, length - 1);
}

/// What four neighbours count, the second of which is `part` before the place (Keys, 1981).
std::array<double, 4> cubic_weights(double part, double a) {
  const auto near = [&](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [&](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(part + 1), near(part), near(1 - part), far(2 - part)};
}

/// Adds to a row of weights what each neighbour of a place counts.
void weigh(Call& c, std::span<double> row, double place) {
  const bool cubic = c.text("mode") == "cubic";
  const auto last = static_cast<std::int64_t>(row.size()) - 1;
  const double below = std::floor(place);
  const double part = place - below;
  const std::array<double, 4> weights = cubic ? cubic_weights(part, c.real("cubic_coeff_a"))
                                              : std::array<double, 4>{0, 1 - part, part, 0};
  double sum = 0;
  const bool inside_only = cubic && c.flag("exclude_outside");
  for (std::int64_t k = 0; k < 4; ++k) {
    const std::int64_t at = static_cast<std::int64_t>(below) + k - 1;
    const double weight = weights[static_cast<std::size_t>(k)];
    if (inside_only && (at < 0 || at > last)) continue;
    row[static_cast<std::size_t>(std::clamp(at, std::int64_t{0}, last))] += weight;
    sum += weight;
  }
  if (inside_only)
    for (double& weight : row) weight /= sum;
}

ValueId along_last(Emitter& e, ValueId x, std::int64_t axis, ValueId matrix) {
  std::vector<std::int64_t> order = all_axes(e.rank(x));
  std::swap(order[static_cast<std::size_t>(axis)], order.back());
  return permuted(e, e.emit("linear", {permuted(e, x, order), matrix}), order);
}

/// Picked, or mixed, anew; what lies outside of a crop has a value of its own.
ValueId resized(Call& c, ValueId x, std::int64_t axis, const Resized& r) {
  const std::string mode = c.text("mode");
  const std::string coordinates = c.text("coordinate_transformation_mode", "asymmetric");
  const std::string rounding = c.text("nearest_mode", "floor");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    c.fail(fmt::format("mode is {}; it is nearest, linear or cubic", quoted(mode)));
  constexpr std::int64_t most_weights = 1 << 24;
  if (mode != "nearest" && r.from * r.to > most_weights) c.refuse("an axis that is so long");
  Integers index;
  std::vector<double> outside, weights;
  const auto last = static_cast<double>(r.from - 1);
  for (std::int64_t i = 0; i < r.to; ++i) {
    const double place = source_place(c, coordinates, i, r);
    outside.push_back(coordinates == "tf_crop_and_resize" && (place < 0 || place > last));
    index.push_back(nearest_place(rounding, place, r.from));
    if (mode == "nearest") continue;
    weights.resize(weights.size() + static_cast<std::size_t>(r.from));
    weigh(c, std::span(weights).last(static_cast<std::size_t>(r.from)),
          mode == "linear" ? std::clamp(place, 0.0, last) : place);
  }
  const ValueId y =
      mode == "nearest"
          ? c.e.emit("index_select", {x, c.e.constant(Tensor::of<std::int64_t>({r.to}, index))},
                     {{"dim", axis}})
          : along_last(c.e, x, axis,
                       c.e.constant(Tensor::from_doubles(c.e.dtype(x), {r.to, r.from}, weights)));
  if (std::ranges::find(outside, 1.0) == outside.end()) return y;
  Shape beside(c.e.shape(x).size(), Dim(1));
  beside[static_cast<std::size_t>(axis)] = Dim(r.to);
  const ValueId is_outside =
      reshape_to(c.e, c.e.constant(Tensor::from_doubles(DType::boolean, {r.to}, outside)), beside);
  return c.e.emit("where", {is_outside, number(c.e, y, c.real("extrapolation_value")), y});
}

Values read_resize(Call& c) {
  ValueId x = c.tensor("X");
  if (c.flag("antialias", false)) c.refuse("antialias is not read");
  c.ignore({"cubic_coeff_a", "exclude_outside", "extrapolation_value", "nearest_mode"});
  const Integers axes = c.integers("axes", all_axes(c.e.rank(x)));
  const bool sized = c.given("sizes");
  const Integers sizes = c.integers("sizes", Integers());
  const std::vector<double> scales = c.given("scales") ? c.reals("scales") : std::vector<double>();
  if ((sized ? sizes.size() : scales.size()) != axes.size())
    c.fail(fmt::format("{} axes need as many sizes, or scales", axes.size()));
  const bool crops = c.text("coordinate_transformation_mode") == "tf_crop_and_resize";
  std::vector<double> roi;
  if (crops) roi = c.reals("roi");
  if (crops && roi.size() != 2 * axes.size())
    c.fail(fmt::format("{} axes need a roi of {}", axes.size(), 2 * axes.size()));
  c.ignore({"roi"});
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const std::int64_t axis = axis_from_front(axes[k], c.e.rank(x));
    const Dim length = c.e.shape(x)[static_cast<std::size_t>(axis)];
    if (!sized && scales[k] == 1 && !crops) continue;
    if (!length.known()) c.refuse("an axis of a length that is not known is not resized");
    const auto from = static_cast<double>(length.value());
    constexpr double most = 1LL << 31;
    const double part = crops ? roi[axes.size() + k] - roi[k] : 1;
    const double wide = sized ? static_cast<double>(sizes[k]) : std::floor(from * part * scales[k]);
    if (!(wide >= 0 && wide <= most) || (length == Dim(0) && wide > 0))
      c.fail(fmt::format("a length of {} cannot become {}", length.value(), wide));
    Resized r{length.value(), static_cast<std::int64_t>(wide), sized ? wide / from : scales[k]};
    if (crops) r.start = roi[k];
    if (crops) r.end = roi[axes.size() + k];
    if (sized && r.from == r.to && !crops) continue;
    x = resized(c, x, axis, r);
  }
  return {x};
}

Values read_topk(Call& c) {
  const ValueId x = c.tensor("X");
  const Integers k = c.integers("K");
  if (k.size() != 1) c.fail("K is one number");
  return c.e.emit_all("topk", {x},
                      {{"k", k[0]},
                       {"dim", c.axis("axis", c.e.rank(x))},
                       {"largest", c.flag("largest")},
                       {"sorted", c.flag("sorted")}});
}

std::optional<Node> write_topk(const Operator& op, const Subject& s) {
  const Integers k{s.call.integer("k")};
  return Node{op.name(),
              {{s.call.inputs[0]}, {ValueId::none, k}},
              {{"axis", s.call.integer("dim")},
               {"largest", std::int64_t{s.call.flag("largest")}},
               {"sorted", std::int64_t{s.call.flag("sorted")}}}};
}

constexpr OperatorRow shape_table[] = {
    {14, "Reshape(data, shape, allowzero: int = 0) -> reshaped", "reshape flatten", "",
     read_reshape, write_reshape},
    {13, "Flatten(input, axis: int = 1) -> output", "", "", read_flatten},
    {13, "Squeeze(data, axes?) -> squeezed", "squeeze", "", read_squeeze, write_squeeze},
    {13, "Unsqueeze(data, axes) -> expanded", "unsqueeze", "", read_unsqueeze, write_unsqueeze},
    {13, "Transpose(data, perm: ints?) -> transposed", "permute transpose", "", read_transpose,
     write_transpose},
    {13, "Expand(input, shape) -> output", "expand", "", read_expand, write_expand},
    {13, "Tile(input, repeats) -> output", "repeat", "repeats", read_tile, write_tile},
    {13, "Slice(data, starts, ends, axes?, steps?) -> output", "slice", "", read_slice,
     write_slice},
    {13, "Concat(inputs..., axis: int) -> concat_result", "cat", "dim=axis", read_concat,
     write_renamed},
    {13, "Pad(data, pads, constant_value?, mode: string = 'constant') -> output", "pad", "",
     read_pad, write_pad},
    {18, "Pad(data, pads, constant_value?, axes?, mode: string = 'constant') -> output", "pad", "",
     read_pad, write_pad},
    {13, "Gather(data, indices, axis: int = 0) -> output", "index_select embedding", "",
     read_gather, write_gather},
    {13, "GatherElements(data, indices, axis: int = 0) -> output", "gather", "dim=axis",
     read_gather_elements, write_gather_elements},
    {13,
     "Resize(X, roi?, scales?, sizes?, coordinate_transformation_mode: string = 'half_pixel', "
     "cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0, "
     "mode: string = 'nearest', nearest_mode: string = 'round_prefer_floor') -> Y",
     "", "", read_resize},
    {18,
     "Resize(X, roi?, scales?, sizes?, antialias: int = 0, axes: ints?, "
     "coordinate_transformation_mode: string = 'half_pixel', cubic_coeff_a: float = -0.75, "
     "exclude_outside: int = 0, extrapolation_value: float = 0, "
     "keep_aspect_ratio_policy: string = 'stretch', mode: string = 'nearest', "
     "nearest_mode: string = 'round_prefer_floor') -> Y",
     "", "", read_resize},
    {11, "TopK(X, K, axis: int = -1, largest: int = 1, sorted: int = 1) -> (Values, Indices)",
     "topk", "", read_topk, write_topk},
    {14, "Trilu(input, k?, upper: int = 1) -> output", "tril triu", "", read_trilu, write_trilu},
    {15, "Shape(data, start: int = 0, end: int?) -> shape", "", "", read_shape},
    {13, "Size(data) -> size", "", "", read_size},
    {9, "ConstantOfShape(input, value?) -> output", "", "", read_constant_of_shape},
    {11, "Range(start, limit, delta) -> output", "", "", read_range},
    {13, "Constant(value) -> output", "", "", read_constant},
};

}  // namespace

std::span<const OperatorRow> shape_rows() { return shape_table; }

}  // namespace isomer::onnx
