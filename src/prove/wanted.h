#pragma once

// What a graph makes of its inputs: which whole numbers leave no table, and at which numbers
// something is decided.

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "prove/intervals.h"

namespace isomer {

struct Wanted {
  /// Of an integer: what leaves no table that it indexes, as far as its way there is seen.
  Intervals allowed = {};
  bool guessed = false;  // it indexes something, and how is not known
  bool mask = false;     // it stands for yes and no, as 1 and 0
  bool scaled = false;   // a factor follows that drowns every sum
  bool equals = false;   // it is compared for equality with 0 or 1
  bool valued = false;   // it is used otherwise, too
  /// Where a comparison, a bound, a remainder or a table changes its mind, and the numbers beside;
  /// the most telling ones first.
  std::vector<std::int64_t> integers = {};
  std::vector<double> reals = {};

  void add(std::int64_t number);
  void add(double number);
  /// What another user of the same value wants.
  void add(const Wanted& other);
};

/// A graph in which what decides stands alone: with composite operators of single elements written
/// out, and no calls.
Graph with_plain_decisions(const Graph& graph);

/// Of the inputs of such a graph, then of its states, where lengths are these.
std::vector<Wanted> wanted_of(const Graph& plain, const Lengths& lengths);

}  // namespace isomer
