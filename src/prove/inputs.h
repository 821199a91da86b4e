#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "systems/system.h"

namespace isomer {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// What a model is run on: one call or more in a row.
struct InputSet {
  std::string label;                       // "random, s0 = 3"
  std::vector<std::vector<Tensor>> calls;  // the arguments of each; never empty
  bool smooth = false;                     // no edge: derivatives are compared here
  /// Derivatives are compared here as far as the source's own agree: zeros, kinks.
  bool kinks = false;
  bool costly = false;  // to run: slow engines are asked on others
  bool costly_to_differentiate = false;
  bool costly_to_measure = false;  // what rounding does to each element
  /// Where the first call begins, by first state_dict name; as stored where absent.
  std::vector<std::pair<std::string, Tensor>> states = {};
  /// Likewise of trainable parameters, for all calls.
  std::vector<std::pair<std::string, Tensor>> parameters = {};
};

/// What the elements of an input may be.
struct ValueRange {
  double least = 0;
  double most = 0;
};

/// What is known of a model's inputs.
struct InputPlan {
  std::vector<Port> ports = {};
  std::vector<LengthRange> lengths = {};
  const Graph* graph = nullptr;  // of either side: what inputs are drawn for; may be null
  std::vector<std::pair<std::string, Tensor>> states = {};      // as stored, by first name
  std::vector<std::pair<std::string, Tensor>> parameters = {};  // likewise, the trainable ones
  std::map<std::string, ValueRange> ranges = {};                // as the user says, by input
  bool few_sets = false;  // one graph on both sides, or little is asked: those of the classes
};

/// A plan for what is known from a graph alone. The graph must outlive it.
InputPlan plan_for(const Graph& graph);

/// Keeps the one of fewer elements, counting states and parameters that it sets.
void keep_smaller(std::optional<InputSet>& kept, const InputSet& set);

/// "lengths: n = 1, 2, 6" and "integers: 'ids' in [0, 9]": what the sets hold.
std::vector<std::string> tried_in(std::span<const InputSet> sets, std::span<const Port> ports);

/// The integer inputs that sets hold in a guessed range only, each with that range: for a note.
std::vector<std::string> guessed_inputs(const InputPlan& plan);

/// Sets of inputs, the most telling and cheapest first: random for several values of each named
/// length; at and beside the numbers at which the graph decides something; kinks and zeros; from
/// other states and with other parameters, where there are some; long; far, large, tiny, of many
/// magnitudes, not finite. A model with states is called three times in each.
std::vector<InputSet> make_inputs(const InputPlan& plan, std::uint64_t seed);

}  // namespace isomer
