#pragma once

#include <span>

#include "graph/graph.h"

namespace isomer {

/// What runs of a graph cost, roughly, so that slow engines are asked on small inputs only. It is
/// counted and not timed: a proof is the same each time.
class Work {
 public:
  explicit Work(const Graph& graph);

  /// How many numbers a run computes, each as often as terms are added up for it. What is in a body
  /// counts once. 0 for inputs that the graph does not take.
  double of(std::span<const Tensor> inputs) const;

 private:
  Graph graph_;  // in primitive operators
};

}  // namespace isomer
