#pragma once

// The zip archive of `torch.export.save`: its program as JSON, its weights as parts of the file.

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codecs/tree.h"
#include "graph/tensor.h"

namespace isomer::pt2 {

/// One tensor of the state_dict, or a constant.
struct Payload {
  Tensor data;
  bool trainable = false;
  bool complex = false;  // and given as pairs of real numbers on a last axis
  std::string storage;   // the record it is a view of: two of the same storage share memory
  std::string view;      // storage, type, sizes, strides and offset: equal ones are tied
};

struct Archive {
  std::string name;  // of the folder that holds all: the file's stem when it was saved
  Tree program;      // the ExportedProgram
  std::map<std::string, Payload> weights;    // by state_dict name
  std::map<std::string, Payload> constants;  // what is not in the state_dict
};

/// Opens an archive of torch 2.6 or newer, whose name is `file`. Up to 2.8 weights are pickled,
/// which is read as data. Throws Fault::file for a damaged one, Fault::unsupported for what else
/// was pickled. The bytes of weights are not looked at: what is wrong with them comes out, with the
/// file's name, where they are used.
Archive open_archive(const Bytes& bytes, std::string_view file);

/// Whether the bytes look like an archive of `torch.export.save`, of whatever release. Never
/// throws.
bool looks_exported(const Bytes& file);

}  // namespace isomer::pt2
