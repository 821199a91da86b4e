#include "run/tensor_emitter.h"

#include "base/error.h"

namespace isomer {

ValueId TensorEmitter::constant(Tensor data) {
  TensorType type = data.type();
  values_.push_back({std::move(data), std::move(type)});
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId TensorEmitter::literal(DType dtype, double value) {
  return constant(Tensor::from_doubles(dtype, {}, {&value, 1}));
}

ValueId TensorEmitter::literal(DType dtype, std::int64_t value) {
  if (is_floating(dtype)) return literal(dtype, static_cast<double>(value));
  return constant(Tensor::from_integers(dtype, {}, {&value, 1}));
}

std::vector<ValueId> TensorEmitter::emit_all(std::string_view op, std::vector<ValueId> inputs,
                                             Attributes attributes, std::vector<Body> bodies) {
  expect(bodies.empty(), "an operator with bodies runs in a graph");
  std::vector<const Tensor*> tensors;
  for (const ValueId id : inputs) tensors.push_back(id == ValueId::none ? nullptr : &(*this)[id]);
  std::vector<ValueId> result;
  for (Tensor& tensor : operators_.run(op, tensors, attributes))
    result.push_back(constant(std::move(tensor)));
  return result;
}

}  // namespace isomer
