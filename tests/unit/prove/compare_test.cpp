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

bool same(const std::vector<float>& source, const std::vector<float>& other) {
  Check check;
  const Expected reference{{floats(source).converted(DType::f64)}, {floats(source)}};
  return compare(check, std::vector<std::string>{"y"}, reference, std::vector{floats(other)},
                 Precision::f32, "test");
}

TEST(Compare, AllowsAFewUlpOfTheTensorsScale) {
  EXPECT_TRUE(same({1.0F, 0.0F}, {1.0F + 4 * 0x1p-23F, 4 * 0x1p-23F}));
  EXPECT_FALSE(same({1.0F, 0.0F}, {1.0F, 0x1p-18F}));
}

TEST(Compare, AllowsAMultipleOfTheSourcesOwnError) {
  const Tensor exact = doubles({1.0, 2.0}), source = floats({1.001F, 2.0F});
  EXPECT_NEAR(tolerance_of(exact, source).bound, 4 * 0.001, 1e-6);
}

TEST(Compare, WantsSpecialValuesToCoincide) {
  EXPECT_TRUE(same({nan, infinity, -infinity, 1}, {nan, infinity, -infinity, 1}));
  EXPECT_FALSE(same({nan, 1}, {1, 1}));
  EXPECT_FALSE(same({1, 1}, {nan, 1}));
  EXPECT_FALSE(same({infinity, 1}, {-infinity, 1}));
  EXPECT_FALSE(same({1e30F, 1}, {infinity, 1}));
}

TEST(Compare, LeavesOpenWhatTheSourceItselfLeavesOpen) {
  const auto verdict = [](double exact, float source, std::vector<float> other) {
    Check check;
    const Expected reference{{doubles({exact, 1})}, {floats({source, 1})}};
    return compare(check, std::vector<std::string>{"y"}, reference, std::vector{floats(other)},
                   Precision::f32, "test");
  };
  EXPECT_TRUE(verdict(infinity, nan, {infinity, 1}));
  EXPECT_FALSE(verdict(infinity, nan, {5, 1}));
  EXPECT_FALSE(verdict(infinity, nan, {infinity, 2}));
  EXPECT_TRUE(verdict(nan, 3, {3, 1}));
  EXPECT_FALSE(verdict(nan, 3, {4, 1}));
}

TEST(Compare, NamesTheWorstElement) {
  Check check;
  const Tensor source = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  const Tensor other = Tensor::of<float>({2, 2}, std::vector<float>{1, 2.5, 3.25, 4});
  const Expected reference{{source.converted(DType::f64)}, {source}};
  EXPECT_FALSE(compare(check, std::vector<std::string>{"y"}, reference, std::vector{other},
                       Precision::f32, "test"));
  ASSERT_TRUE(check.worst);
  EXPECT_EQ(check.worst->index, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(check.worst->source, 2);
  EXPECT_EQ(check.worst->other, 2.5);
  EXPECT_GT(check.worst->ratio, 1);
}

TEST(Compare, CountsIntegersThatAreExcused) {
  const Tensor source = Tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{1, 5});
  const Tensor other = Tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{2, 5});
  const Expected reference{{source}, {source}};
  const std::vector<std::string> names{"y"};
  Check strict, lenient;
  EXPECT_FALSE(compare(strict, names, reference, std::vector{other}, Precision::f32, "test"));
  EXPECT_TRUE(compare(
      lenient, names, reference, std::vector{other}, Precision::f32, "test",
      [](std::size_t, std::size_t element, std::int64_t got) { return element == 0 && got == 2; }));
  EXPECT_EQ(lenient.excused, 1U);
}

TEST(Compare, SeesOtherShapesTypesAndNumbers) {
  const Expected reference{{doubles({1})}, {floats({1})}};
  const std::vector<std::string> names{"y"};
  Check shape, type, number;
  EXPECT_FALSE(
      compare(shape, names, reference, std::vector{floats({1, 2})}, Precision::f32, "test"));
  EXPECT_FALSE(compare(type, names, reference, std::vector{doubles({1})}, Precision::f32, "test"));
  EXPECT_FALSE(compare(number, names, reference, {}, Precision::f32, "test"));
}

TEST(Compare, LeavesRoomForWhatCancels) {
  const Tensor exact = doubles({0.0});
  EXPECT_LT(tolerance_of(exact, floats({0.0F})).bound, 1e-30);
  EXPECT_GT(tolerance_of(exact, floats({0.0F}), 1.0).bound, 1e-7);
  EXPECT_LT(exact_tolerance_of(exact, exact, 1e-9, 1.0).bound, 1e-12);
}

}  // namespace
}  // namespace isomer
