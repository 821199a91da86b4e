#include "prove/controls.h"

#include <gtest/gtest.h>

#include <limits>

namespace isomer {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Control control_of(const std::vector<double>& values, Spread spread) {
  const auto count = static_cast<std::int64_t>(values.size());
  const Tensor exact = Tensor::of<double>({count}, values);
  return gradient_control({.names = {"g"},
                           .exact = {exact},
                           .source = {exact.converted(DType::f32)},
                           .spread = std::move(spread)});
}

/// Rounding moves each element so far.
Control control_of(const std::vector<double>& values, const std::vector<double>& spread) {
  return control_of(values, [&](std::size_t, Precision, int) {
    return std::optional<std::span<const double>>(spread);
  });
}

TEST(GradientControl, GrowsUntilTheChangeIsSeen) {
  EXPECT_EQ(control_of({1, 0.5}, std::vector<double>{0, 0}).what,
            "each gradient moved by up to 1 % of its largest: 1 of 1 seen");
  const Control control = control_of({1, 0.5}, std::vector{0.05, 0.05});
  EXPECT_TRUE(control.passed);
  EXPECT_EQ(control.what, "each gradient moved by up to 100 % of its largest: 1 of 1 seen");
}

TEST(GradientControl, SeesWhereTheFirstElementIsNoNumber) {
  EXPECT_TRUE(control_of({1, 0.5}, std::vector<double>{infinity, 0}).passed);
}

TEST(GradientControl, CountsWhatIsRoundingAlone) {
  const Control control = control_of({1, 0.5}, std::vector<double>{2, 2});
  EXPECT_TRUE(control.passed);
  EXPECT_EQ(control.what,
            "each gradient moved by up to 0 % of its largest: 0 of 1 seen, 1 no more than "
            "rounding leaves");
}

TEST(GradientControl, AsksNothingOfWhatIsNoNumber) {
  EXPECT_TRUE(control_of({infinity}, std::vector<double>{0}).passed);
  EXPECT_TRUE(control_of({}, std::vector<double>{}).passed);
}

TEST(GradientControl, FailsWhereOneThatSaysSomethingIsNotSeen) {
  // Excused by the few runs that the comparison asks for, and not moved at all by many.
  const std::vector<double> few{infinity, infinity}, many{0, 0};
  const Control control = control_of({1, 0.5}, [&](std::size_t, Precision, int runs) {
    return std::optional<std::span<const double>>(runs < 64 ? few : many);
  });
  EXPECT_FALSE(control.passed);
  EXPECT_NE(control.what.find("not g"), std::string::npos) << control.what;
}

}  // namespace
}  // namespace isomer
