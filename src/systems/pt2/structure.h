#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codecs/tree.h"
#include "graph/graph.h"

namespace isomer::pt2 {

/// A pytree as torch.export writes it: JSON in a text. What it cannot keep is added to `lost`, each
/// once: "case.Out becomes a tuple".
Structure parse_tree_spec(std::string_view text, std::vector<std::string>& lost);

/// A module that a node stands in: "encoder.0", "__main__.Block".
struct ModuleEntry {
  std::string path;
  std::string type;
};
/// The modules of "key,path,type;key,path,type", the outermost first.
std::vector<ModuleEntry> parse_modules(std::string_view module_stack);
/// The innermost line of the author's own files in a Python traceback. No folder of the author's
/// machine remains.
Place parse_place(std::string_view stack_trace);

}  // namespace isomer::pt2
