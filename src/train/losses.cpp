#include "train/losses.h"

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "ops/rules.h"

namespace isomer::train {
namespace {

TensorType like_output(const TensorType& output) { return output; }

TensorType class_numbers(const TensorType& output) {
  if (output.shape.empty()) refuse("an output of scores has an axis of classes; this one is f32[]");
  Shape shape = output.shape;
  shape.erase(shape.begin() + (shape.size() > 1 ? 1 : 0));
  return {DType::i64, shape};
}

void check_classes(const Tensor& targets, const TensorType& output) {
  constexpr std::int64_t none = -100;  // as in PyTorch
  const Dim& classes = output.shape[output.shape.size() > 1 ? 1 : 0];
  if (!classes.known()) return;
  const std::vector<std::int64_t> values = targets.integers();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if ((values[i] >= 0 && values[i] < classes.value()) || values[i] == none) continue;
    const std::size_t in_each = values.size() / static_cast<std::size_t>(targets.shape()[0]);
    throw Error(Fault::model, fmt::format("sample {}", i / in_each),
                fmt::format("its class is {}; it should be from 0 to {}, or {} for none", values[i],
                            classes.value() - 1, none));
  }
}

ValueId mse(Emitter& b, ValueId output, ValueId target) {
  return b.emit("mse_loss", {output, target});
}

ValueId cross_entropy(Emitter& b, ValueId output, ValueId target) {
  return b.emit("cross_entropy", {output, target});
}

// (1 - target) * x - log(sigmoid(x)), in the order in which torch computes it.
ValueId bce_with_logits(Emitter& b, ValueId output, ValueId target) {
  const ValueId missed = b.emit("sub", {number(b, target, 1.0), target});
  const ValueId misses = b.emit("mul", {missed, output});
  return b.emit("mean", {b.emit("sub", {misses, b.emit("log_sigmoid", {output})})});
}

constexpr Loss losses[] = {
    {"mse", "the mean of (output - target)**2", like_output, mse},
    {"cross_entropy", "of scores, classes on axis 1; the target holds class numbers", class_numbers,
     cross_entropy, check_classes},
    {"bce_with_logits", "of scores; the target holds probabilities of yes", like_output,
     bce_with_logits},
};

}  // namespace

std::span<const Loss> all_losses() { return losses; }

const Loss& loss_named(std::string_view name) { return row_named("loss", name, losses); }

}  // namespace isomer::train
