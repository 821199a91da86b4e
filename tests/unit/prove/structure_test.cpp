#include "prove/structure.h"

#include <gtest/gtest.h>

#include "ops/text.h"

namespace isomer {
namespace {

StructureReport compare(std::string_view a, std::string_view b) {
  return compare_structure(parse_graph(std::string(a)), parse_graph(std::string(b)));
}

std::vector<std::string> differences(std::string_view a, std::string_view b) {
  const StructureReport report = compare(a, b);
  std::vector<std::string> found = report.differences;
  for (const OperatorDifference& one : report.operators) {
    found.push_back((one.source ? to_text(*one.source) : "nothing") + " | " +
                    (one.other ? to_text(*one.other) : "nothing"));
  }
  EXPECT_EQ(report.same, found.empty());
  return found;
}

using Found = std::vector<std::string>;

TEST(Structure, NamesAndSpellingsDoNotCount) {
  EXPECT_EQ(differences("graph g(x: f32[s, 2]) -> (y)\n  length s: 1..9\n"
                        "  weight w: f32[2, 2] \"fc.weight\" = [[1, 2], [3, 4]]\n"
                        "  h = linear(x, w)\n  y = silu(h)\n",
                        "graph other(x: f32[batch, 2]) -> (out)\n  length batch: 1..\n"
                        "  weight k: f32[2, 2] \"fc.weight\" = [[1, 2], [3, 4]]\n"
                        "  t = permute(k, dims=[1, 0])\n  h = matmul(x, t)\n"
                        "  i = sigmoid(h)\n  out = mul(i, h)\n"),
            Found{});
}

TEST(Structure, ASettingIsNamedWithItsPlace) {
  EXPECT_EQ(differences("graph g(x: f32[2]) -> (y)\n  h = relu(x)\n"
                        "  h2 = gelu(h)  @mlp.act net.py:7\n  y = exp(h2)\n",
                        "graph g(x: f32[2]) -> (y)\n  h = relu(x)\n"
                        "  h2 = gelu(h, approximate='tanh')\n  y = exp(h2)\n"),
            (Found{"gelu 'h2', in mlp.act, net.py:7 | gelu 'h2': approximate='tanh'"}));
}

TEST(Structure, EachDifferenceIsFoundOnceHoweverMuchLiesBehind) {
  std::string a = "graph g(x: f32[2]) -> (y)\n", b = a;
  for (int i = 0; i < 6; ++i) {
    const std::string from = i == 0 ? "x" : "c" + std::to_string(i - 1);
    const std::string n = std::to_string(i);
    a += "  a" + n + " = sin(" + from + ")\n  c" + n + " = add(a" + n + ", " + from + ")\n";
    b += "  a" + n + (i % 2 == 0 ? " = cos(" : " = sin(") + from + ")\n  c" + n + " = add(" + from +
         ", a" + n + ")\n";
  }
  a += "  y = exp(c5)\n";
  b += "  y = exp(c5)\n";
  EXPECT_EQ(differences(a, b),
            (Found{"sin 'a0' | cos 'a0'", "sin 'a2' | cos 'a2'", "sin 'a4' | cos 'a4'"}));
}

TEST(Structure, TheCauseIsNamedThoughItMergedWithItsNeighbour) {
  const auto model = [](const std::string& index) {
    return "graph g(x: f32[3, 4]) -> (y)\n  row = select(x, dim=0, index=" + index +
           ")\n  square = reshape(row, shape=[2, 2])\n  y = exp(square)\n";
  };
  EXPECT_EQ(differences(model("0"), model("1")),
            (Found{"select 'row': dim=0, index=0 | select 'row': dim=0, index=1"}));
  const auto masked = [](const std::string& value) {
    return "graph g(x: f32[3], m: bool[3]) -> (y)\n  f = full(shape=[3], value=" + value +
           ")\n  y = where(m, f, x)\n";
  };
  EXPECT_EQ(differences(masked("-1e9"), masked("-1e4")),
            (Found{"full 'f': shape=[3], value=-1e+09 | full 'f': shape=[3], value=-10000.0"}));
}

TEST(Structure, APartOfAnOperatorIsNotThatOperator) {
  const auto model = [](const std::string& op) {
    return "graph g(x: f32[3]) -> (y)\n  s = " + op + "(x)\n  t = tanh(s)\n  y = exp(t)\n";
  };
  EXPECT_EQ(differences(model("sum"), model("mean")), (Found{"sum 's' | mean 's'"}));
  EXPECT_EQ(differences(model("mean"), model("sum")), (Found{"mean 's' | sum 's'"}));
}

TEST(Structure, ManyDifferencesInARowCostLittle) {
  std::string a = "graph g(x: f32[2]) -> (c19999)\n", b = a;
  for (int i = 0; i < 20000; ++i) {
    const std::string from = i == 0 ? "x" : "c" + std::to_string(i - 1);
    a += "  c" + std::to_string(i) + " = sin(" + from + ")\n";
    b += "  c" + std::to_string(i) + " = cos(" + from + ")\n";
  }
  EXPECT_EQ(compare(a, b).operators.size(), 20000U);
}

TEST(Structure, OutputsStatesAndWeightsCount) {
  EXPECT_EQ(differences("graph g(x: f32[2]) -> (a, b)\n  a = sin(x)\n  b = cos(x)\n",
                        "graph g(x: f32[2]) -> (b, a)\n  a = sin(x)\n  b = cos(x)\n"),
            (Found{"output 0 of the other is output 1 of the source",
                   "output 1 of the other is output 0 of the source"}));
  EXPECT_EQ(differences("graph g(x: f32[]) -> (y)\n  weight w: f32[] \"w\" = 1\n  y = mul(x, w)\n",
                        "graph g(x: f32[]) -> (y)\n  weight w: f32[] \"w\" = 2\n  y = mul(x, w)\n"),
            (Found{"weight 'w' has other bits"}));
  EXPECT_EQ(differences("graph g(x: f32[]) -> (y)\n  state s: f32[] = 1 -> y\n  y = mul(x, s)\n",
                        "graph g(x: f32[]) -> (y)\n  state s: f32[] = 1 -> s\n  y = mul(x, s)\n"),
            (Found{"state 0 is another"}));
}

TEST(Structure, TwoWeightsOfEqualBitsAreTwo) {
  const auto model = [](const std::string& second) {
    return "graph g(x: f32[2]) -> (y)\n  weight a: f32[2] \"a\" = [0, 0]\n"
           "  weight b: f32[2] \"b\" = [0, 0]\n  h = add(x, a)\n  y = mul(h, " +
           second + ")\n";
  };
  EXPECT_EQ(differences(model("b"), model("a")), (Found{"mul 'y' | mul 'y'"}));
}

constexpr std::string_view rows = "graph g(x: f32[s, 2]) -> (y)\n  length s: 1..9\n  y = exp(x)\n";
constexpr std::string_view three = "graph g(x: f32[3, 2]) -> (y)\n  y = exp(x)\n";

TEST(Structure, TheOtherTakesAllThatTheSourceTakes) {
  const std::string fewer = "graph g(x: f32[n, 2]) -> (y)\n  length n: 2..8\n  y = exp(x)\n";
  EXPECT_EQ(differences(rows, fewer),
            (Found{"length s is 1..9 in the source, and in the other only 2..8"}));
  EXPECT_EQ(differences(fewer, rows), Found{});
  EXPECT_EQ(differences(rows, three), (Found{"the other takes s = 3 alone"}));
  EXPECT_EQ(differences(three, rows), Found{});
}

TEST(Structure, ALengthThatAnExportFixesIsANote) {
  const StructureReport report = compare_structure(
      parse_graph(std::string(rows)), parse_graph(std::string(three)), LengthsOf::exported);
  EXPECT_TRUE(report.same);
  EXPECT_EQ(report.notes, (Found{"compared for s = 3 alone, which the export fixes"}));
}

TEST(Structure, TyingCounts) {
  const std::string tied =
      "graph g(x: f32[]) -> (y)\n  weight a: f32[] \"a\" \"b\" = 1\n"
      "  h = mul(x, a)\n  y = add(h, a)\n";
  const std::string two =
      "graph g(x: f32[]) -> (y)\n  weight a: f32[] \"a\" = 1\n"
      "  weight b: f32[] \"b\" = 1\n  h = mul(x, a)\n  y = add(h, b)\n";
  EXPECT_EQ(differences(tied, two),
            (Found{"weights 'a' and 'b' are one in the source and two in the other"}));
  EXPECT_FALSE(differences(two, tied).empty());
}

TEST(Structure, NamesOfArgumentsCount) {
  EXPECT_EQ(differences("graph g(x: f32[]) -> (y)\n  y = exp(x)\n",
                        "graph g(z: f32[]) -> (y)\n  y = exp(z)\n"),
            (Found{"the source is called with ('x'=*) {}, the other with ('z'=*) {}"}));
}

TEST(Structure, BodiesAreComparedWhateverTheirNames) {
  const auto model = [](const std::string& op, const std::string& name) {
    return "graph g(x: f32[2], c: bool[]) -> (y)\n  y = if(c, x)\n    then(" + name +
           ": f32[2]) -> (b) {\n      b = " + op + "(" + name +
           ")\n    }\n    else(a: f32[2]) -> (a) {\n    }\n";
  };
  EXPECT_EQ(differences(model("sin", "t"), model("sin", "u")), Found{});
  EXPECT_EQ(differences(model("sin", "t"), model("cos", "t")), (Found{"sin 'b' | cos 'b'"}));
}

TEST(Structure, TheOrderOfNodesInBodiesDoesNotCount) {
  const auto model = [](const std::string& nodes) {
    return "graph g(x: f32[2], c: bool[]) -> (y)\n  y = if(c, x)\n"
           "    then(a: f32[2]) -> (z) {\n" +
           nodes + "    }\n    else(a: f32[2]) -> (a) {\n    }\n";
  };
  const std::string sine = "      s = sin(a)\n", power = "      p = exp(a)\n";
  EXPECT_EQ(differences(model(sine + power + "      z = add(s, p)\n"),
                        model(power + sine + "      z = add(p, s)\n")),
            Found{});
}

TEST(Structure, RangesThatAnExportNarrowsAreNoPartOfBodies) {
  const auto model = [](const std::string& least) {
    return "graph g(x: f32[n, 2], c: bool[]) -> (y)\n  length n: " + least +
           "..8\n  y = if(c, x)\n    then(a: f32[n, 2]) -> (b) {\n      b = sin(a)\n    }\n"
           "    else(a: f32[n, 2]) -> (a) {\n    }\n";
  };
  EXPECT_TRUE(
      compare_structure(parse_graph(model("1")), parse_graph(model("2")), LengthsOf::exported)
          .same);
}

TEST(Structure, LengthsInExpressionsMatchBothWays) {
  const std::string even = "graph g(x: f32[2*n]) -> (y)\n  length n: 1..9\n  y = exp(x)\n";
  const std::string any = "graph g(x: f32[s]) -> (y)\n  length s: 1..20\n  y = exp(x)\n";
  EXPECT_EQ(differences(even, any), Found{});
  EXPECT_EQ(differences(any, even), (Found{"the other takes s = 2*n alone"}));
}

TEST(Structure, ANumberIsSaidWithItsOperator) {
  EXPECT_EQ(differences("graph g(x: f32[2]) -> (y)\n  y = mul(x, 0.5)\n",
                        "graph g(x: f32[2]) -> (y)\n  y = mul(x, 0.25)\n"),
            (Found{"mul 'y' | mul 'y'"}));
}

TEST(Structure, PlacesInBodiesOfBodiesDoNotCount) {
  const auto model = [](const std::string& place) {
    return "graph g(x: f32[2], f: bool[]) -> (y)\n  y = if(f, x, f)\n"
           "    then(x: f32[2], f: bool[]) -> (z) {\n      z = if(f, x)\n"
           "        then(x: f32[2]) -> (a) {\n          a = sin(x)  " +
           place +
           "\n        }\n        else(x: f32[2]) -> (x) {\n        }\n    }\n"
           "    else(x: f32[2], f: bool[]) -> (x) {\n    }\n";
  };
  EXPECT_EQ(differences(model("a.py:1"), model("b.py:2")), Found{});
}

TEST(Structure, WhichInputGivesALengthCounts) {
  const auto model = [](const std::string& input) {
    return "graph g(n: i64[], m: i64[]) -> (y)\n  length k = input " + input +
           ": 0..9\n  y = expand(n, shape=[k])\n";
  };
  EXPECT_FALSE(differences(model("0"), model("1")).empty());
}

}  // namespace
}  // namespace isomer
