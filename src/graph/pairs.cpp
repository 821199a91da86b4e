#include "graph/pairs.h"

namespace isomer {

TensorType as_pairs(TensorType type) {
  if (!is_complex(type.dtype)) return type;
  type.dtype = type.dtype == DType::c64 ? DType::f32 : DType::f64;
  type.shape.emplace_back(2);
  return type;
}

Tensor as_pairs(const Tensor& tensor) {
  if (!is_complex(tensor.dtype())) return tensor;
  const TensorType type = as_pairs(tensor.type());
  return Tensor(type.dtype, *known_shape(type.shape), tensor.bytes());
}

}  // namespace isomer
