#pragma once

// Lengths as languages write them.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/dim.h"

namespace isomer {

/// What differs between languages; sums are written alike in all.
struct LengthStyle {
  /// The expression of a named length.
  std::function<std::string(const std::string& name)> name;
  /// A call of "floordiv", "mod", "min" or "max".
  std::function<std::string(std::string_view function, const std::vector<std::string>& arguments)>
      call;
  std::string_view times;  // "*"
};

std::string to_text(const Dim& dim, const LengthStyle& style);

}  // namespace isomer
