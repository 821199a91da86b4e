#include <cmath>
#include <limits>
#include <set>

#include "base/text.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// -- shape ---------------------------------------------------------------------------------------

std::string subscripted(const PythonCall& call, std::int64_t axis, const std::string& last) {
  const auto rank = static_cast<std::int64_t>(call.type(0).shape.size());
  std::string text = receiver(call, 0) + "[";
  for (std::int64_t i = 0; i < axis + (axis < 0 ? rank : 0); ++i) text += ":, ";
  return text + last + "]";
}

PythonAssignments write_slice(const PythonCall& call) {
  const Dim& start = setting<Dim>(call, "start");
  const Dim& end = setting<Dim>(call, "end");
  const std::int64_t step = setting<std::int64_t>(call, "step");
  std::string range = start == Dim(0) ? "" : call.length(start).text;
  range += ":";
  if (!(end == Dim(std::numeric_limits<std::int64_t>::max()))) range += call.length(end).text;
  if (step != 1) range += fmt::format(":{}", step);
  return one(call, subscripted(call, setting<std::int64_t>(call, "dim"), range));
}

PythonAssignments write_select(const PythonCall& call) {
  const std::string index = call.length(setting<Dim>(call, "index")).text;
  return one(call, subscripted(call, setting<std::int64_t>(call, "dim"), index));
}

// Named one by one: a length that happens to be 1 in one run must stay.
PythonAssignments write_squeeze(const PythonCall& call) {
  const Shape& shape = call.type(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::set<std::int64_t> axes;
  for (const std::int64_t axis : setting<std::vector<std::int64_t>>(call, "dim")) {
    axes.insert(axis < 0 ? axis + rank : axis);
  }
  std::vector<std::int64_t> gone;
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const bool meant = axes.empty() || axes.contains(axis);
    if (meant && shape[static_cast<std::size_t>(axis)] == Dim(1)) gone.push_back(axis);
  }
  const std::string dim = python_value(gone);
  return one(call, fmt::format("{}.squeeze({})", receiver(call, 0), dim));
}

PythonAssignments write_flatten(const PythonCall& call) {
  const auto last = static_cast<std::int64_t>(call.type(0).shape.size()) - 1;
  const std::int64_t start = setting<std::int64_t>(call, "start_dim");
  const std::int64_t end = setting<std::int64_t>(call, "end_dim");
  std::string arguments = start == 0 ? "" : std::to_string(start);
  if (end != -1 && end != last) arguments += fmt::format(", end_dim={}", end);
  return one(call, with_arguments(receiver(call, 0) + ".flatten", arguments));
}

PythonAssignments write_joined(const PythonCall& call) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < call.node.inputs.size(); ++i) parts.push_back(argument(call, i));
  const std::string dim = stated(call, "dim") ? ", dim=" + value_of(call, "dim") : "";
  return one(call, fmt::format("torch.{}({}{})", call.node.op, python_tuple(parts), dim));
}

PythonAssignments write_split(const PythonCall& call) {
  const std::vector<std::string> sizes = lengths_of(call, "sizes");
  const std::string dim = stated(call, "dim") ? ", dim=" + value_of(call, "dim") : "";
  PythonAssignment assignment{
      call.node.outputs,
      {fmt::format("{}.split([{}]{})", receiver(call, 0), fmt::join(sizes, ", "), dim)}};
  for (std::size_t i = 0; i < assignment.targets.size(); ++i) {
    if (!call.used(i)) assignment.targets[i] = ValueId::none;
  }
  if (assignment.targets.size() == 1) assignment.value.text += "[0]";
  return {assignment};
}

// -- creation ------------------------------------------------------------------------------------

PythonAssignments write_full(const PythonCall& call) {
  const std::vector<std::string> shape = lengths_of(call, "shape");
  const DType dtype = setting<DType>(call, "dtype");
  const double value = setting<double>(call, "value");
  if (!shape.empty() && (value == 1 || (value == 0 && !std::signbit(value)))) {
    return one(call, fmt::format("torch.{}({}{})", value == 0 ? "zeros" : "ones",
                                 fmt::join(shape, ", "), unless_default(dtype)));
  }
  std::string text = python_literal(value);
  if (dtype == DType::boolean) {
    text = python_literal(value != 0);
  } else if (!is_floating(dtype) && !is_complex(dtype)) {
    text = fmt::format("{:.0f}", value);
  }
  const std::string type = dtype == DType::boolean ? "" : unless_default(dtype);
  return one(call, fmt::format("torch.full({}, {}{})", python_tuple(shape), text, type));
}

PythonAssignments write_bernoulli(const PythonCall& call) {
  const DType dtype = setting<DType>(call, "dtype");
  const std::string chances =
      fmt::format("torch.full({}, {})", tuple_of(call, "shape"), value_of(call, "p"));
  const std::string drawn = fmt::format("torch.bernoulli({})", chances);
  return one(call,
             dtype == DType::f32 ? drawn : fmt::format("{}.to({})", drawn, dtype_text(dtype)));
}

constexpr Spelling table[] = {
    // shape
    {"reshape", "{x}.reshape({shape*})"},
    {"permute", "{x}.permute({dims*})"},
    {"expand", "{x}.expand({shape*})"},
    {.op = "slice", .write = write_slice},
    {.op = "cat", .write = write_joined},
    {"pad", "F.pad({x}, {pad!}<, value={value}>)"},
    {"flip", "{x}.flip({dims!})"},
    {"transpose", "{x}.transpose({dim0}, {dim1})"},
    {"unsqueeze", "{x}.unsqueeze({dim})"},
    {.op = "squeeze", .write = write_squeeze},
    {.op = "flatten", .write = write_flatten},
    {.op = "select", .write = write_select},
    {.op = "split", .write = write_split},
    {.op = "stack", .write = write_joined},
    {"repeat", "{x}.repeat({repeats*})"},
    {"tril", "torch.tril({x}<, diagonal={diagonal}>)"},
    {"triu", "torch.triu({x}<, diagonal={diagonal}>)"},
    // indexing
    {"index_select", "{x}.index_select({dim}, {index})"},
    {"index_add", "{x}.index_add({dim}, {index}, {source})"},
    {"gather", "{x}.gather({dim}, {index})"},
    {"scatter_add", "{x}.scatter_add({dim}, {index}, {source})"},
    {"topk", "{x}.topk({k}<, dim={dim}><, largest={largest}><, sorted={sorted}>)"},
    {"embedding", "F.embedding({indices}, {weight}<, padding_idx={padding_idx}>)"},
    // creation
    {.op = "full", .write = write_full},
    {"arange", "torch.arange({start}, {end}<, step={step}>, dtype={dtype})"},
    {"length", "torch.full((), {value}, dtype={dtype})"},
    {.op = "bernoulli", .write = write_bernoulli},
};

}  // namespace

std::span<const Spelling> shape_spellings() { return table; }

}  // namespace isomer::torch
