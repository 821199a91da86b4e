#pragma once

// The forms in which a document is written, by the endings of its files: JSON, YAML, BSON.

#include <string_view>

#include "base/bytes.h"
#include "systems/mdf/document.h"

namespace isomer::mdf {

/// All endings, the first being what is written where nothing else is said.
constexpr std::string_view endings = ".json .yaml .yml .bson";

/// A document as it stands in its file: its tree, and the text in which offsets count; empty: the
/// form has no lines.
struct Content {
  Tree tree;
  std::string_view text;
};

/// By the ending of `entry`. Throws Fault::unsupported for another, Fault::file for what is none of
/// the form, with line and column where it has lines.
Content content_of(std::string_view entry, const Bytes& file);
Bytes file_of(std::string_view entry, const Tree& tree);

/// The structure (document.h). A key that stands twice is a fault, too.
Document document_in(std::string_view entry, const Bytes& file, const Dialect& dialect = {});

}  // namespace isomer::mdf
