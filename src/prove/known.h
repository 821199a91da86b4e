#pragma once

#include <map>
#include <optional>
#include <vector>

#include "graph/uses.h"
#include "run/kernels.h"

namespace isomer {

/// Small tensors of a graph that no input and no state has a part in, computed when they are asked
/// for. The graph must outlive it.
class KnownValues {
 public:
  /// `given` are some of its inputs.
  KnownValues(const Graph& graph, const Lengths& lengths, std::map<ValueId, Tensor> given = {});

  /// Whether nothing but constants and lengths make it.
  bool is_fixed(ValueId id) const { return fixed_[static_cast<std::size_t>(id)]; }
  /// Null where it is not fixed, large, or made in a long way.
  const Tensor* find(ValueId id) { return find(id, 0); }

 private:
  const Tensor* find(ValueId id, int depth);
  void compute(const Node& node, int depth);

  const Graph& graph_;
  const Lengths& lengths_;
  Uses uses_;
  Operators operators_;
  std::vector<bool> fixed_;  // by value
  std::map<ValueId, std::optional<Tensor>> known_;
};

}  // namespace isomer
