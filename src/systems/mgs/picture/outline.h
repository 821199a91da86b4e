#pragma once

// What a script makes, for people: instances of grids with their layers, what is connected with
// what. Nothing of it is executed, and no type has to be known.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "systems/mgs/gsl/ast.h"

namespace isomer::mgs {

struct OutlineLayer {
  std::string name;
  std::string type;
  std::optional<std::int64_t> density = {};  // nodes at each point; nothing: as the layout draws
  std::string layout = {};
  std::vector<std::pair<std::string, std::string>> tags = {};
  bool initialized = false;
};

struct OutlineGrid {
  std::string path;  // "net/left/one"
  std::string type;
  std::vector<std::int64_t> dimensions = {};
  std::vector<OutlineLayer> layers = {};

  std::int64_t points() const;
};

/// A variable or a constant.
struct OutlineSingle {
  std::string path;
  std::string type;
  std::string values = {};
};

/// One end of a connection: layers of a grid, or a single.
struct OutlineEnd {
  std::optional<std::size_t> grid = {};
  std::vector<std::size_t> layers = {};
  std::optional<std::size_t> single = {};
  std::int64_t points = 0;
  std::string text = {};                   // as the script says it
  std::optional<std::int64_t> nodes = {};  // nothing: it is not known
};

struct OutlineLink {
  OutlineEnd from;
  OutlineEnd to;
  std::string sampler = {};
  std::string attributes = {};
  bool both_ways = false;
  std::optional<std::int64_t> count = {};  // of connections, of one way
};

struct Outline {
  std::vector<const gsl::ModelType*> types = {};
  std::vector<const gsl::PhaseList*> phases = {};
  std::vector<OutlineGrid> grids = {};
  std::vector<OutlineSingle> singles = {};
  std::vector<OutlineLink> links = {};
  std::vector<std::string> triggers = {};  // what happens when, as the script says it
};

/// `script` lives longer. Throws Error where composites make more instances than anybody looks at.
Outline outline_of(const gsl::Script& script);

/// "type (12 nodes)" and so on, line by line.
std::string to_text(const Outline& outline);
/// In Graphviz's language: a box for each grid (1), with its layers and types (2), with tags,
/// samplers and counts (3).
std::string dot_of(const Outline& outline, int level);

}  // namespace isomer::mgs
