#include <algorithm>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Pooling over lines, planes and volumes.

namespace isomer::aten {
namespace {

using Integers = std::vector<std::int64_t>;

// -- pooling --------------------------------------------------------------------------------------

// Pools see [batch, channels, height, width]; whatever lacks an axis gets one of length 1.
struct Plane {
  ValueId value;
  std::vector<std::int64_t> added;  // axes to take away again
};

Plane plane_of(Reading& r, ValueId x, std::int64_t axes) {
  const std::int64_t batched = axes + 2;
  if (r.b.rank(x) != batched && r.b.rank(x) != batched - 1) {
    r.fail(fmt::format("rank {} or {} is needed; it is {}", batched - 1, batched, r.b.rank(x)));
  }
  Plane plane{x, {}};
  if (r.b.rank(x) != batched) {
    plane.value = unsqueezed(r.b, plane.value, 0);
    plane.added.push_back(0);
  }
  if (axes == 1) {
    plane.value = unsqueezed(r.b, plane.value, 2);
    plane.added.push_back(2);
  }
  return plane;
}

ValueId back(Builder& b, const Plane& plane, ValueId y) {
  if (plane.added.empty()) return y;
  return b.emit("squeeze", {y}, {{"dim", ints(plane.added)}});
}

// A list for a line, as one for a plane of height 1.
std::vector<std::int64_t> plane_list(Reading& r, std::string_view name, std::int64_t axes,
                                     std::optional<std::int64_t> fallback = {}) {
  const std::vector<std::int64_t> given =
      fallback ? r.integers(name, {{*fallback}}) : r.integers(name);
  std::vector<std::int64_t> list = per_axis(given, static_cast<std::size_t>(axes), name);
  if (axes == 1) list.insert(list.begin(), fallback.value_or(1));
  return list;
}

Attributes window(Reading& r, std::int64_t axes) {
  const std::vector<std::int64_t> kernel = plane_list(r, "kernel_size", axes);
  const bool own = !r.integers("stride", std::vector<std::int64_t>{}).empty();
  return {{"kernel_size", ints(kernel)},
          {"stride", ints(own ? plane_list(r, "stride", axes) : kernel)},
          {"padding", ints(plane_list(r, "padding", axes, 0))},
          {"ceil_mode", r.flag("ceil_mode", false)}};
}

template <std::int64_t axes>
Values max_pool_with_indices(Reading& r) {
  const Plane plane = plane_of(r, r.tensor("self"), axes);
  Attributes settings = window(r, axes);
  settings.push_back({"dilation", ints(plane_list(r, "dilation", axes, 1))});
  Values results = r.b.emit_all("max_pool2d", {plane.value}, std::move(settings));
  for (ValueId& result : results) result = back(r.b, plane, result);
  return results;
}

template <std::int64_t axes>
Values max_pool(Reading& r) {
  return {max_pool_with_indices<axes>(r)[0]};
}

template <std::int64_t axes>
Values avg_pool(Reading& r) {
  const Plane plane = plane_of(r, r.tensor("self"), axes);
  Attributes settings = window(r, axes);
  settings.push_back({"count_include_pad", r.flag("count_include_pad", true)});
  if (r.given("divisor_override"))
    settings.push_back({"divisor_override", r.integer("divisor_override")});
  return {back(r.b, plane, r.b.emit("avg_pool2d", {plane.value}, std::move(settings)))};
}

template <std::int64_t axes>
Values adaptive_avg_pool(Reading& r) {
  const Plane plane = plane_of(r, r.tensor("self"), axes);
  const ValueId y = r.b.emit("adaptive_avg_pool2d", {plane.value},
                             {{"output_size", ints(plane_list(r, "output_size", axes))}});
  return {back(r.b, plane, y)};
}

// -- volumes --------------------------------------------------------------------------------------

// A volume is pooled as planes, and then along its depth: planes of the depths and of all else.
struct Volume {
  ValueId value;  // [everything else, depth, height, width]
  Shape leading;  // the axes that are one there
};

Volume volume_of(Reading& r, ValueId x) {
  const Shape shape = r.b.shape(x);
  if (shape.size() != 4 && shape.size() != 5)
    r.fail(fmt::format("rank 4 or 5 is needed; it is {}", shape.size()));
  const Shape leading(shape.begin(), shape.end() - 3);
  Shape flat(shape.end() - 4, shape.end());
  flat[0] = count_elements(leading);
  return {reshaped(r.b, x, std::move(flat)), leading};
}

ValueId back(Builder& b, const Volume& volume, ValueId y) {
  Shape shape = volume.leading;
  const Shape pooled = b.shape(y);
  shape.insert(shape.end(), pooled.begin() + 1, pooled.end());
  return reshaped(b, y, std::move(shape));
}

/// The planes of a volume made one axis.
ValueId flat_planes(Builder& b, ValueId x) {
  const Shape shape = b.shape(x);
  return reshaped(b, x, {shape[0], shape[1], shape[2] * shape[3]});
}

struct Window {
  Integers kernel, stride = {}, padding, dilation = {};
  bool round_up = false;
};

Window window_of(Reading& r, std::size_t axes) {
  const auto list = [&](std::string_view name, std::int64_t fallback) {
    return per_axis(r.integers(name, {{fallback}}), axes, name);
  };
  Window window{.kernel = per_axis(r.integers("kernel_size"), axes, "kernel_size"),
                .padding = list("padding", 0),
                .round_up = r.flag("ceil_mode", false)};
  const Integers own = r.integers("stride", Integers{});
  window.stride = own.empty() ? window.kernel : per_axis(own, axes, "stride");
  window.dilation = list("dilation", 1);
  return window;
}

/// Of the planes, or along the depth alone.
Attributes plane_settings(const Window& w) {
  return {{"kernel_size", ints({w.kernel[1], w.kernel[2]})},
          {"stride", ints({w.stride[1], w.stride[2]})},
          {"padding", ints({w.padding[1], w.padding[2]})},
          {"ceil_mode", w.round_up}};
}

Attributes depth_settings(const Window& w) {
  return {{"kernel_size", ints({w.kernel[0], 1})},
          {"stride", ints({w.stride[0], 1})},
          {"padding", ints({w.padding[0], 0})},
          {"ceil_mode", w.round_up}};
}

ValueId whole(Reading& r, const Dim& length) {
  return as_type(r.b, Operand(Scalar(length)), DType::i64);
}

/// The largest of each window of a volume, and its place there: that of the plane which has it,
/// and where it is in this plane.
Values volume_extremes(Reading& r, ValueId x, const Window& w) {
  Builder& b = r.b;
  const Shape from = b.shape(x);
  Attributes of_planes = plane_settings(w);
  of_planes.push_back({"dilation", ints({w.dilation[1], w.dilation[2]})});
  const Values planes = b.emit_all("max_pool2d", {x}, std::move(of_planes));
  const Shape middle = b.shape(planes[0]);
  const Dim plane = middle[2] * middle[3];
  Attributes along_depth = depth_settings(w);
  along_depth.push_back({"dilation", ints({w.dilation[0], 1})});
  const Values best = b.emit_all("max_pool2d", {flat_planes(b, planes[0])}, std::move(along_depth));
  const Dim depth = b.shape(best[0])[1];
  const Shape to = {middle[0], depth, middle[2], middle[3]};
  const ValueId place = reshaped(b, best[1], {from[0], depth * plane});
  const ValueId inside =
      b.emit("gather", {reshaped(b, planes[1], {from[0], from[1] * plane}), place}, {{"dim", 1}});
  const ValueId before = b.emit(
      "mul", {b.emit("floor_divide", {place, whole(r, plane)}), whole(r, from[2] * from[3])});
  return {reshaped(b, best[0], to), reshaped(b, b.emit("add", {before, inside}), to)};
}

Values max_pool3d_with_indices(Reading& r) {
  const Volume volume = volume_of(r, r.tensor("self"));
  Values results = volume_extremes(r, volume.value, window_of(r, 3));
  for (ValueId& result : results) result = back(r.b, volume, result);
  return results;
}

Values max_pool3d(Reading& r) { return {max_pool3d_with_indices(r)[0]}; }

/// How many elements each window along an axis counts.
Integers counted(Reading& r, const Window& w, std::size_t axis, const Dim& from, const Dim& to,
                 bool with_padding) {
  if (!from.known() || !to.known()) r.refuse("the lengths that padded means count must be known");
  if (to.value() > most_places) r.refuse("there are too many windows");
  const std::int64_t around = with_padding ? w.padding[axis] : 0;
  Integers counts;
  for (std::int64_t i = 0; i < to.value(); ++i) {
    const std::int64_t begin = i * w.stride[axis] - w.padding[axis];
    const std::int64_t end = std::min(begin + w.kernel[axis], from.value() + around);
    counts.push_back(end - std::max(begin, -around));
  }
  return counts;
}

ValueId volume_counts(Reading& r, const Window& w, const Shape& from, const Shape& to,
                      DType dtype) {
  const bool with_padding = r.flag("count_include_pad", true);
  if (r.given("divisor_override"))
    return r.b.literal(dtype, static_cast<double>(r.integer("divisor_override")));
  const bool padded = std::ranges::any_of(w.padding, [](std::int64_t n) { return n != 0; });
  if (!w.round_up && (!padded || with_padding)) {
    return r.b.literal(dtype, static_cast<double>(w.kernel[0]) * static_cast<double>(w.kernel[1]) *
                                  static_cast<double>(w.kernel[2]));
  }
  ValueId product = ValueId::none;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Integers counts = counted(r, w, axis, from[1 + axis], to[1 + axis], with_padding);
    Integers shape(3, 1);
    shape[axis] = static_cast<std::int64_t>(counts.size());
    const ValueId own = r.b.constant(Tensor::from_integers(DType::i64, shape, counts), dtype);
    product = axis == 0 ? own : r.b.emit("mul", {product, own});
  }
  return product;
}

// Half precision adds up in f32.
Values avg_pool3d(Reading& r) {
  const Volume volume = volume_of(r, r.tensor("self"));
  const DType dtype = r.b.dtype(volume.value);
  const Window w = window_of(r, 3);
  const auto sums = [&](ValueId x, Attributes settings) {
    settings.push_back({"divisor_override", std::int64_t{1}});
    return r.b.emit("avg_pool2d", {x}, std::move(settings));
  };
  const ValueId x = as_type(r.b, volume.value, is_half(dtype) ? DType::f32 : dtype);
  const ValueId planes = sums(x, plane_settings(w));
  const Shape middle = r.b.shape(planes);
  const ValueId flat = sums(flat_planes(r.b, planes), depth_settings(w));
  const Shape to = {middle[0], r.b.shape(flat)[1], middle[2], middle[3]};
  const ValueId counts = volume_counts(r, w, r.b.shape(x), to, r.b.dtype(x));
  const ValueId y = r.b.emit("div", {reshaped(r.b, flat, to), counts});
  return {as_type(r.b, back(r.b, volume, y), dtype)};
}

// -- adaptive pools -------------------------------------------------------------------------------

Values adaptive_avg_pool3d(Reading& r) {
  Builder& b = r.b;
  const Volume volume = volume_of(r, r.tensor("self"));
  const DType dtype = b.dtype(volume.value);
  const Integers wanted = per_axis(r.integers("output_size"), 3, "output_size");
  const ValueId x = as_type(b, volume.value, is_half(dtype) ? DType::f32 : dtype);
  const ValueId planes =
      b.emit("adaptive_avg_pool2d", {x}, {{"output_size", ints({wanted[1], wanted[2]})}});
  const Shape shape = b.shape(planes);
  const Dim plane = shape[2] * shape[3];
  const ValueId deep = permuted(b, flat_planes(b, planes), {0, 2, 1});
  const ValueId lines = reshaped(b, deep, {shape[0] * plane, shape[1], Dim(1)});
  const ValueId means =
      b.emit("adaptive_avg_pool2d", {lines}, {{"output_size", ints({wanted[0], 1})}});
  const ValueId apart =
      permuted(b, reshaped(b, means, {shape[0], plane, Dim(wanted[0])}), {0, 2, 1});
  const ValueId y = reshaped(b, apart, {shape[0], Dim(wanted[0]), shape[2], shape[3]});
  return {as_type(b, back(b, volume, y), dtype)};
}

/// The places that each of so many windows along an axis takes, window by window. All are as many:
/// a shorter window takes its last place again.
struct AdaptiveWindows {
  std::int64_t width = 0;
  Integers places;
};

AdaptiveWindows adaptive_windows(std::int64_t length, std::int64_t outputs) {
  const auto begin = [&](std::int64_t i) {
    return floor_divide(Dim(length) * i, Dim(outputs)).value();
  };
  const auto end = [&](std::int64_t i) {
    return (floor_divide(Dim(length) * (i + 1) - 1, Dim(outputs)) + 1).value();
  };
  AdaptiveWindows windows;
  for (std::int64_t i = 0; i < outputs; ++i)
    windows.width = std::max(windows.width, end(i) - begin(i));
  for (std::int64_t i = 0; i < outputs; ++i) {
    for (std::int64_t k = 0; k < windows.width; ++k)
      windows.places.push_back(std::min(begin(i) + k, end(i) - 1));
  }
  return windows;
}

ValueId place_constant(Builder& b, const Integers& places) {
  return b.constant(
      Tensor::from_integers(DType::i64, {static_cast<std::int64_t>(places.size())}, places));
}

/// The largest of each window and its place among the spatial axes; `x` has three, of which the
/// first may have length 1.
Values window_extremes(Reading& r, ValueId x, const Integers& kernel) {
  Window w{.kernel = kernel, .stride = kernel, .padding = {0, 0, 0}, .dilation = {1, 1, 1}};
  if (r.b.shape(x)[1] != Dim(1) || kernel[0] != 1) return volume_extremes(r, x, w);
  const ValueId plane = squeezed(r.b, x, {1});
  Values results = r.b.emit_all("max_pool2d", {plane}, plane_settings(w));
  for (ValueId& result : results) result = unsqueezed(r.b, result, 1);
  return results;
}

/// Places among lengths `from`, said as what `tables` has there, among lengths `to`.
ValueId looked_up(Reading& r, ValueId place, const Integers& from, const Integers& to,
                  const std::vector<AdaptiveWindows>& tables) {
  Builder& b = r.b;
  const Shape shape = b.shape(place);
  ValueId rest = reshaped(b, place, {count_elements(shape)});
  ValueId result = ValueId::none;
  std::int64_t step = 1;
  for (std::size_t axis = 3; axis-- > 0;) {
    const ValueId length = b.literal(DType::i64, from[axis]);
    const ValueId here = b.emit("index_select", {place_constant(b, tables[axis].places),
                                                 b.emit("remainder", {rest, length})});
    const ValueId stepped = b.emit("mul", {here, b.literal(DType::i64, step)});
    result = axis == 2 ? stepped : b.emit("add", {result, stepped});
    rest = b.emit("floor_divide", {rest, length});
    step *= to[axis];
  }
  return reshaped(b, result, shape);
}

// AdaptiveWindows of one size on planes are an ordinary pool.
template <std::int64_t axes>
Values even_max_pool(Reading& r, ValueId x, const Integers& kernel) {
  const Plane plane = plane_of(r, x, axes);
  const Integers of_plane(kernel.begin() + 1, kernel.end());
  Values results = r.b.emit_all("max_pool2d", {plane.value},
                                {{"kernel_size", ints(of_plane)}, {"stride", ints(of_plane)}});
  for (ValueId& result : results) result = back(r.b, plane, result);
  return results;
}

/// Of all that there is; its place nobody may ask for.
Values largest(Reading& r, ValueId x, std::int64_t axes) {
  Integers all;
  for (std::int64_t i = -axes; i < 0; ++i) all.push_back(i);
  return {r.b.emit("amax", {x}, {{"dim", ints(all)}, {"keepdim", true}}), ValueId::none};
}

// Others are laid out one behind the other first.
template <std::int64_t axes>
Values adaptive_max_pool(Reading& r) {
  constexpr std::int64_t most = 1 << 16;
  ValueId x = r.tensor("self");
  const Shape shape = r.b.shape(x);
  if (r.b.rank(x) != axes + 2 && r.b.rank(x) != axes + 1)
    r.fail(fmt::format("rank {} or {} is needed; it is {}", axes + 1, axes + 2, shape.size()));
  Integers wanted = per_axis(r.integers("output_size"), axes, "output_size");
  wanted.insert(wanted.begin(), 3 - axes, 1);
  Shape lengths(shape.end() - axes, shape.end());
  lengths.insert(lengths.begin(), 3 - axes, Dim(1));
  const auto from = known_shape(lengths);
  if (!from && count_elements(Shape(wanted.begin(), wanted.end())) == Dim(1))
    return largest(r, x, axes);
  if (!from) r.refuse("the lengths of adaptive windows must be known");
  std::vector<AdaptiveWindows> tables;
  Integers kernel;
  Integers laid;
  bool even = true;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t length = (*from)[i];
    if (wanted[i] < 1 || wanted[i] > most || length < 1 || length > most)
      r.refuse(fmt::format("lengths of 1 to {} are pooled", most));
    tables.push_back(adaptive_windows(length, wanted[i]));
    kernel.push_back(tables[i].width);
    laid.push_back(kernel[i] * wanted[i]);
    even = even && laid[i] == length;
  }
  if (even && axes < 3) return even_max_pool<std::min<std::int64_t>(axes, 2)>(r, x, kernel);
  const Shape leading(shape.begin(), shape.end() - axes);
  Shape flat = lengths;
  flat.insert(flat.begin(), count_elements(leading));
  x = reshaped(r.b, x, std::move(flat));
  for (std::int64_t i = 0; i < 3; ++i) {
    if (laid[i] == (*from)[i]) continue;
    x = r.b.emit("index_select", {x, place_constant(r.b, tables[i].places)}, {{"dim", i + 1}});
  }
  Values results = window_extremes(r, x, kernel);
  if (!even) results[1] = looked_up(r, results[1], laid, *from, tables);
  Shape to = leading;
  to.insert(to.end(), wanted.end() - axes, wanted.end());
  for (ValueId& result : results) result = reshaped(r.b, result, to);
  return results;
}

/// Elements at places of flat volumes that are 0 elsewhere; what meets is added.
ValueId scattered(Builder& b, ValueId elements, ValueId places, const Shape& whole) {
  const ValueId zeros =
      b.emit("full", {}, {{"shape", whole}, {"value", 0.0}, {"dtype", b.dtype(elements)}});
  return b.emit("scatter_add", {zeros, places, elements}, {{"dim", std::int64_t{-1}}});
}

/// The last axes of a shape made one.
Shape flattened(const Shape& shape, std::int64_t axes) {
  Shape flat(shape.begin(), shape.end() - axes);
  flat.push_back(count_elements(Shape(shape.end() - axes, shape.end())));
  return flat;
}

// Each element at its place; windows that share one gave it the same element.
template <std::int64_t axes>
Values max_unpool(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  const ValueId places = r.tensor("indices");
  const Shape size = r.dims("output_size");
  r.ignore({"stride", "padding"});
  const Shape shape = b.shape(x);
  if (std::ssize(size) != axes || b.shape(places) != shape ||
      (b.rank(x) != axes + 1 && b.rank(x) != axes + 2))
    r.fail("the places or the size do not fit what is unpooled");
  Shape to(shape.begin(), shape.end() - axes);
  to.insert(to.end(), size.begin(), size.end());
  const Shape flat = flattened(shape, axes);
  const ValueId zeros =
      b.emit("full", {}, {{"shape", flattened(to, axes)}, {"value", 0.0}, {"dtype", b.dtype(x)}});
  const ValueId y = b.emit("scatter", {zeros, reshaped(b, places, flat), reshaped(b, x, flat)},
                           {{"dim", std::int64_t{-1}}});
  return {reshaped(b, y, std::move(to))};
}

// The cotangents go to the places that gave the extremes.
template <std::int64_t axes>
Values max_pool_backward(Reading& r) {
  Builder& b = r.b;
  r.ignore({"kernel_size", "stride", "padding", "dilation", "ceil_mode"});
  const ValueId grad = r.tensor("grad_output");
  const Shape shape = b.shape(r.tensor("self"));
  const ValueId places = r.tensor("indices");
  if (b.rank(grad) < axes || std::ssize(shape) != b.rank(grad) || b.shape(places) != b.shape(grad))
    r.fail("the places do not fit the cotangents");
  const Shape flat = flattened(b.shape(grad), axes);
  const ValueId y =
      scattered(b, reshaped(b, grad, flat), reshaped(b, places, flat), flattened(shape, axes));
  return {reshaped(b, y, shape)};
}

constexpr Row pooling_table[] = {
    {.targets = "max_unpool2d", .read = max_unpool<2>},
    {.targets = "max_unpool3d", .read = max_unpool<3>},
    {.targets = "max_pool2d_with_indices_backward",
     .inputs = "grad_output",
     .read = max_pool_backward<2>},
    {.targets = "max_pool3d_with_indices_backward",
     .inputs = "grad_output",
     .read = max_pool_backward<3>},
    {.targets = "max_pool1d", .read = max_pool<1>},
    {.targets = "max_pool2d", .read = max_pool<2>},
    {.targets = "max_pool3d", .read = max_pool3d},
    {.targets = "max_pool1d_with_indices", .read = max_pool_with_indices<1>},
    {.targets = "max_pool2d_with_indices", .ours = "max_pool2d", .read = max_pool_with_indices<2>},
    {.targets = "max_pool3d_with_indices", .read = max_pool3d_with_indices},
    {.targets = "avg_pool1d", .read = avg_pool<1>},
    {.targets = "avg_pool2d", .ours = "avg_pool2d", .read = avg_pool<2>},
    {.targets = "avg_pool3d", .read = avg_pool3d},
    {.targets = "adaptive_avg_pool1d", .read = adaptive_avg_pool<1>},
    {.targets = "adaptive_avg_pool2d _adaptive_avg_pool2d",
     .ours = "adaptive_avg_pool2d",
     .read = adaptive_avg_pool<2>},
    {.targets = "adaptive_avg_pool3d _adaptive_avg_pool3d", .read = adaptive_avg_pool3d},
    {.targets = "adaptive_max_pool1d", .read = adaptive_max_pool<1>},
    {.targets = "adaptive_max_pool2d", .read = adaptive_max_pool<2>},
    {.targets = "adaptive_max_pool3d", .read = adaptive_max_pool<3>},
};

}  // namespace

std::span<const Row> pooling_rows() { return pooling_table; }

}  // namespace isomer::aten
