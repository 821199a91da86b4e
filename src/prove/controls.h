#pragma once

#include <vector>

#include "prove/compare.h"
#include "prove/inputs.h"
#include "prove/side.h"

namespace isomer {

/// The source run once more, from its file, must be equal to itself.
Control identity_control(const Side& again, std::span<const std::string> names,
                         const Reference& reference, const InputSet& set);

/// A copy broken on purpose must be told from the source: every second element of one weight moved
/// by a hundredth of the largest; a weight that changes nothing is passed over; without weights the
/// inputs or an output are moved. `copy` is broken afterwards.
Control positive_control(Side& copy, std::span<const std::string> names, const Reference& reference,
                         const InputSet& set);

}  // namespace isomer
