#pragma once

#include <vector>

#include "codecs/safetensors.h"

namespace isomer {

/// A NumPy `.npy` file as a stored tensor with an empty name and safetensors' word for its type.
/// Fortran order and big endian are refused with Fault::file.
StoredTensor read_npy(const Bytes& file);
Parts write_npy(const StoredTensor& tensor);

/// The arrays of an archive that `numpy.savez` wrote; what NumPy calls arr_0, arr_1, ... since it
/// was given no names is "in0", "in1", ...
std::vector<StoredTensor> read_npz(const Bytes& file);

}  // namespace isomer
