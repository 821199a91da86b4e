#pragma once

// How PyTorch says our operators. What is a renaming is known from ATen's rows; here stands the
// rest, by family. Only for this room.

#include <span>
#include <string>
#include <string_view>

#include "source/python/spelling.h"

namespace isomer::torch {

using namespace python;  // of which PyTorch is a dialect

std::span<const Spelling> elementwise_spellings();
std::span<const Spelling> reduction_spellings();
std::span<const Spelling> shape_spellings();
std::span<const Spelling> layers_spellings();
std::span<const Spelling> control_spellings();

/// What a program defines for the operators with bodies that the graph has.
std::string control_functions(const Graph& graph);

/// The call of an operator that `spells`.
PythonAssignments spell(const PythonCall& call);

/// "torch.float32"
std::string dtype_text(DType dtype);
/// ", dtype=torch.int64". The default type is f32; naming it would fix it where the whole program
/// runs in doubles.
std::string unless_default(DType dtype);

}  // namespace isomer::torch
