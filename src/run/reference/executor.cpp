#include "base/text.h"
#include "passes/rewrite.h"
#include "run/engine.h"
#include "run/reference/interpreter.h"

namespace isomer {
namespace {

class ReferenceExecutor final : public Executor {
 public:
  ReferenceExecutor(const Graph& graph, std::uint64_t seed)
      : graph_(expand_unsupported(graph, reference_engine().runs)),
        random_(seed),
        interpreter_(graph_, random_) {
    reset();
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    Lengths lengths = bind_lengths(graph_, inputs);
    if (!lengths_ || lengths != *lengths_) {
      interpreter_.prepare(lengths);
      lengths_ = std::move(lengths);
    }
    interpreter_.release();
    for (std::size_t i = 0; i < inputs.size(); ++i) interpreter_.give(graph_.inputs[i], inputs[i]);
    for (std::size_t i = 0; i < states_.size(); ++i)
      interpreter_.give(graph_.states[i].now, states_[i]);
    interpreter_.run();
    std::vector<Tensor> outputs;
    for (const ValueId id : graph_.outputs) outputs.push_back(interpreter_.tensor(id));
    std::vector<Tensor> next;
    for (const State& state : graph_.states) next.push_back(interpreter_.tensor(state.next));
    states_ = std::move(next);
    interpreter_.release();
    return outputs;
  }

  std::vector<Tensor> states() override { return states_; }

  void set_states(std::span<const Tensor> states) override {
    check_types("state", states_of(graph_), states);
    states_.assign(states.begin(), states.end());
  }

  void reset() override {
    states_.clear();
    for (const State& state : graph_.states) states_.push_back(state.initial);
  }

  void set_constants(std::span<const Tensor> values) override {
    check_types("parameter", parameters_of(graph_), values);
    std::size_t next = 0;
    for (Constant& constant : graph_.constants) {
      if (!constant.trainable) continue;
      constant.data = values[next++];
      interpreter_.forget(constant.value);
    }
  }

 private:
  Graph graph_;
  std::mt19937_64 random_;
  Interpreter interpreter_;
  std::vector<Tensor> states_;
  std::optional<Lengths> lengths_;
};

}  // namespace

std::unique_ptr<Executor> make_reference_executor(Graph graph, const EngineOptions& options) {
  return std::make_unique<ReferenceExecutor>(graph, options.seed);
}

}  // namespace isomer
