#pragma once

// The element types of safetensors and npy files, and ours.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/safetensors.h"
#include "graph/tensor.h"

namespace isomer {

/// A tensor as safetensors and npy files hold it, as ours; shares the bytes where their address
/// allows it. Throws Fault::unsupported for a type that we do not have, and Fault::file for
/// booleans that are neither 0 nor 1.
Tensor tensor_of(const StoredTensor& stored);

/// The other way; shares the bytes. Throws Fault::unsupported for c128, which has no word there.
StoredTensor stored(const Tensor& tensor, std::string name);

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// How names of a run's progress begin, which stand beside states in a file.
constexpr std::string_view progress_prefix = "run:";

/// The tensors of a safetensors file, in its order.
NamedTensors read_tensors(const Bytes& file);
/// A safetensors file of them. Names must differ.
Parts write_tensors(const NamedTensors& tensors);

/// The name of the weights' file that goes with `entry`, which no other file that we write has:
/// "net.json.safetensors". PyTorch source alone, which people load by hand, has "net.safetensors".
std::string weights_beside(std::string_view entry);

/// The tensor of that name, or null.
const Tensor* find(const NamedTensors& tensors, std::string_view name);

}  // namespace isomer
