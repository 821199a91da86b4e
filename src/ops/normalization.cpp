#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;
using Integers = std::vector<std::int64_t>;

// Type rules ------------------------------------------------------------------------------------

void require_shape(const OpCall& call, std::size_t i, std::string_view name, const Shape& shape) {
  if (!call.has(i)) return;
  if (call.types[i] == TensorType{call.types[0].dtype, shape}) return;
  refuse(fmt::format("'{}' is {}; it should be {}", name, to_text(call.types[i]),
                     to_text(TensorType{call.types[0].dtype, shape})));
}

Shape channels_of(const OpCall& call) {
  same_floating_type(call);
  if (call.types[0].shape.size() < 2) {
    refuse(fmt::format("the input is {}; it should have a batch and channels",
                       to_text(call.types[0])));
  }
  return {call.types[0].shape[1]};
}

std::vector<TensorType> batch_norm_type(const OpCall& call) {
  const Shape channels = channels_of(call);
  require_shape(call, 1, "weight", channels);
  require_shape(call, 2, "bias", channels);
  require_shape(call, 3, "running_mean", channels);
  require_shape(call, 4, "running_var", channels);
  return {call.types[0]};
}

std::vector<TensorType> batch_norm_training_type(const OpCall& call) {
  const Shape channels = channels_of(call);
  require_shape(call, 1, "weight", channels);
  require_shape(call, 2, "bias", channels);
  const TensorType statistic{call.types[0].dtype, channels};
  return {call.types[0], statistic, statistic};
}

/// The trailing axes that are normalized.
Integers normalized_axes(const OpCall& call) {
  const Integers& lengths = call.integers("normalized_shape");
  const Shape& shape = call.types[0].shape;
  const Shape wanted(lengths.begin(), lengths.end());
  if (lengths.empty() || lengths.size() > shape.size() ||
      Shape(shape.end() - static_cast<std::ptrdiff_t>(lengths.size()), shape.end()) != wanted) {
    refuse(fmt::format("the input is {}; it should end with normalized_shape {}", to_text(shape),
                       to_text(wanted)));
  }
  Integers axes;
  for (std::size_t i = lengths.size(); i > 0; --i) axes.push_back(-static_cast<std::int64_t>(i));
  return axes;
}

std::vector<TensorType> trailing_type(const OpCall& call) {
  same_floating_type(call);
  normalized_axes(call);
  const Integers& lengths = call.integers("normalized_shape");
  const Shape shape(lengths.begin(), lengths.end());
  require_shape(call, 1, "weight", shape);
  require_shape(call, 2, "bias", shape);
  return {call.types[0]};
}

std::vector<TensorType> group_norm_type(const OpCall& call) {
  const Shape channels = channels_of(call);
  require_shape(call, 1, "weight", channels);
  require_shape(call, 2, "bias", channels);
  const std::int64_t groups = call.integer("num_groups");
  if (groups < 1 || !channels[0].known() || channels[0].value() % groups != 0) {
    refuse(
        fmt::format("{} channels cannot be divided into {} groups", to_text(channels[0]), groups));
  }
  return {call.types[0]};
}

// Meanings --------------------------------------------------------------------------------------

/// One number per channel, so that it broadcasts against [batch, channels, ...].
ValueId per_channel(Emitter& b, ValueId x, std::int64_t rank) {
  Shape shape(static_cast<std::size_t>(rank), Dim(1));
  shape[1] = b.shape(x)[0];
  return reshape_to(b, x, shape);
}

ValueId scale_and_shift(Emitter& b, ValueId x, ValueId weight, ValueId bias) {
  if (weight != ValueId::none) x = b.emit("mul", {x, weight});
  if (bias != ValueId::none) x = b.emit("add", {x, bias});
  return x;
}

ValueId scale_and_shift_channels(Emitter& b, const OpCall& call, ValueId x) {
  const auto wide = [&](std::size_t i) {
    return call.has(i) ? per_channel(b, call.inputs[i], b.rank(x)) : ValueId::none;
  };
  return scale_and_shift(b, x, wide(1), wide(2));
}

ValueId standardized(Emitter& b, ValueId x, ValueId mean, ValueId variance, double eps) {
  const ValueId deviation = b.emit("rsqrt", {b.emit("add", {variance, number(b, x, eps)})});
  return b.emit("mul", {b.emit("sub", {x, mean}), deviation});
}

ValueId mean_over(Emitter& b, ValueId x, const Integers& axes) {
  return b.emit("mean", {x}, {{"dim", axes}, {"keepdim", true}});
}

ValueId variance_over(Emitter& b, ValueId x, const Integers& axes) {
  return b.emit("var", {x}, {{"dim", axes}, {"correction", 0.0}, {"keepdim", true}});
}

Values expand_batch_norm(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId mean = per_channel(b, call.inputs[3], b.rank(x));
  const ValueId variance = per_channel(b, call.inputs[4], b.rank(x));
  return {scale_and_shift_channels(b, call, standardized(b, x, mean, variance, call.real("eps")))};
}

Values expand_batch_norm_training(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const Shape channels{b.shape(x)[1]};
  Integers axes;
  for (std::int64_t i = 0; i < b.rank(x); ++i) {
    if (i != 1) axes.push_back(i);
  }
  const ValueId mean = mean_over(b, x, axes);
  const ValueId variance = variance_over(b, x, axes);
  const ValueId y =
      scale_and_shift_channels(b, call, standardized(b, x, mean, variance, call.real("eps")));
  return {y, reshape_to(b, mean, channels), reshape_to(b, variance, channels)};
}

Values expand_layer_norm(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const Integers axes = normalized_axes(call);
  const ValueId y =
      standardized(b, x, mean_over(b, x, axes), variance_over(b, x, axes), call.real("eps"));
  return {scale_and_shift(b, y, call.inputs[1], call.inputs[2])};
}

Values expand_rms_norm(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const ValueId power = mean_over(b, b.emit("square", {x}), normalized_axes(call));
  const ValueId raised = b.emit("add", {power, number(b, x, call.real("eps"))});
  const ValueId y = b.emit("mul", {x, b.emit("rsqrt", {raised})});
  return {scale_and_shift(b, y, call.inputs[1], ValueId::none)};
}

Values expand_group_norm(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const Shape shape = b.shape(x);
  const std::int64_t groups = call.integer("num_groups");
  const Dim members = floor_divide(count_elements(Shape(shape.begin() + 1, shape.end())), groups);
  const ValueId apart = reshape_to(b, x, {shape[0], Dim(groups), members});
  const Integers axes{-1};
  const ValueId y = standardized(b, apart, mean_over(b, apart, axes), variance_over(b, apart, axes),
                                 call.real("eps"));
  return {scale_and_shift_channels(b, call, reshape_to(b, y, shape))};
}

constexpr OpSchema normalization_table[] = {
    {"batch_norm(x, weight?, bias?, running_mean, running_var, eps: float = 1e-05) -> y",
     batch_norm_type, expand_batch_norm, nullptr,
     "standardized per channel by stored statistics, scaled and shifted", rounds_once},
    {"batch_norm_training(x, weight?, bias?, eps: float = 1e-05) -> (y, mean, variance)",
     batch_norm_training_type, expand_batch_norm_training, nullptr,
     "standardized per channel by the batch's own statistics, which come too", rounds_once},
    {"layer_norm(x, weight?, bias?, normalized_shape: ints, eps: float = 1e-05) -> y",
     trailing_type, expand_layer_norm, nullptr,
     "standardized over the last dimensions, scaled and shifted", rounds_once},
    {"group_norm(x, weight?, bias?, num_groups: int, eps: float = 1e-05) -> y", group_norm_type,
     expand_group_norm, nullptr, "standardized per group of channels, scaled and shifted",
     rounds_once},
    {"rms_norm(x, weight?, normalized_shape: ints, eps: float) -> y", trailing_type,
     expand_rms_norm, nullptr,
     "divided by the root of the mean square over the last dimensions, scaled", rounds_once},
};

}  // namespace

std::span<const OpSchema> normalization_ops() { return normalization_table; }

}  // namespace isomer
