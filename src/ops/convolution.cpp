#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;
using Integers = std::vector<std::int64_t>;

// Convolution -----------------------------------------------------------------------------------

struct Window {
  Integers stride, padding, dilation, output_padding;
};

Window window_of(const OpCall& call, std::size_t axes) {
  Window window{per_axis(call.integers("stride"), axes, "stride"),
                per_axis(call.integers("padding"), axes, "padding"),
                per_axis(call.integers("dilation"), axes, "dilation"),
                per_axis(call.integers("output_padding"), axes, "output_padding")};
  const auto below = [](const Integers& list, std::int64_t least) {
    return std::ranges::any_of(list, [=](std::int64_t n) { return n < least; });
  };
  if (below(window.stride, 1) || below(window.dilation, 1))
    refuse("stride and dilation should be at least 1");
  if (below(window.padding, 0) || below(window.output_padding, 0))
    refuse("padding should not be negative");
  return window;
}

Dim require_positive(const Dim& length, std::string_view what) {
  if (length.known() && length.value() < 1) {
    refuse(fmt::format("the window is larger than the padded input: {} would be {}", what,
                       length.value()));
  }
  return length;
}

TensorType convolved(const OpCall& call, const TensorType& x, const TensorType& weight) {
  const std::size_t rank = x.shape.size();
  if (rank < 3 || rank > 5 || weight.shape.size() != rank) {
    refuse(
        fmt::format("the input is {} and the weight {}; both should have batch, channels and 1 to "
                    "3 spatial axes",
                    to_text(x.shape), to_text(weight.shape)));
  }
  require_same_dtype(call);
  const Window window = window_of(call, rank - 2);
  const bool transposed = call.flag("transposed");
  const std::int64_t groups = call.integer("groups");
  const Dim& taken = weight.shape[transposed ? 0 : 1];
  const Dim wanted = transposed ? taken : taken * groups;
  if (groups < 1 || x.shape[1] != wanted ||
      (weight.shape[0].known() && weight.shape[0].value() % groups != 0)) {
    refuse(
        fmt::format("the input has {} channels; weight {} with {} takes {}", to_text(x.shape[1]),
                    to_text(weight.shape),
                    counted(static_cast<std::size_t>(std::max<std::int64_t>(groups, 0)), "group"),
                    to_text(wanted)));
  }
  TensorType y{x.dtype, {x.shape[0], transposed ? weight.shape[1] * groups : weight.shape[0]}};
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    const Dim reach = (weight.shape[i + 2] - 1) * window.dilation[i];
    const Dim around = Dim(window.padding[i]) * 2;
    if (transposed) {
      y.shape.push_back((x.shape[i + 2] - 1) * window.stride[i] - around + reach +
                        window.output_padding[i] + 1);
    } else {
      y.shape.push_back(floor_divide(x.shape[i + 2] + around - reach - 1, window.stride[i]) + 1);
    }
    require_positive(y.shape.back(), "a spatial length");
  }
  return y;
}

std::vector<TensorType> convolution_type(const OpCall& call) {
  const TensorType y = convolved(call, call.types[0], call.types[1]);
  numeric_type(call);
  const bool spread_out =
      call.flag("transposed") ||
      std::ranges::any_of(call.integers("dilation"), [](std::int64_t step) { return step != 1; });
  if (spread_out && is_integer(y.dtype) && y.dtype != DType::i64) {
    refuse(
        fmt::format("the operands are {}; transposed and dilated convolutions take floats or i64"
                    " (torch.nn.functional.conv2d)",
                    name_of(y.dtype)));
  }
  if (call.has(2) && call.types[2].shape != Shape{y.shape[1]}) {
    refuse(fmt::format("the bias is {}; it should be [{}]", to_text(call.types[2].shape),
                       to_text(y.shape[1])));
  }
  return {y};
}

std::vector<TensorType> convolution_backward_type(const OpCall& call) {
  same_floating_type(call);
  const TensorType y = convolved(call, call.types[1], call.types[2]);
  if (call.types[0] != y)
    refuse(fmt::format("the cotangent is {}; it should be {}", to_text(call.types[0]), to_text(y)));
  return {call.types[1], call.types[2]};
}

/// How many there are for each element along the other of the weight's first two axes.
Dim products_of(const OpCall& call, const Shape& weight, bool over_first) {
  Dim count = over_first ? floor_divide(weight[0], call.integer("groups")) : weight[1];
  for (std::size_t i = 2; i < weight.size(); ++i) count = count * weight[i];
  return count;
}

Dim convolution_terms(const OpCall& call) {
  return products_of(call, call.types[1].shape, call.flag("transposed"));
}

/// Each element of the weight meets every position of the batch.
Dim convolution_backward_terms(const OpCall& call) {
  const Shape& grad = call.types[0].shape;
  const Dim positions = count_elements(Shape(grad.begin() + 2, grad.end())) * grad[0];
  return larger(positions, products_of(call, call.types[2].shape, !call.flag("transposed")));
}

Values vjp_convolution(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  Values result =
      b.emit_all("convolution_backward", {g, call.inputs[0], call.inputs[1]}, call.attributes);
  result.push_back(ValueId::none);
  if (!call.has(2)) return result;
  Integers all_but_channels;
  for (std::int64_t i = 0; i < b.rank(g); ++i) {
    if (i != 1) all_but_channels.push_back(i);
  }
  result[2] = b.emit("sum", {g}, {{"dim", all_but_channels}});
  return result;
}

// Pooling ---------------------------------------------------------------------------------------

struct Pool {
  Integers kernel, stride, padding, dilation;
  bool round_up;
};

Pool pool_of(const OpCall& call) {
  Pool pool{per_axis(call.integers("kernel_size"), 2, "kernel_size"),
            {},
            per_axis(call.integers("padding"), 2, "padding"),
            {1, 1},
            call.flag("ceil_mode")};
  pool.stride = call.integers("stride").empty() ? pool.kernel
                                                : per_axis(call.integers("stride"), 2, "stride");
  if (call.given("dilation")) pool.dilation = per_axis(call.integers("dilation"), 2, "dilation");
  for (std::size_t i = 0; i < 2; ++i) {
    if (pool.kernel[i] < 1 || pool.stride[i] < 1 || pool.dilation[i] < 1) {
      refuse("kernel_size, stride and dilation should be at least 1");
    }
    if (pool.padding[i] < 0 || pool.padding[i] > pool.kernel[i] / 2) {
      refuse(fmt::format("padding {} should be between 0 and half of the kernel, {}",
                         pool.padding[i], pool.kernel[i] / 2));
    }
  }
  return pool;
}

void require_planes(const TensorType& type) {
  if (!is_floating(type.dtype) || (type.shape.size() != 3 && type.shape.size() != 4)) {
    refuse(fmt::format(
        "the input is {}; it should be floating, [channels, height, width] with or without a batch",
        to_text(type)));
  }
}

/// Windows along one axis. Rounded up, the last one must still begin inside the input or its left
/// padding.
Dim pooled_length(const Dim& length, const Pool& pool, std::size_t i) {
  const Dim reach = Dim(pool.kernel[i] - 1) * pool.dilation[i];
  const Dim room = length + 2 * pool.padding[i] - reach - 1;
  if (!pool.round_up)
    return require_positive(floor_divide(room, pool.stride[i]) + 1, "a spatial length");
  const Dim rounded_up = floor_divide(room + pool.stride[i] - 1, pool.stride[i]);
  const Dim last = floor_divide(length + pool.padding[i] - 1, pool.stride[i]);
  return require_positive(smaller(rounded_up, last) + 1, "a spatial length");
}

TensorType pooled(const OpCall& call) {
  require_planes(call.types[0]);
  const Pool pool = pool_of(call);
  TensorType y = call.types[0];
  const std::size_t first = y.shape.size() - 2;
  for (std::size_t i = 0; i < 2; ++i)
    y.shape[first + i] = pooled_length(y.shape[first + i], pool, i);
  return y;
}

std::vector<TensorType> avg_pool2d_type(const OpCall& call) { return {pooled(call)}; }

std::vector<TensorType> max_pool2d_type(const OpCall& call) {
  const TensorType y = pooled(call);
  return {y, {DType::i64, y.shape}};
}

/// The two spatial axes made one.
Shape flat_planes(const Shape& shape) {
  Shape flat(shape.begin(), shape.end() - 2);
  flat.push_back(shape[shape.size() - 2] * shape[shape.size() - 1]);
  return flat;
}

// The indices are positions in the input's plane, so the cotangents are added there.
Values vjp_max_pool2d(Emitter& b, const OpCall& call, const Cotangents& c) {
  const Shape& shape = call.types[0].shape;
  const Shape taken = flat_planes(b.shape(c.values[0]));
  const ValueId zeros = b.emit(
      "full", {}, {{"shape", flat_planes(shape)}, {"value", 0.0}, {"dtype", call.types[0].dtype}});
  const ValueId index = reshape_to(b, c.outputs[1], taken);
  const ValueId g = reshape_to(b, c.values[0], taken);
  return {
      reshape_to(b, b.emit("scatter_add", {zeros, index, g}, {{"dim", std::int64_t{-1}}}), shape)};
}

/// Sums over windows of every plane: a convolution with ones, one channel at a time.
ValueId window_sums(Emitter& b, ValueId x, const Pool& pool) {
  const Shape shape = b.shape(x);
  const Dim& height = shape[shape.size() - 2];
  const Dim& width = shape[shape.size() - 1];
  const Dim planes = count_elements(Shape(shape.begin(), shape.end() - 2));
  const Shape kernel{Dim(1), Dim(1), Dim(pool.kernel[0]), Dim(pool.kernel[1])};
  const ValueId ones =
      b.emit("full", {}, {{"shape", kernel}, {"value", 1.0}, {"dtype", b.dtype(x)}});
  const ValueId apart = reshape_to(b, x, {planes, Dim(1), height, width});
  const ValueId sums = b.emit("convolution", {apart, ones}, {{"stride", pool.stride}});
  Shape result(shape.begin(), shape.end() - 2);
  const Shape summed = b.shape(sums);
  result.insert(result.end(), summed.begin() + 2, summed.end());
  return reshape_to(b, sums, result);
}

/// Padding on the left, and on the right as much as the last window reaches.
std::vector<Dim> pool_padding(const Shape& from, const Shape& to, const Pool& pool) {
  std::vector<Dim> pad;
  for (std::size_t i = 2; i-- > 0;) {
    const Dim& length = from[from.size() - 2 + i];
    const Dim reach = (to[to.size() - 2 + i] - 1) * pool.stride[i] + pool.kernel[i];
    pad.insert(pad.end(), {Dim(pool.padding[i]), reach - length - pool.padding[i]});
  }
  return pad;
}

// What lies beyond the padded input (ceil_mode) never counts; the padding itself does if
// count_include_pad says so.
Values expand_avg_pool2d(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const Pool pool = pool_of(call);
  const Shape from = b.shape(x);
  const Shape to = pooled(call).shape;
  const std::vector<Dim> pad = pool_padding(from, to, pool);
  const ValueId sums = window_sums(b, b.emit("pad", {x}, {{"pad", pad}}), pool);
  if (call.given("divisor_override")) {
    return {
        b.emit("div", {sums, number(b, x, static_cast<double>(call.integer("divisor_override")))})};
  }
  const bool padded = pool.padding[0] != 0 || pool.padding[1] != 0;
  if (!pool.round_up && (!padded || call.flag("count_include_pad"))) {
    return {b.emit("div", {sums, number(b, x,
                                        static_cast<double>(pool.kernel[0]) *
                                            static_cast<double>(pool.kernel[1]))})};
  }
  Shape counted_shape{Dim(1), from[from.size() - 2], from[from.size() - 1]};
  std::vector<Dim> rest = pad;
  if (call.flag("count_include_pad")) {
    for (std::size_t i = 0; i < 2; ++i) {
      counted_shape[i + 1] = counted_shape[i + 1] + 2 * pool.padding[i];
      rest[2 * (1 - i)] = 0;
      rest[2 * (1 - i) + 1] = pad[2 * (1 - i) + 1] - pool.padding[i];
    }
  }
  const ValueId ones =
      b.emit("full", {}, {{"shape", counted_shape}, {"value", 1.0}, {"dtype", b.dtype(x)}});
  return {b.emit("div", {sums, window_sums(b, b.emit("pad", {ones}, {{"pad", rest}}), pool)})};
}

// Resampling ------------------------------------------------------------------------------------

std::vector<TensorType> resized_type(const OpCall& call) {
  require_planes(call.types[0]);
  const Integers size = per_axis(call.integers("output_size"), 2, "output_size");
  TensorType y = call.types[0];
  for (std::size_t i = 0; i < 2; ++i) {
    // Both operators expand to something that grows with each output along an axis.
    constexpr std::int64_t most = 1 << 16;
    if (size[i] < 1 || size[i] > most) {
      refuse(fmt::format("output_size should be between 1 and {}", most));
    }
    y.shape[y.shape.size() - 2 + i] = size[i];
  }
  return {y};
}

/// The spatial lengths, which must be known.
Integers plane_of(const Shape& shape) {
  const auto known = known_shape(Shape(shape.end() - 2, shape.end()));
  if (!known) refuse("the spatial lengths should be known");
  return *known;
}

/// Means along one axis, output i over the inputs from floor(i*n/m) up to ceil((i+1)*n/m). Not a
/// product with a matrix of weights: 0 times an infinite element would spoil the other windows.
ValueId averaged(Emitter& b, ValueId x, std::int64_t axis, std::int64_t outputs,
                 const Dim& inputs) {
  Values means;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const Dim begin = floor_divide(inputs * i, outputs);
    const Dim end = floor_divide(inputs * (i + 1) + (outputs - 1), outputs);
    const ValueId window = b.emit("slice", {x}, {{"dim", axis}, {"start", begin}, {"end", end}});
    means.push_back(b.emit("mean", {window}, {{"dim", Integers{axis}}, {"keepdim", true}}));
  }
  return b.emit("cat", std::move(means), {{"dim", axis}});
}

Values expand_adaptive_avg_pool2d(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const Shape from = call.types[0].shape;
  const Integers size = per_axis(call.integers("output_size"), 2, "output_size");
  if (size == Integers{1, 1})
    return {b.emit("mean", {x}, {{"dim", Integers{-2, -1}}, {"keepdim", true}})};
  const auto plane = known_shape(Shape(from.end() - 2, from.end()));
  if (plane && (*plane)[0] % size[0] == 0 && (*plane)[1] % size[1] == 0) {
    return {b.emit("avg_pool2d", {x},
                   {{"kernel_size", Integers{(*plane)[0] / size[0], (*plane)[1] / size[1]}}})};
  }
  return {averaged(b, averaged(b, x, -1, size[1], from.back()), -2, size[0], from.end()[-2])};
}

/// Where each output of a nearest-neighbour resize looks, in single precision as torch computes it.
ValueId nearest_positions(Emitter& b, std::int64_t outputs, std::int64_t inputs) {
  const float scale = static_cast<float>(inputs) / static_cast<float>(outputs);
  Integers positions;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const auto position = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    positions.push_back(std::min(position, inputs - 1));
  }
  return b.constant(Tensor::from_integers(DType::i64, {outputs}, positions));
}

Values expand_upsample_nearest2d(Emitter& b, const OpCall& call) {
  const Integers size = per_axis(call.integers("output_size"), 2, "output_size");
  const Integers plane = plane_of(call.types[0].shape);
  ValueId x = call.inputs[0];
  for (std::size_t i = 0; i < 2; ++i) {
    const ValueId index = nearest_positions(b, size[i], plane[i]);
    x = b.emit("index_select", {x, index}, {{"dim", static_cast<std::int64_t>(i) - 2}});
  }
  return {x};
}

constexpr OpSchema convolution_table[] = {
    {"convolution(x, weight, bias?, stride: ints = [1], padding: ints = [0], dilation: ints = [1], "
     "transposed: bool = false, output_padding: ints = [0], groups: int = 1) -> y",
     convolution_type, nullptr, vjp_convolution,
     "convolution over 1 to 3 spatial axes, or its transpose", Traits{.terms = convolution_terms}},
    {"convolution_backward(grad, x, weight, stride: ints = [1], padding: ints = [0], dilation: "
     "ints = [1], "
     "transposed: bool = false, output_padding: ints = [0], groups: int = 1) -> (grad_x, "
     "grad_weight)",
     convolution_backward_type, nullptr, nullptr, "cotangents of a convolution's input and weight",
     Traits{.terms = convolution_backward_terms}},
    {"max_pool2d(x, kernel_size: ints, stride: ints = [], padding: ints = [0], dilation: ints = "
     "[1], "
     "ceil_mode: bool = false) -> (y, indices)",
     max_pool2d_type, nullptr, vjp_max_pool2d,
     "largest of each window, and its position in the plane", finds_extreme},
    {"avg_pool2d(x, kernel_size: ints, stride: ints = [], padding: ints = [0], ceil_mode: bool = "
     "false, "
     "count_include_pad: bool = true, divisor_override: int?) -> y",
     avg_pool2d_type, expand_avg_pool2d, nullptr, "mean of each window", rounds_once},
    {"adaptive_avg_pool2d(x, output_size: ints) -> y", resized_type, expand_adaptive_avg_pool2d,
     nullptr, "means of windows that divide the plane into so many parts", rounds_once},
    {"upsample_nearest2d(x, output_size: ints) -> y", resized_type, expand_upsample_nearest2d,
     nullptr, "the nearest input for each output", moves_freely},
};

}  // namespace

std::span<const OpSchema> convolution_ops() { return convolution_table; }

}  // namespace isomer
