#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace isomer {

/// Told how far a long operation is: what it is doing, steps done, steps in all (0: unknown).
/// The library reports; only the command line draws. An empty function listens to nothing.
using Progress = std::function<void(std::string_view what, std::size_t done, std::size_t total)>;

}  // namespace isomer
