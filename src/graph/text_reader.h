#pragma once

// Reads back the pieces of the text form that graph/text.h prints, those that need no operator's
// schema; ops/text.h reads attributes, nodes and whole graphs.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/cursor.h"
#include "graph/graph.h"

namespace isomer {

/// A dtype's name, or fails with the names there are.
DType read_dtype(Cursor& cursor);

/// "f32[s0, 2]".
TensorType read_type(Cursor& cursor);

/// A length: everything up to the next comma or closing bracket.
Dim read_dim(Cursor& cursor);

/// "[2, 3]": lengths that are numbers.
std::vector<std::int64_t> read_shape(Cursor& cursor);

/// "s0: 2..1024", "s0: 2..", "n = input 1: 0..".
LengthRange read_range(Cursor& cursor);

/// "layers.0: Block" into the classes of a graph; fails for a module that is there already.
void read_module(Cursor& cursor, std::map<std::string, std::string>& classes);

/// "(*, [*, none])": how callers nest values.
Structure read_structure(Cursor& cursor);
/// The same of a whole text.
Structure parse_structure(std::string_view text);

/// "(*, *) {'mask': *} -> *": how callers see a model, but for its lengths.
Signature read_signature(Cursor& cursor);

/// A word of letters, digits, underscores and those in `more`, or a text in double quotes.
std::string read_word_or_quoted(Cursor& cursor, std::string_view more = {});

/// Elements, nested as `shape` says, or as they are where it says nothing.
Tensor read_elements(Cursor& cursor, DType dtype,
                     const std::optional<std::vector<std::int64_t>>& shape);

/// Reads elements as `elements_text` prints them: "[[1.0, 2.0], [3.0, nan]]", "0.5". Without a
/// `shape` it is that of the nesting. Throws Fault::file with line and column.
Tensor parse_elements(std::string_view text, DType dtype,
                      std::optional<std::vector<std::int64_t>> shape = std::nullopt);

/// Fails at `begin` where a type would have more axes than any program bears.
void check_rank(const Cursor& cursor, std::size_t rank, std::size_t begin);

}  // namespace isomer
