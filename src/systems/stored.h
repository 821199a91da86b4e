#pragma once

#include <string>

#include "codecs/safetensors.h"
#include "graph/tensor.h"

namespace isomer {

/// A tensor as safetensors and npy files hold it, as ours; shares the bytes where their address
/// allows it. Throws Fault::unsupported for a type that we do not have.
Tensor tensor_of(const StoredTensor& stored);

/// The other way; shares the bytes.
StoredTensor stored(const Tensor& tensor, std::string name);

}  // namespace isomer
