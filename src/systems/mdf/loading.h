#pragma once

// A document's file, opened: what it says, what its metadata tells, and its weights.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "systems/mdf/document.h"
#include "systems/mdf/node_text.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer::mdf {

struct Loading {
  std::string entry;
  Document document;
  std::optional<Origin> origin;
  NamedTensors tensors;     // of the file beside it
  std::vector<Note> notes;  // what is not looked at

  /// The document's only or first graph.
  const DocumentGraph& graph() const { return document.graphs.front().second; }
  /// What the metadata list, or every port that nothing sends to.
  std::vector<InterfacePort> inputs() const;
  /// What the metadata list, or all that nodes give that send to no other.
  std::vector<InterfacePort> outputs() const;
  /// Every weight with its value, exactly as the source had it. Throws
  /// Fault::file for one that is missing or has another shape than it should.
  std::vector<std::pair<StoredWeight, Tensor>> weights() const;
};

/// Throws Fault::file for what is no document, or has no graph.
Loading load(const Files& files, std::string_view entry, const Dialect& dialect = {});

}  // namespace isomer::mdf
