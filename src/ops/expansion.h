#pragma once

#include <span>
#include <vector>

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// Carries the expansion of a composite operator out, rounded as its traits say. What comes out has
/// the types that the operator's rule promises within `ranges`.
std::vector<ValueId> emit_expansion(Emitter& e, const OpSchema& schema, const OpCall& call,
                                    std::span<const LengthRange> ranges = {});

/// Named lengths as a body repeats them: none of its own inputs tells one.
std::vector<LengthRange> lengths_inside(std::vector<LengthRange> lengths);

/// Carries a body's nodes out on `inputs`, one for each of its own; what comes out are its outputs.
std::vector<ValueId> emit_body(Emitter& e, const Graph& body, std::span<const ValueId> inputs);

}  // namespace isomer
