#pragma once

#include <string>
#include <string_view>

#include "codecs/tree.h"

namespace isomer {

/// Reads the one document of a text by the rules of YAML 1.1, as Python's loader does: `yes` is a
/// flag, `010` and `1:30` are numbers, `1e-5` is a text. Aliases become copies, merged maps (`<<`)
/// entries; dates stay texts. Keeps offsets. Throws Fault::file with line and column: also for a
/// key that is no text or stands twice, tags of a language, aliases that grow beyond bounds, and as
/// `read_json`.
Tree read_yaml(std::string_view text);

/// Block style, four columns a level; short lists of scalars on one line. What would read as
/// another kind is quoted. Numbers are the shortest decimals that read back as the same.
std::string write_yaml(const Tree& tree);

}  // namespace isomer
