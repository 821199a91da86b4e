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

/// The parameters, buffers and constants among the program's inputs, then what else the state_dict
/// holds. Not yet in a graph. Throws Fault::file for a missing one, Fault::model for one of another
/// type than the program's.
std::vector<Weight> collect_weights(const ExportProgram& program, const Archive& archive);

/// The weight whose state_dict name, or name among the constants, this is.
std::unordered_map<std::string, std::size_t> weights_by_name(const ExportProgram& program,
                                                             const std::vector<Weight>& weights);

}  // namespace isomer::pt2
