#include "systems/mgs/run/blocks.h"

namespace isomer::mgs {

std::shared_ptr<Block> block_for(Simulation&, Layer&, const Method&) { return nullptr; }

}  // namespace isomer::mgs
