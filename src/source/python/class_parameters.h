#pragma once

// Which arguments the constructor of a class takes, so that modules that differ in numbers are of
// one class.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"

namespace isomer::python {

struct Dialect;

/// By module of the class; nothing where a module has no such place.
using Values = std::vector<std::optional<std::string>>;

/// What may differ between the modules of a class: a place in its text, called as the layer calls
/// it ("size" and "scale" for numbers of a forward), or a parameter that stands for places.
struct ClassParameter {
  std::string name;
  Values values;
  std::optional<std::string> fallback = {};  // its default
};

struct ChosenParameters {
  std::vector<ClassParameter> parameters;  // those without a default first
  std::vector<std::string> expressions;    // by place; empty where all modules agree
};

/// One parameter stands for all places that it explains: the same number of channels, or a multiple
/// of it.
ChosenParameters choose_parameters(const Dialect& dialect, const std::vector<ClassParameter>& slots,
                                   Names& names);

}  // namespace isomer::python
