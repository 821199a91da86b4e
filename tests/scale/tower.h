#pragma once

// The model that grows: modules with weights of their own, one after the other.

#include <cstddef>
#include <string>

#include "graph/graph.h"

namespace isomer::test {

constexpr std::size_t nodes_per_module = 4;

/// Each node has a place in a program.
Graph tower(std::size_t modules, std::size_t width);

/// The same as PyTorch would export it, its weights all zero; the archive's name is "tower".
std::string exported_tower(std::size_t modules, std::size_t width);

}  // namespace isomer::test
