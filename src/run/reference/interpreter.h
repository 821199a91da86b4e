#pragma once

#include <memory>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "run/reference/kernel.h"

namespace isomer {

/// Runs the nodes of a graph, or of a body, one after the other. Belongs to one thread.
class Interpreter {
 public:
  /// Every operator of `graph` has a kernel. It and `random` must outlive this.
  Interpreter(const Graph& graph, std::mt19937_64& random);

  /// Before the first run, and where lengths changed since: nothing is symbolic after it.
  void prepare(const Lengths& lengths);

  // One run: every input and state is given, then it runs, then results are taken. What is given
  // must live until `release`.

  void give(ValueId id, const Tensor& tensor) { at(id).tensor = &tensor; }
  void give(ValueId id, const Operand& operand) { at(id).given = &operand; }
  /// What was kept of a constant that has changed.
  void forget(ValueId constant) { at(constant).own.reset(); }
  void run();
  Tensor tensor(ValueId id);
  const Operand& operand(ValueId id);
  /// Lets go of everything that belongs to one run, whether it ended or failed.
  void release();

 private:
  /// A node for given lengths.
  struct Step {
    const Node* node = nullptr;
    const Kernel* kernel = nullptr;
    Attributes attributes;
    std::vector<Operand> results;  // their types; no elements
    std::vector<ValueId> no_longer_used;
    std::vector<std::unique_ptr<Interpreter>> interpreters;  // of the bodies
    std::vector<RunBody> bodies;
  };

  /// While it runs: what was given or is stored, and what is widened or computed.
  struct Slot {
    const Tensor* tensor = nullptr;
    const Operand* given = nullptr;
    std::optional<Operand> own;
    bool stays = false;  // a constant whose operand is kept between runs
  };

  Slot& at(ValueId id) { return slots_[static_cast<std::size_t>(id)]; }
  Step prepare_node(const Node& node, const Lengths& lengths, std::vector<TensorType>& types) const;
  void prepare_bodies(Step& step, const Lengths& lengths) const;
  std::vector<Operand> run_body(std::span<const Operand* const> inputs);
  void find_last_uses();
  void take(const Step& step);

  const Graph& graph_;
  std::mt19937_64& random_;
  std::vector<Step> steps_;
  std::vector<Slot> slots_;  // by value
};

}  // namespace isomer
