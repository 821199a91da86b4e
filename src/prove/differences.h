#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

/// A cotangent of normal random numbers for each floating tensor.
std::vector<Tensor> random_cotangents(std::span<const Tensor> outputs, Random& random);

/// Judges `backend`, which has no derivatives, in double precision: central differences of its own
/// executor along eight random directions (two, where a run takes long), over inputs and parameters
/// at once, against the products of the same directions with the gradients of `reference`. A
/// direction that crosses a kink, or leads where the outputs are no numbers, is drawn again; the
/// check's elements count those that could be compared, which may be none. `places` says where the
/// reference's parameters stand among the backend's; one whose parameters' values are not known is
/// moved along its inputs only.
Check compare_central_differences(const Backend& reference, const Backend& backend,
                                  std::span<const std::optional<std::size_t>> places,
                                  const InputSet& set, Random& random);

}  // namespace isomer
