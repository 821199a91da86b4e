#pragma once

#include "codecs/safetensors.h"

namespace isomer {

/// A NumPy `.npy` file as a stored tensor with an empty name and safetensors' word for its type.
/// Fortran order and big endian are refused with Fault::file.
StoredTensor read_npy(const Bytes& file);
Parts write_npy(const StoredTensor& tensor);

}  // namespace isomer
