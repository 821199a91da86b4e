#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

// Type rules ------------------------------------------------------------------------------------

std::vector<std::size_t> reduced_axes(const OpCall& call) {
  return axes_in(call.integers("dim"), call.types[0].shape.size());
}

Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdim) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool gone = std::ranges::find(axes, i) != axes.end();
    if (!gone) result.push_back(shape[i]);
    if (gone && keepdim) result.emplace_back(1);
  }
  return result;
}

std::vector<TensorType> reduced_type(const OpCall& call) {
  numeric_type(call);
  return {{call.types[0].dtype,
           reduced_shape(call.types[0].shape, reduced_axes(call), call.flag("keepdim"))}};
}

std::vector<TensorType> reduced_floating_type(const OpCall& call) {
  same_floating_type(call);
  return reduced_type(call);
}

// The largest of nothing does not exist, so the axes taken must not be empty.
std::vector<TensorType> extreme_type(const OpCall& call) {
  for (const std::size_t axis : reduced_axes(call)) {
    if (call.types[0].shape[axis] == Dim(0)) {
      refuse(fmt::format("dimension {} has length 0; the extreme of nothing does not exist", axis));
    }
  }
  return reduced_type(call);
}

std::vector<TensorType> whole_extreme_type(const OpCall& call) {
  const TensorType type = numeric_type(call)[0];
  if (std::ranges::find(type.shape, Dim(0)) != type.shape.end())
    refuse("there are no elements; the extreme of nothing does not exist");
  return {{type.dtype, {}}};
}

std::vector<TensorType> truth_type(const OpCall& call) {
  if (call.types[0].dtype != DType::boolean) {
    refuse(fmt::format("the input is {}; it should be bool (compare it first)",
                       name_of(call.types[0].dtype)));
  }
  return {{DType::boolean,
           reduced_shape(call.types[0].shape, reduced_axes(call), call.flag("keepdim"))}};
}

std::vector<TensorType> arg_type(const OpCall& call) {
  numeric_type(call);
  const Shape& shape = call.types[0].shape;
  std::vector<std::int64_t> axes;
  if (call.given("dim")) axes.push_back(call.integer("dim"));
  const std::vector<std::size_t> taken = axes_in(axes, shape.size());
  for (const std::size_t axis : taken) {
    if (shape[axis] == Dim(0)) refuse("the position of the extreme of nothing does not exist");
  }
  return {{DType::i64, reduced_shape(shape, taken, call.flag("keepdim"))}};
}

std::vector<TensorType> along_axis(const OpCall& call) {
  axis_in(call.integer("dim"), call.types[0].shape.size());
  return numeric_type(call);
}

// Unlike sums, extremes are found among booleans, too.
std::vector<TensorType> running_extreme_type(const OpCall& call) {
  axis_in(call.integer("dim"), call.types[0].shape.size());
  return {call.types[0], {DType::i64, call.types[0].shape}};
}

std::vector<TensorType> along_axis_floating(const OpCall& call) {
  same_floating_type(call);
  return along_axis(call);
}

// Derivatives -----------------------------------------------------------------------------------

/// A value of the reduced shape, so that it broadcasts against the input.
ValueId unreduced(Emitter& b, const OpCall& call, ValueId reduced) {
  return with_axes(b, reduced, call.types[0].shape, reduced_axes(call), call.flag("keepdim"));
}

ValueId over_input(Emitter& b, const OpCall& call, ValueId reduced) {
  return b.emit("expand", {unreduced(b, call, reduced)}, {{"shape", call.types[0].shape}});
}

Values vjp_sum(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {over_input(b, call, c.values[0])};
}

// Equal extremes share the cotangent evenly (torch.amax).
Values vjp_amax(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId best = b.emit("eq", {x, unreduced(b, call, c.outputs[0])});
  const ValueId ones = b.emit("cast", {best}, {{"dtype", b.dtype(x)}});
  const ValueId count = b.emit("sum", {ones}, {{"dim", call.integers("dim")}, {"keepdim", true}});
  const ValueId g = unreduced(b, call, c.values[0]);
  return {b.emit("div", {b.emit("mul", {g, ones}), count})};
}

// As amax, but of NaN, too (torch.max, which is not torch.amax).
Values vjp_max(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId y = c.outputs[0];
  const ValueId best =
      b.emit("where", {b.emit("isnan", {y}), b.emit("isnan", {x}), b.emit("eq", {x, y})});
  const ValueId count = b.emit("sum", {b.emit("cast", {best}, {{"dtype", b.dtype(x)}})});
  return {b.emit("where", {best, b.emit("div", {c.values[0], count}), number(b, x, 0.0)})};
}

// A product with one zero has a slope at that zero alone: the product of the others.
Values vjp_prod(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId zero = number(b, x, 0.0);
  const ValueId is_zero = b.emit("eq", {x, zero});
  const Attributes over{{"dim", call.integers("dim")}, {"keepdim", true}};
  const ValueId filled = b.emit("where", {is_zero, number(b, x, 1.0), x});
  const ValueId others = b.emit("div", {b.emit("prod", {filled}, over), filled});
  const ValueId zeros = b.emit("sum", {b.emit("cast", {is_zero}, {{"dtype", b.dtype(x)}})}, over);
  const ValueId at_zero = b.emit("where", {b.emit("eq", {zeros, number(b, x, 1.0)}), others, zero});
  const ValueId elsewhere = b.emit("where", {b.emit("eq", {zeros, zero}), others, zero});
  const ValueId slope = b.emit("where", {is_zero, at_zero, elsewhere});
  return {b.emit("mul", {unreduced(b, call, c.values[0]), slope})};
}

ValueId reversed(Emitter& b, const OpCall& call, ValueId x) {
  return b.emit("flip", {x}, {{"dims", std::vector<std::int64_t>{call.integer("dim")}}});
}

/// What `op`, a running one, gives from the end to the start.
ValueId from_the_end(Emitter& b, const OpCall& call, std::string_view op, ValueId x) {
  if (call.types[0].shape.empty()) return x;
  const ValueId run = b.emit(op, {reversed(b, call, x)}, {{"dim", call.integer("dim")}});
  return reversed(b, call, run);
}

Values vjp_cumsum(Emitter& b, const OpCall& call, const Cotangents& c) {
  return {from_the_end(b, call, "cumsum", c.values[0])};
}

// Before the first zero by division, at it by the product without it; behind it all slopes are 0.
Values vjp_cumprod(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = call.inputs[0];
  const ValueId zero = number(b, x, 0.0);
  const ValueId one = number(b, x, 1.0);
  const Attributes along{{"dim", call.integer("dim")}};
  const ValueId is_zero = b.emit("eq", {x, zero});
  const ValueId zeros =
      b.emit("cumsum", {b.emit("cast", {is_zero}, {{"dtype", b.dtype(x)}})}, along);
  const ValueId first = b.emit("logical_and", {is_zero, b.emit("eq", {zeros, one})});
  const ValueId without = b.emit("cumprod", {b.emit("where", {first, one, x})}, along);
  const ValueId at_first = from_the_end(b, call, "cumsum", b.emit("mul", {c.values[0], without}));
  const ValueId sums = from_the_end(b, call, "cumsum", b.emit("mul", {c.values[0], c.outputs[0]}));
  const ValueId before = b.emit("div", {sums, b.emit("where", {is_zero, one, x})});
  const ValueId behind = b.emit("where", {first, at_first, zero});
  return {b.emit("where", {b.emit("eq", {zeros, zero}), before, behind})};
}

Values vjp_running_extreme(Emitter& b, const OpCall& call, const Cotangents& c) {
  const TensorType& type = call.types[0];
  const ValueId zeros =
      b.emit("full", {}, {{"shape", type.shape}, {"value", 0.0}, {"dtype", type.dtype}});
  return {
      b.emit("scatter_add", {zeros, c.outputs[1], c.values[0]}, {{"dim", call.integer("dim")}})};
}

// exp(x) times the sum of g * exp(-y) from here on, in logarithms, for each sign of g.
Values vjp_logcumsumexp(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = c.values[0];
  const ValueId zero = number(b, g, 0.0);
  const ValueId none = number(b, g, -std::numeric_limits<double>::infinity());
  const ValueId size = b.emit("log", {b.emit("abs", {g})});
  const auto part = [&](std::string_view sign) {
    const ValueId chosen = b.emit("where", {b.emit(sign, {g, zero}), size, none});
    const ValueId share = b.emit("sub", {chosen, c.outputs[0]});
    const ValueId sum = from_the_end(b, call, "logcumsumexp", share);
    return b.emit("exp", {b.emit("add", {sum, call.inputs[0]})});
  };
  const ValueId positive = part("gt");
  return {b.emit("sub", {positive, part("lt")})};
}

ValueId sum_along(Emitter& b, const OpCall& call, ValueId x) {
  return b.emit("sum", {x},
                {{"dim", std::vector<std::int64_t>{call.integer("dim")}}, {"keepdim", true}});
}

Values vjp_softmax(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId y = c.outputs[0];
  const ValueId weighted = sum_along(b, call, b.emit("mul", {c.values[0], y}));
  return {b.emit("mul", {y, b.emit("sub", {c.values[0], weighted})})};
}

Values vjp_log_softmax(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId total = sum_along(b, call, c.values[0]);
  return {b.emit("sub", {c.values[0], b.emit("mul", {b.emit("exp", {c.outputs[0]}), total})})};
}

Values vjp_logsumexp(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId share =
      b.emit("exp", {b.emit("sub", {call.inputs[0], unreduced(b, call, c.outputs[0])})});
  return {b.emit("mul", {unreduced(b, call, c.values[0]), share})};
}

// Meanings --------------------------------------------------------------------------------------

/// How many elements a reduction takes.
Dim taken(const OpCall& call) {
  Shape taken;
  for (const std::size_t axis : reduced_axes(call)) taken.push_back(call.types[0].shape[axis]);
  return count_elements(taken);
}

Dim taken_along_axis(const OpCall& call) {
  const Shape& shape = call.types[0].shape;
  return shape.empty() ? Dim(1) : shape[axis_in(call.integer("dim"), shape.size())];
}

/// The same as a scalar of the input's type.
ValueId taken_count(Emitter& b, const OpCall& call) {
  const Dim count = taken(call);
  const DType dtype = call.types[0].dtype;
  if (count.known()) return b.literal(dtype, static_cast<double>(count.value()));
  return b.emit("cast", {b.emit("length", {}, {{"value", count}})}, {{"dtype", dtype}});
}

template <bool largest>
Values expand_max(Emitter& b, const OpCall& call) {
  return {b.emit(largest ? "amax" : "amin", {call.inputs[0]})};
}

Values expand_mean(Emitter& b, const OpCall& call) {
  return {b.emit("div", {b.emit("sum", {call.inputs[0]}, call.attributes), taken_count(b, call)})};
}

Values expand_var(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const std::vector<std::int64_t>& dim = call.integers("dim");
  const ValueId mean = b.emit("mean", {x}, {{"dim", dim}, {"keepdim", true}});
  const ValueId spread_out = b.emit("square", {b.emit("sub", {x, mean})});
  const ValueId sum =
      b.emit("sum", {spread_out}, {{"dim", dim}, {"keepdim", call.flag("keepdim")}});
  ValueId divisor = taken_count(b, call);
  if (const double correction = call.real("correction"); correction != 0.0) {
    divisor = b.emit("sub", {divisor, number(b, x, correction)});
    divisor = b.emit("maximum", {divisor, number(b, x, 0.0)});
  }
  return {b.emit("div", {sum, divisor})};
}

Values expand_all(Emitter& b, const OpCall& call) {
  const ValueId no = b.emit("logical_not", {call.inputs[0]});
  return {b.emit("logical_not", {b.emit("any", {no}, call.attributes)})};
}

/// Nothing has no largest element, but shares of nothing are nothing.
bool has_no_elements(const OpCall& call) {
  return std::ranges::find(call.types[0].shape, Dim(0)) != call.types[0].shape.end();
}

Values expand_softmax(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  if (has_no_elements(call)) return {x};
  const std::vector<std::int64_t> dim{call.integer("dim")};
  const ValueId top = b.emit("amax", {x}, {{"dim", dim}, {"keepdim", true}});
  const ValueId raised = b.emit("exp", {b.emit("sub", {x, top})});
  return {b.emit("div", {raised, sum_along(b, call, raised)})};
}

Values expand_log_softmax(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  if (has_no_elements(call)) return {x};
  const std::vector<std::int64_t> dim{call.integer("dim")};
  const ValueId top = b.emit("amax", {x}, {{"dim", dim}, {"keepdim", true}});
  const ValueId shifted = b.emit("sub", {x, top});
  const ValueId total = b.emit("log", {sum_along(b, call, b.emit("exp", {shifted}))});
  return {b.emit("sub", {shifted, total})};
}

// Nothing has no maximum, and an infinite one is not subtracted: inf - inf is not a number.
Values expand_logsumexp(Emitter& b, const OpCall& call) {
  const ValueId x = call.inputs[0];
  const std::vector<std::int64_t>& dim = call.integers("dim");
  if (taken(call) == Dim(0))
    return {b.emit("log", {b.emit("sum", {b.emit("exp", {x})}, call.attributes)})};
  const ValueId top = b.emit("amax", {x}, {{"dim", dim}, {"keepdim", true}});
  const ValueId shift = b.emit("where", {b.emit("isinf", {top}), number(b, x, 0.0), top});
  const ValueId raised = b.emit("exp", {b.emit("sub", {x, shift})});
  const ValueId sum = b.emit("sum", {raised}, {{"dim", dim}, {"keepdim", true}});
  const ValueId result = b.emit("add", {b.emit("log", {sum}), shift});
  const Shape shape = reduced_shape(call.types[0].shape, reduced_axes(call), call.flag("keepdim"));
  return {reshape_to(b, result, shape)};
}

constexpr Traits adds_up{.terms = taken};

constexpr OpSchema reduction_table[] = {
    {"sum(x, dim: ints = [], keepdim: bool = false) -> y", reduced_type, nullptr, vjp_sum,
     "sum over the dimensions; over all where none is named", adds_up},
    {"mean(x, dim: ints = [], keepdim: bool = false) -> y", reduced_floating_type, expand_mean,
     nullptr, "sum divided by the number of elements", rounds_once},
    {"amax(x, dim: ints = [], keepdim: bool = false) -> y", extreme_type, nullptr, vjp_amax,
     "largest element", moves_freely},
    {"amin(x, dim: ints = [], keepdim: bool = false) -> y", extreme_type, nullptr, vjp_amax,
     "smallest element", moves_freely},
    {"max(x) -> y", whole_extreme_type, expand_max<true>, vjp_max, "largest element of all",
     moves_freely},
    {"min(x) -> y", whole_extreme_type, expand_max<false>, vjp_max, "smallest element of all",
     moves_freely},
    {"prod(x, dim: ints = [], keepdim: bool = false) -> y", reduced_type, nullptr, vjp_prod,
     "product", adds_up},
    {"any(x, dim: ints = [], keepdim: bool = false) -> y", truth_type, nullptr, no_gradient,
     "whether any holds", exact},
    {"all(x, dim: ints = [], keepdim: bool = false) -> y", truth_type, expand_all, nullptr,
     "whether all hold", exact},
    {"var(x, dim: ints = [], correction: float = 1.0, keepdim: bool = false) -> y",
     reduced_floating_type, expand_var, nullptr,
     "mean squared deviation, the divisor less by the correction", rounds_once},
    {"argmax(x, dim: int?, keepdim: bool = false) -> y", arg_type, nullptr, no_gradient,
     "position of the first largest; in the flat tensor where no dimension is named",
     finds_extreme},
    {"argmin(x, dim: int?, keepdim: bool = false) -> y", arg_type, nullptr, no_gradient,
     "position of the first smallest", finds_extreme},
    {"cumsum(x, dim: int) -> y", along_axis, nullptr, vjp_cumsum, "running sum",
     Traits{.terms = taken_along_axis}},
    {"cumprod(x, dim: int) -> y", along_axis, nullptr, vjp_cumprod, "running product",
     Traits{.terms = taken_along_axis}},
    {"logcumsumexp(x, dim: int) -> y", along_axis_floating, nullptr, vjp_logcumsumexp,
     "log of the running sum of exp(x)"},
    {"cummax(x, dim: int) -> (values, indices)", running_extreme_type, nullptr, vjp_running_extreme,
     "the largest so far, and where it stands last", finds_extreme},
    {"cummin(x, dim: int) -> (values, indices)", running_extreme_type, nullptr, vjp_running_extreme,
     "the smallest so far, and where it stands last", finds_extreme},
    {"softmax(x, dim: int) -> y", along_axis_floating, expand_softmax, vjp_softmax,
     "exp(x) / sum(exp(x))", rounds_once},
    {"log_softmax(x, dim: int) -> y", along_axis_floating, expand_log_softmax, vjp_log_softmax,
     "log(softmax(x))", rounds_once},
    {"logsumexp(x, dim: ints, keepdim: bool = false) -> y", reduced_floating_type, expand_logsumexp,
     vjp_logsumexp, "log(sum(exp(x)))"},
};

}  // namespace

std::span<const OpSchema> reduction_ops() { return reduction_table; }

}  // namespace isomer
