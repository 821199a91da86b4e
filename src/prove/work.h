#pragma once

#include <vector>

#include "prove/inputs.h"

namespace isomer {

/// What a run of the graph costs, roughly: each number that it computes is one, each term that is
/// added up for it an eighth, and what stands in a body counts eight times. It is counted and not
/// timed, so that a proof is the same each time.
double work_of(const Graph& graph, const Lengths& lengths);

/// Marks the sets on which a run of the graph, or of its derivative, costs more than what slow
/// engines do in about a second; the cheapest set may cost as many seconds as given. Marks those
/// where measuring rounding costs a fifth of that. Returns on how many a run costs more.
std::size_t mark_costly(std::vector<InputSet>& sets, const Graph& graph, double for_cheapest);

}  // namespace isomer
