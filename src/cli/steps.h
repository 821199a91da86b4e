#pragma once

#include <vector>

#include "graph/graph.h"

namespace isomer::cli {

/// Tensors of many steps, each with an axis of steps in front in the end.
class StepStack {
 public:
  /// Those of the next step. Throws Fault::model where they are others than those of the first.
  void add(const std::vector<Tensor>& tensors);
  std::vector<Tensor> finish(std::int64_t steps) &&;

 private:
  std::vector<TensorType> types_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace isomer::cli
