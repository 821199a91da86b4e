#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/tensor.h"
#include "systems/text/cursor.h"

namespace isomer {

/// Reads elements, nested as `shape` says, or as they are where it says nothing.
Tensor read_elements(Cursor& cursor, DType dtype,
                     const std::optional<std::vector<std::int64_t>>& shape);

/// Fails at `begin` where a type would have more axes than any program bears.
void check_rank(const Cursor& cursor, std::size_t rank, std::size_t begin);

/// Reads "[2, 3]": lengths that are numbers.
std::vector<std::int64_t> read_shape(Cursor& cursor);

/// A dtype's name, or fails with the names there are.
DType read_dtype(Cursor& cursor);

}  // namespace isomer
