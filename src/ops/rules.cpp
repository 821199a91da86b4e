#include "ops/rules.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"

namespace isomer {

void refuse(std::string_view what) { throw Error(Fault::model, "", what); }

namespace {

void require_real(const TensorType& type) {
  if (!is_complex(type.dtype)) return;
  refuse(
      fmt::format("{} is complex; operators take real numbers (hold its real and imaginary "
                  "parts apart)",
                  to_text(type)));
}

}  // namespace

std::vector<TensorType> output_types(const OpSchema& schema, const OpCall& call,
                                     std::span<const LengthRange> ranges) {
  for (const TensorType& type : call.types) require_real(type);
  std::vector<TensorType> types = within(schema.infer(call), ranges);
  for (const TensorType& type : types) {
    require_real(type);
    for (const Dim& length : type.shape) {
      if (length.known() && length.value() < 0)
        refuse(fmt::format("a length of the result {} would be negative", to_text(type.shape)));
    }
  }
  return types;
}

std::size_t axis_in(std::int64_t axis, std::size_t axes) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(axes, 1));
  if (axis < -count || axis >= count) {
    refuse(fmt::format("dimension {} is out of range; of {} it is between {} and {}", axis,
                       counted(static_cast<std::size_t>(axes), "dimension"), -count, count - 1));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

std::vector<std::size_t> axes_in(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::size_t> result;
  if (axes.empty()) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), std::size_t{0});
    return result;
  }
  for (const std::int64_t axis : axes) {
    const std::size_t index = axis_in(axis, rank);
    if (std::ranges::find(result, index) != result.end()) {
      refuse(fmt::format("dimension {} appears twice", axis));
    }
    if (rank > 0) result.push_back(index);
  }
  std::ranges::sort(result);
  return result;
}

Shape broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    Dim& length = result[lead + i];
    if (length == shorter[i] || shorter[i] == Dim(1)) continue;
    if (length == Dim(1)) {
      length = shorter[i];
      continue;
    }
    refuse(
        fmt::format("shapes {} and {} do not broadcast: lengths {} and {} differ and neither is 1",
                    to_text(a), to_text(b), to_text(length), to_text(shorter[i])));
  }
  return result;
}

void require_same_dtype(const OpCall& call, std::size_t first) {
  const DType dtype = call.types[first].dtype;
  for (std::size_t i = first + 1; i < call.types.size(); ++i) {
    if (!call.has(i) || call.types[i].dtype == dtype) continue;
    refuse(fmt::format("the operands are {} and {}; they should be of one type (cast one of them)",
                       name_of(dtype), name_of(call.types[i].dtype)));
  }
}

std::vector<TensorType> same_type(const OpCall& call) { return {call.types[0]}; }

std::vector<TensorType> same_floating_type(const OpCall& call) {
  if (!is_floating(call.types[0].dtype)) {
    refuse(fmt::format("the input is {}; it should be floating (cast it first)",
                       name_of(call.types[0].dtype)));
  }
  return {call.types[0]};
}

std::vector<TensorType> numeric_type(const OpCall& call) {
  if (call.types[0].dtype == DType::boolean)
    refuse("the input is bool; it should be a number (cast it first)");
  return {call.types[0]};
}

void require_within(DType dtype, double value, std::string_view name) {
  // The largest double below 2**63; no integer of 64 bits above it is one.
  constexpr double most_i64 = 0x1.fffffffffffffp62;
  const auto [least, most] = [&]() -> std::pair<double, double> {
    switch (dtype) {
      case DType::i8: return {-0x1p7, 0x1p7 - 1};
      case DType::u8: return {0, 0x1p8 - 1};
      case DType::i16: return {-0x1p15, 0x1p15 - 1};
      case DType::i32: return {-0x1p31, 0x1p31 - 1};
      case DType::i64: return {-0x1p63, most_i64};
      case DType::f16: return {-65504.0, 65504.0};
      case DType::bf16: return {-0x1.fep127, 0x1.fep127};
      case DType::f32: return {-0x1.fffffep127, 0x1.fffffep127};
      default: return {-HUGE_VAL, HUGE_VAL};
    }
  }();
  const bool any = dtype == DType::boolean || (is_floating(dtype) && !std::isfinite(value));
  if (any || (value >= least && value <= most)) return;
  refuse(fmt::format("{} {} does not fit into {}, which holds {} to {}", name, value,
                     name_of(dtype), least, most));
}

std::vector<std::int64_t> per_axis(const std::vector<std::int64_t>& list, std::size_t axes,
                                   std::string_view name) {
  if (list.size() == axes) return list;
  if (list.size() == 1) return std::vector<std::int64_t>(axes, list[0]);
  refuse(fmt::format("'{}' has {}; it should have 1 or {}", name, counted(list.size(), "number"),
                     axes));
}

std::vector<ValueId> no_gradient(Emitter& /*b*/, const OpCall& call, const Cotangents& /*c*/) {
  return std::vector<ValueId>(call.inputs.size(), ValueId::none);
}

ValueId number(Emitter& b, ValueId like, double value) {
  const DType dtype = b.dtype(like);
  return is_floating(dtype) ? b.literal(dtype, value)
                            : b.literal(dtype, static_cast<std::int64_t>(value));
}

ValueId sum_to(Emitter& b, ValueId x, Shape shape) {
  const Shape from = b.shape(x);
  if (from == shape) return x;
  const std::size_t lead = from.size() - shape.size();
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i < lead || (shape[i - lead] == Dim(1) && from[i] != Dim(1))) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (!axes.empty()) x = b.emit("sum", {x}, {{"dim", axes}, {"keepdim", true}});
  return reshape_to(b, x, shape);
}

ValueId reshape_to(Emitter& b, ValueId x, Shape shape) {
  if (b.shape(x) == shape) return x;
  return b.emit("reshape", {x}, {{"shape", shape}});
}

ValueId with_axes(Emitter& b, ValueId x, const Shape& full, const std::vector<std::size_t>& axes,
                  bool keepdim) {
  if (keepdim) return x;
  Shape shape = full;
  for (const std::size_t axis : axes) shape[axis] = 1;
  return reshape_to(b, x, shape);
}

}  // namespace isomer
