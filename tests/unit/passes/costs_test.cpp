#include "passes/costs.h"

#include <gtest/gtest.h>

#include "ops/text.h"

namespace isomer {
namespace {

constexpr std::string_view model = R"(isomer 1
graph g(x: f32[n, 4]) -> (y)
  length n: 2..8
  weight w: f32[3, 4] "inner.fc.weight" = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
  h = linear(x, w, none)  @inner.fc
  r = relu(h)  @inner
  y = reshape(r, shape=[3*n])
)";

// By hand: 2 * 4 for each of n * 3 products, n * 3 for relu; a reshape is a view.
TEST(Costs, CountModuleByModule) {
  const Graph graph = parse_graph(model);
  const Lengths lengths = sample_lengths(graph, {});
  EXPECT_EQ(lengths.at("n"), 2);
  const std::vector<ModuleCost> costs = costs_of(graph, lengths);
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_EQ(costs[0].path, "inner.fc");
  EXPECT_EQ(costs[0].family, "linear");
  EXPECT_EQ(costs[0].cost.flops, 2 * 3 * 2 * 4);
  EXPECT_EQ(costs[0].cost.bytes, 4 * (2 * 4 + 3 * 4 + 2 * 3));
  EXPECT_EQ(costs[0].cost.parameters, 12);
  EXPECT_EQ(costs[1].path, "inner");
  EXPECT_EQ(costs[1].cost.flops, 2 * 3);
  EXPECT_EQ(costs[2].cost.flops, 0);
  EXPECT_EQ(costs[2].cost.bytes, 0);
  EXPECT_EQ(costs_of(graph, sample_lengths(graph, {{"n", 8}}))[0].cost.flops, 8 * 3 * 2 * 4);
}

// By hand: two multiplications of 4 elements against one; bytes of 2 * 3 tensors against 2.
TEST(Costs, OfABranchCountTheDearerSide) {
  const Graph graph = parse_graph(R"(isomer 1
graph g(x: f32[4], flag: bool[]) -> (y)
  y = if(flag, x)
    then(a: f32[4]) -> (b) {
      b = sin(a)
    }
    else(a: f32[4]) -> (c) {
      b = mul(a, a)
      c = mul(b, a)
    }
)");
  const std::vector<ModuleCost> costs = costs_of(graph, {});
  ASSERT_EQ(costs.size(), 1U);
  EXPECT_EQ(costs[0].cost.operators, 2U);
  EXPECT_EQ(costs[0].cost.flops, 2 * 4);
  EXPECT_EQ(costs[0].cost.bytes, 4 * 2 * 3 * 4);
}

}  // namespace
}  // namespace isomer
