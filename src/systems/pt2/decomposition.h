#pragma once

#include <span>
#include <string_view>

#include "graph/graph.h"
#include "ops/builder.h"
#include "vocabularies/aten/aten.h"

namespace isomer::pt2 {

/// The Python program that calls one ATen operator, decomposed by PyTorch, on tensors as these
/// arguments are, in their order. Nothing else of the model stands in it. Throws Fault::unsupported
/// for arguments that no such program holds, as lengths that vary.
std::string decomposing_program(const Builder& builder, std::string_view target,
                                std::span<const aten::NamedArgument> arguments);

/// What a process of Python makes of such a program. Throws Fault::unsupported with the reason
/// where PyTorch does not decompose the operator, or into what is not read, and Fault::usage where
/// there is no Python with torch.
Graph decomposition(const std::string& program);

/// The tensors among the arguments, as the program takes them.
std::vector<ValueId> tensors_of(std::span<const aten::NamedArgument> arguments);

}  // namespace isomer::pt2
