#pragma once

#include <vector>

#include "graph/graph.h"

namespace isomer::cli {

/// Tensors of many steps, each with an axis of steps in front in the end.
class StepStack {
 public:
  /// Those of the next step. Throws Fault::model where they are others than those of the first; a
  /// type that grows from integers to reals, as documents let it, is real from the first step on.
  void add(const std::vector<Tensor>& tensors);
  std::vector<Tensor> finish(std::int64_t steps) &&;

 private:
  /// Makes all that is there of one tensor of this type.
  void widen(std::size_t i, DType dtype);
  /// The tensor in the shape of those before it, which take its shape where they are numbers.
  Tensor fitted(std::size_t i, const Tensor& tensor);

  std::vector<TensorType> types_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace isomer::cli
