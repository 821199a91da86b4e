#pragma once

#include "graph/graph.h"
#include "ops/schema.h"
#include "systems/text/cursor.h"

namespace isomer {

/// A length: everything up to the next comma or closing bracket.
Dim read_dim(Cursor& cursor);

/// The value of an attribute of that kind.
Attribute read_attribute(Cursor& cursor, Kind kind);

/// "(*, [*, none])": how callers nest values.
Structure read_structure(Cursor& cursor);

}  // namespace isomer
