#include "prove/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace isomer {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

Tensor floats(std::vector<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor doubles(std::vector<double> values) {
  return Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor integers(std::vector<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

/// Compares in single precision; `spread` is what rounding does to each element.
Check compared(const Tensor& exact, const Tensor& source, const Tensor& other,
               std::vector<double> spread = {}, Precision precision = Precision::f32) {
  Check check;
  Expected expected{.names = {"y"}, .exact = {exact}, .source = {source}};
  spread.resize(static_cast<std::size_t>(exact.count()), 0.0);
  expected.spread = [&](std::size_t, Precision, int) {
    return std::optional<std::span<const double>>(spread);
  };
  compare(check, expected, std::vector{other}, precision, "test");
  return check;
}

bool same(const std::vector<float>& source, const std::vector<float>& other,
          std::vector<double> spread = {}) {
  return compared(floats(source).converted(DType::f64), floats(source), floats(other),
                  std::move(spread))
      .same;
}

TEST(Compare, AllowsAFewUnitsOfTheElementAlone) {
  EXPECT_TRUE(same({1.0F, 1e-6F}, {1.0F + 3 * 0x1p-23F, 1e-6F}));
  EXPECT_FALSE(same({1.0F, 1e-6F}, {1.0F + 4 * 0x1p-23F, 1e-6F}));
  EXPECT_FALSE(same({1e9F, 0.03F}, {1e9F, 4.53F}));
  EXPECT_FALSE(same({1.0F, 0.0F}, {1.0F, 0x1p-140F}));
}

TEST(Compare, AllowsSixTimesWhatRoundingDoes) {
  EXPECT_TRUE(same({1.0F, 2.0F}, {1.0059F, 2.0F}, {1e-3, 0}));
  EXPECT_FALSE(same({1.0F, 2.0F}, {1.0061F, 2.0F}, {1e-3, 0}));
  EXPECT_FALSE(same({1.0F, 2.0F}, {1.0F, 2.001F}, {1e-3, 0}));
}

TEST(Compare, AsksForMoreRunsBeforeItBlames) {
  Check check;
  Expected expected{.names = {"y"}, .exact = {doubles({1.0})}, .source = {floats({1.0F})}};
  const std::vector<double> few{1e-6}, many{1e-3};
  int asked = 0;
  expected.spread = [&](std::size_t, Precision, int runs) {
    ++asked;
    return std::optional<std::span<const double>>(runs > 8 ? many : few);
  };
  EXPECT_TRUE(compare(check, expected, std::vector{floats({1.001F})}, Precision::f32, "test"));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(compare(check, expected, std::vector{floats({1.0F})}, Precision::f32, "test"));
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(compare(check, expected, std::vector{floats({1.01F})}, Precision::f32, "test"));
  EXPECT_EQ(asked, 5);
}

TEST(Compare, HoldsDoublePrecisionToItsOwnUnit) {
  const auto check = [](double other) {
    return compared(doubles({1.0}), floats({1.0F}), doubles({other}), {}, Precision::f64);
  };
  EXPECT_TRUE(check(1.0 + 4 * 0x1p-52).same);
  EXPECT_FALSE(check(1.0 + 5 * 0x1p-52).same);
}

TEST(Compare, WantsSpecialValuesToCoincide) {
  EXPECT_TRUE(same({nan, infinity, -infinity, 1}, {nan, infinity, -infinity, 1}));
  EXPECT_FALSE(same({nan, 1}, {1, 1}));
  EXPECT_FALSE(same({1, 1}, {nan, 1}));
  EXPECT_FALSE(same({infinity, 1}, {-infinity, 1}));
  EXPECT_FALSE(same({1e30F, 1}, {infinity, 1}));
}

TEST(Compare, CountsWhatRoundingDecides) {
  constexpr double any = std::numeric_limits<double>::infinity();
  const Check check = compared(doubles({infinity, 1}), floats({nan, 1}), floats({5, 1}), {any, 0});
  EXPECT_TRUE(check.same);
  EXPECT_EQ(check.excused, 1U);
  EXPECT_EQ(check.shares.at("y").excused, 1U);
  EXPECT_EQ(check.shares.at("y").elements, 2U);
  EXPECT_FALSE(compared(doubles({infinity, 1}), floats({nan, 1}), floats({5, 2}), {any, 0}).same);
}

TEST(Compare, TakesAnyAnswerOfTheSourcesEngines) {
  Check check;
  Expected expected{.names = {"y", "i"},
                    .exact = {doubles({infinity, 1}), integers({3, 4})},
                    .source = {floats({infinity, 1}), integers({3, 4})}};
  keep_elsewhere(expected, Precision::f32, std::vector{floats({nan, 1}), integers({5, 4})});
  const auto verdict = [&](std::vector<float> y, std::vector<std::int64_t> i) {
    return compare(check, expected, std::vector{floats(y), integers(i)}, Precision::f32, "test");
  };
  EXPECT_TRUE(verdict({nan, 1}, {5, 4}));
  EXPECT_EQ(check.excused, 2U);
  EXPECT_FALSE(verdict({3, 1}, {3, 4}));
  EXPECT_FALSE(verdict({infinity, 1}, {6, 4}));
  EXPECT_FALSE(verdict({infinity, 1}, {3, 5}));
}

TEST(Compare, WantsIntegersEqualUnlessRoundingChangesThem) {
  const auto verdict = [](std::vector<double> spread) {
    const Tensor source = integers({3, 4});
    return compared(source, source, integers({3, 5}), std::move(spread));
  };
  EXPECT_FALSE(verdict({0, 0}).same);
  EXPECT_FALSE(verdict({1, 0}).same);
  EXPECT_TRUE(verdict({0, 1}).same);
  EXPECT_EQ(verdict({0, 1}).excused, 1U);
}

TEST(Compare, NamesTheWorstElement) {
  const Check check = compared(doubles({1, 2, 3}), floats({1, 2, 3}), floats({1, 2.5F, 3}));
  ASSERT_TRUE(check.worst);
  EXPECT_EQ(check.worst->index, (std::vector<std::int64_t>{1}));
  EXPECT_GT(check.worst->ratio, 1);
  ASSERT_EQ(check.differences.size(), 1U);
  EXPECT_TRUE(check.differences[0].text.starts_with("y[1] is 2.5, the source has 2"));
}

TEST(Compare, SeesOtherShapesTypesAndNumbers) {
  EXPECT_FALSE(compared(doubles({1, 2}), floats({1, 2}), floats({1, 2, 3})).same);
  EXPECT_FALSE(compared(doubles({1, 2}), floats({1, 2}), doubles({1, 2})).same);
  Check check;
  const Expected expected{.names = {"y"}, .exact = {doubles({1})}, .source = {floats({1})}};
  EXPECT_FALSE(compare(check, expected, {}, Precision::f32, "test"));
}

TEST(Compare, BoundsATensorByItsLargestErrorWhereNothingIsMeasured) {
  Check check;
  const Expected expected{
      .names = {"y"}, .exact = {doubles({1, 2})}, .source = {floats({1.001F, 2})}};
  EXPECT_TRUE(compare(check, expected, std::vector{floats({1, 2.005F})}, Precision::f32, "test"));
  EXPECT_FALSE(compare(check, expected, std::vector{floats({1, 2.01F})}, Precision::f32, "test"));
}

}  // namespace
}  // namespace isomer
