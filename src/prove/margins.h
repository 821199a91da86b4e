#pragma once

#include <memory>
#include <span>

#include "prove/compare.h"
#include "run/engine.h"

namespace isomer {

/// Where a comparison, an arg-max or a rounding decides an integer output, and its operands in
/// double precision are nearer to the boundary than single precision can tell, either answer is
/// right. Nothing else is, and nothing is excused where the operands carry no rounding. Knows this
/// for outputs that such an operator makes, directly or through a cast or a change of shape.
class Margins {
 public:
  Margins(const Graph& graph, const Engine& engine);

  /// Excuses for one set of inputs; what they need is run when a first element asks.
  Undecided on(std::span<const Tensor> inputs) const;

 private:
  struct Plan;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace isomer
