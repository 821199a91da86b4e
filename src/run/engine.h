#pragma once

// Executes a graph. Two engines: the reference interpreter, slow and obvious, is the definition;
// libtorch, opened on demand, is the witness. No file is known here.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer {

/// Runs one model; belongs to one thread. Remembers states between calls.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Outputs for `inputs`, in the model's order. Throws Fault::model, naming the input, for wrong
  /// types and shapes.
  virtual std::vector<Tensor> run(std::span<const Tensor> inputs) = 0;
  virtual std::vector<Tensor> states() const { return {}; }
  virtual void set_states(std::span<const Tensor> /*states*/) {}
};

struct Engine {
  std::string_view name;  // "reference", "torch"
  std::string_view about;
  /// Whether it can be used here; cheap after the first time.
  bool (*available)();
  /// Throws Fault::usage with the cure when it is not available.
  std::unique_ptr<Executor> (*make)(Graph);
  /// The engine's own differentiation of `graph`, with the inputs and outputs of
  /// `differentiate(graph)`. Null: it has none.
  std::unique_ptr<Executor> (*make_gradient)(Graph) = nullptr;
};

std::span<const Engine> all_engines();
/// Throws Fault::usage with the names there are.
const Engine& engine_named(std::string_view name);
/// The fastest that is available here.
const Engine& default_engine();

/// The reference interpreter. `seed` feeds random operators.
std::unique_ptr<Executor> make_reference_executor(Graph graph, std::uint64_t seed = 0);

}  // namespace isomer
