#pragma once

#include "systems/pt2/archive.h"
#include "systems/pt2/schema.h"
#include "systems/system.h"

namespace isomer::pt2 {

/// The program with its weights as a graph. Throws as `read`.
Loaded read_program(const ExportProgram& program, const Archive& archive);

}  // namespace isomer::pt2
