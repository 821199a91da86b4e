#include <unordered_map>

#include "base/text.h"
#include "ops/validate.h"
#include "passes/copy.h"
#include "passes/differentiate_control.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

bool has_rule(std::string_view op) {
  return op_named(op).vjp != nullptr || differentiates_bodies(op);
}

/// Every node with its own rule: composites without one are spelled out until their parts have one.
Graph with_rules(const Graph& graph) {
  const auto differentiable_or_primitive = [](std::string_view op) {
    return has_rule(op) || op_named(op).expand == nullptr;
  };
  // A body runs again for its derivative, and would draw other numbers.
  return expand_unsupported(hoist_draws(graph), differentiable_or_primitive);
}

class Backward {
 public:
  explicit Backward(const Graph& forward) : forward_(forward), out_(forward.name + "_vjp") {}

  /// The derivative alone.
  Graph run() && {
    copy_forward();
    seed();
    walk();
    std::vector<ValueId> results;
    for (const ValueId id : forward_.inputs) {
      if (is_floating(forward_[id].type.dtype)) results.push_back(gradient_of(id));
    }
    collect_trainable(results);
    return finish(std::move(results));
  }

  /// With what the model itself gives and keeps.
  Graph run(const Joint& joint) && {
    copy_forward();
    if (joint.loss) {
      seed_loss();
    } else {
      seed();
    }
    walk();
    std::vector<ValueId> results = mapped(forward_.outputs, values_);
    collect_trainable(results);
    for (const std::size_t number : joint.states)
      results.push_back(gradient_of(forward_.states.at(number).now));
    for (const State& state : forward_.states) out_.keep(value(state.now), value(state.next));
    return finish(std::move(results));
  }

 private:
  ValueId& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  ValueId& cotangent(ValueId id) { return cotangents_[static_cast<std::size_t>(id)]; }

  void copy_forward() {
    values_ = copy_interface(out_, forward_);
    cotangents_.assign(forward_.values.size(), ValueId::none);
    for (const Node& node : forward_.nodes) {
      out_.at(node.scope, node.place);
      EmittedNode emitted = emit_forward(out_, node, mapped(node.inputs, values_));
      for (std::size_t i = 0; i < emitted.outputs.size(); ++i) {
        value(node.outputs[i]) = emitted.outputs[i];
        out_.name(emitted.outputs[i], forward_[node.outputs[i]].name);
      }
      if (!emitted.saved.empty()) saved_.emplace(&node, std::move(emitted.saved));
    }
  }

  void walk() {
    for (std::size_t i = forward_.nodes.size(); i-- > 0;) visit(forward_.nodes[i]);
  }

  void collect_trainable(std::vector<ValueId>& results) {
    for (const Constant& constant : forward_.constants) {
      if (constant.trainable) results.push_back(gradient_of(constant.value));
    }
  }

  Graph finish(std::vector<ValueId> results) {
    Signature signature;
    signature.lengths = forward_.signature.lengths;
    return remove_unused(std::move(out_).finish(std::move(results), std::move(signature)));
  }

  void seed_loss() {
    const bool some = !forward_.outputs.empty();
    const TensorType type = some ? forward_[forward_.outputs[0]].type : TensorType{};
    if (!some || !is_floating(type.dtype) || !type.shape.empty()) {
      throw Error(Fault::model, forward_.name,
                  fmt::format("its first output is {}; a loss is a floating scalar, f32[]",
                              some ? to_text(type) : "not there"));
    }
    collect(forward_.outputs[0], out_.literal(type.dtype, 1.0));
  }

  void seed() {
    std::size_t number = 0;
    for (const ValueId id : forward_.outputs) {
      if (is_floating(forward_[id].type.dtype)) {
        collect(id, out_.input(fmt::format("cotangent{}", number), forward_[id].type));
      }
      ++number;
    }
  }

  void collect(ValueId id, ValueId part) {
    if (part == ValueId::none || !is_floating(forward_[id].type.dtype)) return;
    ValueId& sum = cotangent(id);
    sum = sum == ValueId::none ? part : out_.emit("add", {sum, part});
  }

  void visit(const Node& node) {
    std::vector<ValueId> given;
    std::vector<ValueId> outputs;
    bool any = false;
    for (const ValueId id : node.outputs) {
      outputs.push_back(value(id));
      given.push_back(cotangent(id));
      any = any || given.back() != ValueId::none;
    }
    if (!any) return;
    out_.at(node.scope, node.place);
    with_place([&] { return describe(forward_, node); }, [&] { pull_back(node, outputs, given); });
  }

  /// The rule of an operator with several outputs expects a cotangent for each floating one: zeros
  /// where none came.
  void fill_zeros(const Node& node, std::vector<ValueId>& given) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      const TensorType& type = forward_[node.outputs[i]].type;
      if (given[i] == ValueId::none && is_floating(type.dtype)) given[i] = zeros(out_, type);
    }
  }

  void pull_back(const Node& node, std::span<const ValueId> outputs, std::vector<ValueId>& given) {
    if (!has_rule(node.op))
      throw Error(Fault::unsupported, "", fmt::format("'{}' has no derivative", node.op));
    fill_zeros(node, given);
    const std::vector<ValueId> inputs = mapped(node.inputs, values_);
    const std::vector<ValueId> parts = cotangents_of_inputs(node, inputs, outputs, given);
    for (std::size_t i = 0; i < parts.size() && i < node.inputs.size(); ++i) {
      if (node.inputs[i] != ValueId::none) collect(node.inputs[i], parts[i]);
    }
  }

  std::vector<ValueId> cotangents_of_inputs(const Node& node, const std::vector<ValueId>& inputs,
                                            std::span<const ValueId> outputs,
                                            std::span<const ValueId> given) {
    if (differentiates_bodies(node.op)) {
      return pull_back_bodies(out_, node, inputs, {{outputs.begin(), outputs.end()}, saved_[&node]},
                              given);
    }
    return with_call(out_, node, inputs, [&](const OpSchema& schema, const OpCall& call) {
      return schema.vjp(out_, call, Cotangents{outputs, given});
    });
  }

  ValueId gradient_of(ValueId id) {
    const ValueId sum = cotangent(id);
    return sum == ValueId::none ? zeros(out_, forward_[id].type) : sum;
  }

  const Graph& forward_;
  Builder out_;
  std::vector<ValueId> values_;      // of the forward graph, in the new one
  std::vector<ValueId> cotangents_;  // collected so far, by value of the forward graph
  std::unordered_map<const Node*, std::vector<ValueId>> saved_;  // for the derivative
};

}  // namespace

Graph differentiate(const Graph& graph) {
  const Graph forward = with_rules(graph);
  return Backward(forward).run();
}

Graph differentiate_jointly(const Graph& graph, const Joint& joint) {
  const Graph forward = with_rules(graph);
  return Backward(forward).run(joint);
}

}  // namespace isomer
