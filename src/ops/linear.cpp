#include <numeric>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

std::vector<TensorType> matmul_type(const OpCall& call) {
  require_same_dtype(call);
  numeric_type(call);
  const Shape& x = call.types[0].shape;
  const Shape& y = call.types[1].shape;
  if (x.size() < 2 || y.size() < 2) {
    refuse(fmt::format("the operands are {} and {}; both should have two dimensions or more",
                       to_text(x), to_text(y)));
  }
  if (x[x.size() - 1] != y[y.size() - 2]) {
    refuse(fmt::format("{} and {} do not multiply: the first has {} columns, the second {} rows",
                       to_text(x), to_text(y), to_text(x[x.size() - 1]), to_text(y[y.size() - 2])));
  }
  Shape shape = broadcast(Shape(x.begin(), x.end() - 2), Shape(y.begin(), y.end() - 2));
  shape.push_back(x[x.size() - 2]);
  shape.push_back(y[y.size() - 1]);
  return {{call.types[0].dtype, shape}};
}

std::vector<TensorType> linear_type(const OpCall& call) {
  require_same_dtype(call);
  numeric_type(call);
  const Shape& x = call.types[0].shape;
  const Shape& weight = call.types[1].shape;
  if (weight.size() != 2)
    refuse(fmt::format("the weight is {}; it should be [outputs, inputs]", to_text(weight)));
  if (x.empty() || x.back() != weight[1]) {
    refuse(
        fmt::format("the input is {} and the weight {}; the last length of the input should be {}",
                    to_text(x), to_text(weight), to_text(weight[1])));
  }
  if (call.has(2) && call.types[2].shape != Shape{weight[0]}) {
    refuse(fmt::format("the bias is {}; it should be [{}]", to_text(call.types[2].shape),
                       to_text(weight[0])));
  }
  Shape shape = x;
  shape.back() = weight[0];
  return {{call.types[0].dtype, shape}};
}

ValueId transposed(Emitter& b, ValueId x) {
  return b.emit("transpose", {x}, {{"dim0", std::int64_t{-2}}, {"dim1", std::int64_t{-1}}});
}

/// All dimensions but the last made one.
ValueId as_rows(Emitter& b, ValueId x) {
  const Shape shape = b.shape(x);
  return reshape_to(b, x, {count_elements(Shape(shape.begin(), shape.end() - 1)), shape.back()});
}

Values vjp_matmul(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId x = b.emit("matmul", {c.values[0], transposed(b, call.inputs[1])});
  const ValueId y = b.emit("matmul", {transposed(b, call.inputs[0]), c.values[0]});
  return {sum_to(b, x, call.types[0].shape), sum_to(b, y, call.types[1].shape)};
}

Values expand_linear(Emitter& b, const OpCall& call) {
  const ValueId product =
      b.emit("matmul", {as_rows(b, call.inputs[0]), transposed(b, call.inputs[1])});
  const ValueId y = call.has(2) ? b.emit("add", {product, call.inputs[2]}) : product;
  return {reshape_to(b, y, linear_type(call)[0].shape)};
}

Values vjp_linear(Emitter& b, const OpCall& call, const Cotangents& c) {
  const ValueId g = as_rows(b, c.values[0]);
  const ValueId x = reshape_to(b, b.emit("matmul", {g, call.inputs[1]}), call.types[0].shape);
  const ValueId weight = b.emit("matmul", {transposed(b, g), as_rows(b, call.inputs[0])});
  if (!call.has(2)) return {x, weight, ValueId::none};
  return {x, weight, b.emit("sum", {g}, {{"dim", std::vector<std::int64_t>{0}}})};
}

Dim products(const OpCall& call) { return call.types[0].shape.back(); }

constexpr Traits adds_products{.terms = products};

constexpr OpSchema rows[] = {
    {"matmul(x, y) -> z", matmul_type, nullptr, vjp_matmul,
     "matrix product of the last two dimensions", adds_products},
    {"linear(x, weight, bias?) -> y", linear_type, expand_linear, vjp_linear, "x @ weight.T + bias",
     adds_products},
};

}  // namespace

std::span<const OpSchema> linear_ops() { return rows; }

}  // namespace isomer
