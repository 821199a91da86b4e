#pragma once

// A picture of types.

#include <string>

#include "systems/mgs/mdl/mdl.h"

namespace isomer::mgs {

/// In Graphviz's language: interfaces, and the types that implement or expect them, by name (1),
/// with their phases (2), with their members (3).
std::string dot_of(const mdl::Document& document, int level);

}  // namespace isomer::mgs
