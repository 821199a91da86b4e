#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "run/engine.h"
#include "systems/system.h"

namespace isomer {

/// Tensors in, tensors out.
using Function = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

/// One side of a comparison: a graph on an engine, or a file under its own system's rules. Runs are
/// independent of each other: states begin anew each time. Floating inputs are converted to what
/// the side takes, so that single and double precision can be fed the same.
struct Runnable {
  std::string how;  // "torch", "mdf's own rules"
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::string results;              // how the outputs are nested; empty: not known
  std::vector<Port> parameters;     // trainable ones, by their first state_dict name
  std::vector<std::string> states;  // what a run leaves behind, by first state_dict name
  std::vector<Tensor> initial;      // the states before a run

  Function run;
  /// What the last run left behind, in the order of `states`.
  std::function<std::vector<Tensor>()> left;
  /// Inputs, then a cotangent per floating output, to the cotangents of the floating inputs, then
  /// of `parameters`. Empty: it has none.
  Function gradient;
  /// The same by the engine's own differentiation. Empty: it has none.
  Function autograd;
  /// Empty: cannot.
  std::function<void(std::span<const Tensor>)> set_parameters;
  /// Every inner value of one run, in running order. Empty: cannot.
  std::function<std::vector<Step>(std::span<const Tensor>)> trace;
  /// Every weight and buffer by state_dict name.
  std::vector<std::pair<std::string, Tensor>> weights;
};

/// Gradients and traces are prepared when they are first asked for.
Runnable on_engine(const Graph& graph, const Engine& engine, Precision precision);

/// `name` is the system's.
Runnable by_own_rules(std::string_view name, Simulation simulation);

/// How many of the ports carry floating numbers.
std::size_t count_floating(std::span<const Port> ports);

}  // namespace isomer
