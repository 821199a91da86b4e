#include "ops/emitter.h"

#include "base/error.h"

namespace isomer {

ValueId Emitter::emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  const std::vector<ValueId> outputs = emit_all(op, std::move(inputs), std::move(attributes));
  expect(outputs.size() == 1, "emit() is for operators with one output");
  return outputs[0];
}

ValueId Emitter::constant(const Tensor& data, DType dtype) {
  if (!data.shape().empty()) return constant(data.converted(dtype));
  return is_floating(dtype) ? literal(dtype, data.doubles()[0])
                            : literal(dtype, data.converted(dtype).integers()[0]);
}

}  // namespace isomer
