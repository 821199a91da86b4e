#pragma once

// Executes a graph. Two engines: the reference interpreter, slow and obvious, is the definition;
// libtorch, opened on demand, is the witness. No file is known here.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "run/executor.h"

namespace isomer {

/// How an engine is to run.
struct EngineOptions {
  std::string device = "cpu";
  int threads = 0;         // at most so many; 0: as many as the engine likes
  std::uint64_t seed = 0;  // of random operators
};

struct Engine {
  std::string_view name;  // "reference", "torch"
  std::string_view about;
  std::string_view devices;  // what it can run on: "cpu"
  /// Whether it can be used here; cheap after the first time.
  bool (*available)();
  /// Whether it runs the operator as one step; it expands others. Of one that is available.
  bool (*runs)(std::string_view op);
  std::unique_ptr<Executor> (*executor)(Graph, const EngineOptions&);
  /// Null: it has no differentiation of its own.
  std::unique_ptr<Executor> (*gradient)(Graph, const EngineOptions&) = nullptr;

  /// Throws Fault::usage with the cure when it is not available, or has not what is asked for.
  std::unique_ptr<Executor> make(Graph graph, const EngineOptions& options = {}) const;
  /// The engine's own differentiation of `graph`, with the inputs and outputs of
  /// `differentiate(graph)`. Only where it has one.
  std::unique_ptr<Executor> make_gradient(Graph graph, const EngineOptions& options = {}) const;
};

/// Throws Fault::usage, naming the option, for what `who`, who runs on `devices`, has not.
void check_options(const EngineOptions& options, std::string_view who, std::string_view devices);

std::span<const Engine> all_engines();
/// Throws Fault::usage with the names there are.
const Engine& engine_named(std::string_view name);
/// The fastest that is available here.
const Engine& default_engine();
const Engine& reference_engine();

/// The reference interpreter.
std::unique_ptr<Executor> make_reference_executor(Graph graph, const EngineOptions& options = {});

}  // namespace isomer
