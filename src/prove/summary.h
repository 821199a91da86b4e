#pragma once

#include <span>
#include <string>
#include <vector>

#include "prove/certificate.h"

namespace isomer {

/// What the checks of one kind show, a line for each tensor and witness.
struct Summary {
  std::vector<std::string> differences;  // of what the two systems run
  std::vector<std::string> doubts;       // of everything else, and where the source is unsure
};

/// Joins all trials, calls and both precisions: the first difference in words, and how often there
/// was one.
Summary summary_of(std::span<const Check> checks);

/// How the distances spread.
std::string percentiles(std::vector<double> distances);

}  // namespace isomer
