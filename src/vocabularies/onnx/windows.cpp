#include <algorithm>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

// What slides over the axes behind batch and channels: convolution and pooling.

namespace isomer::onnx {
namespace {

// --- what slides, and how far beyond the borders

/// One number each for the axes behind batch and channels.
struct Windows {
  Integers kernel, strides, dilations;
  Integers begin = {}, end = {};  // pads

  std::size_t axes() const { return kernel.size(); }
  std::int64_t reach(std::size_t i) const { return dilations[i] * (kernel[i] - 1) + 1; }
};

std::size_t spatial_axes(const Call& c, ValueId x) {
  if (c.e.rank(x) < 3) c.fail("the input needs a batch axis, a channel axis and one more");
  return static_cast<std::size_t>(c.e.rank(x)) - 2;
}

Integers list_in(Call& c, std::string_view name, std::size_t axes, std::int64_t fallback) {
  const Integers list = c.integers(name, Integers(axes, fallback));
  if (list.size() != axes)
    c.fail(fmt::format("'{}' has one number for each of {} axes", name, axes));
  return list;
}

Windows windows_in(Call& c, Integers kernel) {
  const std::size_t axes = kernel.size();
  Windows w{std::move(kernel), list_in(c, "strides", axes, 1), list_in(c, "dilations", axes, 1)};
  for (const auto& [name, list] : {std::pair("kernel", &w.kernel), std::pair("strides", &w.strides),
                                   std::pair("dilations", &w.dilations)}) {
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    const auto wrong = std::ranges::find_if(*list, [](auto n) { return n < 1 || n > most; });
    if (wrong != list->end())
      c.fail(fmt::format("'{}' has a {}; each number is from 1 to {}", name, *wrong, most));
  }
  return w;
}

/// Splits what is padded along an axis; SAME_LOWER has the odd one at the beginning.
void split_pad(Windows& w, std::int64_t total, bool upper) {
  total = std::max(total, std::int64_t{0});
  w.begin.push_back(upper ? total / 2 : total - total / 2);
  w.end.push_back(total - w.begin.back());
}

bool is_same(const std::string& mode) { return mode == "SAME_UPPER" || mode == "SAME_LOWER"; }

void give_pads(Call& c, Windows& w) {
  const std::size_t axes = w.axes();
  const Integers pads = c.integers("pads", Integers(2 * axes, 0));
  if (pads.size() != 2 * axes)
    c.fail(fmt::format("{} axes need {} pads, not {}", axes, 2 * axes, pads.size()));
  w.begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  w.end.assign(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
}

/// SAME: as many windows as strides fit into the axis.
void add_pads(Call& c, Windows& w, const Shape& from) {
  const std::string mode = c.text("auto_pad", "NOTSET");
  if (!is_same(mode) && mode != "NOTSET" && mode != "VALID")
    c.fail(
        fmt::format("auto_pad is {}; it is NOTSET, VALID, SAME_UPPER or SAME_LOWER", quoted(mode)));
  if (!is_same(mode)) return give_pads(c, w);
  for (std::size_t i = 0; i < w.axes(); ++i) {
    std::int64_t total = w.reach(i) - 1;
    if (w.strides[i] != 1) {
      const Dim& length = from[2 + i];
      if (!length.known()) c.refuse(fmt::format("auto_pad {} of a length that is not known", mode));
      const std::int64_t count = (length.value() + w.strides[i] - 1) / w.strides[i];
      total = (count - 1) * w.strides[i] + w.reach(i) - length.value();
    }
    split_pad(w, total, mode == "SAME_UPPER");
  }
}

/// Pads as the operator `pad` has them, the last axis first; negative ones crop.
ValueId padded(Emitter& e, ValueId x, const Integers& begin, const Integers& end, double value) {
  std::vector<Dim> pads;
  for (std::size_t i = begin.size(); i-- > 0;) {
    pads.emplace_back(begin[i]);
    pads.emplace_back(end[i]);
  }
  const bool none = std::ranges::all_of(pads, [](const Dim& pad) { return pad == Dim(0); });
  return none ? x : e.emit("pad", {x}, {{"pad", pads}, {"value", value}});
}

// --- convolution

Integers kernel_of(Call& c, ValueId weights, std::size_t axes) {
  const Shape weight = c.e.shape(weights);
  if (weight.size() != axes + 2) c.fail(fmt::format("W has {} axes", axes + 2));
  const auto kernel = known_shape(Shape(weight.begin() + 2, weight.end()));
  if (!kernel) c.refuse("a kernel of a length that is not known");
  if (c.given("kernel_shape") && c.integers("kernel_shape") != *kernel)
    c.fail("kernel_shape is not that of W");
  return *kernel;
}

Attributes convolution_settings(Call& c, const Windows& w, const Integers& padding) {
  return {{"stride", w.strides},
          {"padding", padding},
          {"dilation", w.dilations},
          {"groups", c.integer("group")}};
}

Values read_conv(Call& c) {
  return {convolved(c, c.tensor("X"), c.tensor("W"), c.optional_tensor("B"))};
}

/// What is cut off is what the output has more than it is to have.
void add_crops(Call& c, Windows& w, const Shape& from, const Integers& more) {
  const std::string mode = c.text("auto_pad");
  if (!c.given("output_shape") && !is_same(mode)) return give_pads(c, w);
  c.ignore({"pads"});
  const Integers wanted =
      c.given("output_shape") ? list_in(c, "output_shape", w.axes(), 0) : Integers();
  for (std::size_t i = 0; i < w.axes(); ++i) {
    const Dim& length = from[2 + i];
    if (!length.known()) c.refuse("an output_shape of a length that is not known");
    const std::int64_t whole = w.strides[i] * (length.value() - 1) + more[i] + w.reach(i);
    const std::int64_t total = whole - (wanted.empty() ? length.value() * w.strides[i] : wanted[i]);
    if (!wanted.empty() && total < 0)
      c.fail(fmt::format("output_shape has a length of {}; there are {}", wanted[i], whole));
    split_pad(w, total, mode == "SAME_UPPER");
  }
}

Values read_conv_transpose(Call& c) {
  const Values inputs = c.inputs();
  Windows w = windows_in(c, kernel_of(c, inputs[1], spatial_axes(c, inputs[0])));
  Integers more = list_in(c, "output_padding", w.axes(), 0);
  add_crops(c, w, c.e.shape(inputs[0]), more);
  const bool even = w.begin == w.end;
  Attributes settings = convolution_settings(c, w, even ? w.begin : Integers(w.axes(), 0));
  settings.push_back({"transposed", true});
  settings.push_back({"output_padding", more});
  const ValueId y = c.e.emit("convolution", inputs, settings);
  if (even) return {y};
  for (std::int64_t& pad : w.begin) pad = -pad;
  for (std::int64_t& pad : w.end) pad = -pad;
  return {padded(c.e, y, w.begin, w.end, 0)};
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

// --- pooling

constexpr double lowest = -std::numeric_limits<double>::infinity();

/// A last window that sticks out counts as far as it begins inside.
void pad_sticking_out(Call& c, Windows& w, const Shape& from) {
  for (std::size_t i = 0; i < w.axes(); ++i) {
    const Dim& length = from[2 + i];
    if (w.strides[i] == 1) continue;
    if (!length.known()) c.refuse("ceil_mode of a length that is not known");
    const std::int64_t room = length.value() + w.begin[i] + w.end[i] - w.reach(i);
    std::int64_t count = (room + w.strides[i] - 1) / w.strides[i];
    if (count * w.strides[i] >= length.value() + w.begin[i]) --count;
    w.end[i] += std::max(count * w.strides[i] - room, std::int64_t{0});
  }
}

/// With so many axes behind batch and channels; those that are added stand in front.
ValueId lifted(Emitter& e, ValueId x, std::size_t axes) {
  while (static_cast<std::size_t>(e.rank(x)) < axes + 2)
    x = e.emit("unsqueeze", {x}, {{"dim", std::int64_t{2}}});
  return x;
}

Windows lifted(Windows w, std::size_t axes) {
  const std::size_t more = axes - w.axes();
  for (Integers* list : {&w.kernel, &w.strides, &w.dilations, &w.begin, &w.end}) {
    const bool pads = list == &w.begin || list == &w.end;
    list->insert(list->begin(), more, pads ? 0 : 1);
  }
  return w;
}

Attributes plane_settings(const Windows& w, std::size_t first, const Integers& padding) {
  const auto two = [&](const Integers& list) {
    return first == 0 ? Integers{list[0], 1} : Integers{list[1], list[2]};
  };
  Attributes settings{{"kernel_size", two(w.kernel)}, {"stride", two(w.strides)}};
  settings.push_back({"padding", padding});
  return settings;
}

/// Means of the windows of a volume that is padded already.
ValueId means(Emitter& e, ValueId x, const Windows& w) {
  const Shape from = e.shape(x);
  const ValueId planes =
      e.emit("avg_pool2d", {reshape_to(e, x, {from[0] * from[1], from[2], from[3], from[4]})},
             plane_settings(w, 1, {0, 0}));
  if (w.kernel[0] == 1 && w.strides[0] == 1) {
    const Shape middle = e.shape(planes);
    return reshape_to(e, planes, {from[0], from[1], middle[1], middle[2], middle[3]});
  }
  const Shape middle = e.shape(planes);
  const ValueId lines = reshape_to(e, planes, {from[0], from[1], middle[1], middle[2] * middle[3]});
  const ValueId y = e.emit("avg_pool2d", {lines}, plane_settings(w, 0, {0, 0}));
  return reshape_to(e, y, {from[0], from[1], e.shape(y)[2], middle[2], middle[3]});
}

/// The largest of the windows of a volume that is padded already, and where they stand in it.
Values extremes(Emitter& e, ValueId x, const Windows& w) {
  const Shape from = e.shape(x);
  const auto settings = [&](std::size_t first) {
    Attributes all = plane_settings(w, first, {0, 0});
    all.push_back({"dilation", first == 0 ? Integers{w.dilations[0], 1}
                                          : Integers{w.dilations[1], w.dilations[2]}});
    return all;
  };
  const Dim channels = from[0] * from[1];
  const Values planes = e.emit_all(
      "max_pool2d", {reshape_to(e, x, {channels, from[2], from[3], from[4]})}, settings(1));
  const Shape middle = e.shape(planes[0]);
  const Dim plane = middle[2] * middle[3];
  const Values best = e.emit_all(
      "max_pool2d", {reshape_to(e, planes[0], {channels, Dim(1), from[2], plane})}, settings(0));
  const Dim depth = e.shape(best[0])[2];
  const ValueId place = reshape_to(e, best[1], {channels, depth * plane});
  const ValueId inside =
      e.emit("gather", {reshape_to(e, planes[1], {channels, from[2] * plane}), place},
             {{"dim", std::int64_t{1}}});
  const ValueId before = e.emit("mul", {e.emit("floor_divide", {place, length_value(e, plane)}),
                                        length_value(e, from[3] * from[4])});
  const Shape to{from[0], from[1], depth, middle[2], middle[3]};
  return {reshape_to(e, best[0], to), reshape_to(e, e.emit("add", {before, inside}), to)};
}

/// The same without the axes that were added.
ValueId lowered(Emitter& e, ValueId y, std::size_t axes) {
  const Shape from = e.shape(y);
  Shape shape(from.begin(), from.begin() + 2);
  shape.insert(shape.end(), from.end() - static_cast<std::ptrdiff_t>(axes), from.end());
  return reshape_to(e, y, shape);
}

/// Places in padded planes or volumes as places in the whole tensor that was padded.
ValueId places_in_whole(Emitter& e, ValueId index, const Shape& from, const Shape& padded,
                        const Integers& begin, bool columns_first) {
  const std::size_t axes = from.size() - 2;
  Values along(axes, ValueId::none);
  Dim wide = 1;
  for (std::size_t i = axes; i-- > 0;) {
    const ValueId rows = e.emit("floor_divide", {index, length_value(e, wide)});
    along[i] = e.emit("sub", {e.emit("remainder", {rows, length_value(e, padded[2 + i])}),
                              length_value(e, Dim(begin[i]))});
    wide = wide * padded[2 + i];
  }
  ValueId place = e.literal(DType::i64, std::int64_t{0});
  wide = 1;
  for (std::size_t k = 0; k < axes; ++k) {
    const std::size_t i = columns_first ? k : axes - 1 - k;
    place = e.emit("add", {place, e.emit("mul", {along[i], length_value(e, wide)})});
    wide = wide * from[2 + i];
  }
  return place;
}

/// Places in each channel as places in the whole tensor.
ValueId with_channels(Emitter& e, ValueId index, const Shape& from) {
  const Shape plane(from.begin() + 2, from.end());
  const ValueId channel = e.emit("arange", {}, {{"end", from[0] * from[1]}});
  Shape beside(from.size(), Dim(1));
  beside[0] = from[0];
  beside[1] = from[1];
  const ValueId offset = e.emit("mul", {channel, length_value(e, count_elements(plane))});
  return e.emit("add", {index, reshape_to(e, offset, beside)});
}

/// A pooling of one, two or three axes. A line is a plane of height 1.
struct Pooling {
  std::size_t axes;
  Windows windows;
  bool round_up;
  /// PyTorch has it: pads are the same on both sides, and no window lies in them alone.
  bool plain = false;
  ValueId x;
};

Pooling pooling_in(Call& c) {
  const ValueId x = c.tensor("X");
  const std::size_t axes = spatial_axes(c, x);
  if (axes > 3) c.refuse(fmt::format("pooling is read for 1 to 3 axes, not {}", axes));
  Windows w = windows_in(c, list_in(c, "kernel_shape", axes, 1));
  add_pads(c, w, c.e.shape(x));
  const std::size_t lifting = std::max<std::size_t>(axes, 2);
  Pooling pooling{axes, lifted(w, lifting), c.flag("ceil_mode", false), axes < 3,
                  lifted(c.e, x, lifting)};
  for (std::size_t i = 0; i < axes; ++i)
    pooling.plain = pooling.plain && w.begin[i] == w.end[i] && 2 * w.begin[i] <= w.kernel[i];
  return pooling;
}

Attributes plain_settings(const Pooling& p) {
  return {{"kernel_size", p.windows.kernel},
          {"stride", p.windows.strides},
          {"padding", p.windows.begin},
          {"ceil_mode", p.round_up}};
}

Values read_max_pool(Call& c) {
  Pooling p = pooling_in(c);
  Windows& w = p.windows;
  const Shape from = c.e.shape(p.x);
  const bool columns_first = c.flag("storage_order");
  if (!p.plain && p.round_up) pad_sticking_out(c, w, from);
  const ValueId wide = p.plain ? p.x : padded(c.e, p.x, w.begin, w.end, lowest);
  Attributes settings = plain_settings(p);
  settings.push_back({"dilation", w.dilations});
  if (!p.plain) {
    settings[2].value = Integers(w.axes(), 0);
    settings[3].value = false;
  }
  Values y = p.axes < 3 ? c.e.emit_all("max_pool2d", {wide}, settings) : extremes(c.e, wide, w);
  if (!p.plain || columns_first) {
    const Integers begin = p.plain ? Integers(w.axes(), 0) : w.begin;
    y[1] = places_in_whole(c.e, y[1], from, c.e.shape(wide), begin, columns_first);
  }
  y[1] = with_channels(c.e, y[1], from);
  return {lowered(c.e, y[0], p.axes), lowered(c.e, y[1], p.axes)};
}

/// Means of windows in which some elements do not count: `counts` is 1 where one does.
ValueId means_of_counted(Call& c, const Pooling& p, const Windows& w, ValueId counts,
                         const Integers& rest) {
  const Windows volume = lifted(w, 3);
  const auto of = [&](ValueId x, const Integers& begin, const Integers& end) {
    return means(c.e, lifted(c.e, padded(c.e, x, begin, end, 0), 3), volume);
  };
  const ValueId sums = of(p.x, w.begin, w.end);
  const ValueId shares = of(counts, Integers(w.axes(), 0), rest);
  return lowered(c.e, c.e.emit("div", {sums, shares}), p.axes);
}

// Pads that the document gives may count, those that ceil_mode adds do not.
Values read_average_pool(Call& c) {
  Pooling p = pooling_in(c);
  const bool pads_count = c.flag("count_include_pad");
  if (p.windows.dilations != Integers(p.windows.axes(), 1))
    c.refuse("dilations of an average are not read");
  if (p.plain) {
    Attributes settings = plain_settings(p);
    settings.push_back({"count_include_pad", pads_count});
    return {lowered(c.e, c.e.emit("avg_pool2d", {p.x}, settings), p.axes)};
  }
  const Shape from = c.e.shape(p.x);
  Windows w = p.windows;
  if (p.round_up) pad_sticking_out(c, w, from);
  Shape one = from;
  one[0] = one[1] = Dim(1);
  const ValueId ones =
      c.e.emit("full", {}, {{"shape", one}, {"value", 1.0}, {"dtype", c.e.dtype(p.x)}});
  const ValueId counts = padded(c.e, ones, w.begin, p.windows.end, pads_count ? 1 : 0);
  Integers rest;
  for (std::size_t i = 0; i < w.axes(); ++i) rest.push_back(w.end[i] - p.windows.end[i]);
  return {means_of_counted(c, p, w, counts, rest)};
}

/// The p-th root of the sum of p-th powers.
ValueId power_of(Emitter& e, ValueId x, double p) { return e.emit("pow", {x, number(e, x, p)}); }

Values read_lp_pool(Call& c) {
  Pooling p = pooling_in(c);
  const auto root = static_cast<double>(c.integer("p"));
  Windows& w = p.windows;
  if (w.dilations != Integers(w.axes(), 1)) c.refuse("dilations of a sum are not read");
  if (p.round_up) pad_sticking_out(c, w, c.e.shape(p.x));
  const ValueId powers = power_of(c.e, c.e.emit("abs", {p.x}), root);
  const ValueId wide = lifted(c.e, padded(c.e, powers, w.begin, w.end, 0), 3);
  const ValueId mean = means(c.e, wide, lifted(w, 3));
  const auto count = std::accumulate(w.kernel.begin(), w.kernel.end(), 1.0, std::multiplies());
  const ValueId sum = c.e.emit("mul", {mean, number(c.e, mean, count)});
  return {lowered(c.e, power_of(c.e, sum, 1 / root), p.axes)};
}

/// Windows of a pooling. With ceil_mode, a last window that sticks out needs padding at the end;
/// ONNX's programs and PyTorch differ in which windows they count, so the padding is written out.
struct WrittenWindows {
  Integers kernel, stride, dilation, pads;
  bool sticks_out = false;

  Attributes attributes() const {
    return {{"kernel_shape", kernel}, {"strides", stride}, {"pads", pads}};
  }
};

std::optional<WrittenWindows> windows_of(const Subject& s, const Integers& dilation) {
  if (s.rank(0) != 4) return std::nullopt;
  WrittenWindows w;
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

Values read_global_lp(Call& c) {
  const ValueId x = c.tensor("X");
  const auto p = static_cast<double>(c.integer("p"));
  Integers axes(spatial_axes(c, x));
  std::iota(axes.begin(), axes.end(), 2);
  const ValueId powers = power_of(c.e, c.e.emit("abs", {x}), p);
  const ValueId sum = c.e.emit("sum", {powers}, {{"dim", axes}, {"keepdim", true}});
  return {power_of(c.e, sum, 1 / p)};
}

// Each value goes to its place, which counts through the whole tensor.
Values read_max_unpool(Call& c) {
  const ValueId x = c.tensor("X");
  const Shape from = c.e.shape(x);
  const std::size_t axes = spatial_axes(c, x);
  Windows w{list_in(c, "kernel_shape", axes, 1), list_in(c, "strides", axes, 1), Integers(axes, 1)};
  give_pads(c, w);
  Shape to(from.begin(), from.begin() + 2);
  for (std::size_t i = 0; i < axes; ++i) {
    to.push_back((from[2 + i] - Dim(1)) * Dim(w.strides[i]) + Dim(w.kernel[i]) -
                 Dim(w.begin[i] + w.end[i]));
  }
  if (c.given("output_shape")) to = c.dims("output_shape");
  const ValueId none = c.e.emit(
      "full", {}, {{"shape", Shape{count_elements(to)}}, {"value", 0.0}, {"dtype", c.e.dtype(x)}});
  const auto flat = [&](ValueId id) { return reshape_to(c.e, id, {count_elements(from)}); };
  const ValueId y =
      c.e.emit("scatter", {none, flat(c.tensor("I")), flat(x)}, {{"dim", std::int64_t{0}}});
  return {reshape_to(c.e, y, to)};
}

constexpr OperatorRow window_table[] = {
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
    {11,
     "LpPool(X, auto_pad: string = 'NOTSET', kernel_shape: ints, p: int = 2, pads: ints?, strides: "
     "ints?) -> Y",
     "", "", read_lp_pool},
    {18,
     "LpPool(X, auto_pad: string = 'NOTSET', ceil_mode: int = 0, dilations: ints?, kernel_shape: "
     "ints, p: int = 2, pads: ints?, strides: ints?) -> Y",
     "", "", read_lp_pool},
    {2, "GlobalLpPool(X, p: int = 2) -> Y", "", "", read_global_lp},
    {11,
     "MaxUnpool(X, I, output_shape?, kernel_shape: ints, pads: ints?, strides: ints?) -> output",
     "", "", read_max_unpool},
};

}  // namespace

ValueId convolved(Call& c, ValueId x, ValueId weight, ValueId bias) {
  Windows w = windows_in(c, kernel_of(c, weight, spatial_axes(c, x)));
  add_pads(c, w, c.e.shape(x));
  const bool even = w.begin == w.end;
  if (!even) x = padded(c.e, x, w.begin, w.end, 0);
  Values inputs{x, weight};
  if (bias != ValueId::none) inputs.push_back(bias);
  return c.e.emit("convolution", inputs,
                  convolution_settings(c, w, even ? w.begin : Integers(w.axes(), 0)));
}

std::span<const OperatorRow> window_rows() { return window_table; }

}  // namespace isomer::onnx
