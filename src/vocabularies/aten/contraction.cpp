#include <algorithm>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"
#include "vocabularies/composites.h"
#include "vocabularies/contraction.h"

// Sums of products along axes.

namespace isomer::aten {
namespace {

Values einsum(Reading& r) {
  return {isomer::einsum(r.b, r.text("equation"), r.all_tensors("tensors"),
                         r.integers("path", std::vector<std::int64_t>{}))};
}

Values tensordot(Reading& r) {
  return {paired_product(r.b, r.tensor("self"), r.tensor("other"), r.integers("dims_self"),
                         r.integers("dims_other"))};
}

Values inner(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId y = r.tensor("other");
  if (r.b.rank(x) == 0 || r.b.rank(y) == 0) return {arithmetic(r.b, "mul", x, y)};
  return {paired_product(r.b, x, y, {-1}, {-1})};
}

Values vecdot(Reading& r) {
  const ValueId product = arithmetic(r.b, "mul", r.tensor("x"), r.tensor("y"));
  const std::int64_t axis = r.axis("dim", r.b.rank(product), -1);
  return {r.b.emit("sum", {product}, {{"dim", ints({axis})}})};
}

// y[o] = x1 W[o] x2 + bias[o]
Values bilinear(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("input1");
  const ValueId y = r.tensor("input2");
  const ValueId weight = r.tensor("weight");
  const Shape shape = b.shape(weight);
  if (shape.size() != 3 || b.rank(x) < 1 || b.rank(x) != b.rank(y))
    r.fail("two inputs of one rank and a weight of rank 3 are needed");
  const ValueId flat = reshaped(b, permuted(b, weight, {1, 0, 2}), {shape[1], shape[0] * shape[2]});
  const Dim count = count_elements(b.shape(x)) == Dim(0) && shape[1] == Dim(0)
                        ? Dim(0)
                        : floor_divide(count_elements(b.shape(x)), shape[1]);
  const ValueId left = b.emit("matmul", {reshaped(b, x, {count, shape[1]}), flat});
  const ValueId product = b.emit("matmul", {reshaped(b, left, {count, shape[0], shape[2]}),
                                            reshaped(b, y, {count, shape[2], Dim(1)})});
  Shape to = b.shape(x);
  to.back() = shape[0];
  const ValueId z = reshaped(b, product, std::move(to));
  const ValueId bias = r.optional_tensor("bias");
  return {bias == ValueId::none ? z : b.emit("add", {z, bias})};
}

// The sum of three factors, each of which gets axes of length 1 where it has none.
Values trilinear(Reading& r) {
  Builder& b = r.b;
  const auto widened = [&](std::string_view name, std::string_view axes) {
    return with_new_axes(b, r.tensor(name), r.integers(axes));
  };
  const ValueId left = b.emit("mul", {widened("i1", "expand1"), widened("i2", "expand2")});
  const ValueId product = b.emit("mul", {left, widened("i3", "expand3")});
  r.ignore({"unroll_dim"});
  return {b.emit("sum", {product}, {{"dim", ints(r.integers("sumdim"))}})};
}

Values chain(Reading& r) {
  const Values factors = r.all_tensors(r.given("matrices") ? "matrices" : "tensors");
  if (factors.empty()) r.fail("there is nothing to multiply");
  ValueId product = factors[0];
  for (std::size_t i = 1; i < factors.size(); ++i)
    product = matrix_product(r.b, product, factors[i]);
  return {product};
}

// Every element of the one times the whole other.
Values kron(Reading& r) {
  Builder& b = r.b;
  const auto rank = std::max(b.rank(r.tensor("self")), b.rank(r.tensor("other")));
  const auto spread = [&](std::string_view name, std::size_t own) {
    Shape shape = b.shape(r.tensor(name));
    shape.insert(shape.begin(), static_cast<std::size_t>(rank) - shape.size(), Dim(1));
    Shape apart;
    for (const Dim& length : shape) {
      apart.push_back(own == 0 ? length : Dim(1));
      apart.push_back(own == 0 ? Dim(1) : length);
    }
    return std::pair(reshaped(b, r.tensor(name), std::move(apart)), shape);
  };
  const auto [x, rows] = spread("self", 0);
  const auto [y, columns] = spread("other", 1);
  Shape shape;
  for (std::size_t i = 0; i < rows.size(); ++i) shape.push_back(rows[i] * columns[i]);
  return {reshaped(b, arithmetic(b, "mul", x, y), std::move(shape))};
}

constexpr Row contraction_table[] = {
    {.targets = "einsum", .inputs = "tensors", .read = einsum},
    {.targets = "tensordot", .read = tensordot},
    {.targets = "inner", .read = inner},
    {.targets = "linalg_vecdot", .inputs = "x y", .read = vecdot},
    {.targets = "bilinear", .inputs = "input1", .read = bilinear},
    {.targets = "_trilinear", .inputs = "i1", .read = trilinear},
    {.targets = "chain_matmul linalg_multi_dot", .inputs = "tensors", .read = chain},
    {.targets = "kron", .read = kron},
};

}  // namespace

std::span<const Row> contraction_rows() { return contraction_table; }

}  // namespace isomer::aten
