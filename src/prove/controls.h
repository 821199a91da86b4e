#pragma once

#include <vector>

#include "prove/compare.h"
#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

/// What a control is compared with: of few runs, and unmeasured where a run takes long, since what
/// it moves is far beyond what rounding does.
Expected for_control(const Expected& expected, bool costly);

/// The source run once more must be equal to itself.
Control identity_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set);

/// The same for the comparison of gradients: each of the source's own, moved by a hundredth of its
/// largest, or by as much more as is seen, must be seen, where it is more than what rounding
/// leaves.
Control gradient_control(const Expected& expected);

/// A copy broken on purpose must be told from the source: every second element of one weight moved
/// by a hundredth of the largest, or by as much more as is seen; a weight that changes nothing is
/// passed over; without weights the inputs or an output are moved.
Control positive_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set);

}  // namespace isomer
