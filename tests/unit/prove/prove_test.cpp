#include "prove/prove.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "subjects.h"

namespace isomer {
namespace {

using test::own_rules;
using test::prove_texts;
using test::text_only;

const std::string net = R"(graph net(x: f32[n, 3]) -> (y)
  length n: 1..8
  weight w: f32[2, 3] "fc.weight" = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]
  weight b: f32[2] "fc.bias" = [0.1, -0.2]
  h = linear(x, w, b)  @fc net.py:7
  a = tanh(h)  @act net.py:8
  y = layer_norm(a, none, none, normalized_shape=[2], eps=0.1)  @norm net.py:9
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t place = text.find(what);
  EXPECT_NE(place, std::string::npos) << what;
  return text.replace(place, what.size(), with);
}

bool mentions(const Certificate& certificate, std::string_view words) {
  const auto has = [&](const std::string& reason) {
    return reason.find(words) != std::string::npos;
  };
  return std::ranges::any_of(certificate.differences, has) ||
         std::ranges::any_of(certificate.doubts, has);
}

const Check* check_named(const Certificate& certificate, std::string_view what,
                         std::string_view where) {
  for (const Check& check : certificate.checks) {
    if (check.what == what && check.where.find(where) != std::string::npos) return &check;
  }
  return nullptr;
}

TEST(Prove, FindsAModelEquivalentToItself) {
  const Certificate certificate = prove_texts(net, net);
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
  EXPECT_TRUE(to_text(certificate).starts_with("EQUIVALENT: a.isomer and b.isomer\n"));
  ASSERT_NE(check_named(certificate, "weights", "bit by bit"), nullptr);
  ASSERT_NE(check_named(certificate, "outputs", "double precision"), nullptr);
  ASSERT_NE(check_named(certificate, "gradients", "reference"), nullptr);
}

TEST(Prove, RunsAllControlsInEveryCertificate) {
  const Certificate certificate = prove_texts(net, net);
  ASSERT_EQ(certificate.controls.size(), 3U);
  for (const Control& control : certificate.controls) EXPECT_TRUE(control.passed) << control.what;
}

TEST(Prove, TriesSeveralSizesOfANamedLength) {
  const Certificate certificate = prove_texts(net, net);
  for (const std::string_view size : {"n = 1", "n = 2", "n = 6"}) {
    EXPECT_TRUE(std::ranges::any_of(certificate.inputs, [&](const std::string& label) {
      return label.ends_with(size);
    })) << size;
  }
}

TEST(Prove, SeesTheLastBitOfOneElement) {
  const Certificate certificate = prove_texts(net, replaced(net, "0.25,", "0.25000003,"));
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(mentions(certificate, "'fc.weight' differs at [1, 1]")) << to_text(certificate);
}

TEST(Prove, NamesTheFirstOperatorThatDiffers) {
  const Certificate certificate = prove_texts(net, replaced(net, "tanh(h)", "sigmoid(h)"));
  EXPECT_FALSE(certificate.equivalent());
  ASSERT_TRUE(certificate.first);
  EXPECT_EQ(certificate.first->op, "tanh");
  EXPECT_EQ(certificate.first->scope, "act");
  EXPECT_EQ(certificate.first->place, (Place{"net.py", 8}));
  EXPECT_NE(to_text(certificate).find("'a' (tanh) in act, net.py:8"), std::string::npos);
}

/// What `text` and the same with a hyperbolic tangent that is none differ in first.
FirstDifference first_of_changed(const std::string& text) {
  const Certificate certificate = prove_texts(text, replaced(text, "t = tanh", "t = sigmoid"));
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(certificate.first) << to_text(certificate);
  return certificate.first.value_or(FirstDifference{});
}

TEST(Prove, NamesTheOperatorInsideABranch) {
  const FirstDifference first = first_of_changed(R"(
graph net(x: f32[3]) -> (z)
  s = sum(x)
  c = gt(s, -1e30)
  y = if(c, x)
    then(x: f32[3]) -> (u) {
      t = tanh(x)  @act net.py:8
      u = mul(t, 2.0)
    }
    else(x: f32[3]) -> (v) {
      v = exp(x)
    }
  z = neg(y)
)");
  EXPECT_EQ(first.op, "tanh");
  EXPECT_EQ(first.scope, "act");
  EXPECT_EQ(first.place, (Place{"net.py", 8}));
}

TEST(Prove, SeesNoOperatorOfABranchThatDidNotRun) {
  const std::string text = R"(
graph net(x: f32[3]) -> (z)
  s = sum(x)
  c = gt(s, 1e30)
  y = if(c, x)
    then(x: f32[3]) -> (t) {
      t = tanh(x)
    }
    else(x: f32[3]) -> (v) {
      v = exp(x)
    }
  z = neg(y)
)";
  std::string other = replaced(text, "t = tanh", "t = sigmoid");
  other = replaced(other, "neg(y)", "abs(y)");
  const Certificate certificate = prove_texts(text, other);
  ASSERT_TRUE(certificate.first);
  EXPECT_EQ(certificate.first->op, "neg");
}

TEST(Prove, NamesTheOperatorInsideAScanAndTheTrip) {
  const std::string text = R"(
graph net(h: f32[2], x: f32[4, 2]) -> (last, all)
  last, all = scan(h, x, carried=1, scanned=1)
    step(h: f32[2], x: f32[2]) -> (n, n) {
      s = add(h, x)
      t = tanh(s)  @cell net.py:8
      n = mul(t, 0.5)
    }
)";
  const FirstDifference first = first_of_changed(text);
  EXPECT_EQ(first.op, "tanh");
  EXPECT_EQ(first.scope, "cell");
  EXPECT_EQ(first.trips, (std::vector<std::int64_t>{0}));
  const Certificate certificate = prove_texts(text, replaced(text, "tanh", "sigmoid"));
  EXPECT_NE(to_text(certificate).find("'t' (tanh) in cell, net.py:8, trip 0"), std::string::npos);
}

TEST(Prove, NamesTheTripWhereADifferenceFirstShows) {
  const FirstDifference first = first_of_changed(R"(
graph net(x: f32[2]) -> (y)
  i = full(shape=[], value=0, dtype=i64)
  n, y = while(i, x, carried=2)
    condition(i: i64[], x: f32[2]) -> (more) {
      more = lt(i, 4)
    }
    body(i: i64[], x: f32[2]) -> (j, z) {
      j = add(i, 1)
      last = eq(i, 2)
      y = if(last, x)
        then(x: f32[2]) -> (t) {
          t = tanh(x)
        }
        else(x: f32[2]) -> (v) {
          v = mul(x, 0.5)
        }
      z, all = scan(y, carried=1, scanned=0, trips=2)
        body(h: f32[2]) -> (g, g) {
          g = sin(h)
        }
    }
)");
  EXPECT_EQ(first.op, "tanh");
  EXPECT_EQ(first.trips, (std::vector<std::int64_t>{2}));
}

TEST(Prove, TakesAnOperatorThatChangesNothingForNoDifference) {
  const FirstDifference first = first_of_changed(R"(
graph net(x: f32[2]) -> (y)
  m = mul(x, 1.0)
  t = tanh(m)
  y = exp(t)
)");
  EXPECT_EQ(first.op, "tanh");
  const std::string text = "graph net(x: f32[2]) -> (y)\n  m = mul(x, 1.0)\n  y = exp(m)\n";
  const Certificate certificate =
      prove_texts(text, "graph net(x: f32[2]) -> (y)\n  m = sin(x)\n  y = exp(m)\n");
  ASSERT_TRUE(certificate.first);
  EXPECT_EQ(certificate.first->op, "exp");
}

TEST(Prove, NamesTheOperatorInsideACall) {
  const FirstDifference first = first_of_changed(R"(
graph net(x: f32[2]) -> (y)
  y = call(x)
    block(x: f32[2]) -> (u) {
      t = tanh(x)
      u = exp(t)
    }
)");
  EXPECT_EQ(first.op, "tanh");
}

TEST(Prove, NamesAnOperatorThatTheOtherHasUnderNoName) {
  std::string renamed = replaced(net, "a = tanh(h)  @act net.py:8", "s = sigmoid(h)");
  renamed = replaced(renamed, "(a", "(s");
  const Certificate certificate = prove_texts(net, renamed);
  EXPECT_FALSE(certificate.equivalent());
  ASSERT_TRUE(certificate.first);
  EXPECT_EQ(certificate.first->op, "tanh");
}

TEST(Prove, SeesAnAttributeThatShiftsOutputsByLittle) {
  const Certificate certificate = prove_texts(net, replaced(net, "eps=0.1", "eps=0.1001"));
  EXPECT_FALSE(certificate.equivalent());
  ASSERT_TRUE(certificate.first);
  EXPECT_EQ(certificate.first->op, "layer_norm");
}

TEST(Prove, TellsADroppedOutputFromADifferentOne) {
  const std::string two = replaced(net, "-> (y)", "-> (y, a)");
  EXPECT_TRUE(mentions(prove_texts(two, net), "the source has 2 outputs, b.isomer has 1"));
}

TEST(Prove, SeesInputsInAnotherOrder) {
  const std::string ab = "graph g(a: f32[2], b: f32[2]) -> (c)\n  c = sub(a, b)\n";
  const std::string ba = "graph g(b: f32[2], a: f32[2]) -> (c)\n  c = sub(a, b)\n";
  EXPECT_TRUE(mentions(prove_texts(ab, ba),
                       "the inputs stand in another order: a, b in the source, b, a in b.isomer"));
}

TEST(Prove, SeesParametersThatNoLongerLearn) {
  const Certificate certificate = prove_texts(net, replaced(net, "weight b:", "buffer b:"));
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(mentions(certificate, "parameters only of the source: fc.bias"));
}

TEST(Prove, AnswersALooserQuestion) {
  const std::string source = R"(graph g(x: f32[4]) -> (y)
  state n: i64[] "n" = 0 -> m
  m = add(n, 1)
  y = mul(x, 2.0)
)";
  const std::string other = replaced(source, "mul(x, 2.0)", "mul(x, 2.00002)");
  const auto asked = [&](double relative) {
    return prove_texts(source, other, text_only, {.allowed = Allowed{relative, 0}});
  };
  const Certificate certificate = asked(1e-4);
  EXPECT_EQ(certificate.verdict, Verdict::within) << to_text(certificate);
  // Of the output in each call and precision; a state that counts has none.
  ASSERT_EQ(certificate.distances.size(), 6U);
  for (const std::string& line : certificate.distances)
    EXPECT_TRUE(line.starts_with("output 0 'y'")) << line;
  EXPECT_EQ(asked(1e-6).verdict, Verdict::different);
  EXPECT_TRUE(prove_texts(source, source, text_only, {.allowed = Allowed{1e-4, 0}}).equivalent());
}

TEST(Prove, MovesNoParametersThatHaveNoNames) {
  const std::string nameless =
      "graph g(x: f32[2]) -> (y)\n  weight w: f32[2] = [0.1, 0.2]\n  y = mul(x, w)\n";
  EXPECT_TRUE(prove_texts(nameless, nameless).equivalent());
  EXPECT_FALSE(prove_texts(nameless, replaced(nameless, "mul", "add")).equivalent());
}

TEST(Prove, TakesTiedWeightsUnderAnyOfTheirNames) {
  const std::string tied = replaced(net, "\"fc.weight\"", "\"fc.weight\" \"twin\"");
  EXPECT_TRUE(prove_texts(tied, net).equivalent());
  EXPECT_TRUE(prove_texts(net, tied).equivalent());
}

TEST(Prove, SeesGradientsThatDifferWhereOutputsDoNot) {
  const std::string stopped =
      replaced(net, "h = linear(x, w, b)", "c = detach(x)\n  h = linear(c, w, b)");
  const Certificate certificate = prove_texts(net, stopped);
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(check_named(certificate, "outputs", "reference")->same);
  EXPECT_FALSE(check_named(certificate, "gradients", "reference")->same);
  EXPECT_TRUE(mentions(certificate, "gradient of input 'x'"));
}

TEST(Prove, LeavesOutDerivativesThatPytorchDoesNotHave) {
  const std::string text =
      "graph g(x: f32[2, 3], t: i64[2], w: f32[3]) -> (y)\n"
      "  y = cross_entropy(x, t, w)\n";
  const Certificate certificate = prove_texts(text, text);
  EXPECT_EQ(certificate.verdict, Verdict::equivalent) << to_text(certificate);
  EXPECT_NE(
      to_text(certificate).find("no derivative for weights of classes: gradient of input 'w'"),
      std::string::npos)
      << to_text(certificate);
}

TEST(Prove, JudgesASystemWithoutDerivativesByCentralDifferences) {
  const Certificate certificate = prove_texts(net, net, own_rules);
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
  const Check* check =
      check_named(certificate, "gradients", "central differences of plain's own rules");
  ASSERT_NE(check, nullptr);
  EXPECT_EQ(check->elements, 8U);
  EXPECT_NE(check->where.find("inputs and parameters"), std::string::npos);
}

TEST(Prove, CentralDifferencesDrawAgainAtKinks) {
  const std::string kinked = replaced(net, "tanh(h)", "relu(h)");
  EXPECT_TRUE(prove_texts(kinked, kinked, own_rules).equivalent());
}

TEST(Prove, CentralDifferencesSeeAnotherSlope) {
  // At x = 0 both give 0, and everywhere else the outputs differ too: only the words of the report
  // are of interest here.
  const std::string cubed = replaced(net, "tanh(h)", "sin(h)");
  const Certificate certificate = prove_texts(net, cubed, own_rules);
  const Check* check = check_named(certificate, "gradients", "central differences");
  ASSERT_NE(check, nullptr);
  EXPECT_FALSE(check->same);
}

TEST(Prove, ReportsWhereTheOtherFails) {
  const std::string fixed =
      replaced(replaced(net, "f32[n, 3]", "f32[2, 3]"), "  length n: 1..8\n", "");
  const Certificate certificate = prove_texts(net, fixed);
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(mentions(certificate, "fails where the source does not (random, n = 1)"))
      << to_text(certificate);
}

TEST(Prove, NamesABrokenFileOnce) {
  const auto files = in_memory({{"a.isomer", "isomer 1\ngraph"}, {"b.isomer", "isomer 1\n" + net}});
  for (const std::string label : {"a.isomer", "models/a.isomer"}) {
    try {
      prove({label, &text_only, files.get(), "a.isomer"},
            {"b.isomer", &text_only, files.get(), "b.isomer"});
      FAIL() << "the file ends too early";
    } catch (const Error& error) {
      EXPECT_EQ(error.where(), label + ": 2:6");
    }
  }
}

TEST(Prove, TakesTheUsersInputsFirst) {
  ProofOptions options;
  options.given = [](std::span<const Port> ports) {
    EXPECT_EQ(ports[0].name, "x");
    return std::vector<Tensor>{Tensor::zeros(DType::f32, {5, 3})};
  };
  EXPECT_EQ(prove_texts(net, net, text_only, options).inputs.front(), "given");
}

TEST(Prove, RefusesInputsThatDoNotFit) {
  ProofOptions options;
  options.given = [](std::span<const Port>) {
    return std::vector<Tensor>{Tensor::zeros(DType::f32, {5, 4})};
  };
  try {
    prove_texts(net, net, text_only, options);
    FAIL() << "an Error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
  }
}

TEST(Prove, RefusesModelsThatDrawRandomNumbers) {
  const std::string random = "graph g(x: f32[4]) -> (y)\n  y = dropout(x, training=true)\n";
  try {
    prove_texts(random, random);
    FAIL() << "an Error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_NE(std::string(error.what()).find("draws random numbers"), std::string::npos);
  }
}

TEST(Prove, IsTheSameForTheSameSeed) {
  EXPECT_EQ(to_json(prove_texts(net, net)), to_json(prove_texts(net, net)));
  ProofOptions other;
  other.seed = 7;
  EXPECT_NE(to_json(prove_texts(net, net)), to_json(prove_texts(net, net, text_only, other)));
}

TEST(Prove, TakesAStateThatStaysForABuffer) {
  const std::string buffer = R"(graph g(x: f32[2]) -> (y)
  buffer n: f32[2] "n" = [0.1, 0.2]
  y = mul(x, n)
)";
  const std::string state = replaced(replaced(buffer, "buffer", "state"), "0.2]", "0.2] -> n");
  const Certificate certificate = prove_texts(state, buffer, own_rules);
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
  EXPECT_NE(check_named(certificate, "outputs and states", "plain"), nullptr);
}

TEST(Prove, ComparesWhatTrainingLeavesBehind) {
  const std::string counter = R"(graph g(x: f32[2]) -> (y)
  state n: f32[2] "n" = [1.0, 2.0] -> m
  y = mul(x, 2.0)
  m = add(n, x)
)";
  EXPECT_TRUE(prove_texts(counter, counter).equivalent());
  const Certificate certificate = prove_texts(counter, replaced(counter, "add(n, x)", "sub(n, x)"));
  EXPECT_FALSE(certificate.equivalent());
  EXPECT_TRUE(mentions(certificate, "state 'n'")) << to_text(certificate);
}

// What must never be called equivalent: pairs that an excuse or a gap once let through.
TEST(Prove, TellsApartWhatRoundingDoesNotDecide) {
  struct Pair {
    std::string_view why;
    std::string_view one;
    std::string_view other;
  };
  constexpr Pair pairs[] = {
      {"exact counts, another number", "c = cast(x, dtype=i64)\n  y = mul(c, 1)",
       "c = cast(x, dtype=i64)\n  y = mul(c, 1000)"},
      {"inputs carry no rounding", "y = gt(x, 0.0)", "y = ge(x, 0.0)"},
      {"nor do counts",
       "t = gt(x, 0.0)\n  n = cast(t, dtype=f32)\n  s = sum(n)\n  y = cast(s, dtype=i64)",
       "t = gt(x, 0.0)\n  n = cast(t, dtype=f32)\n  s = sum(n)\n  u = mul(s, 1000.0)\n"
       "  v = add(u, 7.0)\n  y = cast(v, dtype=i64)"},
      {"operands that broadcast each other", "t = unsqueeze(x, dim=1)\n  y = lt(t, x)",
       "t = unsqueeze(x, dim=1)\n  u = add(t, 1.0)\n  y = lt(u, x)"},
  };
  for (const Pair& pair : pairs) {
    const auto graph = [](std::string_view body) {
      return "graph g(x: f32[6]) -> (y)\n  " + std::string(body) + "\n";
    };
    EXPECT_FALSE(prove_texts(graph(pair.one), graph(pair.other)).equivalent()) << pair.why;
    EXPECT_TRUE(prove_texts(graph(pair.one), graph(pair.one)).equivalent()) << pair.why;
  }
}

TEST(Prove, TriesIntegersThatIndexNothingOnBothSidesOfZero) {
  const std::string five = "graph g(i: i64[8]) -> (y)\n  y = gt(i, 5)\n";
  EXPECT_FALSE(prove_texts(five, replaced(five, "5", "7")).equivalent());
  EXPECT_FALSE(prove_texts(five, replaced(five, "5", "-5")).equivalent());
}

TEST(Prove, SeesAStateThatOnlyOneSideHas) {
  const std::string plain = "graph g(x: f32[2]) -> (y)\n  y = mul(x, 2.0)\n";
  const std::string counting =
      "graph g(x: f32[2]) -> (y)\n  state n: i64[] = 0 -> m\n  y = mul(x, 2.0)\n  m = add(n, 1)\n";
  EXPECT_TRUE(mentions(prove_texts(counting, plain), "state 'state0', which only"));
  EXPECT_TRUE(mentions(prove_texts(plain, counting), "state 'state0', which only"));
  EXPECT_FALSE(prove_texts(counting, replaced(counting, "= 0 ->", "= 5 ->")).equivalent());
}

TEST(Prove, PassesAControlOverThatDoesNotRun) {
  const std::string table = R"(graph g(i: i64[3]) -> (y)
  weight t: f32[1, 2] "t" = [[0.0, 0.0]]
  y = embedding(t, i)
)";
  const Certificate certificate = prove_texts(table, table);
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
}

TEST(Prove, ComparesSlopesWithoutWhatGradientsLeaveOut) {
  const std::string table = R"(graph g(i: i64[9], x: f32[9, 2]) -> (y)
  weight t: f32[3, 2] "t" = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
  e = embedding(t, i, padding_idx=1)
  d = detach(x)
  s = mul(e, d)
  y = add(s, x)
)";
  const Certificate certificate = prove_texts(table, table, own_rules);
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
  const std::string other = replaced(table, "s = mul(e, d)", "s = mul(e, 1.0)");
  EXPECT_FALSE(check_named(prove_texts(table, other, own_rules), "gradients", "central")->same);
}

TEST(Prove, WantsGradientsOfTheOtherWhereTheSourceHasThem) {
  const std::string frozen = replaced(net, "weight w", "buffer w");
  const Certificate certificate = prove_texts(net, frozen, own_rules);
  EXPECT_TRUE(mentions(certificate, "no gradients of b.isomer could be compared"));
}

// A document that somebody wrote by hand says "float" and no shapes.
TEST(Prove, JudgesADocumentWithoutTypesAtThoseItIsReadAs) {
  const std::string document =
      R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {"nodes": {"n": {
    "input_ports": {"x": {"shape": [3], "type": "float"}, "i": {"shape": [3], "type": "int"}},
    "parameters": {"p": {"value": "x * 0.1 + i"}},
    "output_ports": {"y": {"value": "p"}}}}}}}})";
  const std::string graph = R"(isomer 1
graph g(x: f64[3], i: i64[3]) -> (y)
  t = mul(x, 0.1)
  k = cast(i, dtype=f64)
  y = add(t, k)
)";
  const auto files = in_memory({{"a.json", document}, {"b.isomer", graph}});
  const Certificate certificate = prove({"a.json", &system_named("mdf"), files.get(), "a.json"},
                                        {"b.isomer", &text_only, files.get(), "b.isomer"},
                                        {.engines = {&engine_named("reference")}});
  EXPECT_TRUE(certificate.equivalent()) << to_text(certificate);
}

}  // namespace
}  // namespace isomer
