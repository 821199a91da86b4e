#include "passes/passes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/text.h"
#include "ops/builder.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "run/engine.h"

namespace isomer {
namespace {

Graph two_layers() {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {Dim::symbol("n"), 2}});
  const ValueId w = b.constant("w", Tensor::zeros(DType::f32, {2, 2}), true, {"fc.weight"});
  b.constant("spare", Tensor::zeros(DType::f32, {1}), true, {"spare"});
  b.at("fc", {"net.py", 7});
  const ValueId h = b.emit("linear", {x, w});
  b.at("act", {"net.py", 8});
  const ValueId y = b.emit("gelu", {h});
  b.emit("exp", {h});
  return std::move(b).finish({y});
}

TEST(RemoveUnused, KeepsNamedWeights) {
  const Graph graph = remove_unused(two_layers());
  EXPECT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.constants.size(), 2U);
  validate(graph);
}

TEST(FixLengths, MakesThemNumbersEverywhere) {
  const Graph graph = parse_graph(
      "graph g(x: f32[s, 2*n], k: i64[]) -> (y, z)\n"
      "  length s: 1..64\n  length n: 1..\n  length k = input 1: 0..\n"
      "  y = reshape(x, shape=[2*n, s])\n  z = length(value=s + k)\n");
  const Graph fixed = fix_lengths(graph, {{"s", 32}, {"k", 5}});
  validate(fixed);
  EXPECT_EQ(to_text(fixed),
            "isomer 1\ngraph g(x: f32[32, 2*n], k: i64[]) -> (y, z)\n"
            "  length n: 1..\n  length k = input 1: 5..5\n"
            "  y = reshape(x, shape=[2*n, 32])\n  z = length(value=37)\n");
  EXPECT_EQ(to_text(fix_lengths(graph, {})), to_text(graph));
}

TEST(ExpandUnsupported, CarriesScopesAndLeavesWhatIsSpelled) {
  const Graph graph =
      expand_unsupported(two_layers(), [](std::string_view op) { return op != "gelu"; });
  validate(graph);
  EXPECT_EQ(graph.nodes[0].op, "linear");
  EXPECT_EQ(graph.nodes[1].scope, "act");
  EXPECT_EQ(graph.nodes[1].place, (Place{"net.py", 8}));
}

TEST(ExpandUnsupported, ListsEverythingThatIsLeft) {
  try {
    expand_unsupported(two_layers(), [](std::string_view op) { return op == "matmul"; });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_NE(error.text().find("exp (1x"), std::string::npos) << error.text();
  }
}

TEST(Differentiate, HasOneOutputPerFloatingInputAndTrainableConstant) {
  const Graph vjp = differentiate(two_layers());
  validate(vjp);
  ASSERT_EQ(vjp.inputs.size(), 2U);
  ASSERT_EQ(vjp.outputs.size(), 3U);
  EXPECT_EQ(to_text(vjp[vjp.outputs[0]].type), "f32[n, 2]");
  EXPECT_EQ(to_text(vjp[vjp.outputs[1]].type), "f32[2, 2]");
  EXPECT_EQ(to_text(vjp[vjp.outputs[2]].type), "f32[1]");
}

TEST(Differentiate, NamesTheNodeWithoutDerivative) {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {1, 1, 3}});
  const ValueId w = b.input("w", {DType::f32, {1, 1, 1}});
  const std::vector<ValueId> g = b.emit_all("convolution_backward", {x, x, w});
  const Graph graph = std::move(b).finish({g[0]});
  try {
    differentiate(graph);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_NE(std::string(error.what()).find("convolution_backward"), std::string::npos);
  }
}

// y = sum(total * w), of which next = total + w is kept.
Graph with_state() {
  return parse_graph(R"(isomer 1
graph net() -> (y)
  weight w: f32[2] "w" = [2, 3]
  state total: f32[2] "total" = [5, 7] -> next
  next = add(total, w)
  product = mul(total, w)
  y = sum(product)
)");
}

TEST(DifferentiateJointly, GivesOutputsStatesAndGradientsAtOnce) {
  const Graph joint = differentiate_jointly(with_state(), {.loss = true, .states = {0}});
  validate(joint);
  EXPECT_TRUE(joint.inputs.empty());
  const auto executor = make_reference_executor(joint);
  const std::vector<Tensor> results = executor->run({});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].doubles(), (std::vector<double>{31}));
  EXPECT_EQ(results[1].doubles(), (std::vector<double>{5, 7}));
  EXPECT_EQ(results[2].doubles(), (std::vector<double>{2, 3}));
  EXPECT_EQ(executor->states()[0].doubles(), (std::vector<double>{7, 10}));
}

TEST(DifferentiateJointly, TakesCotangentsWhereThereIsNoLoss) {
  const Graph joint = differentiate_jointly(two_layers(), {});
  validate(joint);
  ASSERT_EQ(joint.inputs.size(), 2U);
  ASSERT_EQ(joint.outputs.size(), 3U);
  EXPECT_EQ(to_text(joint[joint.outputs[0]].type), to_text(joint[joint.inputs[1]].type));
  EXPECT_EQ(to_text(joint[joint.outputs[1]].type), "f32[2, 2]");
  try {
    differentiate_jointly(two_layers(), {.loss = true, .states = {}});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    EXPECT_NE(error.text().find("a loss is a floating scalar"), std::string::npos);
  }
}

TEST(ToFloat64, WidensTheDoorAndReadsLiteralsAsWritten) {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId i = b.input("i", {DType::i64, {2}});
  const ValueId y = b.emit("mul", {x, b.literal(DType::f32, 0.1)});
  const ValueId z = b.emit("cast", {i}, {{"dtype", DType::f32}});
  const ValueId low = b.emit("cast", {y}, {{"dtype", DType::bf16}});
  const Graph graph = to_float64(std::move(b).finish({y, z, low}));
  validate(graph);
  EXPECT_EQ(graph[graph.inputs[0]].type.dtype, DType::f64);
  EXPECT_EQ(graph[graph.inputs[1]].type.dtype, DType::i64);
  EXPECT_EQ(graph.constants[0].data.view().as<double>()[0], 0.1);
  EXPECT_EQ(graph[graph.outputs[1]].type.dtype, DType::f64);
  EXPECT_EQ(graph[graph.outputs[2]].type.dtype, DType::bf16);
}

/// Towers of blocks in blocks, with weights, literals, states and a length that an input tells.
TEST(Outline, IsUndoneByExpanding) {
  std::string lines;
  std::string last = "x";
  for (int i = 0; i < 6; ++i) {
    const std::string at = "layers." + std::to_string(i);
    const auto line = [&](const std::string& name, const std::string& rest,
                          const std::string& inside) {
      lines += "  " + name + std::to_string(i) + " = " + rest + "  @" + at + inside +
               " net.py:" + std::to_string(name[0]) + "\n";
    };
    const std::string n = std::to_string(i);
    line("a", "mul(" + last + ", w" + n + ")", ".one");
    line("b", "add(a" + n + ", 0.1)", ".one");
    line("c", "mul(b" + n + ", w" + n + ")", ".two");
    line("d", "add(c" + n + ", " + (i == 4 ? "s" : "0.1") + ")", ".two");
    line("e", "add(d" + n + ", " + last + ")", "");
    last = "e" + n;
  }
  std::string text = "graph g(n: i64[], x: f32[n]) -> (y, a2)\n  length n = input 0: 0..9\n";
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    text += "  weight w" + n + ": f32[1] \"layers." + n + ".w\" = [" + n + "]\n";
  }
  text += "  state s: f32[1] \"s\" = [0] -> s\n" + lines + "  y = exp(" + last + ")\n";
  const Graph graph = parse_graph(text);
  const Graph outlined = outline(graph);
  validate(outlined);
  // The third gives one value more, and the fifth adds another thing.
  EXPECT_EQ(std::ranges::count(outlined.nodes, "call", &Node::op), 4);
  const auto nameless = [](Graph g) {
    for (Value& value : g.values) value.name.clear();
    g.signature.arguments.keys.clear();
    return to_text(g, Data::all);
  };
  const Graph again =
      expand_unsupported(outlined, [](std::string_view op) { return op != "call"; });
  EXPECT_EQ(nameless(again), nameless(graph));
}

TEST(Pipeline, ReportsSkipsAndKnowsItsNames) {
  std::vector<std::string_view> seen;
  PipelineOptions options;
  options.watch = [&](const PassReport& report, const Graph&) { seen.push_back(report.name); };
  run_passes(two_layers(), conversion_passes(), options);
  EXPECT_EQ(seen, (std::vector<std::string_view>{"simplify", "remove_unused"}));
  seen.clear();
  options.without = {"simplify"};
  run_passes(two_layers(), conversion_passes(), options);
  EXPECT_EQ(seen, (std::vector<std::string_view>{"remove_unused"}));
  options.without = {"simplfy"};
  EXPECT_THROW(run_passes(two_layers(), conversion_passes(), options), Error);
}

}  // namespace
}  // namespace isomer
