#pragma once

#include <functional>
#include <set>

#include "graph/graph.h"

namespace isomer {

/// Which types of floats become f64 when a formula is computed in double precision.
class Widening {
 public:
  /// f32, and the halves that are the model's own numbers: its inputs', weights' or states'. Others
  /// are a rounding that its author wrote.
  explicit Widening(const Graph& graph);
  /// All.
  static Widening of_all();

  DType operator()(DType dtype) const { return widened_.contains(dtype) ? DType::f64 : dtype; }
  /// Those among the attributes changed.
  void change(Attributes& attributes) const;

 private:
  Widening() = default;
  std::set<DType> widened_;
};

/// The graph with the types of its interface and that of its bodies changed, and of all constants
/// but those that `stays` picks. A literal becomes the double that its author wrote. What nodes
/// give is not changed: it is inferred anew when they are emitted.
Graph with_wide_interface(Graph graph, const Widening& widened,
                          const std::function<bool(const Constant&)>& stays = {});

}  // namespace isomer
