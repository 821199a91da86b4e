#pragma once

#include "graph/graph.h"

namespace isomer {

/// Drops nodes and unnamed constants that no output, state or named constant needs. Named weights
/// stay: they are part of the model's state_dict.
Graph remove_unused(const Graph& graph);

/// Removes operators that change nothing, not even the sign of a zero: a reshape to the same shape,
/// x * 1, a whole slice, the first of two reshapes; then what is unused. Dropout stays: it is one
/// of the author's layers.
Graph simplify(const Graph& graph);

/// The vector-Jacobian product as a graph.
/// Inputs: the old ones, then one cotangent per floating output. Outputs: the cotangent of each
/// floating input, then of each trainable constant, zeros where nothing depends on it. States are
/// read and not kept. Throws Fault::unsupported, naming the node, where an operator on the way has
/// no derivative.
Graph differentiate(const Graph& graph);

/// The same formula in double precision: f32 inputs, constants, factories and casts become f64. A
/// literal becomes the double that its author wrote (Constant::written). Casts to f16 and bf16
/// stay, since rounding there is meaning, unless the model's own inputs or weights are halves: then
/// they become f64, too.
Graph to_float64(const Graph& graph);

/// The model for these numbers alone: named lengths that have one are no longer named. One that an
/// input tells may be nothing else.
Graph fix_lengths(const Graph& graph, const Lengths& numbers);

/// The same graph with every floating inner value made an output too, in running order after the
/// old outputs. `exposed` gets the values' ids in the returned graph.
Graph expose_values(const Graph& graph, std::vector<ValueId>& exposed);

}  // namespace isomer
