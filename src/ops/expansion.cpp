#include "ops/expansion.h"

#include "base/error.h"
#include "ops/rules.h"

namespace isomer {
namespace {

ValueId in_type(Emitter& e, ValueId id, DType dtype) {
  if (e.dtype(id) == dtype) return id;
  return e.emit("cast", {id}, {{"dtype", dtype}});
}

/// The expansion of the same call, its half precision inputs made f32.
std::vector<ValueId> expanded_in_f32(Emitter& e, const OpSchema& schema, const OpCall& call) {
  std::vector<ValueId> inputs(call.inputs.begin(), call.inputs.end());
  std::vector<TensorType> types(call.types.begin(), call.types.end());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!call.has(i) || !is_half(types[i].dtype)) continue;
    types[i].dtype = DType::f32;
    inputs[i] = in_type(e, inputs[i], DType::f32);
  }
  return schema.expand(e, OpCall{call.attributes, inputs, types, call.bodies});
}

/// A number stays one, as its author wrote it.
ValueId emit_constant(Emitter& e, const Constant& constant) {
  const DType dtype = constant.data.dtype();
  if (!is_literal(constant) || is_complex(dtype)) return e.constant(constant.data);
  if (is_floating(dtype)) return e.literal(dtype, number_of(constant));
  return e.literal(dtype, constant.data.integers()[0]);
}

}  // namespace

std::vector<LengthRange> lengths_inside(std::vector<LengthRange> lengths) {
  for (LengthRange& range : lengths) range.input.reset();
  return lengths;
}

std::vector<ValueId> emit_body(Emitter& e, const Graph& body, std::span<const ValueId> inputs) {
  expect(inputs.size() == body.inputs.size(), "a body is given all its inputs");
  std::vector<ValueId> values(body.values.size(), ValueId::none);
  const auto value = [&](ValueId id) -> ValueId& { return values[static_cast<std::size_t>(id)]; };
  for (std::size_t i = 0; i < inputs.size(); ++i) value(body.inputs[i]) = inputs[i];
  for (const Constant& constant : body.constants)
    value(constant.value) = emit_constant(e, constant);
  for (const Node& node : body.nodes) {
    e.within(node.scope, node.place);
    const std::vector<ValueId> results =
        e.emit_all(node.op, mapped(node.inputs, values), node.attributes, node.bodies);
    for (std::size_t i = 0; i < results.size(); ++i) value(node.outputs[i]) = results[i];
  }
  e.within("", {});
  return mapped(body.outputs, values);
}

std::vector<ValueId> emit_expansion(Emitter& e, const OpSchema& schema, const OpCall& call,
                                    std::span<const LengthRange> ranges) {
  expect(schema.expand != nullptr, "only a composite operator is expanded");
  const std::vector<TensorType> promised = output_types(schema, call, ranges);
  const bool once = schema.traits.rounds == Rounds::once;
  std::vector<ValueId> results = once ? expanded_in_f32(e, schema, call) : schema.expand(e, call);
  expect(results.size() == promised.size(), "an expansion has the outputs of its operator");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (once) results[i] = in_type(e, results[i], promised[i].dtype);
    expect(e.type(results[i]) == promised[i], "an expansion has the types of its operator");
  }
  return results;
}

}  // namespace isomer
