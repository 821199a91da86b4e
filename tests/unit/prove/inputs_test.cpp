#include "prove/inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/text.h"
#include "prove/wanted.h"

namespace isomer {
namespace {

Graph graph_of(std::string_view text) { return parse_graph(text); }

std::vector<InputSet> inputs_of(const Graph& graph) { return make_inputs(plan_for(graph), 0); }

TEST(Inputs, StayInsideTheTableThatTheyIndex) {
  const Graph graph = graph_of(R"(graph g(t: i64[2, 3]) -> (y)
  weight w: f32[3, 2] "w" = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
  r = reshape(t, shape=[6])
  y = embedding(w, r)
)");
  EXPECT_EQ(wanted_of(graph, {})[0].allowed, Intervals(0, 2));
  for (const InputSet& set : inputs_of(graph)) {
    for (const std::int64_t value : set.calls[0][0].integers()) {
      EXPECT_GE(value, 0) << set.label;
      EXPECT_LE(value, 2) << set.label;
    }
  }
}

TEST(Inputs, FollowNamedLengthsWithinTheirRange) {
  const Graph graph = graph_of("graph g(x: f32[n, 2]) -> (y)\n  length n: 2..3\n  y = relu(x)\n");
  for (const InputSet& set : inputs_of(graph)) {
    EXPECT_GE(set.calls[0][0].shape()[0], 2) << set.label;
    EXPECT_LE(set.calls[0][0].shape()[0], 3) << set.label;
  }
}

TEST(Inputs, HaveEdges) {
  const Graph graph = graph_of("graph g(x: f32[64]) -> (y)\n  y = relu(x)\n");
  const auto sets = inputs_of(graph);
  const auto values = [&](std::string_view label) {
    const auto found = std::ranges::find(sets, label, &InputSet::label);
    EXPECT_NE(found, sets.end()) << label;
    return found == sets.end() ? std::vector<double>{} : found->calls[0][0].doubles();
  };
  EXPECT_TRUE(std::ranges::all_of(values("zeros"), [](double v) { return v == 0; }));
  EXPECT_TRUE(std::ranges::all_of(values("negative"), [](double v) { return v < 0; }));
  EXPECT_TRUE(std::ranges::all_of(values("tiny"), [](double v) { return std::abs(v) < 0x1p-126; }));
  EXPECT_TRUE(std::ranges::any_of(values("not finite"), [](double v) { return std::isnan(v); }));
  EXPECT_TRUE(std::ranges::any_of(values("infinite"), [](double v) { return std::isinf(v); }));
}

TEST(Inputs, StayInTheRangesThatTheUserGives) {
  const Graph graph = graph_of("graph g(ids: i64[n], x: f32[n]) -> (y)\n  y = where(true, x, x)\n");
  InputPlan plan = plan_for(graph);
  plan.ranges = {{"ids", {100, 30000}}, {"x", {0.5, 2}}};
  for (const InputSet& set : make_inputs(plan, 0)) {
    const std::vector<std::int64_t> ids = set.calls[0][0].integers();
    const std::vector<double> x = set.calls[0][1].doubles();
    EXPECT_TRUE(std::ranges::all_of(ids, [](auto id) { return 100 <= id && id <= 30000; }));
    EXPECT_TRUE(std::ranges::all_of(x, [](double v) { return 0.5 <= v && v <= 2; })) << set.label;
  }
}

TEST(Inputs, OfAModelWithStatesAreThreeCallsFromSeveralStates) {
  const Graph graph = graph_of(R"(graph g(x: f32[2]) -> (y)
  state a: f32[2] "a" = [0.0, 0.0] -> b
  state n: i64[] "n" = 0 -> m
  m = add(n, 1)
  b = add(a, x)
  y = mul(b, 2.0)
)");
  const auto sets = inputs_of(graph);
  EXPECT_TRUE(std::ranges::all_of(sets, [](const InputSet& set) { return set.calls.size() >= 3; }));
  EXPECT_GE(std::ranges::count_if(sets, [](const InputSet& set) { return set.states.size() == 2; }),
            2);
  InputPlan few = plan_for(graph);
  few.few_sets = true;
  EXPECT_LE(make_inputs(few, 0).size(), 6);
}

TEST(Inputs, DifferBySeedOnly) {
  const Graph graph = graph_of("graph g(x: f32[4]) -> (y)\n  y = relu(x)\n");
  const InputPlan plan = plan_for(graph);
  EXPECT_EQ(make_inputs(plan, 3)[0].calls[0][0], make_inputs(plan, 3)[0].calls[0][0]);
  EXPECT_FALSE(make_inputs(plan, 3)[0].calls[0][0] == make_inputs(plan, 4)[0].calls[0][0]);
}

}  // namespace
}  // namespace isomer
