#pragma once

// What a network does that MGS passes over in silence, seen once it is built.

#include "systems/mgs/problems.h"
#include "systems/mgs/run/simulation.h"

namespace isomer::mgs {

/// Nodes that read each other in one phase, members that no phase lists, learning that stops.
void check_network(const Simulation& simulation, Problems& problems);

}  // namespace isomer::mgs
