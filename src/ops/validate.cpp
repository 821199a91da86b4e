#include "ops/validate.h"

#include <algorithm>

#include "base/text.h"
#include "graph/text.h"
#include "ops/expansion.h"
#include "ops/rules.h"

namespace isomer {
namespace {

void require_bodies(const OpSchema& schema, std::span<const Body> bodies);

class Validator {
 public:
  explicit Validator(const Graph& graph) : graph_(graph), made_(graph.values.size(), false) {}

  void run() {
    for (const ValueId id : graph_.inputs) make(id, "an input");
    for (const Constant& constant : graph_.constants) {
      make(constant.value, "a constant");
      same_type(constant.value, constant.data.type(), "a constant");
    }
    for (const State& state : graph_.states) {
      make(state.now, "a state");
      same_type(state.now, state.initial.type(), "a state");
    }
    for (const Node& node : graph_.nodes) {
      with_place([&] { return describe(graph_, node); }, [&] { check(node); });
    }
    for (const State& state : graph_.states) {
      use(state.next, "a state's next value");
      same_type(state.next, graph_[state.now].type, "a state's next value");
    }
    for (const ValueId id : graph_.outputs) use(id, "an output");
  }

 private:
  void make(ValueId id, std::string_view what) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= made_.size()) refuse(what, "is not in the list of values");
    if (made_[index]) refuse(what, "is made twice");
    made_[index] = true;
  }

  void use(ValueId id, std::string_view what) const {
    const auto index = static_cast<std::size_t>(id);
    if (index >= made_.size() || !made_[index]) refuse(what, "is used before it is made");
  }

  void same_type(ValueId id, const TensorType& type, std::string_view what) const {
    if (graph_[id].type == type) return;
    refuse(what, fmt::format("is {}; it should be {}", to_text(graph_[id].type), to_text(type)));
  }

  void check(const Node& node) {
    const OpSchema& schema = op_named(node.op);
    std::vector<TensorType> types(node.inputs.size(), TensorType{DType::f32, {}});
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == ValueId::none) continue;
      use(node.inputs[i], "an input");
      types[i] = graph_[node.inputs[i]].type;
    }
    const Attributes attributes = complete(schema, node.attributes);
    for (std::size_t i = 0; i < node.bodies.size(); ++i) check_body(schema, node, i);
    const std::vector<TensorType> inferred = output_types(
        schema, OpCall{attributes, node.inputs, types, node.bodies}, graph_.signature.lengths);
    if (inferred.size() != node.outputs.size()) {
      refuse("the number of outputs",
             fmt::format("is {}; it should be {}", node.outputs.size(), inferred.size()));
    }
    for (std::size_t i = 0; i < inferred.size(); ++i) {
      make(node.outputs[i], "an output");
      same_type(node.outputs[i], inferred[i], "an output");
    }
  }

  void check_body(const OpSchema& schema, const Node& node, std::size_t i) const {
    require_bodies(schema, node.bodies);
    const Graph& body = *node.bodies[i];
    with_place([&] { return fmt::format("body '{}'", prototype(schema).bodies[i]); },
               [&] {
                 require_lengths(body);
                 Validator(body).run();
               });
  }

  void require_lengths(const Graph& body) const {
    const std::vector<LengthRange> outer = lengths_inside(graph_.signature.lengths);
    for (const LengthRange& range : body.signature.lengths) {
      if (std::ranges::find(outer, range) != outer.end()) continue;
      refuse(fmt::format("length {}", to_text(range)), "is not one of the outer graph's");
    }
  }

  [[noreturn]] static void refuse(std::string_view what, std::string_view why) {
    throw Error(Fault::model, "", fmt::format("{} {}", what, why));
  }

  const Graph& graph_;
  std::vector<bool> made_;
};

void check_inputs(const OpSchema& schema, const Prototype& wanted, std::vector<ValueId>& inputs) {
  const bool variadic = !wanted.inputs.empty() && wanted.inputs.back().variadic;
  const std::size_t fixed = wanted.inputs.size() - (variadic ? 1 : 0);
  if (inputs.size() < fixed) inputs.resize(fixed, ValueId::none);
  if (inputs.size() > fixed && !variadic) {
    throw Error(Fault::model, "",
                fmt::format("'{}' takes {} and is given {}", schema.name(), counted(fixed, "input"),
                            inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool required = i >= fixed || !wanted.inputs[i].optional;
    if (required && inputs[i] == ValueId::none) {
      throw Error(Fault::model, "",
                  fmt::format("'{}' needs its input '{}'", schema.name(),
                              wanted.inputs[std::min(i, wanted.inputs.size() - 1)].name));
    }
  }
  if (variadic && inputs.size() == fixed && wanted.bodies.empty()) {
    throw Error(Fault::model, "", fmt::format("'{}' needs at least one input", schema.name()));
  }
}

void require_bodies(const OpSchema& schema, std::span<const Body> bodies) {
  const std::size_t wanted = prototype(schema).bodies.size();
  if (bodies.size() == wanted) return;
  throw Error(
      Fault::model, "",
      fmt::format("'{}' needs {} and has {}", schema.name(),
                  wanted == 1 ? "one body" : fmt::format("{} bodies", wanted), bodies.size()));
}

}  // namespace

CheckedCall checked_call(const OpSchema& schema, std::vector<ValueId> inputs,
                         const Attributes& given, std::span<const Body> bodies,
                         std::span<const LengthRange> ranges,
                         const std::function<const TensorType&(ValueId)>& type_of) {
  check_inputs(schema, prototype(schema), inputs);
  require_bodies(schema, bodies);
  std::vector<TensorType> types(inputs.size(), TensorType{DType::f32, {}});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != ValueId::none) types[i] = type_of(inputs[i]);
  }
  Attributes attributes = complete(schema, given);
  std::vector<TensorType> results =
      with_place([&] { return fmt::format("operator '{}'", schema.name()); },
                 [&] {
                   return output_types(schema, OpCall{attributes, inputs, types, bodies}, ranges);
                 });
  return {std::move(inputs), std::move(attributes), std::move(results)};
}

void validate(const Graph& graph) {
  with_place(graph.name, [&] { Validator(graph).run(); });
}

std::string describe(const Graph& graph, const Node& node) {
  const auto number = static_cast<std::size_t>(&node - graph.nodes.data());
  const bool inside = number < graph.nodes.size();
  std::string text = inside ? fmt::format("node {}", number) : "node";
  if (!node.outputs.empty() && !graph[node.outputs[0]].name.empty()) {
    text += fmt::format(" '{}'", graph[node.outputs[0]].name);
  }
  text += fmt::format(" ({})", node.op);
  if (!node.scope.empty()) text += fmt::format(", in {}", node.scope);
  if (node.place.line > 0) text += fmt::format(", {}:{}", node.place.file, node.place.line);
  return text;
}

}  // namespace isomer
