#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// Axes counted from the front; of a reduction in order, each once, and all of them listed.
void count_axes_from_front(Attributes& attributes, std::span<const TensorType> types);

/// What a call gives by one operator instead of several in a row, or by a constant; nothing where
/// it stands for itself. Values and slopes stay as they are to the last bit.
std::optional<ValueId> merged_with_makers(Emitter& e, std::string_view op, const OpCall& call);

/// Which of two values stands first.
using Before = std::function<bool(ValueId, ValueId)>;

/// What bodies only read stands in order, each value once, and without what none of them reads:
/// the order in which a program captures values is no part of its meaning.
void order_shared_operands(std::string_view op, const Attributes& attributes,
                           std::vector<ValueId>& inputs, std::vector<Body>& bodies,
                           const Before& before);

/// Operands of an elementwise operator as they were before they were spread out, where the
/// operator itself spreads them as far.
void drop_broadcasts(const Emitter& e, const OpSchema& schema, std::vector<ValueId>& inputs,
                     std::vector<TensorType>& types, const Attributes& attributes,
                     std::span<const LengthRange> lengths);

}  // namespace isomer
