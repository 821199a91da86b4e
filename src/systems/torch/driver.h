#pragma once

#include <string_view>

namespace isomer::torch {

/// The program that serves a model from Python: driver.py, taken in when the library is built.
std::string_view pytorch_driver();

}  // namespace isomer::torch
