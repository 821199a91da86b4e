#pragma once

// Complex numbers as pairs of real ones on a last axis of 2: the real part, then the imaginary one.

#include "graph/tensor.h"

namespace isomer {

/// The type of the pairs. One that is not complex stays.
TensorType as_pairs(TensorType type);
/// The same bytes as pairs. A tensor that is not complex stays.
Tensor as_pairs(const Tensor& tensor);

}  // namespace isomer
