#pragma once

#include "systems/pytorch/archive.h"
#include "systems/pytorch/export_schema.h"
#include "systems/system.h"

namespace isomer::pytorch {

/// The program with its weights as a graph. Throws as `read_pt2`.
Loaded read_program(const ExportProgram& program, const Archive& archive);

}  // namespace isomer::pytorch
