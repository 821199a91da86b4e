#pragma once

// What several vocabularies have that is no one operator of ours, said with operators.

#include <cstdint>
#include <optional>
#include <vector>

#include "ops/emitter.h"

namespace isomer {

/// `axis` counted from the front. Throws Fault::model where there is no such axis; a scalar has
/// none.
std::int64_t axis_from_front(std::int64_t axis, std::int64_t rank);

/// 0, 1, ...: the axes of a tensor of that rank.
std::vector<std::int64_t> all_axes(std::int64_t rank);

/// The order that undoes a permutation of axes.
std::vector<std::int64_t> inverse_order(const std::vector<std::int64_t>& order);

/// The axes in another order, some counted from the back; `x` itself where it is the same.
ValueId permuted(Emitter& b, ValueId x, std::vector<std::int64_t> order);

/// Expanded to a shape; `x` itself where it has it.
ValueId expanded(Emitter& b, ValueId x, Shape shape);

/// A length as a value.
ValueId length_value(Emitter& b, const Dim& length);

/// Without axes, or with more, counted from the front. Throws Fault::model where one to go is
/// longer than 1, or one to come stands there twice.
ValueId without_axes(Emitter& b, ValueId x, const std::vector<std::int64_t>& axes);
ValueId with_new_axes(Emitter& b, ValueId x, std::vector<std::int64_t> axes);

/// A shape in which one length may be -1: what is left of a tensor of the other shape. Throws
/// Fault::model for what is no shape.
Shape with_open_length(Shape wanted, const Shape& from);

/// Places along an axis of that length, some counted from the back, counted from the front.
ValueId index_from_front(Emitter& b, ValueId index, const Dim& length);

/// Elements along `axis`, at places that may count from the back; the index's shape takes the
/// axis' place.
ValueId take(Emitter& b, ValueId x, ValueId index, std::int64_t axis);

/// `x` with `part` in place of what lies from `begin` to `end` along `axis`.
ValueId with_part(Emitter& b, ValueId x, ValueId part, std::int64_t axis, const Dim& begin,
                  const Dim& end);

/// `x` with `part` in place of what stands at these places along `axis`, each of which is there
/// once.
ValueId with_places(Emitter& b, ValueId x, ValueId part, std::int64_t axis, ValueId places);

/// A matrix product in which either operand may have one axis: a row on the left, a column on the
/// right.
ValueId matrix_product(Emitter& b, ValueId x, ValueId y);

/// The sign; of a NaN a NaN.
ValueId sign_or_nan(Emitter& b, ValueId x);

/// `count` places from `start`, each `step` behind the last.
struct Places {
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
};

/// What Python's slice means along an axis of that length; bounds count from the back where they
/// are negative. Throws Fault::model for a step of 0.
Places places_of(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                 std::int64_t step, std::int64_t length);
/// The elements at places that go backwards.
ValueId backward_slice(Emitter& b, ValueId x, std::int64_t axis, const Places& places);

}  // namespace isomer
