#include <algorithm>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Convolution and padding.

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

/// How much a negative amount cuts; of one that is not known `pad` itself finds out.
Dim cut_by(const Dim& amount) {
  return amount.known() && amount.value() < 0 ? Dim(0) - amount : Dim(0);
}

// Negative amounts cut.
ValueId padded(Reading& r, ValueId x, std::vector<Dim> amounts, double value) {
  if (amounts.size() % 2 != 0 || amounts.size() / 2 > r.b.shape(x).size()) {
    r.fail(fmt::format("{} amounts do not fit rank {}", amounts.size(), r.b.rank(x)));
  }
  for (std::size_t i = 0; i < amounts.size(); i += 2) {
    const std::int64_t axis = r.b.rank(x) - 1 - static_cast<std::int64_t>(i / 2);
    const Dim length = r.b.shape(x)[static_cast<std::size_t>(axis)];
    const Dim front = cut_by(amounts[i]);
    const Dim back = cut_by(amounts[i + 1]);
    x = sliced(r.b, x, axis, front, length - back);
    amounts[i] = amounts[i] + front;
    amounts[i + 1] = amounts[i + 1] + back;
  }
  if (std::ranges::all_of(amounts, [](const Dim& n) { return n == Dim(0); })) return x;
  return r.b.emit("pad", {x}, {{"pad", std::move(amounts)}, {"value", value}});
}

enum class Border { reflect, replicate, circular };

// Where a position outside of [0, length) takes its element from.
std::int64_t source_of(std::int64_t i, std::int64_t length, Border border) {
  if (border == Border::replicate) return std::clamp<std::int64_t>(i, 0, length - 1);
  if (border == Border::circular) return ((i % length) + length) % length;
  if (i < 0) i = -i;
  return i < length ? i : 2 * (length - 1) - i;
}

/// What lies beyond one end of an axis of a length that is not known; that the axis is long enough
/// is what the ranges of the export say.
ValueId border_part(Builder& b, ValueId x, std::int64_t axis, std::int64_t amount, bool front,
                    Border border) {
  const Dim length = b.shape(x)[static_cast<std::size_t>(axis)];
  if (border == Border::replicate) {
    const Dim at = front ? Dim(0) : length - Dim(1);
    const ValueId edge = sliced(b, x, axis, at, at + Dim(1));
    Shape shape = b.shape(edge);
    shape[static_cast<std::size_t>(axis)] = amount;
    return expanded(b, edge, std::move(shape));
  }
  if (border == Border::circular) {
    const Dim at = front ? length - Dim(amount) : Dim(0);
    return sliced(b, x, axis, at, at + Dim(amount));
  }
  const Dim at = front ? Dim(1) : length - Dim(1 + amount);
  return b.emit("flip", {sliced(b, x, axis, at, at + Dim(amount))}, {{"dims", ints({axis})}});
}

ValueId with_borders(Builder& b, ValueId x, std::int64_t axis, std::int64_t front,
                     std::int64_t back, Border border) {
  Values parts = {x};
  if (front > 0) parts.insert(parts.begin(), border_part(b, x, axis, front, true, border));
  if (back > 0) parts.push_back(border_part(b, x, axis, back, false, border));
  return b.emit("cat", std::move(parts), {{"dim", axis}});
}

ValueId bordered(Reading& r, ValueId x, const std::vector<std::int64_t>& amounts, Border border) {
  constexpr std::int64_t longest = 1 << 24;
  if (amounts.size() % 2 != 0 || amounts.size() / 2 > r.b.shape(x).size())
    r.fail("the amounts do not fit the rank");
  for (std::size_t i = 0; i < amounts.size(); i += 2) {
    if (amounts[i] == 0 && amounts[i + 1] == 0) continue;
    const std::int64_t axis = r.b.rank(x) - 1 - static_cast<std::int64_t>(i / 2);
    const Dim dim = r.b.shape(x)[static_cast<std::size_t>(axis)];
    if (!dim.known()) {
      if (std::min(amounts[i], amounts[i + 1]) < 0)
        r.refuse("a border that cuts needs the length of its axis to be known");
      x = with_borders(r.b, x, axis, amounts[i], amounts[i + 1], border);
      continue;
    }
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
  return {padded(r, x, r.dims("pad"), r.real("value", 0.0))};
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

constexpr Row convolution_table[] = {
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
};

}  // namespace

std::span<const Row> convolution_rows() { return convolution_table; }

}  // namespace isomer::aten
