#include <map>

#include "ops/expansion.h"
#include "passes/rewrite.h"
#include "run/tensor_emitter.h"
#include "runner/operators.h"

namespace isomer::runner {

std::vector<Tensor> run_expansions(const OperatorCase& one) {
  const Graph& graph = one.graph;
  const Lengths lengths = bind_lengths(graph, one.inputs);
  Operators operators;
  TensorEmitter e(operators);
  std::map<ValueId, ValueId> values{{ValueId::none, ValueId::none}};
  for (std::size_t i = 0; i < one.inputs.size(); ++i)
    values[graph.inputs[i]] = e.constant(one.inputs[i]);
  for (const Constant& constant : graph.constants)
    values[constant.value] = e.constant(constant.data);
  for (Node node : graph.nodes) {
    node.attributes = evaluate(complete(op_named(node.op), node.attributes), lengths);
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(values.at(id));
    const std::vector<ValueId> outputs =
        with_call(e, node, inputs, [&](const OpSchema& schema, const OpCall& call) {
          return schema.expand == nullptr ? e.emit_all(node.op, inputs, call.attributes)
                                          : emit_expansion(e, schema, call);
        });
    for (std::size_t i = 0; i < outputs.size(); ++i) values[node.outputs[i]] = outputs[i];
  }
  std::vector<Tensor> results;
  for (const ValueId id : graph.outputs) results.push_back(e[values.at(id)]);
  return results;
}

}  // namespace isomer::runner
