#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/validate.h"
#include "run/engine.h"
#include "systems/pytorch/export_structure.h"
#include "systems/pytorch/export_types.h"
#include "systems/pytorch/pytorch.h"
#include "systems/stored.h"

namespace isomer {
namespace {

constexpr std::string_view folder = ISOMER_SOURCE "/tests/data/models";

Loaded read_model(const std::string& file) { return read_pt2(*open_folder(folder), file); }

NamedTensors recorded(const std::string& model) {
  return read_tensors(open_folder(folder)->read(model + ".safetensors"));
}

std::vector<Tensor> inputs_of(const NamedTensors& tensors) {
  std::vector<Tensor> inputs;
  while (const Tensor* input = find(tensors, "in" + std::to_string(inputs.size())))
    inputs.push_back(*input);
  return inputs;
}

void expect_near(const Tensor& got, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(got.dtype(), wanted.dtype()) << what;
  ASSERT_EQ(got.shape(), wanted.shape()) << what;
  const std::vector<double> a = got.doubles();
  const std::vector<double> b = wanted.doubles();
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 1e-5 * std::max(1.0, std::abs(b[i]))) << what << " element " << i;
  }
}

const Constant& weight(const Graph& graph, std::string_view name) {
  for (const Constant& constant : graph.constants) {
    if (std::ranges::find(constant.names, name) != constant.names.end()) return constant;
  }
  throw Error(Fault::usage, "test", "no weight " + quoted(name));
}

class Models : public testing::TestWithParam<std::string> {};

// Eager torch wrote the outputs; the reference interpreter, which knows no torch, runs what was
// read.
TEST_P(Models, ComputeWhatTorchDid) {
  const std::string model = GetParam().substr(0, GetParam().find('.'));
  const NamedTensors tensors = recorded(model);
  const Graph graph = read_model(GetParam()).graph;
  validate(graph);
  auto executor = make_reference_executor(graph);
  const std::vector<Tensor> outputs = executor->run(inputs_of(tensors));
  ASSERT_FALSE(outputs.empty());
  EXPECT_EQ(find(tensors, "out" + std::to_string(outputs.size())), nullptr) << "torch gave more";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string name = "out" + std::to_string(i);
    ASSERT_NE(find(tensors, name), nullptr);
    expect_near(outputs[i], *find(tensors, name), name);
  }
  const std::vector<Tensor> states = executor->states();
  ASSERT_EQ(states.size(), graph.states.size());
  const auto changed = std::ranges::count_if(
      tensors, [](const auto& one) { return one.first.starts_with("after."); });
  EXPECT_EQ(static_cast<std::size_t>(changed), states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    ASSERT_EQ(graph.states[i].names.size(), 1U);
    const std::string name = "after." + graph.states[i].names[0];
    ASSERT_NE(find(tensors, name), nullptr) << name;
    expect_near(states[i], *find(tensors, name), name);
  }
}

std::vector<std::string> model_files() {
  std::vector<std::string> files = open_folder(folder)->names();
  std::erase_if(files, [](const std::string& name) { return !name.ends_with(".pt2"); });
  return files;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.size() - 4);
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Exports, Models, testing::ValuesIn(model_files()), test_name);

TEST(PytorchReader, FindsTheModelsThereAre) { EXPECT_GE(model_files().size(), 28U); }

TEST(PytorchReader, KeepsStateDictNamesScopesAndPlaces) {
  const Graph graph = read_model("lenet.pt2").graph;
  EXPECT_EQ(graph.name, "LeNet");
  EXPECT_TRUE(weight(graph, "features.0.weight").trainable);
  EXPECT_FALSE(weight(graph, "features.1.running_mean").trainable);
  EXPECT_NO_THROW(weight(graph, "features.1.num_batches_tracked"));
  const auto linear = std::ranges::find(graph.nodes, "linear", &Node::op);
  ASSERT_NE(linear, graph.nodes.end());
  EXPECT_EQ(linear->scope, "classify");
  EXPECT_EQ(linear->place.file, "make_models.py");
  EXPECT_GT(linear->place.line, 0);
  EXPECT_EQ(graph[graph.inputs[0]].name, "image");
}

TEST(PytorchReader, TiedWeightsAreOneConstant) {
  for (const std::string file : {"tied.pt2", "tied.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    EXPECT_EQ(weight(graph, "embed.weight").value, weight(graph, "out.weight").value) << file;
    EXPECT_EQ(weight(graph, "out.weight").names.size(), 2U) << file;
  }
}

TEST(PytorchReader, BuffersOutsideTheStateDictHaveNoName) {
  const Graph graph = read_model("buffers.pt2").graph;
  EXPECT_NO_THROW(weight(graph, "shift"));
  EXPECT_THROW(weight(graph, "scale"), Error);
  EXPECT_THROW(weight(graph, "lifted_tensor_0"), Error);
}

TEST(PytorchReader, KeepsTheNesting) {
  const Signature signature = read_model("multi_io.pt2").graph.signature;
  using Kind = Structure::Kind;
  const Structure leaf;
  EXPECT_EQ(signature.arguments.keys, (std::vector<std::string>{"pair", "extra"}));
  EXPECT_EQ(signature.arguments.children.at(0), (Structure{Kind::dict, {"a", "b"}, {leaf, leaf}}));
  EXPECT_EQ(signature.arguments.children.at(1), (Structure{Kind::list, {}, {leaf, leaf}}));
  const Structure none{Kind::none, {}, {}};
  const Structure both{Kind::tuple, {}, {leaf, leaf}};
  EXPECT_EQ(signature.results,
            (Structure{Kind::dict, {"sum", "both", "none"}, {leaf, both, none}}));
}

TEST(PytorchReader, ADynamicBatchIsANamedLength) {
  for (const std::string file : {"dynamic_batch.pt2", "dynamic_batch.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    const auto symbol = graph[graph.inputs[0]].type.shape.at(0).lone_symbol();
    ASSERT_TRUE(symbol) << file;
    ASSERT_EQ(graph.signature.lengths.size(), 1U);
    EXPECT_EQ(graph.signature.lengths[0], (LengthRange{*symbol, 1, 64}));
    auto executor = make_reference_executor(graph);
    for (const std::int64_t batch : {1, 5}) {
      const auto outputs = executor->run(std::vector{Tensor::zeros(DType::f32, {batch, 4})});
      EXPECT_EQ(outputs.at(0).shape(), (std::vector<std::int64_t>{3 * batch}));
    }
  }
}

TEST(PytorchReader, ChangedBuffersAreStates) {
  for (const std::string file : {"train_bn.pt2", "train_bn.core.pt2"}) {
    const Graph graph = read_model(file).graph;
    std::vector<std::string> names;
    for (const State& state : graph.states) names.push_back(state.names.at(0));
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"bn.num_batches_tracked", "bn.running_mean",
                                               "bn.running_var"}));
    EXPECT_THROW(weight(graph, "bn.running_mean"), Error);
  }
}

// Lengths, structures, places
// -------------------------------------------------------------------------------------

std::string expression(std::string_view text) { return to_text(pytorch::parse_expression(text)); }

TEST(ExportTypes, ReadsLengthsAsSympyPrintsThem) {
  const Lengths lengths{{"s0", 7}, {"s1", 3}};
  const auto value = [&](std::string_view text) {
    return pytorch::parse_expression(text).evaluate(lengths);
  };
  EXPECT_EQ(expression("Symbol('s77', positive=True, integer=True)"), "s77");
  EXPECT_EQ(value("Integer(-4)"), -4);
  EXPECT_EQ(value("Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(-1), Symbol('s1'))"),
            16);
  EXPECT_EQ(value("FloorDiv(Symbol('s0'), Integer(2))"), 3);
  EXPECT_EQ(value("Mul(Rational(1, 2), Add(Symbol('s0'), Integer(1)))"), 4);
  EXPECT_EQ(value("Pow(Symbol('s1'), Integer(2))"), 9);
  EXPECT_EQ(value("Mod(Symbol('s0'), Symbol('s1'))"), 1);
  EXPECT_EQ(value("Max(Symbol('s0'), Symbol('s1'), Integer(5))"), 7);
  EXPECT_EQ(value("ModularIndexing(Symbol('s0'), Integer(2), Integer(2))"), 1);
}

TEST(ExportTypes, RefusesOtherTexts) {
  for (const std::string_view text :
       {"", "Symbol(", "Symbol('s0'", "Integer(1) Integer(2)", "Integer(x)", "FloorDiv(Integer(1))",
        "sin(Symbol('s0'))", "Pow(Symbol('s0'), Symbol('s1'))", "Rational(1, 0)"}) {
    EXPECT_THROW(pytorch::parse_expression(text), Error) << text;
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "Add(";
  EXPECT_THROW(pytorch::parse_expression(deep), Error);
}

TEST(ExportStructure, FindsTheModule) {
  EXPECT_EQ(pytorch::parse_scope("L__self__,,net.Net;L__self___a_0@1,a.0,torch.nn.Linear"), "a.0");
  EXPECT_EQ(pytorch::parse_scope("L__self__,,net.Net"), "");
  EXPECT_EQ(pytorch::parse_scope("1,L['self'],net.Net;2,L['self'].a[0].b,net.Pair[int, str]"),
            "a.0.b");
  EXPECT_EQ(pytorch::parse_scope(""), "");
  EXPECT_EQ(pytorch::parse_root_class("L__self__,,net.Net;x,a,b.C"), "net.Net");
}

TEST(ExportStructure, FindsTheAuthorsLine) {
  const std::string trace =
      "  File \"/home/someone/net.py\", line 12, in forward\n    y = self.fc(x)\n"
      "  File \"/usr/lib/python3/site-packages/torch/nn/modules/linear.py\", line 134, in "
      "forward\n    return F.linear(";
  EXPECT_EQ(pytorch::parse_place(trace), (Place{"net.py", 12}));
  EXPECT_EQ(pytorch::parse_place("File \"/x/site-packages/timm/models/vit.py\", line 3, in f"),
            (Place{"timm/models/vit.py", 3}));
  EXPECT_EQ(pytorch::parse_place(""), Place{});
}

}  // namespace
}  // namespace isomer
