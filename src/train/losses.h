#pragma once

// What is made small. A loss is said with operators; the first output of a model goes in.

#include <span>
#include <string_view>

#include "ops/emitter.h"

namespace isomer::train {

struct Loss {
  std::string_view name;  // "cross_entropy"
  std::string_view about;
  /// What the target of such an output is. Throws Fault::model for an output that the loss does not
  /// take.
  TensorType (*target)(const TensorType& output);
  /// The mean over all samples, a scalar.
  ValueId (*emit)(Emitter& b, ValueId output, ValueId target);
  /// Refuses targets whose numbers mean nothing, naming the sample; null: all numbers will do.
  void (*check)(const Tensor& targets, const TensorType& output) = nullptr;
};

std::span<const Loss> all_losses();
/// Throws Fault::usage with the names there are.
const Loss& loss_named(std::string_view name);

}  // namespace isomer::train
