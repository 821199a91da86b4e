#include <limits>

#include "base/text.h"
#include "vocabularies/aten/reading.h"

// Normalization, and dropout.

namespace isomer::aten {
namespace {

// -- batch normalization --------------------------------------------------------------------------

// How many elements share one mean: all but the channels' axis.
Dim sharers(const Shape& shape) {
  Dim count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 1) count = count * shape[i];
  }
  return count;
}

// Running statistics move by `momentum` towards today's.
ValueId moved(Builder& b, ValueId running, ValueId today, double momentum) {
  const DType dtype = b.dtype(running);
  const ValueId kept = b.emit("mul", {running, b.literal(dtype, 1 - momentum)});
  return b.emit("add",
                {kept, b.emit("mul", {as_type(b, today, dtype), b.literal(dtype, momentum)})});
}

// The running variance is the unbiased one: n / (n - 1) times today's.
ValueId unbiased(Reading& r, ValueId x, ValueId variance) {
  const Dim count = sharers(r.b.shape(x));
  const DType dtype = r.b.dtype(variance);
  if (count == Dim(1) || count == Dim(0))
    r.fail("batch statistics need more than one element in each channel");
  if (count.known()) {
    const auto n = static_cast<double>(count.value());
    return r.b.emit("mul", {variance, r.b.literal(dtype, n / (n - 1))});
  }
  const ValueId above = as_type(r.b, Operand(Scalar(count)), dtype);
  const ValueId below = as_type(r.b, Operand(Scalar(count - Dim(1))), dtype);
  return r.b.emit("mul", {variance, r.b.emit("div", {above, below})});
}

/// What PyTorch saves for derivatives, which are ours: no gradient flows through it.
ValueId saved(Builder& b, ValueId x) { return b.emit("detach", {x}); }

ValueId inverse_deviation(Builder& b, ValueId variance, double eps) {
  const ValueId moved = b.emit("add", {variance, b.literal(b.dtype(variance), eps)});
  return b.emit("rsqrt", {moved});
}

/// The results, and behind them mean and inverse deviation over these axes, where they are read.
/// Gradients flow through those of groups, which PyTorch differentiates.
Values with_statistics(Reading& r, ValueId y, ValueId x, std::vector<std::int64_t> axes,
                       bool of_groups) {
  if (r.returns < 2) return {y, ValueId::none, ValueId::none};
  const ValueId weight = r.optional_tensor("weight");
  const DType dtype = r.b.dtype(weight == ValueId::none ? x : weight);
  const ValueId wide = is_half(r.b.dtype(x)) ? as_type(r.b, x, DType::f32) : x;
  const Attributes over = {{"dim", ints(std::move(axes))}, {"keepdim", !of_groups}};
  Attributes population = over;
  population.push_back({"correction", 0.0});
  const auto kept = [&](ValueId z) { return as_type(r.b, of_groups ? z : saved(r.b, z), dtype); };
  const ValueId mean = kept(r.b.emit("mean", {wide}, over));
  const ValueId variance = r.b.emit("var", {wide}, population);
  return {y, mean, kept(inverse_deviation(r.b, variance, r.real("eps")))};
}

struct BatchNorm {
  ValueId y = ValueId::none;
  ValueId mean = ValueId::none;       // of the batch; in training only, likewise
  ValueId deviation = ValueId::none;  // its inverse
  Values running = {};                // what they become; in training and where there are any
};

BatchNorm normalized_by_batch(Reading& r, ValueId running_mean, ValueId running_var) {
  const ValueId x = r.tensor("input");
  const Values results = emit_rounded_once(
      r.b, "batch_norm_training", {x, r.optional_tensor("weight"), r.optional_tensor("bias")},
      {{"eps", r.real("eps")}});
  BatchNorm norm{.y = results[0]};
  if (r.returns > 1) {
    norm.mean = saved(r.b, results[1]);
    norm.deviation = saved(r.b, inverse_deviation(r.b, results[2], r.real("eps")));
  }
  // A momentum that is not given (None) would be a cumulative average, which the exporter spells
  // out itself.
  const double momentum = r.real("momentum");
  if (running_mean != ValueId::none && running_var != ValueId::none) {
    norm.running = {moved(r.b, running_mean, results[1], momentum),
                    moved(r.b, running_var, unbiased(r, x, results[2]), momentum)};
  }
  return norm;
}

ValueId normalized_by_running(Reading& r, ValueId running_mean, ValueId running_var) {
  if (running_mean == ValueId::none || running_var == ValueId::none)
    r.fail("running statistics are missing");
  r.ignore({"momentum"});
  const Values inputs = {r.tensor("input"), r.optional_tensor("weight"), r.optional_tensor("bias"),
                         running_mean, running_var};
  return emit_rounded_once(r.b, "batch_norm", inputs, {{"eps", r.real("eps")}})[0];
}

BatchNorm normalized(Reading& r, bool training) {
  const ValueId mean = r.optional_tensor("running_mean");
  const ValueId var = r.optional_tensor("running_var");
  if (training) return normalized_by_batch(r, mean, var);
  return {.y = normalized_by_running(r, mean, var)};
}

// In training the two arguments change, which no return of the schema says: what they become
// follows the `returns`.
Values returned(Values returns, const BatchNorm& norm) {
  returns.insert(returns.end(), norm.running.begin(), norm.running.end());
  return returns;
}

// Without training nothing is saved.
Values with_saved(Reading& r, const BatchNorm& norm) {
  if (r.returns < 2 || norm.mean != ValueId::none)
    return returned({norm.y, norm.mean, norm.deviation}, norm);
  const DType dtype = r.b.dtype(r.tensor("input"));
  const ValueId nothing =
      r.b.emit("full", {}, {{"shape", Shape{0}}, {"value", 0.0}, {"dtype", dtype}});
  return returned({norm.y, nothing, nothing}, norm);
}

Values batch_norm(Reading& r) {
  const BatchNorm norm = normalized(r, r.flag("training"));
  return returned({norm.y}, norm);
}

Values native_batch_norm(Reading& r) { return with_saved(r, normalized(r, r.flag("training"))); }
Values batch_norm_no_training(Reading& r) { return with_saved(r, normalized(r, false)); }

Values functional_batch_norm(Reading& r) {
  BatchNorm norm = normalized(r, r.flag("training"));
  if (norm.running.empty()) norm.running = {r.tensor("running_mean"), r.tensor("running_var")};
  return with_saved(r, norm);
}

// The last return is scratch of another device's kernels.
Values batch_norm_with_update(Reading& r) {
  BatchNorm norm = normalized(r, true);
  const ValueId scratch =
      r.b.emit("full", {}, {{"shape", Shape{0}}, {"value", 0.0}, {"dtype", DType::u8}});
  return returned({norm.y, norm.mean, norm.deviation, scratch}, norm);
}

// -- other normalizations -------------------------------------------------------------------------

ValueId grouped(Reading& r, std::int64_t groups) {
  return emit_rounded_once(
      r.b, "group_norm",
      {r.tensor("input"), r.optional_tensor("weight"), r.optional_tensor("bias")},
      {{"num_groups", groups}, {"eps", r.real("eps", 1e-5)}})[0];
}

Values native_group_norm(Reading& r) {
  const std::int64_t groups = r.integer("group");
  const std::int64_t channels = r.integer("C");
  const ValueId y = grouped(r, groups);
  const Shape rows = {r.dim("N"), groups, Dim(channels / groups) * r.dim("HxW")};
  const ValueId x = r.tensor("input");
  return with_statistics(r, y, r.returns < 2 ? x : reshaped(r.b, x, rows), {2}, true);
}

Values native_layer_norm(Reading& r) {
  const ValueId y = renamed(r)[0];
  const ValueId x = r.tensor("input");
  const auto inner = static_cast<std::int64_t>(r.integers("normalized_shape").size());
  std::vector<std::int64_t> axes;
  for (std::int64_t i = r.b.rank(x) - inner; i < r.b.rank(x); ++i) axes.push_back(i);
  return with_statistics(r, y, x, std::move(axes), false);
}

// Every channel is a group of its own; by running statistics it is a batch norm.
Values instance_norm(Reading& r) {
  const ValueId x = r.tensor("input");
  const ValueId mean = r.optional_tensor("running_mean");
  const ValueId var = r.optional_tensor("running_var");
  if (!r.flag("use_input_stats")) return {normalized_by_running(r, mean, var)};
  if (r.b.rank(x) < 2 || !r.b.shape(x)[1].known()) r.fail("a known number of channels is needed");
  Values results = {grouped(r, r.b.shape(x)[1].value())};
  const double momentum = r.real("momentum");
  if (mean == ValueId::none || var == ValueId::none) return results;
  // What runs along moves towards the mean over the samples.
  const Shape shape = r.b.shape(x);
  std::vector<std::int64_t> inner;
  for (std::int64_t i = 2; i < r.b.rank(x); ++i) inner.push_back(i);
  const auto over_batch = [&](ValueId y) { return r.b.emit("mean", {y}, {{"dim", ints({0})}}); };
  const ValueId wide = as_type(r.b, x, r.b.dtype(mean));
  const ValueId means = over_batch(r.b.emit("mean", {wide}, {{"dim", ints(inner)}}));
  const ValueId variances = over_batch(r.b.emit("var", {wide}, {{"dim", ints(inner)}}));
  results.push_back(moved(r.b, mean, means, momentum));
  results.push_back(moved(r.b, var, variances, momentum));
  return results;
}

// Without eps it is the epsilon of the type in which PyTorch computes: f32 for the half ones, too.
Values rms_norm(Reading& r) {
  const ValueId x = r.tensor("input");
  const double epsilon = r.b.dtype(x) == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                    : std::numeric_limits<float>::epsilon();
  return {r.b.emit("rms_norm", {x, r.optional_tensor("weight")},
                   {{"normalized_shape", ints(r.integers("normalized_shape"))},
                    {"eps", r.real("eps", epsilon)}})};
}

// -- dropout --------------------------------------------------------------------------------------

ValueId thinned(Reading& r, std::string_view op) {
  const ValueId x = r.tensor("input");
  const double p = r.real("p");
  if (!r.flag("train", true) || p == 0) return x;
  return r.b.emit(op, {x}, {{"p", p}, {"training", true}});
}

Values dropout(Reading& r) { return {thinned(r, r.row.target())}; }
// The cotangent where elements were kept, scaled as they were.
Values native_dropout_backward(Reading& r) {
  const ValueId mask = r.tensor("mask");
  const ValueId kept = arithmetic(r.b, "mul", r.tensor("grad_output"), mask);
  return {arithmetic(r.b, "mul", kept, Operand(r.scalar("scale")))};
}

Values alpha_dropout(Reading& r) {
  const ValueId x = r.tensor("input");
  if (r.flag("train") && r.real("p") != 0) r.refuse("in training it is not read");
  r.ignore({"p"});
  return {x};
}

Values native_dropout(Reading& r) { return {thinned(r, "dropout"), ValueId::none}; }

using enum Aliasing;

constexpr Row normalization_table[] = {
    {.targets = "batch_norm",
     .ours = "batch_norm",
     .inputs = "input weight bias running_mean running_var",
     .fixed = "training=False momentum=0.0 cudnn_enabled=False",
     .python = "F.batch_norm",
     .writes = "running_mean running_var",
     .read = batch_norm},
    {.targets = "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit.no_stats",
     .writes = "running_mean running_var",
     .read = native_batch_norm},
    {.targets = "_batch_norm_with_update",
     .writes = "running_mean running_var",
     .read = batch_norm_with_update},
    {.targets = "_native_batch_norm_legit_no_training", .read = batch_norm_no_training},
    {.targets = "_native_batch_norm_legit_functional", .read = functional_batch_norm},
    {.targets = "layer_norm", .ours = "layer_norm", .inputs = "input weight bias"},
    {.targets = "native_layer_norm",
     .ours = "layer_norm",
     .inputs = "input weight bias",
     .read = native_layer_norm},
    {.targets = "group_norm", .ours = "group_norm", .inputs = "input weight bias"},
    {.targets = "native_group_norm", .read = native_group_norm},
    {.targets = "instance_norm",
     .inputs = "input",
     .writes = "running_mean running_var",
     .read = instance_norm},
    {.targets = "rms_norm", .ours = "rms_norm", .read = rms_norm},
    {.targets = "dropout", .inputs = "input", .aliases = if_unchanged, .read = dropout},
    {.targets = "native_dropout", .read = native_dropout},
    {.targets = "native_dropout_backward",
     .inputs = "grad_output",
     .read = native_dropout_backward},
    {.targets = "alpha_dropout feature_alpha_dropout",
     .inputs = "input",
     .aliases = if_unchanged,
     .read = alpha_dropout},
    {.targets = "feature_dropout", .inputs = "input", .aliases = if_unchanged, .read = dropout},
};

}  // namespace

std::span<const Row> normalization_rows() { return normalization_table; }

}  // namespace isomer::aten
