#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "systems/system.h"

namespace isomer {

/// What an integer input may be without leaving a table that it indexes.
struct IntegerRange {
  std::int64_t least = 0;
  std::int64_t most = 1;
  bool guessed = false;  // it indexes something, and how is not known
  bool operator==(const IntegerRange&) const = default;
};

/// The range of each input of the graph: from the tables that it indexes, as far as they are seen
/// through operators that only move elements; a few numbers around 0 where it indexes nothing; a
/// guessed [0, 1] where its way to a table is not seen, and where there is no graph.
std::vector<IntegerRange> integer_ranges(const Graph& graph, const Lengths& lengths);

/// What a model is run on: one call or more in a row.
struct InputSet {
  std::string label;                       // "random, s0 = 3"
  std::vector<std::vector<Tensor>> calls;  // the arguments of each; never empty
  bool smooth = false;                     // no edge: derivatives are compared here
  /// Derivatives are compared here as far as the source's own agree: zeros, kinks.
  bool kinks = false;
  /// Where the first call begins, by first state_dict name; as stored where absent.
  std::vector<std::pair<std::string, Tensor>> states = {};
  /// Likewise of trainable parameters, for all calls.
  std::vector<std::pair<std::string, Tensor>> parameters = {};
};

/// What is known of a model's inputs.
struct InputPlan {
  std::vector<Port> ports;
  std::vector<LengthRange> lengths;
  const Graph* graph = nullptr;  // for integer ranges; may be null
};

/// The integer inputs that sets hold in a guessed range only, each with that range: for a note.
std::vector<std::string> guessed_inputs(const InputPlan& plan);

/// Random sets for several values of each named length and for the ends of their ranges, then
/// edges: zeros, large, tiny, of many magnitudes, not finite; integers at either end of their
/// range.
std::vector<InputSet> make_inputs(const InputPlan& plan, std::uint64_t seed);

}  // namespace isomer
