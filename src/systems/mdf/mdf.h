#pragma once

// ModECI's Model Description Format: documents of nodes with expressions, in JSON, YAML or BSON.
// They are run by their own rules (simulate), written from a graph and read into one.

#include <string_view>

#include "systems/system.h"

namespace isomer::mdf {

/// Whether the file is a document of the format, by a look at its beginning.
bool recognises(const Files& files, std::string_view entry);

/// Reads a document into a graph. A node that still says what its metadata claims becomes the
/// operator it was; any other is read by what it says. Throws Fault::file for what is no document,
/// Fault::unsupported with every node that has no meaning as a graph.
Loaded read(const Files& files, std::string_view entry);

/// Writes `entry`, in the form of its ending, and `entry`.safetensors beside it where the weights
/// take more than a megabyte. Throws Fault::unsupported with all that cannot be said, expanded or
/// not.
Written write(const Graph& graph, std::string_view entry);

/// The document in another form, or in the same: all that it says, what it could leave out left
/// out, unknown keys last. `name` is the new file's; the file of weights is named after it.
Written rewrite(const Files& files, std::string_view entry, std::string_view name,
                const RunOptions& options = {});

/// Every fault of the document, each once with its way and line: of its structure, its edges and
/// conditions, expressions and arguments, in all of its graphs; and what has no effect or another
/// than its author may mean. Nothing is evaluated.
std::vector<Diagnostic> check(const Files& files, std::string_view entry,
                              const RunOptions& options = {});

/// Whether documents have a word for one of our operators.
bool spells(std::string_view op);

/// The document made runnable by MDF's own rules; nothing of it passes through
/// our graph. Under Precision::f64 all that the format computes in 32 bits is
/// computed in 64. Parameters that keep their values are states, "node.parameter".
Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options = {});

}  // namespace isomer::mdf
