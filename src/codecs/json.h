#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codecs/tree.h"

namespace isomer {

/// Reads a document: also NaN, Infinity and -Infinity, as Python writes them. Keeps offsets. Throws
/// Fault::file with line and column; nesting deeper than 256 and integers beyond 64 bits are
/// faults.
Tree read_json(std::string_view text);

/// Reads a large machine-written text fast: the same trees and faults, but offsets are 0.
Tree read_json_fast(std::string_view text);

/// Throws Fault::file with line and column where a key stands twice in one map of `tree`, which was
/// read from `text`. Of such keys one reader takes the first, another the last.
void refuse_repeated_keys(const Tree& tree, std::string_view text);

struct JsonStyle {
  int indent = 4;     // 0: all on one line
  bool ascii = true;  // escape everything else, as Python does
  std::size_t inline_lists =
      100;  // a list of scalars no longer than this many characters stays on one line
};

/// Shortest decimals that read back as the same double; NaN, Infinity and -Infinity as Python
/// writes them.
std::string write_json(const Tree& tree, const JsonStyle& style = {});

}  // namespace isomer
