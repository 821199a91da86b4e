#pragma once

#include <span>

#include "graph/graph.h"
#include "train/losses.h"
#include "train/optimizers/optimizer.h"

namespace isomer::train {

/// How a model is trained.
struct Recipe {
  const Loss* loss = nullptr;
  const Optimizer* optimizer = nullptr;
  Settings settings;  // all of the optimizer's: `complete`
};

/// One step of training as a graph. Inputs: the model's, then the target of its first output.
/// Output: the loss before the step. States: the model's own, its trainable constants under their
/// names, then what the optimizer remembers. Throws Fault::model for a model without parameters, or
/// whose output the loss does not take, and Fault::unsupported as `differentiate`.
Graph training_step(const Graph& model, const Recipe& recipe);

/// The model with the states of a training step put back: constants are constants again.
Graph trained(Graph model, std::span<const Tensor> states);

}  // namespace isomer::train
