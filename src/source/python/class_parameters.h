#pragma once

// Which arguments the constructor of a class takes, so that modules that differ in numbers are of
// one class.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"

namespace isomer::python {

/// By module of the class; nothing where a module has no such place.
using Values = std::vector<std::optional<std::string>>;

/// A place in the text of a class that may differ between its modules.
struct Slot {
  std::string name;  // what torch.nn calls it; "size" and "scale" for numbers of a forward
  Values values;
  std::optional<std::string> otherwise = {};  // torch.nn's default
};

struct ClassParameter {
  std::string name;
  Values values;
  std::optional<std::string> otherwise = {};  // its default
};

struct ChosenParameters {
  std::vector<ClassParameter> parameters;  // those without a default first
  std::vector<std::string> expressions;    // by slot; empty where all modules agree
};

/// One parameter stands for all places that it explains: the same number of channels, or a multiple
/// of it.
ChosenParameters choose_parameters(const std::vector<Slot>& slots, Names& names);

}  // namespace isomer::python
