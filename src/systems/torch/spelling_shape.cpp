#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/rules.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// -- shape ---------------------------------------------------------------------------------------

PythonAssignments subscripted(const PythonCall& call, const std::string& last) {
  const std::size_t before = axis_in(setting<std::int64_t>(call, "dim"), call.type(0).shape.size());
  std::string text = receiver(call, 0) + "[";
  for (std::size_t i = 0; i < before; ++i) text += ":, ";
  return one(call, text + last + "]");
}

PythonAssignments write_slice(const PythonCall& call) {
  const Dim& start = setting<Dim>(call, "start");
  const Dim& end = setting<Dim>(call, "end");
  const std::int64_t step = setting<std::int64_t>(call, "step");
  std::string range = start == Dim(0) ? "" : call.length(start).text;
  range += ":";
  if (!(end == Dim(std::numeric_limits<std::int64_t>::max()))) range += call.length(end).text;
  if (step != 1) range += fmt::format(":{}", step);
  return subscripted(call, range);
}

PythonAssignments write_select(const PythonCall& call) {
  return subscripted(call, value_of(call, "index"));
}

// Named one by one: a length that happens to be 1 in one run must stay.
PythonAssignments write_squeeze(const PythonCall& call) {
  const Shape& shape = call.type(0).shape;
  std::vector<std::int64_t> gone;
  for (const std::size_t axis :
       axes_in(setting<std::vector<std::int64_t>>(call, "dim"), shape.size())) {
    if (shape[axis] == Dim(1)) gone.push_back(static_cast<std::int64_t>(axis));
  }
  return one(call, filled(call, "{x}.squeeze(" + python_value(gone) + ")"));
}

PythonAssignments write_flatten(const PythonCall& call) {
  const std::int64_t end = setting<std::int64_t>(call, "end_dim");
  const bool to_last = end == static_cast<std::int64_t>(call.type(0).shape.size()) - 1;
  return one(call, filled(call, to_last ? "{x}.flatten(<, {start_dim}>)"
                                        : "{x}.flatten(<, {start_dim}><, end_dim={end_dim}>)"));
}

PythonAssignments write_joined(const PythonCall& call) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < call.node.inputs.size(); ++i) parts.push_back(argument(call, i));
  return one(call, fmt::format("torch.{}({}{})", call.node.op, python_tuple(parts),
                               filled(call, "<, dim={dim}>")));
}

PythonAssignments write_split(const PythonCall& call) {
  return unpacked(call, filled(call, "{x}.split([{sizes*}]<, dim={dim}>)"));
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
  const bool natural = setting<DType>(call, "dtype") == DType::f32;
  return one(call,
             filled(call, natural ? "torch.bernoulli(torch.full({shape!}, {p}))"
                                  : "torch.bernoulli(torch.full({shape!}, {p})).to({dtype})"));
}

constexpr Spelling shape_table[] = {
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
    {"scatter", "{x}.scatter({dim}, {index}, {source})"},
    {"scatter_reduce",
     "{x}.scatter_reduce({dim}, {index}, {source}, {reduce}<, include_self={include_self}>)"},
    {"sort", "{x}.sort(dim={dim}<, descending={descending}><, stable={stable}>)"},
    {"topk", "{x}.topk({k}<, dim={dim}><, largest={largest}><, sorted={sorted}>)"},
    {"embedding", "F.embedding({indices}, {weight}<, padding_idx={padding_idx}>)"},
    // systems of equations
    {"solve_triangular",
     "torch.linalg.solve_triangular({a}, {b}, upper={upper}<, unitriangular={unitriangular}>)"},
    {"svd", "torch.linalg.svd({a}, full_matrices={full_matrices})"},
    {"slogdet", "torch.linalg.slogdet({a})"},
    // creation
    {.op = "full", .write = write_full},
    {"arange", "torch.arange({start}, {end}<, step={step}>, dtype={dtype})"},
    {"length", "torch.full((), {value}, dtype={dtype})"},
    {.op = "bernoulli", .write = write_bernoulli},
};

}  // namespace

std::span<const Spelling> shape_spellings() { return shape_table; }

}  // namespace isomer::torch
