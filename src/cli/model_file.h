#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/verb.h"
#include "systems/system.h"

namespace isomer::cli {

/// A model file that the user named, and whose it is.
struct ModelFile {
  std::string path;  // as the user wrote it: messages begin with it
  std::unique_ptr<Files> files;
  std::string entry;
  const System* system = nullptr;
};

/// `--from` names the system; without it, it is found by extension and content. With `--decompose`
/// it reads so.
ModelFile open_model(const std::string& path, const Words& words);

/// Its graph. Throws Fault::unsupported where the system's files can be run but not read.
Loaded read_graph(const ModelFile& model);
/// The same with the weights that `--weights` names, where it stands there.
Loaded read_graph(const ModelFile& model, const Words& words);
/// Throws Fault::usage where it stands there, and the model is run by its system's own rules.
void refuse_weights(const Words& words, const ModelFile& model);
/// `graph` with them.
Graph with_weights_asked(const Words& words, Graph graph);

constexpr Option weights_option = {
    "--weights", "FILE",
    "take the weights, of two models A's, from this state_dict: .safetensors, .pt, .pth"};

constexpr Option decompose_option = {"--decompose", "",
                                     "ask PyTorch, in a Python process, to say operators of a .pt2 "
                                     "file that are not read in others"};

constexpr Option dialect_option = {
    "--dialect", "RELEASE", "by the rules of this release of the system; default: the newest"};

/// The release that `--dialect` names, or an empty text. Throws Fault::usage where the system has
/// no such one.
std::string dialect_asked(const Words& words, const System& system);

/// Prints what a reader or writer lost or assumed, one a line, to standard error.
void print_notes(std::string_view path, const std::vector<Note>& notes);

/// Says which files of the model were read through links that lead out of its folder. They are
/// followed, since the folders in which downloads are kept are made of links.
void print_links(const ModelFile& model);

}  // namespace isomer::cli
