#include <limits>

#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"

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

/// Booleans have no order of ours; small integers stand for them.
ValueId ordered(Builder& b, ValueId x) {
  return b.dtype(x) == DType::boolean ? as_type(b, x, DType::u8) : x;
}

Values extreme(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId y = r.b.emit(r.row.ours, {ordered(r.b, x)}, over_given(r, x));
  return {as_type(r.b, y, r.b.dtype(x))};
}

Values whole_extreme(Reading& r) {
  const ValueId x = r.tensor("self");
  return {as_type(r.b, r.b.emit(r.row.ours, {ordered(r.b, x)}), r.b.dtype(x))};
}

Values aminmax(Reading& r) {
  const ValueId x = r.tensor("self");
  const Attributes settings = over_given(r, x);
  Values both;
  for (const char* op : {"amin", "amax"}) {
    const ValueId y = r.b.emit(op, {ordered(r.b, x)}, settings);
    both.push_back(as_type(r.b, y, r.b.dtype(x)));
  }
  return both;
}

// The value is picked by its index, so that the gradient goes to that one element and not to all
// equal ones.
Values extreme_and_index(Reading& r, std::string_view op) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const bool keepdim = r.flag("keepdim", false);
  if (r.b.rank(x) == 0) return {x, r.b.literal(DType::i64, std::int64_t{0})};
  const ValueId index = r.b.emit(op, {ordered(r.b, x)}, {{"dim", axis}, {"keepdim", true}});
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

Values std_mean(Reading& r) {
  const Values both = var_mean(r);
  return {flat_root(r.b, both[0]), both[1]};
}

ValueId without_undefined(Builder& b, ValueId x) {
  if (!is_floating(b.dtype(x))) return x;
  return b.emit("where", {b.emit("isnan", {x}), b.literal(b.dtype(x), 0.0), x});
}

Values nansum(Reading& r) {
  const ValueId given = r.tensor("self");
  const DType dtype = r.dtype("dtype").value_or(accumulated(r.b.dtype(given)));
  const ValueId x = without_undefined(r.b, as_type(r.b, given, dtype));
  return {r.b.emit("sum", {x}, over_given(r, x))};
}

Values nanmean(Reading& r) {
  const ValueId given = r.tensor("self");
  const DType dtype = r.dtype("dtype").value_or(r.b.dtype(given));
  if (!is_floating(dtype)) r.fail("the mean of integers needs a floating dtype");
  const ValueId x = as_type(r.b, given, dtype);
  const Attributes settings = over_given(r, x);
  return {rounded_once(r.b, {x}, [&](const Values& in) {
    const ValueId total = r.b.emit("sum", {without_undefined(r.b, in[0])}, settings);
    const ValueId numbers = r.b.emit("eq", {in[0], in[0]});
    const DType wide = r.b.dtype(in[0]);
    return r.b.emit("div", {total, r.b.emit("sum", {as_type(r.b, numbers, wide)}, settings)});
  })};
}

Values count_nonzero(Reading& r) {
  const ValueId x = as_type(r.b, r.tensor("self"), DType::boolean);
  return {r.b.emit("sum", {as_type(r.b, x, DType::i64)}, over_given(r, x))};
}

Values logcumsumexp(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  return {r.b.rank(x) == 0 ? x : r.b.emit("logcumsumexp", {x}, {{"dim", axis}})};
}

// Of a scalar the only extreme so far is itself.
Values running_extreme(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  if (r.b.rank(x) == 0) return {x, r.b.literal(DType::i64, std::int64_t{0})};
  return r.b.emit_all(r.row.ours, {x}, {{"dim", axis}});
}

/// What trapezoids are made of: neighbours along an axis, and the widths where they are given.
struct Trapezoids {
  std::int64_t axis;
  ValueId left;
  ValueId right;
  ValueId widths = ValueId::none;
};

Trapezoids trapezoids(Reading& r) {
  const ValueId y = r.tensor("y");
  const std::int64_t rank = r.b.rank(y);
  const std::int64_t axis = r.axis("dim", rank, -1);
  const auto neighbours = [&](ValueId z, std::int64_t along) {
    const Dim length = r.b.shape(z)[static_cast<std::size_t>(along)];
    const ValueId left = sliced(r.b, z, along, 0, length - Dim(1));
    return std::pair(left, sliced(r.b, z, along, 1, length));
  };
  const auto [left, right] = neighbours(y, axis);
  if (!r.given("x")) return {axis, left, right};
  ValueId x = r.tensor("x");
  const bool shared = r.b.rank(x) == 1;
  while (!shared && r.b.rank(x) < rank) x = unsqueezed(r.b, x, 0);
  if (r.b.rank(x) > rank) r.refuse("x has no more axes than y, where it is read");
  const auto [low, high] = neighbours(x, shared ? 0 : axis);
  ValueId widths = arithmetic(r.b, "sub", high, low);
  if (shared) {
    Shape shape(static_cast<std::size_t>(rank), Dim(1));
    shape[static_cast<std::size_t>(axis)] = r.b.shape(widths)[0];
    widths = reshaped(r.b, widths, std::move(shape));
  }
  return {axis, left, right, widths};
}

ValueId times(Builder& b, ValueId x, const Operand& y) { return arithmetic(b, "mul", x, y); }

Scalar width_of(Reading& r) { return r.scalar("dx", Scalar(std::int64_t{1})); }

// In the order of ATen/native/Integration.cpp, which tells where an infinity goes: with one width
// for all, half of the ends is taken off the sum.
Values trapezoid(Reading& r) {
  Builder& b = r.b;
  const ValueId y = r.tensor("y");
  const Operand half(Scalar(0.5));
  const std::int64_t axis = r.axis("dim", b.rank(y), -1);
  const Attributes along = over({axis}, false);
  if (r.given("x")) {
    const Trapezoids all = trapezoids(r);
    const ValueId sums = arithmetic(b, "add", all.left, all.right);
    return {times(b, b.emit("sum", {times(b, sums, all.widths)}, along), half)};
  }
  const Dim length = b.shape(y)[static_cast<std::size_t>(axis)];
  if (length == Dim(0)) return {b.emit("sum", {y}, along)};
  const auto end = [&](const Dim& at) {
    return b.emit("select", {y}, {{"dim", axis}, {"index", at}});
  };
  const ValueId first = end(0);
  const ValueId ends = times(b, arithmetic(b, "add", first, end(length - Dim(1))), half);
  const ValueId total = b.emit("sum", {as_type(b, y, accumulated(b.dtype(y)))}, along);
  const ValueId area = arithmetic(b, "sub", total, ends);
  const Scalar width = width_of(r);
  return {is_one(width) ? area : times(b, area, width)};
}

Values cumulative_trapezoid(Reading& r) {
  const Trapezoids all = trapezoids(r);
  const ValueId sums = arithmetic(r.b, "add", all.left, all.right);
  const Attributes along = {{"dim", all.axis}};
  if (r.given("x")) {
    const ValueId run = r.b.emit("cumsum", {times(r.b, sums, all.widths)}, along);
    return {times(r.b, run, Scalar(0.5))};
  }
  return {r.b.emit("cumsum", {times(r.b, sums, Scalar(real_of(width_of(r)) / 2))}, along)};
}

/// Differences of neighbours along an axis, over their distance: of both neighbours inside, of one
/// at the ends, or of two there.
ValueId slope_along(Reading& r, ValueId x, std::int64_t axis, double width, bool second_order) {
  Builder& b = r.b;
  const Dim length = b.shape(x)[static_cast<std::size_t>(axis)];
  const std::int64_t least = second_order ? 3 : 2;
  if (length.known() && length.value() < least) r.fail("the axis has too few elements");
  const auto at = [&](const Dim& start, const Dim& end) { return sliced(b, x, axis, start, end); };
  const auto over = [&](ValueId y, double divisor) {
    return arithmetic(b, "div", y, Operand(Scalar(divisor)));
  };
  const auto end = [&](const Dim& outer, std::int64_t inwards, double sign) {
    const auto one = [&](std::int64_t steps) {
      const Dim place = outer + Dim(steps * inwards);
      return at(place, place + Dim(1));
    };
    const ValueId first = b.emit("sub", {one(1), one(0)});
    if (!second_order) return over(first, sign * width);
    // -1.5, 2, -0.5
    const ValueId second = b.emit("sub", {one(2), one(1)});
    const ValueId most = times(b, first, Scalar(1.5));
    return over(b.emit("sub", {most, times(b, second, Scalar(0.5))}), sign * width);
  };
  const ValueId inside = over(b.emit("sub", {at(2, length), at(0, length - Dim(2))}), 2 * width);
  return b.emit("cat", {end(0, 1, 1), inside, end(length - Dim(1), -1, -1)}, {{"dim", axis}});
}

// torch.gradient with even distances, one for all axes or one for each.
Values gradient(Reading& r) {
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, floating(r.b.dtype(given)));
  std::vector<std::int64_t> axes = r.axes("dim", r.b.rank(x));
  if (axes.empty()) axes = all_axes(r.b.rank(x));
  std::vector<double> widths(axes.size(), 1.0);
  if (r.row.target() == "gradient.scalarrayint") {
    widths = r.reals("spacing");
    if (widths.size() != axes.size()) r.fail("there is one distance for each axis");
  } else if (r.given("spacing")) {
    widths.assign(axes.size(), real_of(r.scalar("spacing")));
  }
  const std::int64_t order = r.integer("edge_order", 1);
  if (order != 1 && order != 2) r.fail("edge_order is neither 1 nor 2");
  Values slopes;
  for (std::size_t i = 0; i < axes.size(); ++i)
    slopes.push_back(slope_along(r, x, axes[i], widths[i], order == 2));
  return slopes;
}

Values cumsum(Reading& r) {
  const ValueId x = r.tensor("self");
  const std::int64_t axis = r.axis("dim", r.b.rank(x));
  const DType dtype = r.dtype("dtype").value_or(accumulated(r.b.dtype(x)));
  const ValueId typed = as_type(r.b, x, dtype);
  if (r.b.rank(x) == 0) return {typed};
  return {r.b.emit(r.row.ours, {typed}, {{"dim", axis}})};
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

// Where all are minus infinity there is nothing to share, and nothing is shared.
Values safe_softmax(Reading& r) {
  const ValueId given = r.tensor("self");
  const bool scalar = r.b.rank(given) == 0;
  const std::int64_t axis = r.axis("dim", r.b.rank(given));
  const DType dtype = r.dtype("dtype").value_or(floating(r.b.dtype(given)));
  const ValueId typed = as_type(r.b, given, dtype);
  const ValueId x = scalar ? unsqueezed(r.b, typed, 0) : typed;
  const ValueId zero = r.b.literal(dtype, 0.0);
  const ValueId lowest = r.b.literal(dtype, -std::numeric_limits<double>::infinity());
  const ValueId none = r.b.emit("all", {r.b.emit("eq", {x, lowest})}, over({axis}, true));
  const ValueId something = r.b.emit("where", {none, zero, x});
  const ValueId y = r.b.emit("softmax", {something}, {{"dim", axis}});
  const ValueId safe = r.b.emit("where", {none, zero, y});
  return {scalar ? squeezed(r.b, safe, {0}) : safe};
}

// Of an output y and its cotangent g: y * (g - sum(g * y)).
Values softmax_backward(Reading& r) {
  const ValueId g = r.tensor("grad_output");
  const ValueId y = r.tensor("output");
  const std::int64_t axis = r.axis("dim", r.b.rank(y));
  const DType dtype = r.dtype("input_dtype").value_or(r.b.dtype(y));
  const ValueId x = rounded_once(r.b, {g, y}, [&](const Values& in) {
    const ValueId product = r.b.emit("mul", {in[0], in[1]});
    const ValueId total = r.b.emit("sum", {product}, over({axis}, true));
    return r.b.emit("mul", {in[1], r.b.emit("sub", {in[0], total})});
  });
  return {as_type(r.b, x, dtype)};
}

Values logsumexp(Reading& r) {
  const ValueId x = r.tensor("self");
  std::vector<std::int64_t> axes = r.axes("dim", r.b.rank(x));
  if (axes.empty()) axes = all_axes(r.b.rank(x));
  const ValueId typed = as_type(r.b, x, floating(r.b.dtype(x)));
  return {r.b.emit("logsumexp", {typed}, over(std::move(axes), r.flag("keepdim", false)))};
}

Values norm(Reading& r) {
  const double order = real_of(r.scalar(r.given("p") ? "p" : "ord", Scalar(2.0)));
  const ValueId given = r.tensor("self");
  const ValueId x = as_type(r.b, given, r.dtype("dtype").value_or(floating(r.b.dtype(given))));
  const Attributes settings = over_given(r, x);
  const auto compute = [&](const Values& in) { return norm_of(r.b, in[0], order, settings); };
  return {rounded_once(r.b, {x}, compute)};
}

constexpr Row reduction_table[] = {
    {.targets = "sum.dim_IntList sum", .ours = "sum", .fixed = "dtype=self.dtype", .read = sum},
    {.targets = "prod prod.dim_int", .ours = "prod", .read = sum},
    {.targets = "mean.dim mean", .ours = "mean", .read = mean},
    {.targets = "amax", .ours = "amax", .python = "torch.amax", .read = extreme},
    {.targets = "amin", .ours = "amin", .python = "torch.amin", .read = extreme},
    {.targets = "max", .ours = "max", .python = "torch.max", .read = whole_extreme},
    {.targets = "min", .ours = "min", .python = "torch.min", .read = whole_extreme},
    {.targets = "aminmax", .read = aminmax},
    {.targets = "nansum", .read = nansum},
    {.targets = "nanmean", .read = nanmean},
    {.targets = "count_nonzero count_nonzero.dim_IntList", .read = count_nonzero},
    {.targets = "std_mean.correction std_mean.dim std_mean", .read = std_mean},
    {.targets = "cumprod",
     .ours = "cumprod",
     .fixed = "dtype=self.dtype",
     .python = "torch.cumprod",
     .read = cumsum},
    {.targets = "logcumsumexp",
     .ours = "logcumsumexp",
     .python = "torch.logcumsumexp",
     .read = logcumsumexp},
    {.targets = "cummax", .ours = "cummax", .python = "torch.cummax", .read = running_extreme},
    {.targets = "cummin", .ours = "cummin", .python = "torch.cummin", .read = running_extreme},
    {.targets = "trapezoid.x trapezoid.dx trapz.x trapz.dx", .inputs = "y", .read = trapezoid},
    {.targets = "cumulative_trapezoid.x cumulative_trapezoid.dx",
     .inputs = "y",
     .read = cumulative_trapezoid},
    {.targets = "gradient.scalarint gradient.array gradient.scalararray", .read = gradient},
    {.targets = "gradient.scalarrayint gradient.scalarrayarray", .read = gradient},
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
    {.targets = "softmax.int _softmax special_softmax",
     .ours = "softmax",
     .python = "F.softmax",
     .read = softmax},
    {.targets = "log_softmax.int _log_softmax special_log_softmax",
     .ours = "log_softmax",
     .python = "F.log_softmax",
     .read = softmax},
    {.targets = "_safe_softmax", .read = safe_softmax},
    {.targets = "_softmax_backward_data", .inputs = "grad_output", .read = softmax_backward},
    {.targets = "logsumexp", .ours = "logsumexp", .python = "torch.logsumexp", .read = logsumexp},
    {.targets = "linalg_vector_norm norm.Scalar norm.ScalarOpt_dim", .read = norm},
};

}  // namespace

std::span<const Row> reduction_rows() { return reduction_table; }

}  // namespace isomer::aten
