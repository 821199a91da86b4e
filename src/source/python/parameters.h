#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "source/python/modules.h"

namespace isomer::python {

/// The names of the model's arguments in its forward: those by which callers know them, but for
/// words that Python or the body needs itself.
struct Parameters {
  std::vector<std::string> positional;
  std::vector<std::string> keywords;
  bool operator==(const Parameters&) const = default;
};
Parameters parameters_of(const Modules& modules);
/// Whether a caller may leave out the one at that place of one side of the signature, which is
/// none.
bool may_be_left_out(const Signature& signature, const Structure& side, std::size_t i);

/// What a program speaks of, and neither a class nor a variable should hide.
bool is_reserved(const Dialect& dialect, std::string_view word);
/// Names that hide none of it.
Names unreserved_names(const Dialect& dialect);

}  // namespace isomer::python
