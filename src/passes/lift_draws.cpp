#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "passes/differentiate_control.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

/// A dropout at work becomes what it draws and what it makes of it.
Graph with_plain_draws(const Graph& graph) {
  return rewrite(graph,
                 [](Builder& out, const Graph&, const Node& node,
                    std::span<const ValueId> inputs) -> std::optional<Values> {
                   if (!node.bodies.empty() || !draws(node)) return std::nullopt;
                   if (op_named(node.op).expand == nullptr) return std::nullopt;
                   return expand_node(out, node, inputs);
                 });
}

bool while_draws(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    if (node.op == "while") return draws(node);
    return std::ranges::any_of(node.bodies, [](const Body& body) { return while_draws(*body); });
  });
}

bool body_draws(const Graph& graph) {
  return std::ranges::any_of(graph.nodes,
                             [](const Node& node) { return !node.bodies.empty() && draws(node); });
}

Body with_inputs(Graph body, Values inputs) {
  body.inputs = std::move(inputs);
  body.signature.arguments = flat_arguments(body);
  return std::make_shared<const Graph>(std::move(body));
}

/// The rule of both passes. A body that was walked takes what it draws as further inputs, which is
/// how the node that has it, walked after it, knows of them.
class Lifting {
 public:
  Lifting(const Graph& top, bool to_inputs)
      : top_(&top), to_inputs_(to_inputs), names_(reserved(top)) {}

  std::optional<Values> operator()(Builder& out, const Graph& old, const Node& node,
                                   std::span<const ValueId> inputs) {
    const bool inside = &old != top_;
    if (!node.bodies.empty()) return with_bodies(out, node, inputs, inside);
    if (!draws(node) || !(inside || to_inputs_)) return std::nullopt;
    const Draw draw{node.op, node.attributes, joined_path(node.scope, node.op)};
    return Values{drawn(out, draw, old[node.outputs[0]].type, inside)};
  }

 private:
  struct Draw {
    std::string op;
    Attributes attributes;
    std::string path;  // where it is drawn, and how
  };

  /// What a body takes more than it is given.
  struct Further {
    Values inputs;              // of the body
    std::vector<Value> values;  // what they are
    Values drawn;               // outside
  };

  static std::vector<std::string_view> reserved(const Graph& graph) {
    std::vector<std::string_view> names;
    for (const ValueId id : graph.inputs) names.push_back(graph[id].name);
    for (const Structure* seen : {&graph.signature.arguments, &graph.signature.keywords})
      names.insert(names.end(), seen->keys.begin(), seen->keys.end());
    return names;
  }

  /// An input, or a draw of the graph that nothing is around.
  ValueId drawn(Builder& out, const Draw& draw, const TensorType& type, bool inside) {
    if (!inside && !to_inputs_) {
      expect(prototype(op_named(draw.op)).inputs.empty(), "what is drawn depends on nothing");
      Attributes attributes = complete(op_named(draw.op), draw.attributes);
      for (NamedAttribute& attribute : attributes) {
        if (attribute.name == "shape") attribute.value = type.shape;
      }
      return out.emit(draw.op, {}, std::move(attributes));
    }
    if (!inside) return out.input(names_.take(draw.path), type);
    const std::string name = inner_names_.take(draw.path);
    draws_.emplace(name, draw);
    return out.input(name, type);
  }

  Further further_of(Builder& out, const Node& node, std::size_t body,
                     std::span<const ValueId> inputs, bool inside) {
    const Graph& graph = *node.bodies[body];
    const std::size_t given = inputs.size() - (node.op == "if" ? 1 : 0);
    Further further;
    for (std::size_t i = given; i < graph.inputs.size(); ++i) {
      const Value& value = graph[graph.inputs[i]];
      Draw draw = draws_.at(value.name);
      draw.path = joined_path(node.scope, draw.path);
      TensorType type = value.type;
      if (node.op == "scan") type.shape.insert(type.shape.begin(), trips_of(out, node, inputs));
      further.inputs.push_back(graph.inputs[i]);
      further.values.push_back(value);
      further.drawn.push_back(drawn(out, draw, type, inside));
    }
    return further;
  }

  std::optional<Values> with_bodies(Builder& out, const Node& node, std::span<const ValueId> inputs,
                                    bool inside) {
    std::vector<Further> further;
    bool any = false;
    for (std::size_t i = 0; i < node.bodies.size(); ++i) {
      further.push_back(further_of(out, node, i, inputs, inside));
      any = any || !further.back().inputs.empty();
    }
    if (!any) return std::nullopt;
    if (node.op == "while") {
      throw Error(Fault::unsupported, "",
                  "draws random numbers in each trip, and nobody knows how many trips there are");
    }
    Values operands(inputs.begin(), inputs.end());
    Attributes attributes = node.attributes;
    std::size_t at = operands.size();  // where they come in
    if (node.op == "scan") {
      auto& scanned = std::get<std::int64_t>(
          std::ranges::find(attributes, "scanned", &NamedAttribute::name)->value);
      at = static_cast<std::size_t>(get<std::int64_t>(attributes, "carried") + scanned);
      scanned += std::ssize(further[0].inputs);
    }
    const std::size_t before = at - (node.op == "if" ? 1 : 0);
    std::vector<Body> bodies;
    for (std::size_t i = 0; i < node.bodies.size(); ++i)
      bodies.push_back(taking(*node.bodies[i], i, further, before));
    for (const Further& one : further) {
      operands.insert(operands.begin() + static_cast<std::ptrdiff_t>(at), one.drawn.begin(),
                      one.drawn.end());
      at += one.drawn.size();
    }
    return out.emit_all(node.op, std::move(operands), std::move(attributes), std::move(bodies));
  }

  /// A body that takes what it draws at that place, beside what the others do, which it does not
  /// use.
  static Body taking(Graph body, std::size_t own, const std::vector<Further>& further,
                     std::size_t before) {
    Values inputs = body.inputs;
    inputs.resize(inputs.size() - further[own].inputs.size());
    Values added;
    for (std::size_t i = 0; i < further.size(); ++i) {
      for (std::size_t j = 0; j < further[i].inputs.size(); ++j) {
        added.push_back(i == own ? further[i].inputs[j] : static_cast<ValueId>(body.values.size()));
        if (i != own) body.values.push_back(further[i].values[j]);
      }
    }
    inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(before), added.begin(), added.end());
    return with_inputs(std::move(body), std::move(inputs));
  }

  const Graph* top_;
  bool to_inputs_;
  Names names_;                        // of the graph's inputs
  Names inner_names_;                  // of the bodies'
  std::map<std::string, Draw> draws_;  // by the name of a body's input
};

}  // namespace

Graph lift_draws(const Graph& graph) {
  const Graph plain = with_plain_draws(graph);
  Lifting lifting(plain, true);
  Graph lifted = rewrite(plain, std::ref(lifting));
  // Callers name what was drawn.
  lifted.signature = graph.signature;
  for (std::size_t i = graph.inputs.size(); i < lifted.inputs.size(); ++i) {
    lifted.signature.keywords.keys.push_back(lifted[lifted.inputs[i]].name);
    lifted.signature.keywords.children.emplace_back();
  }
  return lifted;
}

Graph hoist_draws(const Graph& graph) {
  if (!body_draws(graph) || while_draws(graph)) return graph;
  const Graph plain = with_plain_draws(graph);
  Lifting lifting(plain, false);
  return rewrite(plain, std::ref(lifting));
}

}  // namespace isomer
