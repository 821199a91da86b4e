#pragma once

#include <span>
#include <vector>

#include "prove/inputs.h"
#include "run/engine.h"

namespace isomer {

/// Sets on which a computed number lies just below, and in a second call just above, what it is
/// compared with: of comparisons that no arithmetic leads back from to an input, found by searching
/// along a line through a random one of the `sets`. None where there is no graph, where both
/// sides are one, or where a run is too long for a search.
std::vector<InputSet> aimed_inputs(const InputPlan& plan, const Engine& engine,
                                   std::span<const InputSet> sets, std::uint64_t seed);

}  // namespace isomer
