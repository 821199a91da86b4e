#pragma once

#include <string>
#include <vector>

#include "prove/model.h"

namespace isomer {

/// One side of a decision.
struct DecidedSide {
  std::string what;  // "false", "above 6.0", "at the last row"
  bool seen = false;
};

/// Where a graph goes one way or another: a comparison, a selection, a bound, a branch, a row of a
/// table, the range of a length.
struct CoveredDecision {
  std::string what;  // "'gt' (gt) in head, net.py:36"
  std::vector<DecidedSide> sides;
};

/// Which sides of a graph's decisions were taken by any of the sets that it is run on. What
/// constants alone decide is none.
class Coverage {
 public:
  Coverage(const Graph& graph, const Engine& engine);

  /// Runs the graph on the set; one that it does not take tells nothing.
  void add(const InputSet& set);

  const std::vector<CoveredDecision>& decisions() const { return decisions_; }
  /// The decisions of which every side was taken.
  std::size_t covered() const;
  /// "23 of 24 decisions took both sides", then one line for each that did not.
  std::vector<std::string> lines() const;

 private:
  void add_lengths(const std::vector<Tensor>& inputs);

  std::vector<CoveredDecision> decisions_;
  std::vector<std::pair<std::size_t, std::size_t>> outputs_;  // decision and side of each
  Graph probed_;                  // gives, for each of these, whether that side was taken
  std::size_t first_length_ = 0;  // from here on they are those of `lengths_`
  std::vector<std::string> lengths_;
  Backend backend_;
};

}  // namespace isomer
