#include "prove/rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "graph/text.h"
#include "ops/text.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "prove/compare.h"
#include "run/engine.h"
#include "systems/files.h"
#include "systems/system.h"

namespace isomer {
namespace {

Rounding::Spread measured(const std::string& text, const InputSet& set, Precision precision,
                          int runs = 8) {
  Rounding rounding(parse_graph(text), reference_engine());
  Rounding::Spread spread;
  rounding.measure(spread, set, precision, runs);
  return spread;
}

Tensor floats(std::vector<double> numbers) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  return Tensor::from_doubles(DType::f32, {count}, numbers);
}

TEST(Rounding, KnowsWhatCancels) {
  const std::string text = R"(graph g(x: f32[3]) -> (y)
    a = exp(x)
    b = expm1(x)
    c = sub(a, b)
    y = sub(c, 1.0)
)";
  const Rounding::Spread spread = measured(text, {"", {{floats({0, 1, 10})}}}, Precision::f32);
  const std::vector<double>& most = spread.most[0][0];
  EXPECT_LT(most[0], 0x1p-22);
  EXPECT_GT(most[1], 0x1p-24);
  EXPECT_GT(most[2], 0x1p-24 * std::exp(10) / 4);
  EXPECT_LT(most[2], 0x1p-24 * std::exp(10) * 4);
}

TEST(Rounding, LeavesExactArithmeticAlone) {
  const std::string text = R"(graph g(x: f32[4]) -> (n, half, i)
    t = add(x, 0.5)
    half = floor(t)
    n = sum(x)
    i = cast(n, dtype=i64)
)";
  const Rounding::Spread spread = measured(text, {"", {{floats({1, 0.5, 2, 2})}}}, Precision::f32);
  EXPECT_EQ(spread.most[0][1], (std::vector<double>{0, 0, 0, 0}));
  const Rounding::Spread whole = measured(text, {"", {{floats({1, 1, 0, 1})}}}, Precision::f64);
  EXPECT_EQ(whole.most[0][0], std::vector<double>{0});
  EXPECT_EQ(whole.most[0][2], std::vector<double>{0});
}

TEST(Rounding, SaysWhichIntegersChange) {
  const std::string text = R"(graph g(x: f32[2]) -> (y)
    a = mul(x, 0.1)
    b = mul(a, 10.0)
    y = lt(b, x)
)";
  const Rounding::Spread spread = measured(text, {"", {{floats({3, 0})}}}, Precision::f32);
  EXPECT_EQ(spread.most[0][0], (std::vector<double>{1, 0}));
}

TEST(Rounding, KeepsCastsToHalfInDoublePrecision) {
  const std::string text = R"(graph g(x: f32[2]) -> (y, z)
    h = cast(x, dtype=bf16)
    y = cast(h, dtype=f32)
    e = exp(h)
    z = cast(e, dtype=f32)
)";
  const InputSet set{"", {{floats({1.003, 0.3})}}};
  const Rounding::Spread single = measured(text, set, Precision::f32);
  EXPECT_GT(single.most[0][0][0], 0x1p-10);
  const Rounding::Spread wide = measured(text, set, Precision::f64);
  EXPECT_EQ(wide.most[0][0], (std::vector<double>{0, 0}));
  // What a kernel computes in bf16 is not the same everywhere.
  EXPECT_GT(wide.most[0][1][0], 0x1p-8);
}

TEST(Rounding, GoesOnWhereItStopped) {
  const std::string text = "graph g(x: f32[2]) -> (y)\n  y = exp(x)\n";
  const InputSet set{"", {{floats({1, 2})}}};
  Rounding rounding(parse_graph(text), reference_engine());
  Rounding::Spread spread;
  rounding.measure(spread, set, Precision::f32, 2);
  rounding.measure(spread, set, Precision::f32, 8);
  EXPECT_EQ(spread.runs, 8);
  EXPECT_EQ(spread.most, measured(text, set, Precision::f32).most);
}

TEST(Rounding, CarriesStatesFromCallToCall) {
  const std::string text = R"(graph g(x: f32[1]) -> (y)
    weight w: f32[1] "w" = [0.1]
    state s: f32[1] "s" = [0.3] -> y
    a = mul(x, w)
    y = add(s, a)
)";
  InputSet set{"", {{floats({0.7})}, {floats({0.7})}}};
  const Rounding::Spread stored = measured(text, set, Precision::f32);
  ASSERT_EQ(stored.exact.size(), 2U);
  ASSERT_EQ(stored.exact[1].size(), 2U);
  EXPECT_NEAR(stored.exact[1][1].doubles()[0], 0.44, 1e-6);
  EXPECT_GT(stored.most[1][1][0], 0);
  set.states = {{"s", floats({1})}};
  set.parameters = {{"w", floats({1})}};
  Rounding rounding(parse_graph(text), reference_engine());
  Rounding::Spread moved, again;
  rounding.measure(moved, set, Precision::f64, 1);
  EXPECT_NEAR(moved.exact[1][0].doubles()[0], 2.4, 1e-6);
  set.states = {};
  set.parameters = {};
  rounding.measure(again, set, Precision::f64, 1);
  EXPECT_NEAR(again.exact[1][0].doubles()[0], 0.44, 1e-6);
}

TEST(Rounding, SaysWhatIsAnotherFormula) {
  const std::vector<Tensor> exact{floats({1, 2})};
  const std::vector<std::vector<double>> most{{0, 1e-3}};
  EXPECT_EQ(other_formula(exact, most, exact), std::nullopt);
  EXPECT_EQ(other_formula(exact, most, {floats({1, 2.0005})}), std::nullopt);
  EXPECT_EQ(other_formula(exact, most, {floats({1.0001, 2})}), 0U);
}

// Real models -----------------------------------------------------------------------------------

/// By what one engine gives, another's; the worst is in units of the bound.
void judge(Check& check, const Rounding::Spread& spread, const std::vector<Tensor>& source,
           const std::vector<Tensor>& other, Precision precision, const std::string& where) {
  Expected expected{.names = {}, .exact = spread.exact[0], .source = source};
  expected.exact.resize(source.size());  // without states
  for (std::size_t i = 0; i < source.size(); ++i)
    expected.names.push_back("output " + std::to_string(i));
  expected.spread = [&](std::size_t tensor, Precision, int) -> std::span<const double> {
    return spread.most[0][tensor];
  };
  compare(check, expected, other, precision, where);
}

std::vector<Tensor> scaled(std::vector<Tensor> tensors, double by) {
  for (Tensor& tensor : tensors) {
    if (!is_floating(tensor.dtype())) continue;
    std::vector<double> values = tensor.doubles();
    for (double& value : values) value *= by;
    tensor = Tensor::from_doubles(tensor.dtype(), tensor.shape(), values);
  }
  return tensors;
}

std::vector<Tensor> as_taken(std::vector<Tensor> tensors, const Graph& graph) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (is_floating(tensors[i].dtype()))
      tensors[i] = tensors[i].converted(graph[graph.inputs[i]].type.dtype);
  }
  return tensors;
}

/// The graph on each engine, as it is and in primitive operators, by the exact formulas.
void judge_all(std::map<Precision, Check>& checks, Rounding& rounding, const Graph& graph,
               const InputSet& set, const std::string& name) {
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    Rounding::Spread spread;
    rounding.measure(spread, set, precision, 8);
    const Graph own = precision == Precision::f32 ? graph : to_float64(graph);
    const Graph plain = expand_unsupported(own, reference_engine().runs);
    for (const Engine& engine : all_engines()) {
      if (!engine.available()) continue;
      for (const Graph* one : {&own, &plain}) {
        const auto outputs = engine.make(*one)->run(as_taken(set.calls[0], own));
        std::vector<Tensor> source;
        for (std::size_t i = 0; i < outputs.size(); ++i)
          source.push_back(spread.exact[0][i].converted(outputs[i].dtype()));
        judge(checks[precision], spread, source, outputs, precision,
              name + (one == &own ? " on " : " in primitives on ") + std::string(engine.name));
      }
    }
  }
}

TEST(Rounding, BoundsWhatEnginesMakeOfRealModels) {
  std::map<Precision, Check> outputs, gradients;
  for (const auto& file : std::filesystem::directory_iterator(ISOMER_SOURCE "/tests/data/models")) {
    if (file.path().extension() != ".pt2") continue;
    const std::string name = file.path().filename().string();
    if (name.ends_with(".core.pt2")) continue;  // the same, decomposed
    SCOPED_TRACE(name);
    const auto files = open_folder(file.path().parent_path());
    const Graph graph = read_model(recognise(*files, name), *files, name).graph;
    if (draws(graph)) continue;
    const std::vector<InputSet> sets = make_inputs(plan_for(graph), 1);
    Rounding rounding(graph, default_engine());
    for (const double scale : {1.0, 30.0}) {
      InputSet set = sets[0];
      set.calls.resize(1);
      set.calls[0] = scaled(set.calls[0], scale);
      judge_all(outputs, rounding, graph, set, name);
    }
    std::optional<Graph> derivative;
    try {
      derivative = differentiate(graph);
    } catch (const Error&) {
      continue;
    }
    Rounding slope(*derivative, default_engine());
    const auto run = reference_engine().make(graph);
    for (const double scale : {1.0, 30.0}) {
      InputSet set = sets[0];
      set.calls.resize(1);
      set.calls[0] = scaled(set.calls[0], scale);
      run->reset();
      for (const Tensor& output : run->run(set.calls[0])) {
        if (!is_floating(output.dtype())) continue;
        std::vector<double> cotangent(static_cast<std::size_t>(output.count()));
        for (std::size_t i = 0; i < cotangent.size(); ++i)
          cotangent[i] = std::sin(static_cast<double>(3 * i + 1));
        set.calls[0].push_back(Tensor::from_doubles(output.dtype(), output.shape(), cotangent));
      }
      judge_all(gradients, slope, *derivative, set, name);
    }
  }
  const auto engines = static_cast<std::size_t>(std::ranges::count_if(
      all_engines(), [](const Engine& engine) { return engine.available(); }));
  for (const auto* all : {&outputs, &gradients}) {
    for (const auto& [precision, check] : *all) {
      EXPECT_TRUE(check.same) << check.differences.front().text;
      EXPECT_GT(check.elements, 2'500 * engines);
      EXPECT_LT(check.excused, check.elements / 1'000);
    }
  }
}

}  // namespace
}  // namespace isomer
