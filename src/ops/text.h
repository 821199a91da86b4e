#pragma once

// Reads the text form, described in docs/text-form.md, which graph/text.h prints.

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "graph/text_reader.h"
#include "ops/schema.h"

namespace isomer {

/// The value of an attribute of that kind.
Attribute read_attribute(Cursor& cursor, Kind kind);

/// The value of an operator's attribute `name`, which stands at `begin`; fails with the names there
/// are.
Attribute read_attribute(Cursor& cursor, const OpSchema& schema, std::string_view name,
                         std::size_t begin);

/// The end of a node's line: "@encoder.0 net.py:12", both optional.
void read_origin(Cursor& cursor, std::string& scope, Place& place);

/// What the first line says.
struct TextOpening {
  bool given = false;
  std::string data;  // the file that holds what is stored elsewhere; empty: nothing is
};
TextOpening read_opening(Cursor& cursor);

/// Reads one graph, whose first line has been read. Types are inferred by the operators' rules.
/// Throws Fault::file for the form and Fault::model for the meaning, both with line and column.
/// `stored` are the tensors that lines say are stored elsewhere, by their keys.
Graph read_graph(Cursor cursor, std::span<const std::pair<std::string, Tensor>> stored = {});

/// The same for a whole text, in which "isomer 1" may be left out.
Graph parse_graph(std::string_view text);

}  // namespace isomer
