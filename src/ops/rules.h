#pragma once

// Type rules and small helpers that several families share.

#include <string_view>
#include <vector>

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// What a type rule throws: "what is wrong; what would be right".
[[noreturn]] void refuse(std::string_view what);

/// The types of a call's outputs, as simple as the ranges allow. Throws what the type rule throws,
/// and Fault::model where a length would be negative.
std::vector<TensorType> output_types(const OpSchema& schema, const OpCall& call,
                                     std::span<const LengthRange> ranges);

/// The axis counted from the front. `axes` is the rank; a scalar has one axis for this purpose, as
/// in PyTorch. Throws Fault::model when it is out of range.
std::size_t axis_in(std::int64_t axis, std::size_t axes);
/// Several axes, each once; empty means all.
std::vector<std::size_t> axes_in(const std::vector<std::int64_t>& axes, std::size_t rank);

/// The shape that both broadcast to, PyTorch's rule. Throws Fault::model where they do not.
Shape broadcast(const Shape& a, const Shape& b);

/// Throws Fault::model unless all inputs that are given, from `first` on, are of one type.
void require_same_dtype(const OpCall& call, std::size_t first = 0);

/// How often a scan runs: as often as what is scanned is long, or as said.
Dim scan_trips(const OpCall& call);
/// How many nodes a scan of known trips is written out as; `most + 1` where there are more than
/// `most`.
std::int64_t unrolled_nodes(const OpCall& call, std::int64_t most);
/// The trips that its expansion writes out.
constexpr std::int64_t most_unrolled_trips = 4096;

/// The output is as the first input.
std::vector<TensorType> same_type(const OpCall& call);
/// The same, for floating inputs only.
std::vector<TensorType> same_floating_type(const OpCall& call);
/// The same, for numbers: bool has no arithmetic.
std::vector<TensorType> numeric_type(const OpCall& call);

/// Throws Fault::model where a number is beyond what `dtype` can hold. Infinities are floats; any
/// number is a bool.
void require_within(DType dtype, double value, std::string_view name);

/// `list` once per spatial axis: a list of one serves all.
std::vector<std::int64_t> per_axis(const std::vector<std::int64_t>& list, std::size_t axes,
                                   std::string_view name);

// Traits, for the tables.
constexpr Traits exact{.rounds = Rounds::never};
constexpr Traits rounds_once{.rounds = Rounds::once};
constexpr Traits rounds_to_nearest{.rounds = Rounds::nearest};
constexpr Traits random_numbers{.random = true};
constexpr Traits moves_freely{.rounds = Rounds::never, .moves = Moves::freely};
constexpr Traits views_freely{.rounds = Rounds::never, .moves = Moves::freely, .views = true};
constexpr Traits views_in_order{.rounds = Rounds::never, .moves = Moves::in_order, .views = true};
constexpr Traits compares{.rounds = Rounds::never, .decides = Decision::comparison};
constexpr Traits finds_extreme{.rounds = Rounds::never, .decides = Decision::extreme};
constexpr Traits makes_whole{.rounds = Rounds::never, .decides = Decision::rounding};
constexpr Traits commutes{.commutes = true};
constexpr Traits picks{.rounds = Rounds::never, .moves = Moves::freely, .indexes = Indexing{}};

// For expansions and derivatives. Shapes come by value: one that lies in the builder moves when it
// grows.

/// The derivative of what has none but is no obstacle: no cotangent goes to any input.
std::vector<ValueId> no_gradient(Emitter& b, const OpCall& call, const Cotangents& c);
/// A literal of the value's dtype.
ValueId number(Emitter& b, ValueId like, double value);
/// `x` summed down to `shape`, undoing a broadcast. Returns `x` where nothing was broadcast.
ValueId sum_to(Emitter& b, ValueId x, Shape shape);
/// Reshapes; returns `x` where the shape is that already.
ValueId reshape_to(Emitter& b, ValueId x, Shape shape);
/// Inserts the axes that a reduction without keepdim took away, so that `x` broadcasts against the
/// input.
ValueId with_axes(Emitter& b, ValueId x, const Shape& full, const std::vector<std::size_t>& axes,
                  bool keepdim);

}  // namespace isomer
