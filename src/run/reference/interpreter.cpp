#include "run/reference/interpreter.h"

#include "base/text.h"
#include "ops/rules.h"
#include "ops/validate.h"

namespace isomer {
namespace {

std::size_t index_of(ValueId id) { return static_cast<std::size_t>(id); }

TensorType known_type(const TensorType& type, const Lengths& lengths) {
  TensorType known{type.dtype, {}};
  for (const std::int64_t length : evaluate(type.shape, lengths)) known.shape.emplace_back(length);
  return known;
}

}  // namespace

Interpreter::Interpreter(const Graph& graph, std::mt19937_64& random)
    : graph_(graph), random_(random), slots_(graph.values.size()) {
  // Elements of constants that are kept widened between runs: as many as memory hardly feels.
  std::int64_t room = 1 << 22;
  for (const Constant& constant : graph_.constants) {
    if (constant.data.count() > room) continue;
    room -= constant.data.count();
    at(constant.value).stays = true;
  }
}

void Interpreter::prepare(const Lengths& lengths) {
  std::vector<TensorType> types;
  for (const Value& value : graph_.values) types.push_back({value.type.dtype, {}});
  const auto bind_type = [&](ValueId id) {
    types[index_of(id)] = known_type(graph_[id].type, lengths);
  };
  for (const ValueId id : graph_.inputs) bind_type(id);
  for (const Constant& constant : graph_.constants) bind_type(constant.value);
  for (const State& state : graph_.states) bind_type(state.now);
  steps_.clear();
  for (const Node& node : graph_.nodes) {
    steps_.push_back(with_place([&] { return describe(graph_, node); },
                                [&] { return prepare_node(node, lengths, types); }));
  }
  find_last_uses();
}

Interpreter::Step Interpreter::prepare_node(const Node& node, const Lengths& lengths,
                                            std::vector<TensorType>& types) const {
  const OpSchema& schema = op_named(node.op);
  Step step;
  step.node = &node;
  step.kernel = find_kernel(node.op);
  step.attributes = evaluate(complete(schema, node.attributes), lengths);
  std::vector<TensorType> result_types;
  if (node.bodies.empty()) {
    std::vector<TensorType> input_types;
    for (const ValueId id : node.inputs)
      input_types.push_back(id == ValueId::none ? TensorType{} : types.at(index_of(id)));
    // The type rule looks again, now at numbers: a kernel may rely on what it says.
    result_types = output_types(schema, {step.attributes, node.inputs, input_types}, {});
  } else {
    // Its bodies' types are symbolic still; the nodes in them are looked at when they are prepared.
    for (const ValueId id : node.outputs)
      result_types.push_back(known_type(graph_[id].type, lengths));
    prepare_bodies(step, lengths);
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    types.at(index_of(node.outputs[i])) = result_types.at(i);
    step.results.push_back({result_types[i].dtype, evaluate(result_types[i].shape, lengths), {}});
  }
  return step;
}

void Interpreter::prepare_bodies(Step& step, const Lengths& lengths) const {
  for (const Body& body : step.node->bodies) {
    auto interpreter = std::make_unique<Interpreter>(*body, random_);
    interpreter->prepare(lengths);
    step.bodies.push_back([inner = interpreter.get()](std::span<const Operand* const> inputs) {
      return inner->run_body(inputs);
    });
    step.interpreters.push_back(std::move(interpreter));
  }
}

void Interpreter::find_last_uses() {
  std::vector<bool> kept(graph_.values.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = slots_[i].stays;
  for (const ValueId id : graph_.outputs) kept[index_of(id)] = true;
  for (const State& state : graph_.states) kept[index_of(state.next)] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    std::vector<ValueId> touched = step->node->inputs;
    touched.insert(touched.end(), step->node->outputs.begin(), step->node->outputs.end());
    for (const ValueId id : touched) {
      if (id == ValueId::none || kept[index_of(id)]) continue;
      kept[index_of(id)] = true;
      step->no_longer_used.push_back(id);
    }
  }
}

void Interpreter::run() {
  for (const Constant& constant : graph_.constants) give(constant.value, constant.data);
  for (const Step& step : steps_) {
    with_place([&] { return describe(graph_, *step.node); }, [&] { take(step); });
  }
}

void Interpreter::take(const Step& step) {
  std::vector<const Operand*> inputs;
  for (const ValueId id : step.node->inputs)
    inputs.push_back(id == ValueId::none ? nullptr : &operand(id));
  std::vector<Operand> results = step.results;
  run_kernel(*step.kernel, {step.attributes, inputs, results, random_, step.bodies});
  for (std::size_t i = 0; i < results.size(); ++i)
    at(step.node->outputs[i]).own = std::move(results[i]);
  for (const ValueId id : step.no_longer_used) at(id).own.reset();
}

std::vector<Operand> Interpreter::run_body(std::span<const Operand* const> inputs) {
  release();
  for (std::size_t i = 0; i < inputs.size(); ++i) give(graph_.inputs[i], *inputs[i]);
  run();
  std::vector<Operand> outputs;
  for (const ValueId id : graph_.outputs) outputs.push_back(operand(id));
  release();
  return outputs;
}

const Operand& Interpreter::operand(ValueId id) {
  Slot& slot = at(id);
  if (slot.own) return *slot.own;
  if (slot.given != nullptr) return *slot.given;
  expect(slot.tensor != nullptr, "a value is made before it is used");
  slot.own = widened(*slot.tensor);
  return *slot.own;
}

Tensor Interpreter::tensor(ValueId id) {
  const Slot& slot = at(id);
  return slot.tensor != nullptr ? *slot.tensor : narrowed(operand(id));
}

void Interpreter::release() {
  for (Slot& slot : slots_) {
    slot.given = nullptr;
    slot.tensor = nullptr;
    if (!slot.stays) slot.own.reset();
  }
}

}  // namespace isomer
