#pragma once

#include <span>

#include "ops/schema.h"

namespace isomer {

// One table per family, each at the end of ops/<family>.cpp.
std::span<const OpSchema> elementwise_ops();
std::span<const OpSchema> special_ops();
std::span<const OpSchema> reduction_ops();
std::span<const OpSchema> shape_ops();
std::span<const OpSchema> indexing_ops();
std::span<const OpSchema> linear_ops();
std::span<const OpSchema> factorization_ops();
std::span<const OpSchema> convolution_ops();
std::span<const OpSchema> normalization_ops();
std::span<const OpSchema> attention_ops();
std::span<const OpSchema> random_ops();
std::span<const OpSchema> creation_ops();
std::span<const OpSchema> loss_ops();
std::span<const OpSchema> control_ops();

}  // namespace isomer
