#include "prove/bisect.h"

#include <gtest/gtest.h>

#include "subjects.h"

namespace isomer {
namespace {

Model model_of(const std::string& text) {
  const auto files = in_memory({{"m.isomer", "isomer 1\n" + text}});
  std::vector<std::string> notes;
  return open_model({"m", &test::text_only, files.get(), "m.isomer"}, {&reference_engine()}, notes);
}

/// The value that is named, on x = [1, 2, 3].
std::string named(const std::string& a, const std::string& b) {
  const Model source = model_of(a), other = model_of(b);
  const std::vector<Tensor> inputs{
      Tensor::from_doubles(DType::f32, {3}, std::vector<double>{1, 2, 3})};
  const auto first = first_difference(source.backends[0], other.backends[0], inputs);
  return first ? first->value : "";
}

std::string with_middle(const std::string& middle) {
  return "graph g(x: f32[3]) -> (z)\n  y = sin(x)\n" + middle + "  z = mul(y, h)\n";
}

TEST(Bisect, SeesWhatShowsInDoublePrecisionAlone) {
  EXPECT_EQ(named(with_middle("  h = add(x, 1.0)\n"), with_middle("  h = add(x, 1.0000000001)\n")),
            "h");
  EXPECT_EQ(named(with_middle("  h = exp(x)\n"), with_middle("  h = exp(x)\n")), "");
}

TEST(Bisect, SeesIntegersAndBooleans) {
  const auto counted = [](const std::string& compare, const std::string& by) {
    return with_middle("  b = " + compare + "(x, 2.0)\n  c = cast(b, dtype=i64)\n  d = add(c, " +
                       by + ")\n  h = cast(d, dtype=f32)\n");
  };
  EXPECT_EQ(named(counted("lt", "5"), counted("le", "5")), "b");
  EXPECT_EQ(named(counted("lt", "5"), counted("lt", "6")), "d");
}

const Occurrence tanh_in_a{"tanh", "", "t", "a", {"net.py", 7}};
const Occurrence exp_in_b{"exp", "", "e", "b", {"net.py", 9}};

TEST(Bisect, TheGraphsNameTheOperatorAndRunningTheTrip) {
  StructureReport report;
  EXPECT_EQ(first_difference(report, std::nullopt), std::nullopt);
  report.operators = {{tanh_in_a, {}}, {exp_in_b, {}}};
  EXPECT_EQ(first_difference(report, std::nullopt)->value, "t");
  const FirstDifference traced{"e", "exp", "b", {"net.py", 9}, {3}, 2};
  EXPECT_EQ(first_difference(report, traced), traced);
  const FirstDifference bystander{"u", "mul", "c", {"net.py", 12}, {}, 2};
  EXPECT_EQ(first_difference(report, bystander)->value, "t");
}

}  // namespace
}  // namespace isomer
