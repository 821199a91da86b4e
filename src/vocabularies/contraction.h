#pragma once

// Sums of products along axes that are named.

#include <cstdint>
#include <string>
#include <vector>

#include "ops/emitter.h"

namespace isomer {

/// "ij,jk->ik" of as many tensors as terms. `path` names pairs of operands by their places, in the
/// order in which they are joined; what comes of a pair goes to the end. Throws Fault::model.
ValueId einsum(Emitter& b, std::string equation, const std::vector<ValueId>& tensors,
               const std::vector<std::int64_t>& path = {});

/// `x` and `y` multiplied and summed over pairs of axes; what is left of `x` comes first.
ValueId paired_product(Emitter& b, ValueId x, ValueId y, const std::vector<std::int64_t>& of_x,
                       const std::vector<std::int64_t>& of_y);

}  // namespace isomer
