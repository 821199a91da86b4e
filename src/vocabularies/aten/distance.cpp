#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Distances, and likeness.

namespace isomer::aten {
namespace {

// Of the last axis.
ValueId length_of(Builder& b, ValueId x, double p, bool keepdim) {
  return norm_of(b, x, p, {{"dim", ints({-1})}, {"keepdim", keepdim}});
}

double power(Reading& r, double fallback) {
  const double p = r.real("p", fallback);
  if (!(p >= 0)) r.fail("p is negative");
  return p;
}

/// The distances between rows, of their differences along the last axis: norms but for ties, which
/// all get the whole cotangent, and for NaN (ATen/native/cpu/DistanceOpsKernel.cpp).
ValueId row_distance(Builder& b, ValueId differences, double p) {
  if (!std::isinf(p) && p != 0) return length_of(b, differences, p, false);
  const ValueId undefined = b.emit("isnan", {differences});
  const ValueId zero = b.literal(b.dtype(differences), 0.0);
  const Attributes last = {{"dim", ints({-1})}};
  if (p == 0) {
    const ValueId differs = b.emit("ne", {differences, zero});
    const ValueId counts = as_type(b, differs, b.dtype(differences));
    return b.emit("sum", {b.emit("where", {undefined, b.emit("detach", {differences}), counts})},
                  last);
  }
  const ValueId size = b.emit("abs", {b.emit("where", {undefined, zero, differences})});
  const ValueId fixed = b.emit("detach", {size});
  const ValueId largest = b.emit("amax", {fixed}, {{"dim", ints({-1})}, {"keepdim", true}});
  // What the largest ones lack to themselves is 0, and has their slopes.
  const ValueId ties =
      b.emit("logical_and", {b.emit("eq", {fixed, largest}), b.emit("isfinite", {fixed})});
  const ValueId slopes = b.emit("where", {ties, b.emit("sub", {size, fixed}), zero});
  return b.emit("add",
                {squeezed(b, largest, {b.rank(largest) - 1}), b.emit("sum", {slopes}, last)});
}

// Every row of the one from every row of the other.
Values cdist(Reading& r) {
  Builder& b = r.b;
  r.ignore({"compute_mode"});
  const ValueId x = r.tensor("x1");
  const ValueId y = r.tensor("x2");
  if (b.rank(x) < 2 || b.rank(y) < 2) r.fail("rows are needed");
  if (b.shape(x).back() == Dim(0)) r.refuse("rows without elements");
  const ValueId differences =
      arithmetic(b, "sub", unsqueezed(b, x, b.rank(x) - 1), unsqueezed(b, y, b.rank(y) - 2));
  return {row_distance(b, differences, power(r, 2.0))};
}

// Every row from every later one.
Values pdist(Reading& r) {
  Builder& b = r.b;
  const ValueId x = r.tensor("self");
  if (b.rank(x) != 2 || !b.shape(x)[0].known()) r.refuse("a known number of rows is needed");
  constexpr std::int64_t most = 4096;
  const std::int64_t rows = b.shape(x)[0].value();
  if (rows > most) r.refuse(fmt::format("at most {} rows", most));
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = i + 1; k < rows; ++k) {
      first.push_back(i);
      second.push_back(k);
    }
  }
  const auto picked = [&](const std::vector<std::int64_t>& places) {
    const auto count = static_cast<std::int64_t>(places.size());
    return b.emit("index_select",
                  {x, b.constant(Tensor::from_integers(DType::i64, {count}, places))});
  };
  return {row_distance(b, b.emit("sub", {picked(first), picked(second)}), power(r, 2.0))};
}

Values dist(Reading& r) {
  const ValueId difference = arithmetic(r.b, "sub", r.tensor("self"), r.tensor("other"));
  const ValueId flat = reshaped(r.b, difference, {count_elements(r.b.shape(difference))});
  return {length_of(r.b, flat, real_of(r.scalar("p", Scalar(2.0))), false)};
}

// eps is added to what is still signed.
ValueId distance(Builder& b, ValueId x, ValueId y, double p, double eps, bool keepdim) {
  const ValueId whole = arithmetic(b, "sub", x, y);
  const ValueId difference = as_type(b, whole, floating(b.dtype(whole)));
  const ValueId moved = b.emit("add", {difference, b.literal(b.dtype(difference), eps)});
  return length_of(b, moved, p, keepdim);
}

Values pairwise_distance(Reading& r) {
  return {distance(r.b, r.tensor("x1"), r.tensor("x2"), power(r, 2.0), r.real("eps", 1e-6),
                   r.flag("keepdim", false))};
}

// at::cosine_similarity: each is broadcast, then divided by its norm, which is at least eps.
Values cosine_similarity(Reading& r) {
  Builder& b = r.b;
  const auto [x, y] = promote(b, r.tensor("x1"), r.tensor("x2"));
  const double eps = r.real("eps", 1e-8);
  const DType dtype = floating(b.dtype(x));
  const Shape shape = broadcast(b.shape(x), b.shape(y));
  if (shape.empty()) r.fail("scalars have no axis");
  const std::int64_t axis = r.axis("dim", static_cast<std::int64_t>(shape.size()), 1);
  const auto scaled = [&](ValueId z) {
    z = expanded(b, as_type(b, z, dtype), shape);
    const ValueId squares =
        b.emit("sum", {b.emit("mul", {z, z})}, {{"dim", ints({axis})}, {"keepdim", true}});
    const ValueId norm = b.emit("clamp", {flat_root(b, squares)}, {{"min", eps}});
    return b.emit("div", {z, norm});
  };
  const ValueId product = b.emit("mul", {scaled(x), scaled(y)});
  return {b.emit("sum", {product}, {{"dim", ints({axis})}})};
}

// -- losses of distances --------------------------------------------------------------------------

Values triplet_margin_loss(Reading& r) {
  Builder& b = r.b;
  const double p = r.real("p", 2.0);
  const double eps = r.real("eps", 1e-6);
  const ValueId positive = r.tensor("positive");
  const ValueId negative = r.tensor("negative");
  const ValueId near = distance(b, r.tensor("anchor"), positive, p, eps, false);
  ValueId far = distance(b, r.tensor("anchor"), negative, p, eps, false);
  if (r.flag("swap", false))
    far = b.emit("minimum", {far, distance(b, positive, negative, p, eps, false)});
  const ValueId margin = b.literal(b.dtype(near), r.real("margin", 1.0));
  const ValueId gap = b.emit("sub", {b.emit("add", {near, margin}), far});
  return {reduced(r, above_zero(b, gap))};
}

// 1 - cos for what belongs together (1), else max(0, cos - margin).
Values cosine_embedding_loss(Reading& r) {
  constexpr double eps = 1e-12;  // EPSILON of ATen/native/Loss.cpp
  Builder& b = r.b;
  const auto real = [&](ValueId z) { return as_type(b, z, floating(b.dtype(z))); };
  const ValueId x = real(r.tensor("input1"));
  const ValueId y = real(r.tensor("input2"));
  const ValueId target = r.tensor("target");
  const DType dtype = b.dtype(x);
  const auto along = [&](ValueId u, ValueId v) {
    return b.emit("sum", {arithmetic(b, "mul", u, v)}, {{"dim", ints({b.rank(target)})}});
  };
  const auto size = [&](ValueId u) { return b.emit("add", {along(u, u), b.literal(dtype, eps)}); };
  const ValueId scale = b.emit("sqrt", {b.emit("mul", {size(x), size(y)})});
  const ValueId cosine = b.emit("div", {along(x, y), scale});
  const ValueId zero = b.literal(dtype, 0.0);
  const auto is = [&](std::int64_t sign) {
    return b.emit("eq", {target, as_type(b, Operand(Scalar(sign)), b.dtype(target))});
  };
  const ValueId together = b.emit("sub", {b.literal(dtype, 1.0), cosine});
  const ValueId apart =
      above_zero(b, b.emit("sub", {cosine, b.literal(dtype, r.real("margin", 0.0))}));
  const ValueId loss = b.emit("where", {is(1), together, b.emit("where", {is(-1), apart, zero})});
  return {reduced(r, loss)};
}

constexpr Row distance_table[] = {
    {.targets = "cdist _cdist_forward _euclidean_dist", .inputs = "x1", .read = cdist},
    {.targets = "pdist _pdist_forward", .read = pdist},
    {.targets = "dist", .read = dist},
    {.targets = "pairwise_distance", .inputs = "x1", .read = pairwise_distance},
    {.targets = "cosine_similarity", .inputs = "x1", .read = cosine_similarity},
    {.targets = "triplet_margin_loss", .inputs = "anchor", .read = triplet_margin_loss},
    {.targets = "cosine_embedding_loss", .inputs = "input1", .read = cosine_embedding_loss},
};

}  // namespace

std::span<const Row> distance_rows() { return distance_table; }

}  // namespace isomer::aten
