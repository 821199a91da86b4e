#pragma once

// What a caller sees besides the numbers of a first call: how results are nested and of what class
// they are, how arguments are called and what becomes of them, the second call, and what a program
// does while gradients are recorded or in its other mode.

#include <span>
#include <string>
#include <vector>

#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

struct CallerFindings {
  std::vector<std::string> differences;  // that were seen
  std::vector<std::string> doubts;
  std::vector<std::string> notes;
};

/// How both are called, which no run is needed for.
std::vector<std::string> compare_calls(const Model& source, const Model& other);

/// What is seen when both are run on the first call of the first few smooth sets that begin at the
/// stored states and parameters. A run that fails is somebody else's to report, but for one that
/// fails only in another manner.
CallerFindings compare_callers(const Model& source, const Model& other,
                               std::span<const InputSet> sets);

}  // namespace isomer
