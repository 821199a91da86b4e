#pragma once

#include <string>

#include "source/python/dialect.h"

namespace isomer::torch {

/// The whole file: classes, `load()` and `example_inputs()`.
std::string program(const python::Program& model);

}  // namespace isomer::torch
