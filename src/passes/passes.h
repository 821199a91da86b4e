#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/precision.h"

namespace isomer {

/// Drops nodes and unnamed constants that no output, state or named constant needs. Named weights
/// stay: they are part of the model's state_dict.
Graph remove_unused(const Graph& graph);

/// Removes operators that change nothing, not even the sign of a zero: a reshape to the same shape,
/// x * 1, a whole slice, the first of two reshapes; then what is unused. Dropout stays: it is one
/// of the author's layers.
Graph simplify(const Graph& graph);

/// Each random draw as an input, behind the old ones: what it draws, named by module and operator.
/// The draws of a scan's body are scanned, with an axis of trips in front. Throws
/// Fault::unsupported for a `while` that draws, since nobody knows how often.
Graph lift_draws(const Graph& graph);

/// Each random draw of a body as one of the graph around it, for all trips of a scan at once. A
/// graph with a `while` that draws stays as it is.
Graph hoist_draws(const Graph& graph);

/// Blocks that repeat become calls of one body: what a module computes, where that of another is
/// the same but for its weights and operands, which are inputs of the body. Expanding the calls
/// gives the graph back.
Graph outline(const Graph& graph);

/// The vector-Jacobian product as a graph.
/// Inputs: the old ones, then one cotangent per floating output. Outputs: the cotangent of each
/// floating input, then of each trainable constant, zeros where nothing depends on it. States are
/// read and not kept. Throws Fault::unsupported, naming the node, where an operator on the way has
/// no derivative.
Graph differentiate(const Graph& graph);

/// What `differentiate_jointly` is asked for.
struct Joint {
  /// The first output is a loss: a floating scalar whose cotangent is 1. Otherwise the cotangents
  /// of all floating outputs are inputs, after the old ones.
  bool loss = false;
  std::vector<std::size_t> states;  // by number: those whose gradients are wanted
};

/// A model and its derivative in one graph, which computes what both need once, so that random
/// numbers are the same in both. Outputs: the old ones, then the cotangent of each trainable
/// constant, then of each state asked for, as it was before the run. States are kept as before.
/// Throws as `differentiate`, and Fault::model where there is no loss.
Graph differentiate_jointly(const Graph& graph, const Joint& joint);

/// The same formula in double precision: f32 inputs, constants, factories and casts become f64. A
/// literal becomes the double that its author wrote (Constant::written). Casts to f16 and bf16
/// stay, since rounding there is meaning, unless the model's own inputs or weights are of that
/// type: then it becomes f64, too.
Graph to_float64(const Graph& graph);

/// The same in double precision and primitive operators, each result moved as rounding in the
/// precision may move it, and so are the terms of sums: `perturb` says by how much. A last input,
/// i64[], is the key of what is drawn. In single precision each type rounds as it does; in double
/// precision what `to_float64` leaves in half precision stays there.
Graph perturb(const Graph& graph, Precision precision);

/// The model with other lengths in the place of named ones, all at once. One that an input tells
/// may become a number or another name.
Graph replace_lengths(const Graph& graph, const Replacements& replacements);

/// The model for these numbers alone: named lengths that have one are no longer named. One that an
/// input tells may be nothing else.
Graph fix_lengths(const Graph& graph, const Lengths& numbers);

/// A floating value that a graph or one of its bodies computes.
struct ExposedValue {
  /// A node, by its number in its graph or body, and whether it repeats its bodies.
  struct Level {
    std::size_t node = 0;
    bool repeats = false;
  };

  std::string name;
  std::string op;  // that made it, its scope and place
  std::string scope;
  Place place;
  std::vector<Level> nodes;  // from outside in; the last one made it
  std::size_t output = 0;    // its number; it begins with an axis of trips for each that repeats
  /// The boolean output that says whether it was computed, with as many of those axes as there are
  /// around what may not run. Absent: it always is.
  std::optional<std::size_t> ran = {};

  void move(std::size_t by) {
    output += by;
    if (ran) *ran += by;
  }
};

/// The same graph with every floating inner value made an output too, those in bodies as well,
/// after the old outputs. Of a `while` that is the first 32 trips.
Graph expose_values(const Graph& graph, std::vector<ExposedValue>& exposed);

}  // namespace isomer
