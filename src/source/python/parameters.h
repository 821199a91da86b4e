#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/python/modules.h"

namespace isomer::python {

/// The names of the model's arguments in its forward: those by which callers know them, but for
/// words that Python or the body needs itself.
struct Parameters {
  std::vector<std::string> positional;
  std::vector<std::string> keywords;
};
Parameters parameters_of(const Modules& modules);

/// What a program speaks of, and neither a class nor a variable should hide.
std::vector<std::string_view> reserved_words(const Dialect& dialect);

}  // namespace isomer::python
