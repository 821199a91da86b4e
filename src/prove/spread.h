#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "prove/inputs.h"
#include "prove/rounding.h"

namespace isomer {

/// How far rounding moves each element of a tensor in that precision: the most of so many runs.
/// Infinite where a run gave no number; not 0 for an integer that a run changed; nothing where none
/// is moved. Absent where it cannot be measured.
using Spread = std::function<std::optional<std::span<const double>>(std::size_t tensor,
                                                                    Precision precision, int runs)>;

/// Measures, for as many sets as there are, what rounding does to what a graph gives.
class SpreadOf {
 public:
  /// `make` gives the graph when something is measured first: a derivative may be long to make, or
  /// there may be none.
  SpreadOf(std::function<Graph()> make, const Engine& engine);

  /// Where a tensor of a trial stands: in which call, and at which place among its outputs and
  /// states. Absent: it is no result of the graph.
  struct Place {
    std::size_t call = 0;
    std::optional<std::size_t> number;
  };
  /// Of the trial's tensors on these inputs.
  Spread on(InputSet set, std::vector<Place> places) const;

  /// What was measured stays.
  void release() const;

  /// Why nothing could be measured; empty: it could, or nobody asked.
  const std::string& failure() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace isomer
