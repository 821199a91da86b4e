#include "prove/weights.h"

#include <gtest/gtest.h>

namespace isomer {
namespace {

TEST(WeightIndex, FindsTheFirstUnderTheNameOrOneThatIsTiedToIt) {
  const Aliases aliases = {{"in.weight", "out.weight"}, {"out.weight", "extra"}};
  const Port ports[] = {{"a", {}}, {"extra", {}}, {"in.weight", {}}, {"a", {}}};
  const WeightIndex index(ports, aliases);
  EXPECT_EQ(index.find("a"), 0);
  EXPECT_EQ(index.find("in.weight"), 2);
  // Of two groups, whichever stands first.
  EXPECT_EQ(index.find("out.weight"), 1);
  EXPECT_EQ(index.find("b"), std::nullopt);
}

}  // namespace
}  // namespace isomer
