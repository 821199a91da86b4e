#include "graph/dim.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace isomer {
namespace {

std::string normal(std::string_view text) { return to_text(parse_dim(text)); }

TEST(Dim, KeepsOneNormalForm) {
  const Dim s = Dim::symbol("s0");
  const Dim t = Dim::symbol("t");
  EXPECT_EQ((s + 1) * (s - 1), s * s - 1);
  EXPECT_EQ((s + t) * 2 - t, s * 2 + t);
  EXPECT_EQ(s - s, Dim(0));
  EXPECT_TRUE((s - s + 3).known());
  EXPECT_NE(s, t);
  EXPECT_EQ(to_text(s * t * 2 - t + 1), "2*s0*t - t + 1");
  EXPECT_EQ(to_text(Dim(0) - s), "-s0");
  EXPECT_EQ(to_text(Dim(-7)), "-7");
}

TEST(Dim, ExactDivisionLeavesNoFunction) {
  EXPECT_EQ(normal("(2*s0)//2"), "s0");
  EXPECT_EQ(normal("(6*s0*k)//(3*k)"), "2*s0");
  EXPECT_EQ(normal("(s0*s1 + s0)//(s1 + 1)"), "s0");
  EXPECT_EQ(normal("(s0*s0 - 1)//(s0 - 1)"), "s0 + 1");
  EXPECT_EQ(normal("(4*s0 + 6)//2"), "2*s0 + 3");
  EXPECT_EQ(normal("(4*s0)%2"), "0");
  EXPECT_EQ(normal("s0//1"), "s0");
  EXPECT_EQ(normal("s0//s0"), "1");
}

TEST(Dim, SplitsOffWhatDivides) {
  EXPECT_EQ(normal("(2*s0 + 1)//2"), "s0");
  EXPECT_EQ(normal("(7*s0 + 3)//2"), "3*s0 + floordiv(s0 + 1, 2) + 1");
  // A pooling's length, written in two ways.
  EXPECT_EQ(parse_dim("(s0 - 1)//2 + 1"), parse_dim("(s0 + 1)//2"));
  EXPECT_EQ(normal("(2*s0)//4"), "floordiv(s0, 2)");
  EXPECT_EQ(normal("(s0//2)//3"), "floordiv(s0, 6)");
  EXPECT_EQ(normal("(2*s0 + 5)%2"), "1");
  EXPECT_EQ(normal("(s0 + 5)%3"), "mod(s0 + 2, 3)");
  EXPECT_EQ(normal("s0//-2"), "-s0 + floordiv(s0, 2)");
}

TEST(Dim, FloorsAsPythonDoes) {
  EXPECT_EQ(floor_divide(Dim(-7), Dim(2)), Dim(-4));
  EXPECT_EQ(floor_divide(Dim(7), Dim(-2)), Dim(-4));
  EXPECT_EQ(remainder(Dim(-7), Dim(2)), Dim(1));
  EXPECT_EQ(remainder(Dim(7), Dim(-2)), Dim(-1));
  EXPECT_EQ(floor_divide(Dim(-8), Dim(2)), Dim(-4));
}

TEST(Dim, OrdersMinimaAndMaxima) {
  EXPECT_EQ(normal("min(s0 + 1, s0, s0 + 2)"), "s0");
  EXPECT_EQ(normal("max(s0, 3, max(2, t))"), "max(3, s0, t)");
  EXPECT_EQ(parse_dim("min(t, s0)"), parse_dim("min(s0, t)"));
  EXPECT_EQ(normal("min(3, 5)"), "3");
  EXPECT_EQ(normal("min(s0, s0//2)"), "floordiv(s0, 2)");
  EXPECT_EQ(normal("max(s0//2 + 1, (s0 + 1)//3)"), "floordiv(s0, 2) + 1");
  EXPECT_EQ(normal("min(s0 - 1, s0//2)"), "min(s0 - 1, floordiv(s0, 2))") << "s0 may be 1";
  EXPECT_EQ(smaller(Dim::symbol("s"), std::numeric_limits<std::int64_t>::max()), Dim::symbol("s"));
  EXPECT_EQ(smaller(Dim(std::numeric_limits<std::int64_t>::max()), Dim(-5)), Dim(-5));
}

/// Whatever is simplified, the number stays the one that plain arithmetic gives.
TEST(Dim, IsSimplerWithinARange) {
  const LengthRange ranges[] = {{"s", 2, 7}, {"n", 1, {}}};
  const auto text = [&](std::string_view dim) { return to_text(within(parse_dim(dim), ranges)); };
  EXPECT_EQ(text("min(7, s)"), "s");
  EXPECT_EQ(text("2*min(9, s + 2)*n + 1"), to_text(parse_dim("2*(s + 2)*n + 1")));
  EXPECT_EQ(text("max(s - 2, 0)"), "s - 2");
  EXPECT_EQ(text("min(1, s)"), "1");
  EXPECT_EQ(text("floordiv(max(n - 1, 0), 2)"), to_text(parse_dim("floordiv(n - 1, 2)")));
  EXPECT_EQ(text("min(6, s)"), "min(6, s)") << "s may be 7";
  EXPECT_EQ(text("min(7, n)"), "min(7, n)") << "n has no upper end";
  EXPECT_EQ(text("min(7, t)"), "min(7, t)") << "t has no range";
}

TEST(Dim, TakesNumbersForNames) {
  const auto text = [](std::string_view dim) {
    return to_text(substituted(parse_dim(dim), {{"s", 8}, {"t", 0}}));
  };
  EXPECT_EQ(text("2*s + 1"), "17");
  EXPECT_EQ(text("s*n + t*n"), "8*n");
  EXPECT_EQ(text("min(floordiv(s, 3), n)"), "min(2, n)");
  EXPECT_EQ(text("mod(n, s)"), "mod(n, 8)");
  EXPECT_THROW(text("floordiv(n, t)"), Error);
}

/// A long length may stay as it is; what it takes to find that out is bounded.
TEST(Dim, LongLengthsTakeNoTime) {
  std::string sums;
  for (int k = 0; k < 10; ++k) {
    sums += k == 0 ? "max(" : ", ";
    for (int i = k; i < k + 15; ++i) {
      const std::string number = std::to_string(i);
      sums += (i == k ? "min(a" : " - min(a") + number + ", b" + number + ")";
    }
  }
  EXPECT_THROW(parse_dim(sums + ")"), Error);  // after 0.01 seconds, not 0.2
  // What falls together again was work, too.
  std::string nothing = "0";
  for (int i = 0; i < 150; ++i) nothing += " + 0*(a + b + c + d)**6";
  EXPECT_THROW(parse_dim(nothing), Error);
  EXPECT_THROW(parse_dim("(a + b)**9"), Error);
  EXPECT_EQ(parse_dim("(a + b)**2"), parse_dim("(a + b)*(a + b)"));
}

TEST(Dim, ExtremesDoNotNest) {
  EXPECT_EQ(normal("max(0, s - min(1, s))"), "max(0, s - 1)");
  EXPECT_EQ(normal("min(a, min(b, 2*min(c, 3)))"), "min(6, a, b, 2*c)");
  EXPECT_EQ(normal("max(0, min(5, s) - min(2, s))"), "min(3, max(0, s - 2))");
  EXPECT_EQ(normal("floordiv(max(0, s - 2) + 1, 2)"), "max(0, floordiv(s + 1, 2) - 1)");
  EXPECT_EQ(parse_dim("min(k, s) + (s - min(k, s))"), Dim::symbol("s")) << "two parts of one";
}

/// As the slices x[1:], x[1::2] and x[2:9] make of a length.
TEST(Dim, SlicesOfSlicesStaySmall) {
  const LengthRange range[] = {{"s", 1, 100000}};
  const auto sliced = [&](const Dim& length, std::int64_t start, const Dim& end) {
    return within(larger(smaller(end, length) - smaller(start, length), 0), range);
  };
  Dim shorter = Dim::symbol("s");
  Dim halved = shorter;
  Dim cut = shorter;
  for (int i = 0; i < 8; ++i) {
    shorter = sliced(shorter, 1, shorter);
    halved = floor_divide(sliced(halved, 1, halved) + 1, 2);
    cut = sliced(cut, 2, 9 - i);
  }
  EXPECT_EQ(to_text(shorter), "max(0, s - 8)");
  EXPECT_EQ(to_text(halved), "floordiv(s, 256)");
  EXPECT_EQ(cut.evaluate({{"s", 100000}}), 0);
  EXPECT_LT(to_text(cut).size(), 40);
}

TEST(Dim, SimplifyingKeepsTheNumber) {
  for (const std::string_view text :
       {"(7*s0 + 3)//2", "(s0*t - 5)//3", "(s0 + t)%4", "-3*s0//4", "(6*s0*t + 4*t)//(2*t)",
        "((s0 - 3)//2 + 1)//2", "min(s0, t + 2)*max(s0, 4)", "(5 - 3*s0)%7", "(s0//2)*2 + s0%2",
        "max(2, min(s0, 3*t) - min(t, 4))", "(min(s0 - 3, t) + 1)//2", "7 - max(s0, t, min(2, s0))",
        "max(3, min(8, s0 + t), 2*min(t, s0))"}) {
    const Dim dim = parse_dim(text);
    EXPECT_EQ(parse_dim(to_text(dim)), dim) << text;
    for (std::int64_t s = 0; s < 12; ++s) {
      for (std::int64_t t = 1; t < 6; ++t) {
        // Numbers put in first leave nothing to simplify.
        std::string numbers;
        for (std::size_t i = 0; i < text.size(); ++i) {
          if (text.substr(i, 2) == "s0") {
            numbers += std::to_string(s);
            ++i;
          } else {
            numbers += text[i] == 't' ? std::to_string(t) : std::string(1, text[i]);
          }
        }
        EXPECT_EQ(dim.evaluate({{"s0", s}, {"t", t}}), parse_dim(numbers).value()) << numbers;
      }
    }
  }
}

TEST(Dim, SolvesLinearOnes) {
  using Solution = std::pair<std::string, std::int64_t>;
  EXPECT_EQ(parse_dim("2*s0 + 1").solve(9), Solution("s0", 4));
  EXPECT_EQ(parse_dim("2*s0 + 1").solve(8), std::nullopt);
  EXPECT_EQ(parse_dim("s0*s0").solve(9), std::nullopt);
  EXPECT_EQ(parse_dim("s0//2").solve(9), std::nullopt);
  EXPECT_EQ(parse_dim("s0").lone_symbol(), "s0");
  EXPECT_EQ(parse_dim("2*s0").lone_symbol(), std::nullopt);
}

TEST(Dim, CollectsSymbolsInsideFunctions) {
  std::set<std::string> names;
  parse_dim("a*((b + 1)//2) + min(c, 4)").collect_symbols(names);
  EXPECT_EQ(names, (std::set<std::string>{"a", "b", "c"}));
}

TEST(Dim, RefusesWhatDoesNotFit) {
  const Dim most = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(most + 1, Error);
  EXPECT_THROW(most * 2, Error);
  EXPECT_THROW(Dim::symbol("s") * most * most, Error);
  EXPECT_THROW(floor_divide(Dim::symbol("s"), 0), Error);
  EXPECT_THROW(remainder(3, 0), Error);
  EXPECT_THROW(parse_dim("9223372036854775807 * s").evaluate({{"s", 2}}), Error);
  EXPECT_THROW(parse_dim("s").evaluate({}), Error);
  EXPECT_THROW(Dim::symbol("a b"), Error);
  EXPECT_THROW(Dim::symbol("min"), Error);
  EXPECT_THROW(Dim::symbol("s").value(), Error);
}

TEST(Dim, RefusesWhatWouldGrowWithoutEnd) {
  Dim sum = 1;
  Dim nested = Dim::symbol("n");
  EXPECT_THROW(for (int i = 0; i < 100; ++i) sum = sum * (Dim::symbol("s" + std::to_string(i)) + 1),
               Error);
  EXPECT_THROW(for (int i = 0; i < 100; ++i) nested = floor_divide(nested * nested + 1, 3), Error);
  std::string names = "s0";
  for (int i = 1; i < 60; ++i) names += ", s" + std::to_string(i);
  EXPECT_EQ(parse_dim("min(" + names + ", " + names + ")"), parse_dim("min(" + names + ")"));
  EXPECT_THROW(parse_dim("max(" + names + ", a, b, c, d, e)"), Error)
      << "each is compared with each";
  EXPECT_THROW(parse_dim("(a + b)**40"), Error);
}

TEST(Dim, BrokenTextsAreFileFaults) {
  for (const std::string_view text :
       {"", " ", "s0 +", "(s0", "s0)", "2 s0", "floordiv(s0)", "pow(s0, 2)", "1//0", "s0 $ 2",
        "99999999999999999999", "s0**99", "min()", "--", "9223372036854775807 + 1"}) {
    try {
      parse_dim(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::file) << text << ": " << error.what();
    }
  }
  EXPECT_THROW(parse_dim(std::string(1000, '(')), Error);
  EXPECT_THROW(parse_dim(std::string(100000, '-')), Error);
}

TEST(Dim, ReadsWhatExportersWrite) {
  EXPECT_EQ(normal("FloorDiv(s0 - 1, 2) + 1"), "floordiv(s0 + 1, 2)");
  EXPECT_EQ(normal("Max(1, s0)"), "max(1, s0)");
  EXPECT_EQ(normal("PythonMod(s0, 3)"), "mod(s0, 3)");
  EXPECT_EQ(normal("s0**2"), "s0*s0");
}

TEST(Shape, CountsAndPrints) {
  const Shape shape = {Dim::symbol("s0"), 3, 4};
  EXPECT_EQ(to_text(shape), "[s0, 3, 4]");
  EXPECT_EQ(to_text(count_elements(shape)), "12*s0");
  EXPECT_EQ(evaluate(shape, {{"s0", 2}}), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(known_shape(shape), std::nullopt);
  EXPECT_EQ(known_shape({2, 3}), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(to_text(Shape{}), "[]");
  EXPECT_EQ(count_elements(Shape{}), Dim(1));
}

TEST(Dim, LengthsAreNeverNegative) {
  const Dim s = Dim::symbol("s");
  const Dim t = Dim::symbol("t");
  EXPECT_EQ(smaller(0, 3 * s), Dim(0));
  EXPECT_EQ(larger(3 * s, 0), 3 * s);
  EXPECT_EQ(smaller(3 * s, 2 * s), 2 * s);
  EXPECT_EQ(larger(s, s + floor_divide(t, 2)), s + floor_divide(t, 2));
  EXPECT_EQ(smaller(smaller(s, t), s + t), smaller(s, t));
  EXPECT_FALSE(smaller(s, t) == s);
  EXPECT_FALSE(larger(s - t, 0) == s - t);
}

}  // namespace
}  // namespace isomer
