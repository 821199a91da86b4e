#pragma once

#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace isomer::pt2 {

/// What the lengths of the arguments do not show already of a guard, as Python writes it:
/// "L['x'].size()[0] % 2 == 0", where PyTorch exported one side of a branch. Empty where they do,
/// or where it bounds a length, as ranges do. `arguments`: names and types.
std::string open_guard(std::string_view guard,
                       std::span<const std::pair<std::string, TensorType>> arguments,
                       std::span<const LengthRange> ranges);

}  // namespace isomer::pt2
