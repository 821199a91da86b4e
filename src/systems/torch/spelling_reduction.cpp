#include <ranges>

#include "base/text.h"
#include "ops/rules.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// PyTorch cannot keep all axes of a reduction without naming them.
std::string reduced_axes(const PythonCall& call) {
  std::vector<std::int64_t> axes = setting<std::vector<std::int64_t>>(call, "dim");
  const bool keep = setting<bool>(call, "keepdim");
  if (axes.empty() && keep) {
    for (std::size_t i = 0; i < call.type(0).shape.size(); ++i)
      axes.push_back(static_cast<std::int64_t>(i));
  }
  std::string text;
  if (!axes.empty()) text += ", dim=" + python_value(axes);
  if (keep && !call.type(0).shape.empty()) text += ", keepdim=True";
  return text;
}

// Sums and products of integers are 64 bits wide unless said otherwise.
std::string kept_type(const PythonCall& call) {
  const DType dtype = call.result().dtype;
  const bool natural = is_floating(dtype) || is_complex(dtype) || dtype == DType::i64;
  return natural ? "" : ", dtype=" + dtype_text(dtype);
}

PythonAssignments write_reduction(const PythonCall& call) {
  std::string arguments = reduced_axes(call);
  if (call.node.op == "sum") arguments += kept_type(call);
  if (call.node.op == "var") arguments += ", correction={correction}";
  return one(call, filled(call, "{x}." + call.node.op + "(" + arguments + ")"));
}

// torch.prod takes one axis at a time.
PythonAssignments write_prod(const PythonCall& call) {
  const auto& axes = setting<std::vector<std::int64_t>>(call, "dim");
  const bool keep = setting<bool>(call, "keepdim");
  const std::size_t rank = call.type(0).shape.size();
  if (axes.empty() && (!keep || rank == 0))
    return one(call, filled(call, "{x}.prod(" + kept_type(call) + ")"));
  std::string text = receiver(call, 0);
  for (const std::size_t axis : std::views::reverse(axes_in(axes, rank))) {
    text += fmt::format(".prod(dim={}{}{})", axis, keep ? ", keepdim=True" : "", kept_type(call));
  }
  return one(call, text);
}

PythonAssignments write_cumsum(const PythonCall& call) {
  return one(call, filled(call, "{x}.cumsum(dim={dim}" + kept_type(call) + ")"));
}

constexpr Spelling reduction_table[] = {
    {.op = "sum", .write = write_reduction},  {.op = "mean", .write = write_reduction},
    {.op = "amax", .write = write_reduction}, {.op = "amin", .write = write_reduction},
    {.op = "prod", .write = write_prod},      {.op = "all", .write = write_reduction},
    {.op = "any", .write = write_reduction},  {.op = "var", .write = write_reduction},
    {.op = "cumsum", .write = write_cumsum},
};

}  // namespace

std::span<const Spelling> reduction_spellings() { return reduction_table; }

}  // namespace isomer::torch
