#include <algorithm>
#include <array>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

// Planes taken apart and put together: shuffles, and windows as columns.

namespace isomer::aten {
namespace {

using Integers = std::vector<std::int64_t>;

// -- shuffles -------------------------------------------------------------------------------------

/// `x` with its axes apart, those from `first` on in `order`, and merged.
ValueId regrouped(Builder& b, ValueId x, Shape apart, std::size_t first, const Integers& order,
                  Shape merged) {
  Integers all = all_axes(static_cast<std::int64_t>(apart.size()));
  for (std::size_t i = 0; i < order.size(); ++i)
    all[first + i] = static_cast<std::int64_t>(first) + order[i];
  const ValueId split = reshaped(b, x, std::move(apart));
  return reshaped(b, permuted(b, split, std::move(all)), std::move(merged));
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
  return {regrouped(r.b, x, std::move(apart), channels, {0, 3, 1, 4, 2}, std::move(merged))};
}

Values pixel_unshuffle(Reading& r) {
  const ValueId x = r.tensor("self");
  const Dim factor = r.integer("downscale_factor");
  const Shape shape = r.b.shape(x);
  if (shape.size() < 3 || !factor.known() || factor.value() < 1)
    r.fail("channels, height and width are needed, and a factor");
  const std::size_t c = shape.size() - 3;
  const Dim height = floor_divide(shape[c + 1], factor);
  const Dim width = floor_divide(shape[c + 2], factor);
  if (height * factor != shape[c + 1] || width * factor != shape[c + 2])
    r.fail("height and width are no multiples of the factor");
  Shape apart(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(c));
  Shape merged = apart;
  apart.insert(apart.end(), {shape[c], height, factor, width, factor});
  merged.insert(merged.end(), {shape[c] * factor * factor, height, width});
  return {regrouped(r.b, x, std::move(apart), c, {0, 2, 4, 1, 3}, std::move(merged))};
}

Values channel_shuffle(Reading& r) {
  const ValueId x = r.tensor("self");
  const Dim groups = r.integer("groups");
  const Shape shape = r.b.shape(x);
  if (shape.size() < 3 || groups.value() < 1) r.fail("channels are needed, and groups");
  const Dim each = floor_divide(shape[1], groups);
  if (each * groups != shape[1]) r.fail("the channels are no multiple of the groups");
  Shape apart = shape;
  apart[1] = each;
  apart.insert(apart.begin() + 1, groups);
  return {regrouped(r.b, x, std::move(apart), 1, {1, 0}, shape)};
}

// -- windows as columns ---------------------------------------------------------------------------

/// Windows over a padded plane.
struct PaddedWindows {
  Integers padding;
  Integers plane = {};   // with its padding
  Integers counts = {};  // of windows along each axis
  // In the plane, element by element of a window, for each window.
  ValueId places = ValueId::none;
  Dim elements = 0;  // of a window
};

PaddedWindows windows_of(Reading& r, const Integers& plane) {
  constexpr std::int64_t most = 4 * most_places;
  const auto list = [&](std::string_view name) { return per_axis(r.integers(name), 2, name); };
  const Integers kernel = list("kernel_size");
  const Integers dilation = list("dilation");
  const Integers stride = list("stride");
  PaddedWindows w{.padding = list("padding")};
  std::array<Integers, 2> along;  // places along an axis: element by element, window by window
  for (std::size_t i = 0; i < 2; ++i) {
    if (kernel[i] < 1 || dilation[i] < 1 || stride[i] < 1 || w.padding[i] < 0)
      r.fail("a window needs a size, a step and a dilation above 0");
    for (const std::int64_t given : {plane[i], kernel[i], dilation[i], stride[i], w.padding[i]})
      countable(r, given);
    if (kernel[i] > most) r.refuse("a window is too large");
    w.plane.push_back(plane[i] + 2 * w.padding[i]);
    const std::int64_t room = w.plane[i] - dilation[i] * (kernel[i] - 1) - 1;
    if (room < 0) r.fail("a window is larger than the plane");
    w.counts.push_back(room / stride[i] + 1);
    if (w.counts[i] > most / kernel[i]) r.refuse("there are too many windows");
    for (std::int64_t k = 0; k < kernel[i]; ++k) {
      for (std::int64_t o = 0; o < w.counts[i]; ++o)
        along[i].push_back(k * dilation[i] + o * stride[i]);
    }
  }
  const auto element = [&](std::size_t i, std::int64_t k, std::int64_t o) {
    return along[i][static_cast<std::size_t>(k * w.counts[i] + o)];
  };
  if (std::ssize(along[0]) > most / std::ssize(along[1])) r.refuse("there are too many windows");
  Integers places;
  for (std::int64_t k = 0; k < kernel[0] * kernel[1]; ++k) {
    for (std::int64_t o = 0; o < w.counts[0] * w.counts[1]; ++o) {
      places.push_back(element(0, k / kernel[1], o / w.counts[1]) * w.plane[1] +
                       element(1, k % kernel[1], o % w.counts[1]));
    }
  }
  const auto count = static_cast<std::int64_t>(places.size());
  w.places = r.b.constant(Tensor::from_integers(DType::i64, {count}, places));
  w.elements = kernel[0] * kernel[1];
  return w;
}

Attribute around(const PaddedWindows& w, std::int64_t sign) {
  return ints({sign * w.padding[1], sign * w.padding[1], sign * w.padding[0], sign * w.padding[0]});
}

Values im2col(Reading& r) {
  const ValueId x = r.tensor("self");
  const Shape shape = r.b.shape(x);
  if (shape.size() != 3 && shape.size() != 4) r.fail("rank 3 or 4 is needed");
  const auto plane = known_shape(Shape(shape.end() - 2, shape.end()));
  if (!plane) r.refuse("the lengths of a plane must be known");
  const PaddedWindows w = windows_of(r, *plane);
  const bool padded = w.padding != Integers{0, 0};
  const ValueId wide = padded ? r.b.emit("pad", {x}, {{"pad", around(w, 1)}}) : x;
  Shape flat(shape.begin(), shape.end() - 2);
  flat.emplace_back(w.plane[0] * w.plane[1]);
  const ValueId picked =
      r.b.emit("index_select", {reshaped(r.b, wide, flat), w.places}, {{"dim", r.b.rank(x) - 2}});
  flat.pop_back();
  flat.back() = flat.back() * w.elements;
  flat.emplace_back(w.counts[0] * w.counts[1]);
  return {reshaped(r.b, picked, std::move(flat))};
}

// What windows have in common is added up.
Values col2im(Reading& r) {
  const ValueId x = r.tensor("self");
  const Shape shape = r.b.shape(x);
  if (shape.size() != 2 && shape.size() != 3) r.fail("rank 2 or 3 is needed");
  const Integers size = per_axis(r.integers("output_size"), 2, "output_size");
  const PaddedWindows w = windows_of(r, size);
  const Dim channels = floor_divide(shape[shape.size() - 2], w.elements);
  if (channels * w.elements != shape[shape.size() - 2] ||
      shape.back() != Dim(w.counts[0] * w.counts[1]))
    r.fail("the columns do not fit the windows");
  Shape flat(shape.begin(), shape.end() - 2);
  flat.push_back(channels);
  Shape planes = flat;
  planes.insert(planes.end(), {Dim(w.plane[0]), Dim(w.plane[1])});
  Shape empty = flat;
  empty.emplace_back(w.plane[0] * w.plane[1]);
  flat.push_back(w.elements * shape.back());
  const ValueId zeros =
      r.b.emit("full", {}, {{"shape", empty}, {"value", 0.0}, {"dtype", r.b.dtype(x)}});
  ValueId y =
      r.b.emit("index_add", {zeros, w.places, reshaped(r.b, x, flat)}, {{"dim", r.b.rank(x) - 1}});
  y = reshaped(r.b, y, std::move(planes));
  for (std::size_t i = 0; i < 2; ++i) {
    const auto axis = static_cast<std::int64_t>(shape.size()) - 1 + static_cast<std::int64_t>(i);
    y = sliced(r.b, y, axis, w.padding[i], w.padding[i] + size[i]);
  }
  return {y};
}

constexpr Row plane_table[] = {
    {.targets = "pixel_shuffle", .read = pixel_shuffle},
    {.targets = "pixel_unshuffle", .read = pixel_unshuffle},
    {.targets = "channel_shuffle native_channel_shuffle", .read = channel_shuffle},
    {.targets = "im2col", .read = im2col},
    {.targets = "col2im", .read = col2im},
};

}  // namespace

std::span<const Row> plane_rows() { return plane_table; }

}  // namespace isomer::aten
