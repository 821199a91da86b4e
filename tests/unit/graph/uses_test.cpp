#include "graph/uses.h"

#include <gtest/gtest.h>

#include "ops/builder.h"

namespace isomer {
namespace {

TEST(Uses, KnowsMakersAndUsersWhileTheGraphGrows) {
  Builder b("growing");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId two = b.literal(DType::f32, 2.0);
  const ValueId state = b.state("s", Tensor::zeros(DType::f32, {2}));
  EXPECT_EQ(b.maker(x), nullptr);
  const ValueId y = b.emit("mul", {x, two});
  const ValueId z = b.emit("add", {y, y});
  b.keep(state, z);
  EXPECT_EQ(b.maker(y)->op, "mul");
  EXPECT_EQ(b.constant_of(two)->data.doubles()[0], 2.0);
  EXPECT_EQ(b.constant_of(y), nullptr);
  EXPECT_EQ(b.constant_of(ValueId::none), nullptr);

  const Graph graph = std::move(b).finish({z});
  const Uses uses(graph);
  EXPECT_EQ(uses.maker(z), 1U);
  EXPECT_EQ(uses.maker(two), Uses::nobody);
  EXPECT_EQ(uses.users(y).size(), 2U) << "one for each operand";
  EXPECT_TRUE(uses.users(z).empty());
  EXPECT_EQ(uses.state(graph, state)->next, z);
}

}  // namespace
}  // namespace isomer
