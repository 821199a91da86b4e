#pragma once

// What the JSON of an export says of numbers, types and lengths. Its numbering of types is its own,
// not c10's.

#include <cstdint>
#include <string>
#include <string_view>

#include "codecs/tree.h"
#include "graph/types.h"

namespace isomer::pt2 {

/// The export schema's ScalarType. Throws Fault::unsupported, with PyTorch's word, for what we do
/// not compute with.
DType dtype_of_export(std::int64_t number);

/// Throws Fault::unsupported for a layout that is not strided.
void check_layout(std::int64_t number);

/// A length as SymPy prints it: "Mul(Integer(2), Symbol('s0', positive=True, integer=True))".
/// Throws Fault::unsupported for a function that lengths cannot hold, Fault::file for what is no
/// such text.
Dim parse_expression(std::string_view text);

/// The union SymInt: a number, or an expression.
Dim parse_sym_int(const Tree& tree);

}  // namespace isomer::pt2
