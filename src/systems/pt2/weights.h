#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ops/builder.h"
#include "systems/pt2/archive.h"
#include "systems/pt2/schema.h"

namespace isomer::pt2 {

/// One tensor that the archive stores. Tied ones are one.
struct Weight {
  ValueId value = ValueId::none;
  std::string hint;                 // for its value's name
  std::vector<std::string> names;   // in the state_dict
  std::vector<std::string> inputs;  // of the exported graph
  const Payload* payload = nullptr;
  bool parameter = false;
};

struct Weights {
  std::vector<Weight> all;
  /// By their names in the state_dict or among the constants, those that the program takes.
  std::unordered_map<std::string, std::size_t> by_name;
};

/// The parameters, buffers and constants among the program's inputs, then what else the state_dict
/// holds. Not yet in a graph. Throws Fault::file for a missing one, Fault::model for one of another
/// type than the program's.
Weights collect_weights(const ExportProgram& program, const Archive& archive);

}  // namespace isomer::pt2
