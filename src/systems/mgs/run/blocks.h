#pragma once

// Parts of a network that are products of matrices: layers whose nodes are connected alike.

#include <memory>

#include "systems/mgs/run/simulation.h"

namespace isomer::mgs {

/// What gives the same as `method` of all nodes of the layer, faster; null where nothing does.
std::shared_ptr<Block> block_for(Simulation& simulation, Layer& layer, const Method& method);

}  // namespace isomer::mgs
