#pragma once

// Our own readable form, described in docs/text-form.md. graph/text.cpp prints it, this room reads
// it back.

#include <optional>
#include <string_view>
#include <vector>

#include "systems/system.h"

namespace isomer {

/// Reads one graph; the first line "isomer 1" may be left out. Types are inferred by the operators'
/// rules. Throws Fault::file for the form and Fault::model for the meaning, both with line and
/// column.
Graph parse_graph(std::string_view text);

/// Reads elements as `elements_text` prints them: "[[1.0, 2.0], [3.0, nan]]", "0.5". Without a
/// `shape` it is that of the nesting. Throws Fault::file with line and column.
Tensor parse_elements(std::string_view text, DType dtype,
                      std::optional<std::vector<std::int64_t>> shape = std::nullopt);

bool recognises_text(const Files& files, std::string_view entry);
Loaded read_text(const Files& files, std::string_view entry);
/// Data of more than a few elements go into "stem.safetensors" beside "stem.isomer".
Written write_text(const Graph& graph, std::string_view stem);

}  // namespace isomer
