#pragma once

#include <optional>
#include <vector>

#include "ops/emitter.h"

namespace isomer {

/// The elements of an integer tensor where they are numbers, lengths or made of these: what a graph
/// computes from the shapes of its inputs. In order of place, without the shape; nothing where an
/// element depends on data.
std::optional<std::vector<Dim>> known_lengths(const Emitter& emitter, ValueId id);

}  // namespace isomer
