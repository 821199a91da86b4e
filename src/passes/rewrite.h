#pragma once

// Functions from graph to graph. A pass takes one and returns one; it never prints, times or
// validates.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "ops/builder.h"

namespace isomer {

/// Sees each node of the old graph with its inputs already in the new one. Emits a replacement and
/// returns its values, or returns nothing to have the node copied.
using Rule = std::function<std::optional<std::vector<ValueId>>(
    Builder& out, const Graph& old, const Node& node, std::span<const ValueId> inputs)>;

/// Walks the graph once, and each distinct body once before the nodes that have it. Inputs,
/// constants, states, names, places and the signature carry over; what nothing uses any more stays
/// until `remove_unused`.
Graph rewrite(const Graph& graph, const Rule& rule);

/// Bodies by what they were: each distinct one is changed once, and stays shared.
class BodyMap {
 public:
  using Change = std::function<Graph(const Graph&)>;
  explicit BodyMap(Change change) : change_(std::move(change)) {}

  Body operator()(const Body& body);
  /// The node with its bodies changed.
  Node operator()(const Node& node);

 private:
  Change change_;
  std::map<Body, Body> changed_;
};

/// Changes the bodies of all nodes, each distinct one once.
void change_bodies(Graph& graph, BodyMap::Change change);

/// What a rule may look at for `node`, its inputs being in `out`: hands the schema and the call to
/// `use`.
template <class Use>
auto with_call(const Emitter& out, const Node& node, std::span<const ValueId> inputs, Use&& use) {
  const OpSchema& schema = op_named(node.op);
  const Attributes attributes = complete(schema, node.attributes);
  std::vector<TensorType> types(inputs.size(), TensorType{DType::f32, {}});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != ValueId::none) types[i] = out.type(inputs[i]);
  }
  return use(schema, OpCall{attributes, inputs, types, node.bodies});
}

/// Emits the expansion of a composite operator.
std::vector<ValueId> expand_node(Builder& out, const Node& node, std::span<const ValueId> inputs);

/// Whether a target has its own word for an operator.
using Spells = std::function<bool(std::string_view op)>;

/// Replaces every operator that is not spelled by its expansion, again and again. Throws
/// Fault::unsupported with a list of all that have none, each with count, module path and line.
Graph expand_unsupported(const Graph& graph, const Spells& spells);

}  // namespace isomer
