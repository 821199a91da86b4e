#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

namespace isomer::numpy {
namespace {

/// A reduction along the axes of an argument; `more` are its attributes beside `dim`.
ValueId reduced(const Call& c, std::string_view op, ValueId x, std::size_t keepdims,
                Attributes more = {}, std::size_t along = 1) {
  std::vector<std::int64_t> axes = c.axes(along, c.b().rank(x));
  // An empty tuple names none, where ours would take all.
  if (c.has(along) && axes.empty()) return x;
  Attributes attributes{{"dim", std::move(axes)}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  attributes.push_back({"keepdim", c.flag(keepdims)});
  return c.emit(op, {x}, std::move(attributes));
}

Value sum(const Call& c) { return c.result(reduced(c, "sum", c.summed_tensor(0), 2)); }
Value prod(const Call& c) { return c.result(reduced(c, "prod", c.summed_tensor(0), 2)); }
Value mean(const Call& c) { return c.result(reduced(c, "mean", c.real_tensor(0), 2)); }

Value any_true(const Call& c) {
  return c.result(reduced(c, "any", c.tensor(0, DType::boolean), 2));
}
Value all_true(const Call& c) {
  return c.result(reduced(c, "all", c.tensor(0, DType::boolean), 2));
}

Value extreme(const Call& c, std::string_view op, std::string_view of_truths) {
  const ValueId x = c.tensor(0);
  return c.result(reduced(c, c.b().dtype(x) == DType::boolean ? of_truths : op, x, 2));
}
Value amax(const Call& c) { return extreme(c, "amax", "any"); }
Value amin(const Call& c) { return extreme(c, "amin", "all"); }

// x axis ddof keepdims
ValueId variance(const Call& c) {
  const ValueId x = c.real_tensor(0);
  if (c.has(1) && c.axes(1, c.b().rank(x)).empty())
    return c.emit("sub", {x, x});  // each element by itself
  return reduced(c, "var", x, 3, {{"correction", c.real(2, 0)}});
}
Value var(const Call& c) { return c.result(variance(c)); }
Value std_of(const Call& c) { return c.result(c.emit("sqrt", {variance(c)})); }

Value norm(const Call& c) {
  if (c.has(1)) refuse("numpy.linalg.norm is read without 'ord': the root of the sum of squares");
  const ValueId x = c.real_tensor(0);
  return c.result(c.emit("sqrt", {reduced(c, "sum", c.emit("mul", {x, x}), 3, {}, 2)}));
}

Value place(const Call& c, std::string_view op) {
  const ValueId x = c.number_tensor(0);
  Attributes attributes;
  if (c.has(1)) attributes.push_back({"dim", c.axis(1, c.b().rank(x))});
  attributes.push_back({"keepdim", c.flag(2)});
  return c.result(c.emit(op, {x}, std::move(attributes)));
}
Value place_of_greatest(const Call& c) { return place(c, "argmax"); }
Value place_of_least(const Call& c) { return place(c, "argmin"); }

/// What runs along the axis of argument 1, or along all elements where it names none.
std::pair<ValueId, std::int64_t> running(const Call& c) {
  const ValueId x = c.summed_tensor(0);
  if (!c.has(1)) return {flattened(c.b(), x), 0};
  return {x, c.axis(1, c.b().rank(x))};
}

Value cumsum(const Call& c) {
  const auto [x, axis] = running(c);
  return c.result(c.emit("cumsum", {x}, {{"dim", axis}}));
}

// Products of 1, 2, 4, ... neighbours: a product has no operator that runs.
Value cumprod(const Call& c) {
  auto [x, axis] = running(c);
  const Dim length = c.b().shape(x)[static_cast<std::size_t>(axis)];
  if (!length.known()) {
    throw Error(Fault::unsupported, "",
                fmt::format("a running product along an axis of length {}, which is not known",
                            to_text(length)));
  }
  for (std::int64_t reach = 1; reach < length.value(); reach *= 2) {
    const auto part = [&, &x = x, &axis = axis](std::int64_t start, std::int64_t end) {
      return c.emit("slice", {x}, {{"dim", axis}, {"start", Dim(start)}, {"end", Dim(end)}});
    };
    const std::int64_t end = length.value();
    const ValueId grown = c.emit("mul", {part(reach, end), part(0, end - reach)});
    x = c.emit("cat", {part(0, reach), grown}, {{"dim", axis}});
  }
  return c.result(x);
}

// --- products

/// Both operands in the type in which they are multiplied: truths are counted.
struct Contraction {
  const Call& c;
  ValueId x = c.tensor(0);
  ValueId y = c.tensor(1);
  DType dtype = common_type(c.b().dtype(x), c.b().dtype(y), c.float64());

  explicit Contraction(const Call& call) : c(call) {
    const DType working = dtype == DType::boolean ? DType::i64 : dtype;
    x = c.cast(x, working);
    y = c.cast(y, working);
  }
  Value result(ValueId product, bool scalars = true) const {
    return c.result(c.cast(product, dtype), scalars);
  }
};

Value matmul(const Call& c) {
  const Contraction f(c);
  return f.result(matrix_product(c.b(), f.x, f.y));
}

/// `x` with some axes as rows or columns and all others as the rest.
ValueId as_matrix(Emitter& b, ValueId x, std::vector<std::int64_t> axes, bool as_columns,
                  Shape& kept) {
  std::vector<std::int64_t> order;
  Dim inner = 1;
  for (std::int64_t& axis : axes) {
    axis = axis_from_front(axis, b.rank(x));
    inner = inner * b.shape(x)[static_cast<std::size_t>(axis)];
  }
  Dim outer = 1;
  for (std::int64_t i = 0; i < b.rank(x); ++i) {
    if (std::ranges::find(axes, i) != axes.end()) continue;
    order.push_back(i);
    kept.push_back(b.shape(x)[static_cast<std::size_t>(i)]);
    outer = outer * kept.back();
  }
  order.insert(as_columns ? order.end() : order.begin(), axes.begin(), axes.end());
  return reshape_to(b, permuted(b, x, std::move(order)),
                    as_columns ? Shape{outer, inner} : Shape{inner, outer});
}

Value contracted(const Contraction& f, std::vector<std::int64_t> left,
                 std::vector<std::int64_t> right) {
  Emitter& b = f.c.b();
  Shape kept;
  Shape kept_right;
  const ValueId rows = as_matrix(b, f.x, std::move(left), true, kept);
  const ValueId columns = as_matrix(b, f.y, std::move(right), false, kept_right);
  kept.insert(kept.end(), kept_right.begin(), kept_right.end());
  return f.result(reshape_to(b, b.emit("matmul", {rows, columns}), std::move(kept)), false);
}

// Of a matrix or a stack of them the last axis but one is taken.
Value dot(const Call& c) {
  const Contraction f(c);
  const std::int64_t rank_x = c.b().rank(f.x);
  const std::int64_t rank_y = c.b().rank(f.y);
  if (rank_x == 0 || rank_y == 0) return f.result(c.emit("mul", {f.x, f.y}));
  if (rank_y == 1 || (rank_x <= 2 && rank_y == 2)) return f.result(matrix_product(c.b(), f.x, f.y));
  return contracted(f, {-1}, {-2});
}

// Two arrays; `axes` is a number of trailing and leading axes, or a pair of axes.
Value tensordot(const Call& c) {
  std::vector<std::int64_t> left;
  std::vector<std::int64_t> right;
  const auto* both = c.has(2) ? items_of(c[2]) : nullptr;
  if (both == nullptr) {
    const std::int64_t count = c.integer(2, 2);
    if (count < 0) refuse(fmt::format("tensordot over {} axes", count));
    bound_axes(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      left.push_back(i - count);
      right.push_back(i);
    }
  } else {
    if (both->size() != 2) refuse("tensordot needs a pair of axes");
    left = Call(c.function, {&(*both)[0]}, c.runtime).integers(0);
    right = Call(c.function, {&(*both)[1]}, c.runtime).integers(0);
  }
  return contracted(Contraction(c), std::move(left), std::move(right));
}

constexpr Function reduction_table[] = {
    {"numpy.sum .sum", "x axis? keepdims?", sum},
    {"numpy.prod .prod", "x axis? keepdims?", prod},
    {"numpy.max numpy.amax .max", "x axis? keepdims?", amax},
    {"numpy.min numpy.amin .min", "x axis? keepdims?", amin},
    {"numpy.mean .mean", "x axis? keepdims?", mean},
    {"numpy.var .var", "x axis? ddof? keepdims?", var},
    {"numpy.std .std", "x axis? ddof? keepdims?", std_of},
    {"numpy.any .any", "x axis? keepdims?", any_true},
    {"numpy.all .all", "x axis? keepdims?", all_true},
    {"numpy.argmax .argmax", "x axis? keepdims?", place_of_greatest},
    {"numpy.argmin .argmin", "x axis? keepdims?", place_of_least},
    {"numpy.cumsum .cumsum", "x axis?", cumsum},
    {"numpy.cumprod .cumprod", "x axis?", cumprod},
    {"numpy.linalg.norm", "x ord? axis? keepdims?", norm},
    {"numpy.matmul", "x y", matmul},
    {"numpy.dot .dot", "x y", dot},
    {"numpy.tensordot", "x y axes?", tensordot},
};

}  // namespace

std::span<const Function> reduction_functions() { return reduction_table; }

}  // namespace isomer::numpy
