#pragma once

// The derivatives of operators with bodies, which are bodies themselves.

#include <span>
#include <string_view>
#include <vector>

#include "ops/builder.h"

namespace isomer {

/// Zeros of a type.
ValueId zeros(Builder& out, const TensorType& type);

/// Whether an operator's derivative is found here and not in its row.
bool differentiates_bodies(std::string_view op);

/// A node of the forward graph, emitted.
struct EmittedNode {
  std::vector<ValueId> outputs;
  std::vector<ValueId> saved;  // what the derivative wants besides
};
EmittedNode emit_forward(Builder& out, const Node& node, std::span<const ValueId> inputs);

/// How often a scan runs.
Dim trips_of(const Builder& out, const Node& node, std::span<const ValueId> inputs);

/// Cotangents of the inputs (none: zero), given one for each floating output. Throws
/// Fault::unsupported for a body that still draws random numbers, for it would draw others.
std::vector<ValueId> pull_back_bodies(Builder& out, const Node& node,
                                      std::span<const ValueId> inputs, const EmittedNode& forward,
                                      std::span<const ValueId> cotangents);

}  // namespace isomer
