#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "systems/system.h"

namespace isomer::cli {

/// A model file that the user named, and whose it is.
struct ModelFile {
  std::string path;  // as the user wrote it: messages begin with it
  std::unique_ptr<Files> files;
  std::string entry;
  const System* system = nullptr;
};

/// `from` names the system; empty: found by extension and content.
ModelFile open_model(const std::string& path, std::string_view from);

/// Its graph. Throws Fault::unsupported where the system's files can be run but not read.
Loaded read_graph(const ModelFile& model);

/// Prints what a reader or writer lost or assumed, one a line, to standard error.
void print_notes(std::string_view path, const std::vector<Note>& notes);

/// Says which files of the model were read through links that lead out of its folder. They are
/// followed, since the folders in which downloads are kept are made of links.
void print_links(const ModelFile& model);

}  // namespace isomer::cli
