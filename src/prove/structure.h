#pragma once

// Are two graphs the same, whatever names and composite operators they use? Both are carried into
// one canonical graph, so that equal values are one: no threshold, no input that can be missed.

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace isomer {

/// A node that has no equal in the other graph although what it reads has one.
struct Occurrence {
  std::string op;
  std::string settings;  // "approximate='tanh'"
  std::string value;
  std::string scope;
  Place place;
  bool operator==(const Occurrence&) const = default;
};

/// Where two graphs part: a node of each that stands for the other, or one of either that stands
/// alone.
struct OperatorDifference {
  std::optional<Occurrence> source;
  std::optional<Occurrence> other;
};

struct StructureReport {
  /// Inputs, states and outputs are the same functions of equal weights.
  bool same = false;
  /// In running order of the source, those of the other alone last.
  std::vector<OperatorDifference> operators;
  /// What is not an operator: inputs, outputs, states, weights.
  std::vector<std::string> differences;
  /// Lengths that an export has fixed: the graphs are compared for these alone.
  std::vector<std::string> notes;
  std::size_t matched = 0;  // nodes of the source that the other has, too
  std::size_t nodes = 0;    // of the source
};

/// How far the lengths of a graph can be believed.
enum class LengthsOf {
  file,     // a length that is fixed, or may be less, is a difference
  exported  // PyTorch fixes and narrows lengths when it exports a program, which takes others, too
};

/// Compares what both compute: operators, weights bit by bit, what is kept, what comes out. Where
/// two operators differ and stand for each other, what is behind them is compared as if they were
/// equal, so that each difference is found once. Costs are linear in the nodes, but for a
/// logarithm.
StructureReport compare_structure(const Graph& source, const Graph& other,
                                  LengthsOf lengths = LengthsOf::file);

/// "gelu, in encoder.0, net.py:12: approximate='tanh'"
std::string to_text(const Occurrence& occurrence);
/// "gelu, in encoder.0; there: gelu: approximate='tanh'"
std::string to_text(const OperatorDifference& difference);
/// For people; names the graphs as told.
std::string to_text(const StructureReport& report, const std::string& source,
                    const std::string& other);

}  // namespace isomer
