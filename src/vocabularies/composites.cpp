#include "vocabularies/composites.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"

namespace isomer {

std::int64_t axis_from_front(std::int64_t axis, std::int64_t rank) {
  if (axis < -rank || axis >= rank) refuse(fmt::format("there is no axis {} among {}", axis, rank));
  return axis < 0 ? axis + rank : axis;
}

std::vector<std::int64_t> all_axes(std::int64_t rank) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

std::vector<std::int64_t> inverse_order(const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  return inverse;
}

ValueId permuted(Emitter& b, ValueId x, std::vector<std::int64_t> order) {
  for (std::int64_t& axis : order) axis = axis_from_front(axis, b.rank(x));
  if (order == all_axes(b.rank(x))) return x;
  return b.emit("permute", {x}, {{"dims", std::move(order)}});
}

ValueId expanded(Emitter& b, ValueId x, Shape shape) {
  if (b.shape(x) == shape) return x;
  return b.emit("expand", {x}, {{"shape", std::move(shape)}});
}

ValueId length_value(Emitter& b, const Dim& length) {
  return b.emit("length", {}, {{"value", length}});
}

ValueId without_axes(Emitter& b, ValueId x, const std::vector<std::int64_t>& axes) {
  for (const std::int64_t axis : axes) {
    const Dim length = b.shape(x)[static_cast<std::size_t>(axis)];
    if (length != Dim(1))
      refuse(fmt::format("axis {} has the length {}, not 1", axis, to_text(length)));
  }
  // No axes are none, where ours would take all.
  return axes.empty() ? x : b.emit("squeeze", {x}, {{"dim", axes}});
}

ValueId with_new_axes(Emitter& b, ValueId x, std::vector<std::int64_t> axes) {
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) refuse("an axis is added twice");
  for (const std::int64_t axis : axes) x = b.emit("unsqueeze", {x}, {{"dim", axis}});
  return x;
}

Shape with_open_length(Shape wanted, const Shape& from) {
  Dim known = 1;
  Dim* open = nullptr;
  const std::string text = to_text(wanted);
  for (Dim& length : wanted) {
    if (length == Dim(-1) && open == nullptr) {
      open = &length;
    } else if (length.known() && length.value() < 0) {
      refuse(fmt::format("{} is no shape: lengths are 0 or more, and one may be -1", text));
    } else {
      known = known * length;
    }
  }
  if (open != nullptr) *open = known == Dim(0) ? known : floor_divide(count_elements(from), known);
  return wanted;
}

ValueId index_from_front(Emitter& b, ValueId index, const Dim& length) {
  if (const auto known = b.known(index)) {
    const std::vector<std::int64_t> places = known->integers();
    if (std::ranges::all_of(places, [](std::int64_t place) { return place >= 0; })) return index;
  }
  const DType dtype = b.dtype(index);
  const ValueId count = length.known()
                            ? b.literal(dtype, length.value())
                            : b.emit("length", {}, {{"value", length}, {"dtype", dtype}});
  const ValueId negative = b.emit("lt", {index, number(b, index, 0)});
  return b.emit("where", {negative, b.emit("add", {index, count}), index});
}

ValueId take(Emitter& b, ValueId x, ValueId index, std::int64_t axis) {
  const std::int64_t along = axis_from_front(axis, b.rank(x));
  if (is_floating(b.dtype(index)) || b.dtype(index) == DType::boolean)
    refuse("places of elements must be integers");
  const Shape from = b.shape(x);
  const Shape places = b.shape(index);
  const ValueId front = index_from_front(b, index, from[static_cast<std::size_t>(along)]);
  const ValueId flat = reshape_to(b, front, {count_elements(places)});
  const ValueId picked = b.emit("index_select", {x, flat}, {{"dim", along}});
  Shape shape(from.begin(), from.begin() + along);
  shape.insert(shape.end(), places.begin(), places.end());
  shape.insert(shape.end(), from.begin() + along + 1, from.end());
  return reshape_to(b, picked, std::move(shape));
}

ValueId with_part(Emitter& b, ValueId x, ValueId part, std::int64_t axis, const Dim& begin,
                  const Dim& end) {
  const Dim length = b.shape(x)[static_cast<std::size_t>(axis)];
  std::vector<ValueId> parts;
  if (begin != Dim(0))
    parts.push_back(b.emit("slice", {x}, {{"dim", axis}, {"start", Dim(0)}, {"end", begin}}));
  parts.push_back(part);
  if (end != length)
    parts.push_back(b.emit("slice", {x}, {{"dim", axis}, {"start", end}, {"end", length}}));
  return parts.size() == 1 ? part : b.emit("cat", std::move(parts), {{"dim", axis}});
}

ValueId with_places(Emitter& b, ValueId x, ValueId part, std::int64_t axis, ValueId places) {
  const Dim length = b.shape(x)[static_cast<std::size_t>(axis)];
  const Dim count = b.shape(places)[0];
  if (count == Dim(0)) return x;
  const auto full = [&](Dim size, double value) {
    return b.emit("full", {},
                  {{"shape", Shape{std::move(size)}}, {"value", value}, {"dtype", DType::i64}});
  };
  // Where from each position comes, and whether it does.
  const auto placed = [&](ValueId values) {
    return b.emit("index_add", {full(length, 0), places, values}, {{"dim", std::int64_t{0}}});
  };
  const ValueId from = placed(b.emit("arange", {}, {{"end", count}}));
  Shape beside(b.shape(x).size(), 1);
  beside[static_cast<std::size_t>(axis)] = length;
  const ValueId written =
      reshape_to(b, b.emit("cast", {placed(full(count, 1))}, {{"dtype", DType::boolean}}), beside);
  return b.emit("where", {written, b.emit("index_select", {part, from}, {{"dim", axis}}), x});
}

ValueId matrix_product(Emitter& b, ValueId x, ValueId y) {
  const std::int64_t rank_x = b.rank(x);
  const std::int64_t rank_y = b.rank(y);
  if (rank_x == 0 || rank_y == 0)
    refuse("a matrix product needs arrays with axes; '*' multiplies by a number");
  if (rank_x == 1) x = b.emit("unsqueeze", {x}, {{"dim", std::int64_t{0}}});
  if (rank_y == 1) y = b.emit("unsqueeze", {y}, {{"dim", std::int64_t{1}}});
  const ValueId result = b.emit("matmul", {x, y});
  std::vector<std::int64_t> added;
  if (rank_x == 1) added.push_back(-2);
  if (rank_y == 1) added.push_back(-1);
  return added.empty() ? result : b.emit("squeeze", {result}, {{"dim", added}});
}

ValueId sign_or_nan(Emitter& b, ValueId x) {
  const ValueId sign = b.emit("sign", {x});
  return is_floating(b.dtype(x)) ? b.emit("where", {b.emit("isnan", {x}), x, sign}) : sign;
}

Places places_of(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                 std::int64_t step, std::int64_t length) {
  if (step == 0) refuse("a slice cannot advance by 0");
  if (step == std::numeric_limits<std::int64_t>::min())
    refuse(fmt::format("a slice that advances by {}", step));
  const auto bound = [&](const std::optional<std::int64_t>& given, std::int64_t fallback) {
    if (!given) return fallback;
    const std::int64_t place = *given < 0 ? *given + length : *given;
    return step > 0 ? std::clamp(place, std::int64_t{0}, length)
                    : std::clamp(place, std::int64_t{-1}, length - 1);
  };
  const std::int64_t first = bound(start, step > 0 ? 0 : length - 1);
  const std::int64_t end = bound(stop, step > 0 ? length : -1);
  const std::int64_t distance = step > 0 ? end - first : first - end;
  const std::int64_t count =
      distance <= 0 ? 0 : 1 + (step > 0 ? (distance - 1) / step : (1 - distance) / step);
  return {first, count, step};
}

ValueId backward_slice(Emitter& b, ValueId x, std::int64_t axis, const Places& places) {
  const bool any = places.count > 0;
  const std::int64_t last = places.start + (places.count - 1) * places.step;
  const ValueId part = b.emit("slice", {x},
                              {{"dim", axis},
                               {"start", Dim(any ? last : 0)},
                               {"end", Dim(any ? places.start + 1 : 0)},
                               {"step", -places.step}});
  return b.emit("flip", {part}, {{"dims", std::vector<std::int64_t>{axis}}});
}

}  // namespace isomer
