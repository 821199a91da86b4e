#pragma once

#include <optional>
#include <string>
#include <vector>

#include "prove/prove.h"
#include "prove/runnable.h"
#include "prove/weights.h"

namespace isomer {

/// One way to run a model, in both precisions.
struct Way {
  std::string how;  // "mdf's own rules", "torch"
  Runnable single;
  Runnable doubled;
  bool own = false;  // the system's rules, not a graph
};

/// A model with all the ways there are to run it: under its own system's rules where it has some,
/// and as a graph, where it can be read, on each engine.
struct Side {
  std::string label;
  std::optional<Graph> graph;
  std::vector<Way> ways;  // never empty; the first is the one that counts

  const Runnable& main() const { return ways.front().single; }
};

/// Throws what reading or starting the model throws, with the label in front; Fault::unsupported
/// for graphs that draw random numbers. A document that runs but cannot be read back is a note.
Side open_side(const Subject& subject, const std::vector<const Engine*>& engines,
               std::vector<std::string>& notes);

/// How many constants without a name hold a number that single precision had to round: not an
/// author's short decimal and not exact. A double precision run cannot know what they stood for.
std::size_t count_rounded(const Graph& graph);

}  // namespace isomer
