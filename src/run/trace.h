#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "passes/passes.h"
#include "run/engine.h"

namespace isomer {

/// One inner value of one run.
struct Step {
  std::string name;   // of the value
  std::string op;     // of the node that made it, in our words where known
  std::string scope;  // module path
  Place place;
  Tensor value;
  std::vector<std::int64_t> trips = {};  // in which of the loops around it, from outside in
};

/// Runs a graph with all its inner values as outputs.
class Tracer {
 public:
  Tracer(const Graph& graph, const Engine& engine, const EngineOptions& options = {});

  /// In running order. Of many trips the first ones.
  std::vector<Step> trace(std::span<const Tensor> inputs);
  /// What the next trace begins with.
  void set_states(std::span<const Tensor> states) { executor_->set_states(states); }

 private:
  std::vector<ExposedValue> exposed_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace isomer
