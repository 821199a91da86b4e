#include "prove/coverage.h"

#include <gtest/gtest.h>

#include "ops/text.h"

namespace isomer {
namespace {

using Lines = std::vector<std::string>;

Tensor floats(const std::vector<float>& values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor whole(std::int64_t value) { return Tensor::from_integers(DType::i64, {}, {&value, 1}); }

Lines lines_of(std::string_view text, const std::vector<InputSet>& sets) {
  Coverage coverage(parse_graph(text), reference_engine());
  for (const InputSet& set : sets) coverage.add(set);
  return coverage.lines();
}

TEST(Coverage, NamesTheSidesThatWereNeverTaken) {
  constexpr std::string_view text = R"(graph g(x: f32[2], m: bool[2]) -> (y)
  is = gt(x, 0.5)  @head net.py:36
  low = clamp(x, max=6.0)  net.py:37
  a = where(is, low, x)
  y = where(m, a, x)  net.py:38
)";
  const Tensor m = Tensor::from_integers(DType::boolean, {2}, std::vector<std::int64_t>{1, 0});
  EXPECT_EQ(
      lines_of(text, {{"", {{floats({1.0F, 2.0F}), m}}}}),
      (Lines{"1 of 3 decisions took both sides", "'is' (gt) in head, net.py:36 was never false",
             "'low' (clamp), net.py:37 was never above 6.0"}));
  EXPECT_EQ(lines_of(text, {{"", {{floats({1.0F, 2.0F}), m}, {floats({7.0F, 0.0F}), m}}}}),
            Lines{"3 of 3 decisions took both sides"});
}

TEST(Coverage, CountsRowsOfTablesAndEndsOfLengths) {
  EXPECT_EQ(
      lines_of(R"(graph g(ids: i64[n]) -> (y)
  length n: 1..4
  weight w: f32[3, 1] "w" = [[1.0], [2.0], [3.0]]
  y = embedding(w, ids, padding_idx=1)
)",
               {{"", {{Tensor::from_integers(DType::i64, {1}, std::vector<std::int64_t>{0})}}}}),
      (Lines{"0 of 3 decisions took both sides", "'y' (embedding) was never at the padding row 1",
             "'y' (embedding) was never at the last row", "length 'n' was never 4"}));
}

TEST(Coverage, SeesIntoBodiesAndAcrossCalls) {
  constexpr std::string_view text = R"(graph g(x: f32[2]) -> (y)
  state step: i64[] "step" = 0 -> next
  next = add(step, 1)
  late = gt(next, 1)
  y = if(late, x)
    then(a: f32[2]) -> (b) {
      b = relu(a)
    }
    else(a: f32[2]) -> (a) {
    }
)";
  const Tensor x = floats({1.0F, 2.0F});
  EXPECT_EQ(lines_of(text, {{"", {{x}, {x}}}}),
            (Lines{"2 of 3 decisions took both sides", "'b' (relu) was never below 0"}));
  InputSet late{"", {{floats({-1.0F, 1.0F})}}};
  late.states.emplace_back("step", whole(7));
  EXPECT_EQ(lines_of(text, {late}),
            (Lines{"1 of 3 decisions took both sides", "'late' (gt) was never false",
                   "'y' (if) was never false"}));
}

TEST(Coverage, CountsNothingThatConstantsDecide) {
  EXPECT_TRUE(lines_of(R"(graph g(x: f32[3]) -> (y)
  i = arange(end=3)
  is = gt(i, 1)
  y = where(is, x, 0.0)
)",
                       {})
                  .empty());
}

}  // namespace
}  // namespace isomer
