#pragma once

// Chains of calls through a list of modules.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/python/forward.h"
#include "source/python/modules.h"

namespace isomer::python {

/// Which argument of a step is what the step before it gave.
std::optional<std::size_t> carried(const Item& before, const Item& item);

/// How many of the steps, from the first on, go through all modules of a list, each taking what the
/// one before it gave, which nobody else uses, and else the same; 0 where they do not.
std::size_t loop_length(const Modules& modules, std::span<const Item> items,
                        const std::map<ValueId, int>& uses);

/// Writes a forward, its loops as blocks.
void write_forward(const ForwardText& text, PythonText& out);

}  // namespace isomer::python
