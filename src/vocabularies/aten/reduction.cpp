#include <limits>
#include <numeric>

#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

Attributes over(std::vector<std::int64_t> axes, bool keepdim) {
  return {{"dim", ints(std::move(axes))}, {"keepdim", keepdim}};
}

// Some overloads take one axis, some a list, some none: all.
Attributes over_given(Reading& r, ValueId x) {
  return over(r.axes("dim", r.b.rank(x)), r.flag("keepdim", false));
}

// Sums and products of integers and booleans are i64.
DType accumulated(DType dtype) {
  return is_floating(dtype) || is_complex(dtype) ? dtype : DType::i64;
}

Values sum(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.dtype("dtype").value_or(accumulated(r.b.dtype(x)));
  return {r.b.emit(r.row.ours, {as_type(r.b, x, dtype)}, over_given(r, x))};
}

Values mean(Reading& r) {
  const ValueId x = r.tensor("self");
  const DType dtype = r.dtype("dtype").value_or(r.b.dtype(x));
  if (!is_floating(dtype)) r.fail("the mean of integers needs a floating dtype");
  return {r.b.emit("mean", {as_type(r.b, x, dtype)}, over_given(r, x))};
}

// Unlike the others these two take an empty list at its word: no axis is reduced.
Values truth(Reading& r) {
  const ValueId x = as_type(r.b, r.tensor("self"), DType::boolean);
  Attributes settings = over_given(r, x);
  if (r.given("dim") && r.axes("dim", r.b.rank(x)).empty()) return {x};
  return {r.b.emit(r.row.ours, {x}, std::move(settings))};
}

// The value is picked by its index, so that the gradient goes to that one element and not to all
// equal ones.
Values extreme_and_index(Reading& r, std::string_view op) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const bool keepdim = r.flag("keepdim", false);
  if (r.b.rank(x) == 0) return {x, r.b.literal(DType::i64, std::int64_t{0})};
  const ValueId index = r.b.emit(op, {x}, {{"dim", axis}, {"keepdim", true}});
  const ValueId value = r.b.emit("gather", {x, index}, {{"dim", axis}});
  if (keepdim) return {value, index};
  return {squeezed(r.b, value, {axis}), squeezed(r.b, index, {axis})};
}

Values max(Reading& r) { return extreme_and_index(r, "argmax"); }
Values min(Reading& r) { return extreme_and_index(r, "argmin"); }

Values index_of_extreme(Reading& r) {
  const ValueId x = r.tensor("self");
  const bool keepdim = r.flag("keepdim", false);
  Attributes settings;
  if (r.given("dim")) settings.push_back({"dim", r.axis("dim", r.b.rank(x))});
  if (r.b.rank(x) == 0) return {r.b.literal(DType::i64, std::int64_t{0})};
  settings.push_back({"keepdim", keepdim});
  return {r.b.emit(r.row.ours, {x}, std::move(settings))};
}

// `correction` or, in older overloads, `unbiased`; both mean 1 when left out.
ValueId variance(Reading& r) {
  const ValueId x = r.tensor("self");
  const double correction =
      r.given("unbiased") ? (r.flag("unbiased") ? 1.0 : 0.0) : r.real("correction", 1.0);
  Attributes settings = over_given(r, x);
  settings.push_back({"correction", correction});
  return r.b.emit("var", {x}, std::move(settings));
}

Values var(Reading& r) { return {variance(r)}; }
Values std_deviation(Reading& r) { return {flat_root(r.b, variance(r))}; }

Values var_mean(Reading& r) {
  const ValueId squares = variance(r);
  const ValueId x = r.tensor("self");
  return {squares, r.b.emit("mean", {x}, over_given(r, x))};
}

Values cumsum(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const DType dtype = r.dtype("dtype").value_or(accumulated(r.b.dtype(x)));
  const ValueId typed = as_type(r.b, x, dtype);
  if (r.b.rank(x) == 0) return {typed};
  return {r.b.emit("cumsum", {typed}, {{"dim", axis}})};
}

// A scalar's only axis does not exist in our graph; it is given one for the while.
Values softmax(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  // f16 becomes f32 in one step only where PyTorch computes elsewhere than on the CPU.
  const bool widens = r.flag("half_to_float", false);
  const DType own = widens ? DType::f32 : floating(r.b.dtype(x));
  ValueId typed = as_type(r.b, x, r.dtype("dtype").value_or(own));
  if (r.b.rank(x) > 0) return {r.b.emit(r.row.ours, {typed}, {{"dim", axis}})};
  typed = r.b.emit(r.row.ours, {unsqueezed(r.b, typed, 0)}, {{"dim", std::int64_t{0}}});
  return {squeezed(r.b, typed, {0})};
}

Values logsumexp(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> axes = r.axes("dim", r.b.rank(x));
  if (axes.empty()) {
    axes.resize(r.b.shape(x).size());
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
  }
  const ValueId typed = as_type(r.b, x, floating(r.b.dtype(x)));
  return {r.b.emit("logsumexp", {typed}, over(std::move(axes), r.flag("keepdim", false)))};
}

Values norm(Reading& r) {
  const double order = r.real(r.given("p") ? "p" : "ord", 2.0);
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, r.dtype("dtype").value_or(floating(r.b.dtype(given))));
  const Attributes settings = over_given(r, x);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (order == 2) return {flat_root(r.b, r.b.emit("sum", {r.b.emit("square", {x})}, settings))};
  const ValueId size = r.b.emit("abs", {x});
  if (order == 1) return {r.b.emit("sum", {size}, settings)};
  if (order == infinity) return {r.b.emit("amax", {size}, settings)};
  if (order == -infinity) return {r.b.emit("amin", {size}, settings)};
  if (order != 0) r.refuse("norms of order 0, 1, 2, inf and -inf are read");
  const ValueId counts =
      as_type(r.b, r.b.emit("ne", {x, r.b.literal(r.b.dtype(x), 0.0)}), r.b.dtype(x));
  return {r.b.emit("sum", {counts}, settings)};
}

constexpr Row table[] = {
    {.targets = "sum.dim_IntList sum", .ours = "sum", .fixed = "dtype=self.dtype", .read = sum},
    {.targets = "prod prod.dim_int", .ours = "prod", .read = sum},
    {.targets = "mean.dim mean", .ours = "mean", .read = mean},
    {.targets = "amax max", .ours = "amax"},
    {.targets = "amin min", .ours = "amin"},
    {.targets = "max.dim", .read = max},
    {.targets = "min.dim", .read = min},
    {.targets = "argmax", .ours = "argmax", .python = "self.argmax", .read = index_of_extreme},
    {.targets = "argmin", .ours = "argmin", .python = "self.argmin", .read = index_of_extreme},
    {.targets = "any.dims any.dim any", .ours = "any", .read = truth},
    {.targets = "all.dims all.dim all", .ours = "all", .read = truth},
    {.targets = "var.correction var.dim var", .ours = "var", .read = var},
    {.targets = "std.correction std.dim std", .read = std_deviation},
    {.targets = "var_mean.correction var_mean.dim var_mean", .read = var_mean},
    {.targets = "cumsum", .ours = "cumsum", .fixed = "dtype=self.dtype", .read = cumsum},
    {.targets = "softmax.int _softmax", .ours = "softmax", .python = "F.softmax", .read = softmax},
    {.targets = "log_softmax.int _log_softmax",
     .ours = "log_softmax",
     .python = "F.log_softmax",
     .read = softmax},
    {.targets = "logsumexp", .ours = "logsumexp", .python = "torch.logsumexp", .read = logsumexp},
    {.targets = "linalg_vector_norm norm.Scalar norm.ScalarOpt_dim", .read = norm},
};

}  // namespace

std::span<const Row> reduction_rows() { return table; }

}  // namespace isomer::aten
