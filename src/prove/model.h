#pragma once

#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "prove/inputs.h"
#include "prove/prove.h"
#include "prove/weights.h"
#include "run/runnable.h"

namespace isomer {

/// Which of a runnable's derivatives.
using Derivative = std::unique_ptr<Executor> Runnable::*;

/// The states of both models, which each of them is asked for.
struct StateNames {
  std::vector<std::string> names = {};
  std::vector<std::string> labels = {};  // for messages
  std::vector<Tensor> initial = {};      // as stored
  Aliases aliases = {};
};

/// One way to run a model, in both precisions: under its own system's rules, or as a graph on an
/// engine. Every run is by itself: states begin anew, and floating inputs are converted to what the
/// backend takes, so that both precisions can be fed the same.
struct Backend {
  std::string name;  // "mdf's own rules", "torch"
  Runnable f32;
  Runnable f64;
  bool own_rules = false;
  bool slow = false;          // on the reference engine
  bool adopts_types = false;  // outputs are converted to the types listed

  const Runnable& at(Precision precision) const { return precision == Precision::f64 ? f64 : f32; }
  std::vector<Tensor> run(Precision precision, std::span<const Tensor> inputs) const;
  /// The outputs of each call of the set, and behind them what the call left in the states. A state
  /// that this model has as a weight, or not at all, stays as it was stored.
  std::vector<Tensor> observe(Precision precision, const InputSet& set,
                              const StateNames& states) const;
  /// What every run begins with, in single precision.
  std::vector<Tensor> initial_states() const;
  bool has(Derivative derivative) const { return f32.*derivative != nullptr; }
  std::vector<Tensor> gradient(Derivative derivative, Precision precision,
                               std::span<const Tensor> inputs) const;
  /// At the states and parameters of the set.
  std::vector<Tensor> gradient(Derivative derivative, Precision precision, const InputSet& set,
                               std::span<const Tensor> cotangents, const Aliases& aliases) const;
  bool traces() const { return static_cast<bool>(f32.trace); }
  std::vector<Step> trace(Precision precision, std::span<const Tensor> inputs) const;
};

/// New values for the parameters of a runnable, converted to what it takes.
void set_parameters(const Runnable& runnable, std::span<const Tensor> values);
/// Whether each parameter has a name under which its value is known.
bool knows_parameters(const Runnable& runnable);
/// The values that it was made with; empty where they are not known.
std::vector<Tensor> parameter_values(const Runnable& runnable);

/// How many of the ports carry floating numbers.
std::size_t count_floating(std::span<const Port> ports);

/// A model under comparison, with all backends there are for it: its own system's rules where it
/// has some, and, where it can be read as a graph, each engine.
struct Model {
  std::string label;
  std::optional<Graph> graph;
  std::vector<Backend> backends;  // never empty; the first is the one that counts
  /// The first backend in double precision, where that is a program that is still starting.
  std::future<Runnable> starting = {};

  const Runnable& main() const { return backends.front().f32; }
  std::vector<Tensor> run(std::span<const Tensor> inputs) const {
    return backends.front().run(Precision::f32, inputs);
  }
  /// Of what the next runs make again.
  void release() const;
};

/// Throws what reading or starting the model throws, with the label in front; Fault::unsupported
/// for graphs that draw random numbers. A document that runs but cannot be read back is a note. A
/// program may still be starting in double precision: until `complete` only its single precision is
/// asked. The subject is to outlive that.
Model open_model(const Subject& subject, const std::vector<const Engine*>& engines,
                 std::vector<std::string>& notes);

/// Waits until all of the model is there. Throws as `open_model`.
void complete(Model& model);

/// A program as a graph, exported for what `like` takes; nothing where it cannot be.
std::optional<Graph> exported_like(const Model& program, const Model& like);

/// Whether it has so many weights that a copy of them counts, and that a run takes seconds on the
/// reference engine, however small its inputs are.
bool is_large(const Graph& graph);

/// How many constants without a name hold a number that single precision had to round: not an
/// author's short decimal and not exact. A double precision run cannot know what they stood for.
std::size_t count_rounded(const Graph& graph);

}  // namespace isomer
