#pragma once

#include <string>
#include <vector>

#include "source/python/modules.h"
#include "source/python/parameters.h"
#include "source/python/python_text.h"

namespace isomer::python {

/// What was chosen while one forward was written: the names of its values in their order, and
/// which expressions got one. Another forward is written alike with them.
struct Choices {
  std::vector<std::string> names;
  std::vector<bool> splits;
  bool made = false;
};

/// What lines in a loop begin with.
constexpr std::string_view loop_indent = "    ";

/// A forward, its lines not broken yet.
struct ForwardText {
  std::string head;
  std::vector<std::string> lines;
  bool operator==(const ForwardText&) const = default;
};

/// The forward of a called module; `parameters` are the model's. Empty choices are filled, others
/// kept to. Calls of the modules `elided`, which take and give one value, are left out. Throws
/// Fault::unsupported where a named length cannot be known.
ForwardText forward_text(const Modules& modules, std::size_t module, const Parameters& parameters,
                         Choices& choices, const std::set<std::size_t>& elided = {});

}  // namespace isomer::python
