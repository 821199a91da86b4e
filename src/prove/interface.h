#pragma once

#include <string>
#include <vector>

#include "prove/model.h"

namespace isomer {

/// How two models are called, and where that differs.
struct InterfaceFindings {
  bool comparable = true;  // both can be run on the same inputs
  std::vector<std::string> differences;
};

/// Compares inputs, outputs, their order and nesting, and the names of the parameters. Lengths that
/// only one model knows are found out by running.
InterfaceFindings compare_interfaces(const Model& source, const Model& other,
                                     const Aliases& aliases);

/// What inputs are called, where both sides agree; else "in0" and so on, as `run` takes of any.
std::vector<std::string> common_names(std::span<const Port> source, std::span<const Port> other);

}  // namespace isomer
