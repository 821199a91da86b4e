#include "systems/mdf/emitter.h"

#include <algorithm>

#include "ops/validate.h"
#include "systems/mdf/arrays.h"

namespace isomer::mdf {

ValueId Emitter::number(double value, ValueId like) {
  return constant(Tensor::from_doubles(DType::f64, {}, {&value, 1}), dtype(like));
}

ValueId TensorEmitter::add(Tensor tensor) {
  TensorType type = tensor.type();
  values_.push_back({std::move(tensor), std::move(type)});
  return static_cast<ValueId>(values_.size() - 1);
}

std::vector<ValueId> TensorEmitter::emit_all(std::string_view op, std::vector<ValueId> inputs,
                                             Attributes attributes) {
  std::int64_t largest = 0;
  for (const ValueId id : inputs)
    largest = std::max(largest, id == ValueId::none ? 0 : (*this)[id].count());
  const CheckedCall call = checked_call(op_named(op), inputs, attributes, {},
                                        [&](ValueId id) -> const TensorType& { return type(id); });
  for (const TensorType& result : call.results) {
    if (const auto shape = known_shape(result.shape)) bounded(*shape, largest);
  }
  std::vector<const Tensor*> tensors;
  for (const ValueId id : inputs) tensors.push_back(id == ValueId::none ? nullptr : &(*this)[id]);
  std::vector<ValueId> result;
  for (Tensor& tensor : operators_.run(op, tensors, attributes))
    result.push_back(add(std::move(tensor)));
  return result;
}

ValueId GraphEmitter::constant(const Tensor& tensor, DType dtype) {
  const Tensor data = tensor.converted(dtype);
  if (!data.shape().empty()) return builder_.constant("", data);
  return is_floating(dtype) ? builder_.literal(dtype, tensor.doubles()[0])
                            : builder_.literal(dtype, data.integers()[0]);
}

std::optional<Tensor> GraphEmitter::known(ValueId id) const {
  const Constant* constant = constant_of(builder_.graph(), id);
  return constant == nullptr ? std::nullopt : std::optional(constant->data);
}

}  // namespace isomer::mdf
