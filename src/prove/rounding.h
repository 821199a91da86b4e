#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "prove/inputs.h"
#include "run/engine.h"

namespace isomer {

/// Measures what rounding does to each element that a graph computes: it runs in double precision,
/// as it is and again and again with every result moved as rounding may move it (`perturb`).
/// Whatever amplifies rounding amplifies this; whatever hides it hides this. Gradients are measured
/// on the graph of a derivative. Executors are made when they are first asked for.
class Rounding {
 public:
  /// What a graph gives exactly, and how far rounding moved each element in the runs so far.
  struct Spread {
    /// For each call its outputs, then the states behind it.
    std::vector<std::vector<Tensor>> exact;
    /// In the same places, for each element the largest distance of a run: infinite where a run was
    /// not finite, or not of the exact number's kind. Of an integer or boolean 1 where a run had
    /// another one, else 0.
    std::vector<std::vector<std::vector<double>>> most;
    int runs = 0;
  };

  /// `graph` in its own types.
  Rounding(const Graph& graph, const Engine& engine);
  ~Rounding();

  /// Runs until there were `runs`; those that `spread` has from the same set and precision count.
  void measure(Spread& spread, const InputSet& set, Precision precision, int runs);

 private:
  struct Machines;
  std::unique_ptr<Machines> machines_;
};

/// Whether the graph's formulas give what its engine gave in double precision, to 2^-22 beside what
/// rounding moves: else the spread says nothing about it. Gives the tensor's number among `given`
/// that is farthest off, or nothing.
std::optional<std::size_t> other_formula(const std::vector<Tensor>& exact,
                                         const std::vector<std::vector<double>>& most,
                                         const std::vector<Tensor>& given);

}  // namespace isomer
