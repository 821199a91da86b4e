#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/note.h"
#include "graph/precision.h"
#include "run/engine.h"
#include "run/trace.h"

namespace isomer {

/// What callers name in a call.
struct CallArgument {
  enum class Kind { place, either, name, more_places, more_names };
  std::string name;
  Kind kind = Kind::either;  // how it is given
  std::string standard;      // what stands for one that is left out, as written; empty: none may be
};

/// How a call is made where there is a choice.
struct Manner {
  bool gradients = false;                  // while gradients are recorded
  std::string mode = {};                   // "train" or "eval"; empty: as the file says
  std::optional<std::uint64_t> seed = {};  // of what is drawn; nothing: the runnable's own
};

/// What a caller sees of a first call.
struct Seen {
  std::vector<Tensor> outputs;
  Structure results;              // how they are nested
  std::vector<Tensor> arguments;  // what the inputs are afterwards
};

/// A model made ready to run: a graph on an engine, or a file under its own system's rules.
/// Derivatives and traces are prepared when they are first asked for.
struct Runnable {
  std::vector<Port> inputs;
  /// What the executor is given for an input that its caller leaves out, in the inputs' order;
  /// nothing: it must be given. Empty: all must.
  std::vector<std::optional<Tensor>> defaults;
  std::vector<Port> outputs;
  std::vector<Port> states;             // by first state_dict name, in the executor's order
  std::vector<Port> parameters;         // trainable ones, likewise
  std::optional<Structure> results;     // how the outputs are nested; nothing: not known
  std::vector<CallArgument> arguments;  // of its call; empty: not known
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
  /// The named quantities of the model as the last run left them: its author's ports and
  /// parameters. Empty: it names none but outputs and states.
  std::function<std::vector<std::pair<std::string, Tensor>>()> quantities;
  /// How far its runs have come beside its states, which are the model's own: counts of a schedule,
  /// values under way. `resume` goes on from there. Empty: there is nothing else to know.
  std::function<std::vector<std::pair<std::string, Tensor>>()> progress;
  std::function<void(const std::vector<std::pair<std::string, Tensor>>&)> resume;
  /// A first call of a program, of which nothing remains. Empty: there is nothing to be seen but
  /// what the executor gives.
  std::function<Seen(std::span<const Tensor>, const Manner&)> observe;
  /// What it computes as a graph, for inputs of these types, whose named lengths may vary within
  /// the ranges: of a program, which cannot be read. Empty: cannot.
  std::function<Graph(std::span<const Port>, std::span<const LengthRange>)> exported;
};

/// A program as a graph, exported for what `like` takes.
Graph exported_like(const Runnable& program, const Graph& like);

/// Gives the graph that is to be run, and shares it with whoever else runs it.
using SharedGraph = std::function<std::shared_ptr<const Graph>()>;

/// `graph` in double precision, which is there while somebody runs it: its weights take twice the
/// memory.
SharedGraph in_double(std::shared_ptr<const Graph> graph);

/// Without weights: they would keep what the graph gives.
Runnable on_engine(const SharedGraph& graph, const Engine& engine,
                   const EngineOptions& options = {});
Runnable on_engine(std::shared_ptr<const Graph> graph, const Engine& engine,
                   const EngineOptions& options = {});
Runnable on_engine(const Graph& graph, const Engine& engine, const EngineOptions& options = {});

}  // namespace isomer
