#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace isomer {

/// One tensor of a safetensors file. `dtype` is the file's word: "F32", "I64", "BOOL", ...
struct StoredTensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  Bytes bytes;  // little endian, contiguous
};

struct SafeTensors {
  std::vector<StoredTensor> tensors;  // in the file's order
  std::map<std::string, std::string> metadata;
};

/// Parts of `file`, not copies. Throws Fault::file: bad header, repeated names, overlaps, holes,
/// sizes that do not fit.
SafeTensors read_safetensors(const Bytes& file);
/// Header padded so that the data begin at a multiple of 8.
/// The header, then the tensors' bytes as they are.
Parts write_safetensors(const SafeTensors& content);

}  // namespace isomer
