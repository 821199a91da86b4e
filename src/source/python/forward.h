#pragma once

#include <string>
#include <vector>

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

/// The names of the model's arguments in its forward: those by which callers know them, but for
/// words that Python or the body needs itself.
struct Parameters {
  std::vector<std::string> positional;
  std::vector<std::string> keywords;
};
Parameters parameters_of(const Modules& modules);

/// How values get their names: as their authors called them, or by position alone, for comparing
/// two classes.
enum class Naming { by_hint, by_position };

/// Writes the forward of a called module into `out`, with its head; `parameters` are the model's.
/// Throws Fault::unsupported where a named length cannot be known.
void write_forward(const Modules& modules, std::size_t module, Naming naming,
                   const Parameters& parameters, PythonText& out);

/// The tensor of a literal or another small constant: "0.5" or "torch.tensor(0.5)".
Expression inline_constant(const Constant& constant, bool tensor);

}  // namespace isomer::python
