#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Convolution, padding, pooling and resampling.

namespace isomer::aten {
namespace {

// -- convolution ----------------------------------------------------------------------------------

struct Settings {
  std::vector<std::int64_t> stride = {1};
  std::vector<std::int64_t> padding = {0};
  std::vector<std::int64_t> dilation = {1};
  bool transposed = false;
  std::vector<std::int64_t> output_padding = {0};
  std::int64_t groups = 1;
};

// Without a batch axis a sample is a batch of one.
ValueId convolved(Reading& r, ValueId x, Settings s) {
  const ValueId weight = r.tensor("weight");
  const ValueId bias = r.optional_tensor("bias");
  if (r.b.rank(weight) < 3 || r.b.rank(weight) > 5) r.fail("a weight of rank 3 to 5 is needed");
  const auto axes = static_cast<std::size_t>(r.b.rank(weight)) - 2;
  const bool single = r.b.rank(x) + 1 == r.b.rank(weight);
  if (single) x = unsqueezed(r.b, x, 0);
  const ValueId y =
      r.b.emit("convolution", {x, weight, bias},
               {{"stride", ints(per_axis(s.stride, axes, "stride"))},
                {"padding", ints(per_axis(s.padding, axes, "padding"))},
                {"dilation", ints(per_axis(s.dilation, axes, "dilation"))},
                {"transposed", s.transposed},
                {"output_padding", ints(per_axis(s.output_padding, axes, "output_padding"))},
                {"groups", s.groups}});
  return single ? r.b.emit("squeeze", {y}, {{"dim", ints({0})}}) : y;
}

Settings settings_of(Reading& r, bool transposed) {
  Settings s;
  s.stride = r.integers("stride", s.stride);
  s.dilation = r.integers("dilation", s.dilation);
  s.groups = r.integer("groups", s.groups);
  s.transposed = transposed;
  return s;
}

Settings with_padding(Reading& r, Settings s) {
  s.padding = r.integers("padding", s.padding);
  s.output_padding = r.integers("output_padding", s.output_padding);
  return s;
}

template <bool transposed>
Values conv(Reading& r) {
  return {convolved(r, r.tensor("input"), with_padding(r, settings_of(r, transposed)))};
}

Values convolution(Reading& r) {
  r.ignore({"benchmark", "deterministic", "cudnn_enabled", "allow_tf32"});
  Settings s = with_padding(r, settings_of(r, r.flag("transposed")));
  return {convolved(r, r.tensor("input"), std::move(s))};
}

// "same": as much as the kernel reaches over, the odd one at the end.
Values conv_padded(Reading& r) {
  Settings s = settings_of(r, false);
  const std::string mode = r.text("padding", "valid");
  const ValueId x = r.tensor("input");
  if (mode == "valid") return {convolved(r, x, std::move(s))};
  if (mode != "same") r.fail("padding is neither valid nor same");
  const Shape kernel = r.b.shape(r.tensor("weight"));
  if (kernel.size() < 3) r.fail("a weight of rank 3 to 5 is needed");
  const std::size_t axes = kernel.size() - 2;
  s.dilation = per_axis(s.dilation, axes, "dilation");
  s.padding.assign(axes, 0);
  std::vector<std::int64_t> extra(2 * axes);
  for (std::size_t i = 0; i < axes; ++i) {
    if (!kernel[2 + i].known()) r.refuse("the size of the kernel must be known");
    const std::int64_t total = ((kernel[2 + i] - 1) * s.dilation[i]).value();
    s.padding[i] = total / 2;
    extra[2 * (axes - 1 - i) + 1] = total % 2;
  }
  const bool even = std::ranges::all_of(extra, [](std::int64_t n) { return n == 0; });
  return {convolved(r, even ? x : r.b.emit("pad", {x}, {{"pad", ints(extra)}}), std::move(s))};
}

// -- padding --------------------------------------------------------------------------------------

// Negative amounts cut.
ValueId padded(Reading& r, ValueId x, std::vector<std::int64_t> amounts, double value) {
  if (amounts.size() % 2 != 0 || amounts.size() / 2 > r.b.shape(x).size()) {
    r.fail(fmt::format("{} amounts do not fit rank {}", amounts.size(), r.b.rank(x)));
  }
  for (std::size_t i = 0; i < amounts.size(); i += 2) {
    const std::int64_t axis = r.b.rank(x) - 1 - static_cast<std::int64_t>(i / 2);
    const Dim length = r.b.shape(x)[static_cast<std::size_t>(axis)];
    const std::int64_t front = std::min<std::int64_t>(amounts[i], 0);
    const std::int64_t back = std::min<std::int64_t>(amounts[i + 1], 0);
    x = sliced(r.b, x, axis, Dim(0) - front, length + Dim(back));
    amounts[i] -= front;
    amounts[i + 1] -= back;
  }
  if (std::ranges::all_of(amounts, [](std::int64_t n) { return n == 0; })) return x;
  return r.b.emit("pad", {x}, {{"pad", ints(std::move(amounts))}, {"value", value}});
}

enum class Border { reflect, replicate, circular };

// Where a position outside of [0, length) takes its element from.
std::int64_t source_of(std::int64_t i, std::int64_t length, Border border) {
  if (border == Border::replicate) return std::clamp<std::int64_t>(i, 0, length - 1);
  if (border == Border::circular) return ((i % length) + length) % length;
  if (i < 0) i = -i;
  return i < length ? i : 2 * (length - 1) - i;
}

ValueId bordered(Reading& r, ValueId x, const std::vector<std::int64_t>& amounts, Border border) {
  constexpr std::int64_t longest = 1 << 24;
  if (amounts.size() % 2 != 0 || amounts.size() / 2 > r.b.shape(x).size())
    r.fail("the amounts do not fit the rank");
  for (std::size_t i = 0; i < amounts.size(); i += 2) {
    if (amounts[i] == 0 && amounts[i + 1] == 0) continue;
    const std::int64_t axis = r.b.rank(x) - 1 - static_cast<std::int64_t>(i / 2);
    const Dim dim = r.b.shape(x)[static_cast<std::size_t>(axis)];
    if (!dim.known()) r.refuse("a border needs the length of its axis to be known");
    const std::int64_t length = dim.value();
    const std::int64_t most = border == Border::reflect ? length - 1 : longest;
    const bool fits = length > 0 && length <= longest &&
                      std::min(amounts[i], amounts[i + 1]) >= -length &&
                      std::max(amounts[i], amounts[i + 1]) <= most;
    if (!fits) r.fail("a border is wider than its axis allows");
    std::vector<std::int64_t> sources;
    for (std::int64_t at = -amounts[i]; at < length + amounts[i + 1]; ++at) {
      sources.push_back(source_of(at, length, border));
    }
    const auto count = static_cast<std::int64_t>(sources.size());
    const ValueId index = r.b.constant(Tensor::from_integers(DType::i64, {count}, sources));
    x = r.b.emit("index_select", {x, index}, {{"dim", axis}});
  }
  return x;
}

Values constant_pad(Reading& r) {
  const ValueId x = r.tensor("self");
  return {padded(r, x, r.integers("pad"), r.real("value", 0.0))};
}

Values pad(Reading& r) {
  const std::string mode = r.text("mode", "constant");
  if (mode == "constant") return constant_pad(r);
  r.ignore({"value"});
  const ValueId x = r.tensor("self");
  if (mode == "reflect") return {bordered(r, x, r.integers("pad"), Border::reflect)};
  if (mode == "replicate") return {bordered(r, x, r.integers("pad"), Border::replicate)};
  if (mode == "circular") return {bordered(r, x, r.integers("pad"), Border::circular)};
  r.fail("the mode is none of constant, reflect, replicate and circular");
}

template <Border border>
Values border_pad(Reading& r) {
  return {bordered(r, r.tensor("self"), r.integers("padding"), border)};
}

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

// Windows of one size are an ordinary pool.
template <std::int64_t axes>
Values adaptive_max_pool(Reading& r) {
  const Plane plane = plane_of(r, r.tensor("self"), axes);
  const std::vector<std::int64_t> wanted = plane_list(r, "output_size", axes);
  std::vector<std::int64_t> kernel;
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim length = r.b.shape(plane.value)[2 + i];
    if (!length.known() || wanted[i] < 1 || length.value() % wanted[i] != 0) {
      r.refuse("output lengths that divide the input's are read");
    }
    kernel.push_back(length.value() / wanted[i]);
  }
  Values results = r.b.emit_all("max_pool2d", {plane.value},
                                {{"kernel_size", ints(kernel)}, {"stride", ints(kernel)}});
  for (ValueId& result : results) result = back(r.b, plane, result);
  return results;
}

// -- resampling -----------------------------------------------------------------------------------

// PyTorch finds the source by the scale where one is given, else by the lengths: both must say the
// same.
std::int64_t scaled_length(const Reading& r, const Dim& length, double scale) {
  if (!length.known()) r.refuse("the length of a resampled axis must be known");
  const double exact = static_cast<double>(length.value()) * scale;
  if (!(exact >= 1 && exact < 1e9) || exact != std::floor(exact))
    r.refuse("scales that give whole lengths are read");
  return static_cast<std::int64_t>(exact);
}

void demand_same_sources(const Reading& r, const Dim& length, std::int64_t wanted, double scale) {
  constexpr std::int64_t most = 1 << 16;
  if (!(scale > 0)) return;  // as if it were not given
  if (!length.known()) r.refuse("the length of a resampled axis must be known");
  const auto by_scale = static_cast<float>(1 / scale);
  const float by_length = static_cast<float>(length.value()) / static_cast<float>(wanted);
  const auto last = static_cast<float>(length.value() - 1);
  bool same = by_scale == by_length || wanted <= most;
  for (std::int64_t i = 0; same && by_scale != by_length && i < wanted; ++i) {
    const auto at = static_cast<float>(i);
    same = std::min(std::floor(at * by_scale), last) == std::min(std::floor(at * by_length), last);
  }
  if (!same) {
    r.refuse(fmt::format("the scale {} looks elsewhere than the lengths {} and {} do",
                         real_text(scale), length.value(), wanted));
  }
}

// The scales beside the output's lengths, or in their place; none where none are given.
std::vector<double> scales_of(Reading& r, std::int64_t axes) {
  std::vector<double> scales;
  if (r.given("scale_factors")) {
    scales = r.reals("scale_factors");
  } else if (axes == 1) {
    scales = {r.real("scales", 0.0)};
  } else {
    scales = {r.real("scales_h", 0.0), r.real("scales_w", 0.0)};
  }
  if (axes == 1) scales.insert(scales.begin(), 1.0);
  if (scales.size() != 2) r.fail("there must be a scale for each axis");
  return scales;
}

template <std::int64_t axes>
Values upsample_nearest(Reading& r) {
  const ValueId x = r.tensor(r.given("input") ? "input" : "self");
  const Plane plane = plane_of(r, x, axes);
  const std::vector<double> scales = scales_of(r, axes);
  std::vector<std::int64_t> wanted;
  if (r.given("output_size")) wanted = plane_list(r, "output_size", axes);
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim length = r.b.shape(plane.value)[2 + i];
    if (wanted.size() == i) wanted.push_back(scaled_length(r, length, scales[i]));
    demand_same_sources(r, length, wanted[i], scales[i]);
  }
  return {back(r.b, plane,
               r.b.emit("upsample_nearest2d", {plane.value}, {{"output_size", ints(wanted)}}))};
}

Values pixel_shuffle(Reading& r) {
  const ValueId x = r.tensor("self");
  const Dim factor = r.integer("upscale_factor");
  const Shape shape = r.b.shape(x);
  if (shape.size() < 3 || factor == Dim(0))
    r.fail("channels, height and width are needed, and a factor");
  const std::size_t channels = shape.size() - 3;
  const Dim kept = floor_divide(shape[channels], factor * factor);
  Shape apart(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(channels));
  Shape merged = apart;
  apart.insert(apart.end(), {kept, factor, factor, shape[channels + 1], shape[channels + 2]});
  merged.insert(merged.end(), {kept, shape[channels + 1] * factor, shape[channels + 2] * factor});
  std::vector<std::int64_t> order(apart.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto c = static_cast<std::int64_t>(channels);
  std::ranges::copy(std::vector<std::int64_t>{c, c + 3, c + 1, c + 4, c + 2}, order.begin() + c);
  return {reshaped(r.b, permuted(r.b, reshaped(r.b, x, std::move(apart)), std::move(order)),
                   std::move(merged))};
}

constexpr Row table[] = {
    {.targets = "conv1d conv2d conv3d", .read = conv<false>},
    {.targets = "conv1d.padding conv2d.padding conv3d.padding", .read = conv_padded},
    {.targets = "conv_transpose1d conv_transpose2d.input conv_transpose3d.input",
     .read = conv<true>},
    {.targets = "convolution _convolution", .ours = "convolution", .read = convolution},
    {.targets = "pad", .read = pad},
    {.targets = "constant_pad_nd", .ours = "pad", .read = constant_pad},
    {.targets = "reflection_pad1d reflection_pad2d reflection_pad3d",
     .read = border_pad<Border::reflect>},
    {.targets = "replication_pad1d replication_pad2d replication_pad3d",
     .read = border_pad<Border::replicate>},
    {.targets = "max_pool1d", .read = max_pool<1>},
    {.targets = "max_pool2d", .read = max_pool<2>},
    {.targets = "max_pool1d_with_indices", .read = max_pool_with_indices<1>},
    {.targets = "max_pool2d_with_indices", .ours = "max_pool2d", .read = max_pool_with_indices<2>},
    {.targets = "avg_pool1d", .read = avg_pool<1>},
    {.targets = "avg_pool2d", .ours = "avg_pool2d", .read = avg_pool<2>},
    {.targets = "adaptive_avg_pool1d", .read = adaptive_avg_pool<1>},
    {.targets = "adaptive_avg_pool2d _adaptive_avg_pool2d",
     .ours = "adaptive_avg_pool2d",
     .read = adaptive_avg_pool<2>},
    {.targets = "adaptive_max_pool1d", .read = adaptive_max_pool<1>},
    {.targets = "adaptive_max_pool2d", .read = adaptive_max_pool<2>},
    {.targets = "upsample_nearest1d upsample_nearest1d.vec", .read = upsample_nearest<1>},
    {.targets = "upsample_nearest2d upsample_nearest2d.vec",
     .ours = "upsample_nearest2d",
     .read = upsample_nearest<2>},
    {.targets = "pixel_shuffle", .read = pixel_shuffle},
};

}  // namespace

std::span<const Row> convolution_rows() { return table; }

}  // namespace isomer::aten
