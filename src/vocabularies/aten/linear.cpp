#include "base/text.h"
#include "ops/attention.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Products of matrices, the layers that decomposed exports have spelled with them, and attention.

namespace isomer::aten {
namespace {

// -- layers ---------------------------------------------------------------------------------------

// w where `x` is the transpose of a matrix w; else none.
ValueId untransposed(const Builder& b, ValueId x) {
  if (b.rank(x) != 2) return ValueId::none;
  const Node* node = b.maker(x);
  if (node == nullptr || (node->op != "permute" && node->op != "transpose")) return ValueId::none;
  return node->inputs[0];
}

// Both operands of a product, which have so many axes.
std::pair<ValueId, ValueId> factors(Reading& r, std::string_view first, std::string_view second,
                                    std::int64_t rank) {
  const std::pair both(r.tensor(first), r.tensor(second));
  for (const ValueId x : {both.first, both.second}) {
    if (r.b.rank(x) != rank) r.fail(fmt::format("rank {} is needed; it is {}", rank, r.b.rank(x)));
  }
  return both;
}

ValueId product(Builder& b, ValueId x, ValueId y) {
  const ValueId weight = untransposed(b, y);
  if (weight != ValueId::none) return b.emit("linear", {x, weight, ValueId::none});
  return b.emit("matmul", {x, y});
}

template <std::int64_t rank>
Values mm(Reading& r) {
  const auto [x, y] = factors(r, "self", "mat2", rank);
  return {product(r.b, x, y)};
}

ValueId weighted(Builder& b, ValueId x, const Scalar& factor) {
  if (is_one(factor)) return x;
  return b.emit("mul", {x, as_type(b, Operand(factor), b.dtype(x))});
}

// beta * self + alpha * product; with beta 0 `self` is not even looked at.
ValueId scaled_sum(Reading& r, ValueId product) {
  const ValueId self = r.tensor("self");
  const Scalar beta = r.scalar("beta", Scalar(std::int64_t{1}));
  const ValueId right = weighted(r.b, product, r.scalar("alpha", Scalar(std::int64_t{1})));
  if (real_of(beta) != 0) return r.b.emit("add", {weighted(r.b, self, beta), right});
  return expanded(r.b, right, broadcast(r.b.shape(self), r.b.shape(right)));
}

Values added(Reading& r, ValueId x, ValueId y) {
  const ValueId self = r.tensor("self");
  const Scalar beta = r.scalar("beta", Scalar(std::int64_t{1}));
  const Scalar alpha = r.scalar("alpha", Scalar(std::int64_t{1}));
  const ValueId weight = untransposed(r.b, y);
  if (weight != ValueId::none && is_one(beta) && is_one(alpha) &&
      r.b.shape(self) == Shape{r.b.shape(weight)[0]}) {
    return {r.b.emit("linear", {x, weight, self})};
  }
  return {scaled_sum(r, product(r.b, x, y))};
}

Values addmm(Reading& r) {
  const auto [x, y] = factors(r, "mat1", "mat2", 2);
  return added(r, x, y);
}

Values baddbmm(Reading& r) {
  const auto [x, y] = factors(r, "batch1", "batch2", 3);
  return added(r, x, y);
}

// The products of a batch added up.
Values addbmm(Reading& r) {
  const auto [x, y] = factors(r, "batch1", "batch2", 3);
  const ValueId sum = r.b.emit("sum", {product(r.b, x, y)}, {{"dim", ints({0})}});
  return {scaled_sum(r, sum)};
}

// Vectors become matrices for the while.
ValueId matrix_product(Reading& r, ValueId x, ValueId y) {
  if (r.b.rank(x) == 0 || r.b.rank(y) == 0) r.fail("scalars have no matrix product");
  const bool row = r.b.rank(x) == 1;
  const bool column = r.b.rank(y) == 1;
  if (row) x = unsqueezed(r.b, x, 0);
  if (column) y = unsqueezed(r.b, y, 1);
  ValueId z = product(r.b, x, y);
  if (column) z = r.b.emit("squeeze", {z}, {{"dim", ints({r.b.rank(z) - 1})}});
  if (row) z = r.b.emit("squeeze", {z}, {{"dim", ints({r.b.rank(z) - (column ? 1 : 2)})}});
  return z;
}

Values matmul(Reading& r) { return {matrix_product(r, r.tensor("self"), r.tensor("other"))}; }
Values mv(Reading& r) { return {matrix_product(r, r.tensor("self"), r.tensor("vec"))}; }
Values dot(Reading& r) { return {matrix_product(r, r.tensor("self"), r.tensor("tensor"))}; }

Values outer(Reading& r) {
  const auto [x, y] = factors(r, "self", "vec2", 1);
  return {arithmetic(r.b, "mul", unsqueezed(r.b, x, 1), unsqueezed(r.b, y, 0))};
}

Values addmv(Reading& r) {
  return {scaled_sum(r, matrix_product(r, r.tensor("mat"), r.tensor("vec")))};
}

Values addr(Reading& r) {
  const auto [x, y] = factors(r, "vec1", "vec2", 1);
  return {scaled_sum(r, arithmetic(r.b, "mul", unsqueezed(r.b, x, 1), unsqueezed(r.b, y, 0)))};
}

// -- attention ------------------------------------------------------------------------------------

// Grouped queries: every head of keys and values serves as many heads of queries.
ValueId shared_heads(Reading& r, ValueId x, ValueId query) {
  const Shape old = r.b.shape(x);
  if (old.size() < 3 || r.b.rank(query) != r.b.rank(x))
    r.fail("grouped queries need an axis of heads");
  const std::size_t heads = old.size() - 3;
  const Dim wanted = r.b.shape(query)[heads];
  if (wanted == old[heads]) return x;
  if (old[heads] == Dim(0)) r.fail("there are no heads");
  const Dim times = floor_divide(wanted, old[heads]);
  if (times * old[heads] != wanted)
    r.fail("the heads of the queries are no multiple of those of the keys");
  Shape shape = old;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(heads) + 1, times);
  Shape merged = old;
  merged[heads] = wanted;
  const ValueId apart = unsqueezed(r.b, x, static_cast<std::int64_t>(heads) + 1);
  return reshaped(r.b, expanded(r.b, apart, std::move(shape)), std::move(merged));
}

// Dropout acts on the weights of attention, so with it attention is spelled out.
ValueId attention_with_dropout(Reading& r, const Values& inputs, const Attributes& settings,
                               double p) {
  const OpSchema& schema = op_named("scaled_dot_product_attention");
  const Attributes attributes = complete(schema, settings);
  std::vector<TensorType> types;
  for (const ValueId id : inputs)
    types.push_back(id == ValueId::none ? TensorType{} : r.b.type(id));
  const OpCall call{attributes, inputs, types};
  schema.infer(call);
  if (!call.given("scale") && !types[0].shape.back().known())
    r.refuse("the width of a head must be known");
  const ValueId weights = attention_weights(r.b, call);
  const ValueId thinned = r.b.emit("dropout", {weights}, {{"p", p}, {"training", true}});
  return r.b.emit("matmul", {thinned, inputs[2]});
}

Values attention(Reading& r) {
  const ValueId query = r.tensor("query");
  ValueId key = r.tensor("key");
  ValueId value = r.tensor("value");
  const ValueId mask = r.optional_tensor("attn_mask");
  const bool causal = r.flag("is_causal", false);
  const double p = r.real("dropout_p", 0.0);
  Attributes settings = {{"is_causal", causal}};
  if (r.given("scale")) settings.push_back({"scale", r.real("scale")});
  if (r.b.rank(query) < 2 || r.b.rank(key) < 2 || r.b.rank(value) < 2)
    r.fail("at least two axes are needed");
  if (r.flag("enable_gqa", false)) {
    key = shared_heads(r, key, query);
    value = shared_heads(r, value, query);
  }
  const Values inputs = {query, key, value, mask};
  if (p > 0) return {attention_with_dropout(r, inputs, settings, p)};
  return {r.b.emit("scaled_dot_product_attention", inputs, std::move(settings))};
}

constexpr Row linear_table[] = {
    {.targets = "linear", .ours = "linear", .inputs = "input weight bias"},
    {.targets = "mm", .read = mm<2>},
    {.targets = "bmm", .read = mm<3>},
    {.targets = "addmm", .read = addmm},
    {.targets = "baddbmm", .read = baddbmm},
    {.targets = "addbmm", .read = addbmm},
    {.targets = "addmv", .read = addmv},
    {.targets = "addr", .read = addr},
    {.targets = "matmul linalg_matmul", .ours = "matmul", .read = matmul},
    {.targets = "mv", .read = mv},
    {.targets = "dot", .read = dot},
    {.targets = "vdot", .read = matmul},
    {.targets = "outer ger", .read = outer},
    {.targets = "scaled_dot_product_attention",
     .ours = "scaled_dot_product_attention",
     .inputs = "query key value attn_mask",
     .python = "F.scaled_dot_product_attention",
     .read = attention},
};

}  // namespace

std::span<const Row> linear_rows() { return linear_table; }

}  // namespace isomer::aten
