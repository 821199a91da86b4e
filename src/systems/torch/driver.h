#pragma once

#include <span>
#include <string_view>

namespace isomer::torch {

struct DriverFile {
  std::string_view name;
  std::string_view text;
};

/// The program that serves a model from Python, and what it imports, taken in when the library is
/// built. The first is to be run.
std::span<const DriverFile> pytorch_driver();

}  // namespace isomer::torch
