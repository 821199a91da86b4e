#pragma once

#include <string>
#include <string_view>

#include "codecs/tree.h"

namespace isomer {

/// Reads one document: texts, numbers, flags, nulls, arrays and documents. Throws Fault::file
/// naming the element: for lengths that lie, other types, names that stand twice, and nesting
/// deeper than 256. Offsets are 0.
Tree read_bson(std::string_view bytes);

/// Integers take 32 bits where they fit, else 64. Throws Fault::unsupported for what is no map, and
/// for names with a zero character.
std::string write_bson(const Tree& tree);

}  // namespace isomer
