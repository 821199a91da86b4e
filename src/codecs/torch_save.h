#pragma once

#include <vector>

#include "codecs/safetensors.h"

namespace isomer {

/// A tensor as `torch.save` keeps it.
struct SavedTensor {
  StoredTensor tensor;
  bool trainable = false;  // a parameter of which gradients are wanted
  std::string storage;     // two of the same name share memory
  std::string view;        // and these are the same elements of it
};

/// The tensors of a file that `torch.save` wrote, read as data: nothing in it is run. It may hold a
/// tensor, or lists, tuples and dictionaries of them; names are the keys that lead to a tensor,
/// joined by an underscore, and "in0", "in1", ... where there are none. Throws Fault::file: no such
/// archive, sizes that do not fit, and any class or function of Python besides those of tensors, by
/// name.
std::vector<SavedTensor> read_saved(const Bytes& file);

/// The same alone. Throws Fault::file where there is none.
std::vector<StoredTensor> read_torch_save(const Bytes& file);

/// Those of a state dictionary, by its keys: the file's dictionary, or one that it holds beside
/// other things: the first that is there of "state_dict", "model_state_dict" and "model".
std::vector<SavedTensor> read_state_dict(const Bytes& file);

}  // namespace isomer
