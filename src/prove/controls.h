#pragma once

#include <vector>

#include "prove/compare.h"
#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

/// The source run once more, from its file, must be equal to itself.
Control identity_control(const Model& again, std::span<const std::string> names,
                         const Expected& expected, const InputSet& set);

/// The same for the comparison of gradients: each of the source's own, moved by a hundredth of its
/// largest. Those that are nothing but rounding, as of a bias before a normalisation, are not told
/// apart; one must be.
Control gradient_control(std::span<const std::string> names, const Expected& expected);

/// A copy broken on purpose must be told from the source: every second element of one weight moved
/// by a hundredth of the largest; a weight that changes nothing is passed over; without weights the
/// inputs or an output are moved. `copy` is broken afterwards.
Control positive_control(Model& copy, std::span<const std::string> names, const Expected& expected,
                         const InputSet& set);

}  // namespace isomer
