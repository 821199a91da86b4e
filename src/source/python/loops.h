#pragma once

// Chains of calls through a list of modules.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/python/modules.h"

namespace isomer::python {

/// The module that a step calls, with a class of its own or a layer; what it takes and
/// gives.
std::optional<std::size_t> called_module(const Modules& modules, const Item& item);
const std::vector<ValueId>& inputs_of(const Modules& modules, const Item& item);
const std::vector<ValueId>& outputs_of(const Modules& modules, const Item& item);
const std::vector<std::string>& lengths_of(const Modules& modules, const Item& item);

/// Which argument of a step is what the step before it gave.
std::optional<std::size_t> carried(const Modules& modules, const Item& before, const Item& item);

/// How many of the steps, from the first on, go through all modules of a list, each taking what the
/// one before it gave, which nobody else uses, and else the same; 0 where they do not.
std::size_t loop_length(const Modules& modules, std::span<const Item> items,
                        const std::map<ValueId, int>& uses);

}  // namespace isomer::python
