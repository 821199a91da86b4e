#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/note.h"
#include "graph/precision.h"
#include "run/engine.h"
#include "run/trace.h"

namespace isomer {

/// A model made ready to run: a graph on an engine, or a file under its own system's rules.
/// Derivatives and traces are prepared when they are first asked for.
struct Runnable {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<Port> states;      // by first state_dict name, in the executor's order
  std::vector<Port> parameters;  // trainable ones, likewise
  std::string results;  // how the outputs are nested, as graph/text.h says it; empty: not known
  /// False: the file does not say what types its outputs have.
  bool typed = true;
  /// Every weight and buffer by state_dict name, bit by bit.
  std::vector<std::pair<std::string, Tensor>> weights;
  std::vector<Note> notes;  // what running it leaves out or assumes

  std::unique_ptr<Executor> executor;
  /// The vector-Jacobian product: takes the inputs and a cotangent for each floating output, gives
  /// the cotangents of the floating inputs, then of `parameters`. Null: it has none.
  std::unique_ptr<Executor> gradient;
  /// The same by the engine's own differentiation. Null: it has none.
  std::unique_ptr<Executor> autograd;
  /// Every inner value of one run, in running order. Empty: cannot.
  std::function<std::vector<Step>(std::span<const Tensor>)> trace;
  /// What it computes as a graph, for inputs of these types, whose named lengths may vary within
  /// the ranges: of a program, which cannot be read. Empty: cannot.
  std::function<Graph(std::span<const Port>, std::span<const LengthRange>)> exported;
};

/// A program as a graph, exported for what `like` takes.
Graph exported_like(const Runnable& program, const Graph& like);

Runnable on_engine(const Graph& graph, const Engine& engine, Precision precision = Precision::f32,
                   const EngineOptions& options = {});

}  // namespace isomer
