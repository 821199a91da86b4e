#include <algorithm>
#include <optional>

#include "base/text.h"
#include "ops/rules.h"
#include "ops/validate.h"
#include "passes/rewrite.h"
#include "run/engine.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

/// A node for given lengths: nothing about it is symbolic any more.
struct Step {
  const Node* node = nullptr;
  const Kernel* kernel = nullptr;
  Attributes attributes;
  std::vector<Operand> results;  // their types; no elements
  std::vector<ValueId> no_longer_used;
};

class ReferenceExecutor final : public Executor {
 public:
  ReferenceExecutor(const Graph& graph, std::uint64_t seed)
      : graph_(expand_unsupported(graph, reference_engine().runs)),
        random_(seed),
        stays_(graph_.values.size(), false),
        operands_(graph_.values.size()) {
    reset();
    std::int64_t room = most_kept;
    for (const Constant& constant : graph_.constants) {
      if (constant.data.count() > room) continue;
      room -= constant.data.count();
      stays_[static_cast<std::size_t>(constant.value)] = true;
    }
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    Lengths lengths = bind_lengths(graph_, inputs);
    if (steps_.empty() || lengths != lengths_) {
      steps_ = prepare(lengths);
      lengths_ = std::move(lengths);
    }
    bind(inputs);
    for (const Step& step : steps_) {
      with_place([&] { return describe(graph_, *step.node); }, [&] { take(step); });
    }
    std::vector<Tensor> outputs;
    for (const ValueId id : graph_.outputs) outputs.push_back(tensor_of(id));
    std::vector<Tensor> next;
    for (const State& state : graph_.states) next.push_back(tensor_of(state.next));
    states_ = std::move(next);
    release();
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
      operands_[static_cast<std::size_t>(constant.value)].reset();
    }
  }

 private:
  std::vector<Step> prepare(const Lengths& lengths) const;
  Step prepare_node(const Node& node, const Lengths& lengths, std::vector<TensorType>& types) const;
  void bind(std::span<const Tensor> inputs);
  void release();
  void take(const Step& step);
  const Operand& operand(ValueId id);
  Tensor tensor_of(ValueId id);

  /// Elements of constants that are kept widened between runs: as many as memory hardly feels.
  static constexpr std::int64_t most_kept = 1 << 22;

  Graph graph_;
  std::mt19937_64 random_;
  std::vector<Tensor> states_;
  std::optional<Lengths> lengths_;
  std::vector<Step> steps_;
  std::vector<bool> stays_;  // by value: a constant whose operand is kept between runs
  /// While it runs, by value: what was given or is stored, and what is widened or computed.
  std::vector<const Tensor*> tensors_;
  std::vector<std::optional<Operand>> operands_;
};

std::size_t index_of(ValueId id) { return static_cast<std::size_t>(id); }

Step ReferenceExecutor::prepare_node(const Node& node, const Lengths& lengths,
                                     std::vector<TensorType>& types) const {
  const OpSchema& schema = op_named(node.op);
  Step step;
  step.node = &node;
  step.kernel = find_kernel(node.op);
  step.attributes = evaluate(complete(schema, node.attributes), lengths);
  std::vector<TensorType> input_types;
  for (const ValueId id : node.inputs) {
    input_types.push_back(id == ValueId::none ? TensorType{} : types.at(index_of(id)));
  }
  // The type rule looks again, now at numbers: a kernel may rely on what it says.
  const std::vector<TensorType> result_types =
      output_types(schema, {step.attributes, node.inputs, input_types}, {});
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    types.at(index_of(node.outputs[i])) = result_types.at(i);
    step.results.push_back({result_types[i].dtype, evaluate(result_types[i].shape, lengths), {}});
  }
  return step;
}

std::vector<Step> ReferenceExecutor::prepare(const Lengths& lengths) const {
  std::vector<TensorType> types;
  for (const Value& value : graph_.values) {
    types.push_back({value.type.dtype, {}});
  }
  const auto bind_type = [&](ValueId id) {
    for (const std::int64_t length : evaluate(graph_[id].type.shape, lengths)) {
      types[index_of(id)].shape.emplace_back(length);
    }
  };
  for (const ValueId id : graph_.inputs) bind_type(id);
  for (const Constant& constant : graph_.constants) bind_type(constant.value);
  for (const State& state : graph_.states) bind_type(state.now);

  std::vector<Step> steps;
  for (const Node& node : graph_.nodes) {
    steps.push_back(with_place([&] { return describe(graph_, node); },
                               [&] { return prepare_node(node, lengths, types); }));
  }
  std::vector<bool> kept = stays_;
  for (const ValueId id : graph_.outputs) kept[index_of(id)] = true;
  for (const State& state : graph_.states) kept[index_of(state.next)] = true;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    std::vector<ValueId> touched = step->node->inputs;
    touched.insert(touched.end(), step->node->outputs.begin(), step->node->outputs.end());
    for (const ValueId id : touched) {
      if (id == ValueId::none || kept[index_of(id)]) continue;
      kept[index_of(id)] = true;
      step->no_longer_used.push_back(id);
    }
  }
  return steps;
}

/// What belongs to one run, whether it ended or failed.
void ReferenceExecutor::release() {
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    if (!stays_[i]) operands_[i].reset();
  }
}

void ReferenceExecutor::bind(std::span<const Tensor> inputs) {
  release();
  tensors_.assign(graph_.values.size(), nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i) tensors_[index_of(graph_.inputs[i])] = &inputs[i];
  for (const Constant& constant : graph_.constants)
    tensors_[index_of(constant.value)] = &constant.data;
  for (std::size_t i = 0; i < states_.size(); ++i)
    tensors_[index_of(graph_.states[i].now)] = &states_[i];
}

const Operand& ReferenceExecutor::operand(ValueId id) {
  std::optional<Operand>& slot = operands_[index_of(id)];
  if (!slot) {
    expect(tensors_[index_of(id)] != nullptr, "a value is made before it is used");
    slot = widened(*tensors_[index_of(id)]);
  }
  return *slot;
}

Tensor ReferenceExecutor::tensor_of(ValueId id) {
  const Tensor* tensor = tensors_[index_of(id)];
  return tensor != nullptr ? *tensor : narrowed(operand(id));
}

void ReferenceExecutor::take(const Step& step) {
  std::vector<const Operand*> inputs;
  for (const ValueId id : step.node->inputs)
    inputs.push_back(id == ValueId::none ? nullptr : &operand(id));
  std::vector<Operand> results = step.results;
  run_kernel(*step.kernel, {step.attributes, inputs, results, random_});
  for (std::size_t i = 0; i < results.size(); ++i)
    operands_[index_of(step.node->outputs[i])] = std::move(results[i]);
  for (const ValueId id : step.no_longer_used) operands_[index_of(id)].reset();
}

}  // namespace

std::unique_ptr<Executor> make_reference_executor(Graph graph, const EngineOptions& options) {
  return std::make_unique<ReferenceExecutor>(graph, options.seed);
}

}  // namespace isomer
