#include <algorithm>
#include <string>

#include "base/error.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/node_text.h"
#include "systems/stored.h"

namespace isomer::mdf {
namespace {

/// Gives the weights beside the document the name that belongs to `name`, where it says that there
/// are some; gives the name that they had.
std::string rename_weights(Tree& metadata, std::string_view name) {
  std::optional<Origin> origin = origin_of(metadata);
  if (!origin || origin->tensors.empty()) return "";
  const std::string before = std::exchange(origin->tensors, weights_beside(name));
  const Tree told = to_tree(*origin);
  for (auto& [key, value] : std::get<Tree::Map>(metadata.value)) {
    if (const Tree* ours = told.find(key)) value = *ours;
  }
  return before;
}

}  // namespace

Written rewrite(const Files& files, std::string_view entry, std::string_view name,
                const RunOptions& options) {
  Written written;
  const Bytes file = files.read(entry);
  with_place(entry, [&] {
    Document document = document_in(entry, file, dialect_named(options.dialect));
    if (document.generating_application.empty()) document.generating_application = "isomer";
    for (auto& [id, graph] : document.graphs) {
      const std::string weights = rename_weights(graph.metadata, name);
      if (!weights.empty()) written.files.push_back({weights_beside(name), {files.read(weights)}});
    }
    written.files.insert(written.files.begin(),
                         {std::string(name), {file_of(name, to_tree(document))}});
  });
  return written;
}

}  // namespace isomer::mdf
