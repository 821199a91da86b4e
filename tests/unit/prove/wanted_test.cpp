#include "prove/wanted.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "ops/text.h"

namespace isomer {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

TEST(Intervals, AreSetsOfNumbers) {
  const Intervals low(-3, 4);
  const Intervals high(7, highest);
  EXPECT_EQ((low | high).parts().size(), 2);
  EXPECT_EQ((low | Intervals(5, 6) | high), Intervals(-3, highest));
  EXPECT_TRUE((low & high).empty());
  EXPECT_EQ((low | high).complement().complement(), low | high);
  EXPECT_EQ(Intervals(lowest, 6).complement(), high);
  EXPECT_TRUE(Intervals().complement().empty());
  EXPECT_TRUE((low | high).contains(7));
  EXPECT_FALSE((low | high).contains(5));
  EXPECT_EQ(high.near(), Intervals(7, 16));
  EXPECT_EQ((low | Intervals(20, 22)).largest(), low);
  EXPECT_EQ(Intervals(0, 0).complement().largest().near(), Intervals(-10, -1) | Intervals(1, 10));
  EXPECT_EQ(Intervals().near(), Intervals(-9, 9));
}

/// Of the input `k` of a graph of these lines, where `t` is a table of ten rows.
Wanted wanted_of_k(const std::string& lines) {
  const Graph graph = parse_graph(
      "graph g(k: i64[4], x: f32[4]) -> (y)\n"
      "  buffer t: f32[10] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]\n" +
      lines);
  return wanted_of(with_plain_decisions(graph), {})[0];
}

TEST(Wanted, AllowsWhatArithmeticTakesIntoTheTable) {
  const auto allowed = [](const std::string& line) {
    return wanted_of_k("  i = " + line + "\n  y = index_select(t, i)\n").allowed;
  };
  EXPECT_EQ(allowed("add(k, 1)"), Intervals(-1, 8));
  EXPECT_EQ(allowed("sub(9, k)"), Intervals(0, 9));
  EXPECT_EQ(allowed("mul(k, 2)"), Intervals(0, 4));
  EXPECT_EQ(allowed("mul(k, -2)"), Intervals(-4, 0));
  EXPECT_EQ(allowed("floor_divide(k, 4)"), Intervals(0, 39));
  EXPECT_EQ(allowed("remainder(k, 10)"), Intervals());
  EXPECT_EQ(allowed("remainder(k, 12)"), Intervals(0, 9));
  EXPECT_EQ(allowed("clamp(k, min=0.0, max=9.0)"), Intervals());
  EXPECT_EQ(allowed("clamp(k, max=9.0)"), Intervals(0, highest));
  EXPECT_EQ(allowed("abs(k)"), Intervals(-9, 9));
  EXPECT_EQ(allowed("cast(k, dtype=i32)\n  i32 = reshape(i, shape=[4])"), Intervals(0, 9));
}

TEST(Wanted, AllowsWhatASelectionKeepsFromTheTable) {
  EXPECT_EQ(wanted_of_k("  b = lt(k, 0)\n  w = add(k, 10)\n  i = where(b, w, k)\n"
                        "  y = index_select(t, i)\n")
                .allowed,
            Intervals(-10, 9));
  EXPECT_EQ(
      wanted_of_k("  b = ne(k, -100)\n  i = where(b, k, 0)\n  y = index_select(t, i)\n").allowed,
      Intervals(0, 9) | Intervals(-100, -100));
  EXPECT_EQ(wanted_of_k("  a = ge(k, 0)\n  c = lt(k, 10)\n  b = logical_and(a, c)\n"
                        "  i = where(b, k, 3)\n  y = index_select(t, i)\n")
                .allowed,
            Intervals());
}

TEST(Wanted, AllowsNoDivisorOfZero) {
  EXPECT_EQ(wanted_of_k("  y = floor_divide(9, k)\n").allowed, Intervals(0, 0).complement());
}

TEST(Wanted, SaysWhenItGuesses) {
  const Wanted seen = wanted_of_k("  y = index_select(t, k)\n");
  EXPECT_FALSE(seen.guessed);
  const Wanted guessed = wanted_of_k("  c = cumsum(k, dim=0)\n  y = index_select(t, c)\n");
  EXPECT_TRUE(guessed.guessed);
  EXPECT_EQ(guessed.allowed, Intervals(0, 1));
}

TEST(Wanted, HasTheNumbersAtWhichSomethingIsDecided) {
  const auto has = [](const Wanted& wanted, std::initializer_list<std::int64_t> numbers) {
    return std::ranges::all_of(numbers, [&](std::int64_t number) {
      return std::ranges::find(wanted.integers, number) != wanted.integers.end();
    });
  };
  EXPECT_TRUE(
      has(wanted_of_k("  m = mul(k, 2)\n  a = add(m, 6)\n  y = eq(a, 90)\n"), {42, 41, 43}));
  EXPECT_TRUE(has(wanted_of_k("  m = remainder(k, 7)\n  y = eq(m, 3)\n"), {3, 10, 7, 6, 8, -1}));
  EXPECT_TRUE(has(wanted_of_k("  y = index_select(t, k)\n"), {0, 1, 8, 9}));
  EXPECT_TRUE(has(wanted_of_k("  f = cast(k, dtype=f32)\n  y = gt(f, 2.5)\n"), {2, 3}));
}

TEST(Wanted, KnowsMasksByTheirUse) {
  const std::string text =
      "graph g(m: f32[4], s: f32[4]) -> (y)\n  r = sub(1.0, m)\n  b = mul(r, -1e+09)\n"
      "  y = add(s, b)\n";
  const std::vector<Wanted> wanted = wanted_of(parse_graph(text), {});
  EXPECT_TRUE(wanted[0].mask);
  EXPECT_FALSE(wanted[1].mask);
  EXPECT_TRUE(wanted_of_k("  y = ne(k, 0)\n").mask);
  EXPECT_FALSE(wanted_of_k("  y = ne(k, 5)\n").mask);
  EXPECT_TRUE(wanted_of_k("  b = cast(k, dtype=bool)\n  y = where(b, x, 0.0)\n").mask);
  // A division that is safe asks the same, and uses the value.
  EXPECT_FALSE(
      wanted_of_k("  b = eq(k, 0)\n  d = where(b, 1, k)\n  y = div(x, 2.0)\n  z = add(d, 1)\n")
          .mask);
}

}  // namespace
}  // namespace isomer
