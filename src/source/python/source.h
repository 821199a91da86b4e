#pragma once

// A model as Python source: written for people to read and change.

#include <string_view>

#include "systems/system.h"

namespace isomer::python {

/// `<stem>.py` with an nn.Module class per module, `load()` and `example_inputs()`, and
/// `<stem>.safetensors` with the weights under their state_dict names. Throws Fault::unsupported
/// with every operator that has no spelling.
Written write(const Graph& graph, std::string_view stem);
bool spells(std::string_view op);

}  // namespace isomer::python
