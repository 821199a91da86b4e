#pragma once

// How the code of one module speaks of what it does not compute: other modules, tensors, constants.

#include <string>

#include "source/python/modules.h"
#include "source/python/python_text.h"

namespace isomer::python {

/// "self.encoder.layers[0]": how a module's code speaks of a module in it.
std::string module_access(const Modules& modules, std::size_t from, const std::string& path);
/// "self.encoder.layers[0].weight".
std::string tensor_access(const Modules& modules, std::size_t from, const std::string& name);
/// The statement that makes the tensor something else.
std::string assignment(const Modules& modules, std::size_t from, const std::string& name,
                       std::string_view value);

/// The tensor of a literal or another small constant: "0.5" or "torch.tensor(0.5)".
Expression inline_constant(const Dialect& dialect, const Constant& constant, bool tensor);
/// Libraries refuse numbers beyond a type's range, where we round to it as IEEE 754 does.
double in_range(DType dtype, double value);

}  // namespace isomer::python
