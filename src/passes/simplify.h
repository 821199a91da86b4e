#pragma once

#include <optional>
#include <string_view>

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// What a call of `op` gives without a node of it, or with a simpler one, to the last bit; nothing
/// where it is simple already.
std::optional<ValueId> simplified(Emitter& out, std::string_view op, const OpCall& call);

}  // namespace isomer
