#pragma once

// What people are shown of a document: a card for each node, a line for each edge. Text and
// pictures are made of the same ones.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "systems/mdf/document.h"

namespace isomer::mdf {

/// What a piece of a line is, which says how it is printed.
enum class Role { plain, node, input, parameter, function, output, condition, call, aside };

struct Piece {
  Role role = Role::plain;
  std::string text;
  bool strong = false;  // of a parameter that keeps its value
};

struct Line {
  std::string kind;  // "input", "parameter", ...: for text, which has no colours
  std::vector<Piece> pieces;
};

struct Card {
  std::string id;
  std::string color;  // "#cc0000", or empty
  std::vector<Line> lines;
};

struct Arrow {
  std::string id;
  std::string sender;
  std::string receiver;
  std::vector<Piece> label;
  std::vector<std::vector<Piece>> parameters;
};

/// One graph of a document.
struct Picture {
  std::string id;
  std::vector<Card> nodes;
  std::vector<Arrow> edges;
  std::vector<Line> terminations;  // what applies to all nodes
};

/// 1: names alone; 2: ports, parameters, functions, conditions; 3: metadata and formulas, too.
Picture picture_of(const std::string& id, const DocumentGraph& graph, int level);

}  // namespace isomer::mdf
