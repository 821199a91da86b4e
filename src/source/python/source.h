#pragma once

// A model as Python source: written for people to read and change.

#include <string_view>

#include "systems/system.h"

namespace isomer::python {

struct Dialect;

/// `<stem>.py` with a class per module, and `<stem>.safetensors` with the weights under their
/// state_dict names. Throws Fault::unsupported with every operator that has no spelling.
Written write(const Dialect& dialect, const Graph& graph, std::string_view stem);

}  // namespace isomer::python
