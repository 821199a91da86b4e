#pragma once

#include <cstddef>
#include <string>

namespace isomer {

/// One of all things that are wrong with a file, or may be.
struct Diagnostic {
  enum class Severity { error, warning };

  Severity severity = Severity::error;
  std::string path = {};  // of the element, "graphs/g/nodes/n"; empty: of the whole file
  std::size_t line = 0;
  std::size_t column = 0;  // both from 1; 0: the file has no lines, or it is not known
  std::string what = {};
  std::string instead = {};  // what would be right, where there is more to say than what is wrong
};

}  // namespace isomer
