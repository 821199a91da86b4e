#pragma once

#include <functional>

#include "ops/schema.h"

namespace isomer {

/// Checks the invariants of a graph: values made once and before use, types as the rules infer
/// them, ops and attributes as the catalog has them. Throws Fault::model, naming the node, at the
/// first that does not hold.
void validate(const Graph& graph);

/// An operator with inputs and attributes that fit its signature and its type rule.
struct CheckedCall {
  std::vector<ValueId> inputs;  // ValueId::none for every optional one that is absent
  Attributes attributes;        // complete
  std::vector<TensorType> results;
};

/// Throws Fault::model for what is no call of the operator.
CheckedCall checked_call(const OpSchema& schema, std::vector<ValueId> inputs,
                         const Attributes& attributes, std::span<const Body> bodies,
                         std::span<const LengthRange> ranges,
                         const std::function<const TensorType&(ValueId)>& type_of);

/// "node 17 'conv1' (conv), in encoder.0, net.py:12": how messages name a node.
std::string describe(const Graph& graph, const Node& node);

}  // namespace isomer
