#pragma once

#include <string>
#include <string_view>

#include "graph/cursor.h"

namespace isomer::runner {

/// What a line of an error case makes of a real file. The words, with PATH from the repository's
/// root:
///   copy PATH
///   truncate PATH BYTES               keeps the first
///   flip PATH OFFSET                  all bits of one byte; from the end when negative
///   flip_in PATH 'ENTRY' OFFSET       of one byte of an entry of the archive, whose checksum stays
///   without PATH 'ENTRY'              an archive without that entry
///   replace PATH 'ENTRY' 'OLD' 'NEW'  the first such text in an entry of the archive, whose
///   checksum follows text 'LINE' 'LINE' ...            lines of text repeat COUNT 'TEXT' tensors
///   'NAME' TYPE DATA, ...     a safetensors file
/// ENTRY is how the entry's name ends. The cursor stands before the word; it is left at the line's
/// end.
std::string damaged(Cursor& cursor);

}  // namespace isomer::runner
