#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

std::vector<TensorType> full_type(const OpCall& call) {
  require_within(call.get<DType>("dtype"), call.real("value"), "value");
  return {{call.get<DType>("dtype"), call.get<std::vector<Dim>>("shape")}};
}

std::vector<TensorType> arange_type(const OpCall& call) {
  const std::int64_t step = call.integer("step");
  if (step == 0) refuse("step should not be 0");
  if (call.get<DType>("dtype") == DType::boolean) refuse("dtype is bool; it should be a number's");
  const Dim span = call.get<Dim>("end") - call.get<Dim>("start");
  const Dim count =
      step > 0 ? floor_divide(span + (step - 1), step) : floor_divide(span + (Dim(step) + 1), step);
  if (count.known() && count.value() < 0) refuse("end lies before start");
  return {{call.get<DType>("dtype"), {count}}};
}

std::vector<TensorType> length_type(const OpCall& call) { return {{call.get<DType>("dtype"), {}}}; }

constexpr OpSchema creation_table[] = {
    {"full(shape: dims, value: float, dtype: dtype = f32) -> y", full_type, nullptr, no_gradient,
     "one value everywhere", rounds_to_nearest},
    {"arange(start: dim = 0, end: dim, step: int = 1, dtype: dtype = i64) -> y", arange_type,
     nullptr, no_gradient, "start, start + step, ... up to end, without it", exact},
    {"length(value: dim, dtype: dtype = i64) -> y", length_type, nullptr, no_gradient,
     "a named length as a number", exact},
};

}  // namespace

std::span<const OpSchema> creation_ops() { return creation_table; }

}  // namespace isomer
