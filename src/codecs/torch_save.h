#pragma once

#include <vector>

#include "codecs/safetensors.h"

namespace isomer {

/// The tensors of a file that `torch.save` wrote, read as data: nothing in it is run. It may hold a
/// tensor, or lists, tuples and dictionaries of them; names are the keys that lead to a tensor,
/// joined by an underscore, and "in0", "in1", ... where there are none. Throws Fault::file: no such
/// archive, sizes that do not fit, and any class or function of Python besides those of tensors, by
/// name.
std::vector<StoredTensor> read_torch_save(const Bytes& file);

}  // namespace isomer
