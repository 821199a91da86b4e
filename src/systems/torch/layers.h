#pragma once

// The layers of torch.nn. Only for this room.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/python/layer_finder.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {

/// Which layer of torch.nn an operator can be.
std::span<const LayerRule> layer_rules();

/// Batch normalization by the batch's statistics, with the update of the running ones that follows
/// it.
std::optional<Construction> batch_norm_in_training(LayerCandidate& layer);

/// nn.Linear(...)
Construction layer_of(std::string_view name, std::vector<Argument> arguments);
/// "BatchNorm2d"
std::string batch_norm_name(std::size_t rank);
/// dtype=torch.float64
Argument in_type(DType dtype);

}  // namespace isomer::torch
