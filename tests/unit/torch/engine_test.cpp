#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/builder.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "run/torch_module.h"
#include "systems/pt2/pt2.h"
#include "systems/stored.h"
#include "vocabularies/aten/row.h"

namespace isomer {
namespace {

using Reals = std::vector<double>;

constexpr std::string_view folder = ISOMER_SOURCE "/tests/data/models";

Tensor f32(std::vector<std::int64_t> shape, const Reals& values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

/// Tests of the engine itself; a build without libtorch has none.
class TorchEngine : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (torch_module(&why) == nullptr) GTEST_SKIP() << why;
  }

  static std::unique_ptr<Executor> executor(const Graph& graph) {
    return engine_named("torch").make(graph);
  }
  static std::unique_ptr<Executor> gradient(const Graph& graph) {
    return engine_named("torch").make_gradient(graph);
  }
};

/// y = 2 * x * w, and the greatest element of x with its index.
Graph small_graph() {
  Builder b("small");
  const ValueId x = b.input("x", {DType::f32, {Dim::symbol("n"), 2}});
  const ValueId w = b.constant("w", f32({2}, {3, 5}), true, {"w"});
  const ValueId y = b.emit("mul", {b.emit("mul", {x, w}), b.literal(DType::f32, 2.0)});
  const ValueId count = b.emit("length", {}, {{"value", Dim::symbol("n") * Dim(10)}});
  return std::move(b).finish({y, b.emit("argmax", {x}), count});
}

TEST_F(TorchEngine, IsTheDefaultAndNamesItsVersion) {
  EXPECT_EQ(default_engine().name, "torch");
  EXPECT_EQ(std::string(torch_module()->torch_version).substr(0, 2), "2.");
}

TEST_F(TorchEngine, EvaluatesLengthsAnewInEachRun) {
  const auto torch = executor(small_graph());
  const auto one = torch->run(std::vector{f32({1, 2}, {1, 2})});
  EXPECT_EQ(one[0].doubles(), (Reals{6, 20}));
  EXPECT_EQ(one[2].integers(), std::vector<std::int64_t>{10});
  const auto two = torch->run(std::vector{f32({2, 2}, {1, 2, 0, 1})});
  EXPECT_EQ(two[0].doubles(), (Reals{6, 20, 0, 10}));
  EXPECT_EQ(two[1].integers(), std::vector<std::int64_t>{1});
  EXPECT_EQ(two[2].integers(), std::vector<std::int64_t>{20});
}

TEST_F(TorchEngine, OutlivesItsInputsAndItself) {
  std::vector<Tensor> outputs;
  {
    Builder b("view");
    const ValueId x = b.input("x", {DType::f32, {2, 2}});
    const Graph graph = std::move(b).finish({b.emit("reshape", {x}, {{"shape", Shape{4}}}), x});
    outputs = executor(graph)->run(std::vector{f32({2, 2}, {1, 2, 3, 4})});
  }
  EXPECT_EQ(outputs[0].doubles(), (Reals{1, 2, 3, 4}));
  EXPECT_EQ(outputs[1].shape(), (std::vector<std::int64_t>{2, 2}));
}

TEST_F(TorchEngine, RemembersStates) {
  Builder b("counter");
  const ValueId x = b.input("x", {DType::f32, {}});
  const ValueId total = b.state("total", f32({}, {1}), {"total"});
  const ValueId next = b.emit("add", {total, x});
  b.keep(total, next);
  const auto torch = executor(std::move(b).finish({next}));
  torch->run(std::vector{f32({}, {2})});
  EXPECT_EQ(torch->run(std::vector{f32({}, {3})})[0].doubles(), Reals{6});
  EXPECT_EQ(torch->states()[0].doubles(), Reals{6});
  torch->set_states(std::vector{f32({}, {100})});
  EXPECT_EQ(torch->run(std::vector{f32({}, {1})})[0].doubles(), Reals{101});
  EXPECT_THROW(torch->set_states(std::vector{f32({1}, {1})}), Error);
  EXPECT_THROW(torch->set_states({}), Error);
}

// d(2 x w) = 2 w dx + 2 x dw.
TEST_F(TorchEngine, DifferentiatesByAutograd) {
  Graph graph = small_graph();
  graph.outputs = {graph.outputs[0]};
  const auto pullback = gradient(graph);
  const std::vector<Tensor> inputs = {f32({2, 2}, {1, 2, 3, 4}), f32({2, 2}, {1, 1, 10, 10})};
  const auto both = pullback->run(inputs);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].doubles(), (Reals{6, 10, 60, 100}));
  EXPECT_EQ(both[1].doubles(), (Reals{2 * (1 + 30), 2 * (2 + 40)}));
}

TEST_F(TorchEngine, GivesZerosWhereNothingDepends) {
  Builder b("constant");
  const ValueId x = b.input("x", {DType::f32, {2}});
  b.constant("w", f32({1}, {1}), true, {"w"});
  const auto pullback = gradient(std::move(b).finish({b.emit("floor", {b.emit("detach", {x})})}));
  const auto both = pullback->run(std::vector{f32({2}, {1, 2}), f32({2}, {1, 1})});
  EXPECT_EQ(both[0].doubles(), (Reals{0, 0}));
  EXPECT_EQ(both[1].doubles(), Reals{0});
}

TEST_F(TorchEngine, RefusesCotangentsOfAnotherType) {
  Builder b("identity");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const auto pullback = gradient(std::move(b).finish({b.emit("neg", {x})}));
  EXPECT_THROW(pullback->run(std::vector{f32({2}, {1, 2})}), Error);
  try {
    pullback->run(std::vector{f32({2}, {1, 2}), f32({1}, {1})});
    FAIL() << "the cotangent is too short";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "it is f32[1] and should be f32[2]");
  }
}

TEST_F(TorchEngine, NamesTheNodeWhereLibtorchRefuses) {
  Builder b("gather");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId index = b.input("index", {DType::i64, {1}});
  b.at("head", {"net.py", 7});
  const auto torch = executor(std::move(b).finish({b.emit("index_select", {x, index})}));
  try {
    torch->run(std::vector{f32({2}, {1, 2}),
                           Tensor::from_integers(DType::i64, {1}, std::vector<std::int64_t>{5})});
    FAIL() << "the index is out of range";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    EXPECT_NE(error.where().find("index_select"), std::string::npos) << error.what();
    EXPECT_NE(error.where().find("net.py:7"), std::string::npos) << error.what();
  }
}

// A stride that is no int is a std::runtime_error there, not a c10::Error.
TEST_F(TorchEngine, TranslatesEveryException) {
  Builder b("pool");
  const ValueId x = b.input("x", {DType::f32, {1, 2, 2}});
  const std::vector<std::int64_t> one{1};
  const std::vector<std::int64_t> far{std::int64_t{1} << 40};
  const ValueId y = b.emit("avg_pool2d", {x}, {{"kernel_size", one}, {"stride", far}});
  const auto torch = executor(std::move(b).finish({y}));
  try {
    torch->run(std::vector{f32({1, 2, 2}, {1, 2, 3, 4})});
    FAIL() << "the stride is too long for libtorch";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    EXPECT_NE(error.where().find("avg_pool2d"), std::string::npos) << error.what();
  }
}

TEST_F(TorchEngine, TrustsNoShapeButThePromisedOne) {
  Builder b("exp");
  const ValueId y = b.emit("exp", {b.input("x", {DType::f32, {2}})});
  Graph graph = std::move(b).finish({y});
  graph[y].type.shape = {3};
  try {
    executor(graph)->run(std::vector{f32({2}, {1, 2})});
    FAIL() << "the type is wrong";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "libtorch gives f32[2]; it should be f32[3]");
  }
}

TEST_F(TorchEngine, DrawsTheSameRandomNumbersEachTime) {
  Builder b("dropout");
  const ValueId x = b.input("x", {DType::f32, {64}});
  const Graph graph =
      std::move(b).finish({b.emit("dropout", {x}, {{"p", 0.5}, {"training", true}})});
  const std::vector<Tensor> ones = {f32({64}, Reals(64, 1))};
  const auto torch = executor(graph);
  const Reals first = torch->run(ones)[0].doubles();
  EXPECT_EQ(first, executor(graph)->run(ones)[0].doubles());
  EXPECT_NE(first, torch->run(ones)[0].doubles());
  EXPECT_TRUE(std::ranges::all_of(first, [](double y) { return y == 0 || y == 2; }));
}

// Exports beside this test, with what eager torch made of them.
class TorchModels : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string why;
    if (torch_module(&why) == nullptr) GTEST_SKIP() << why;
  }
};

void expect_near(const Tensor& got, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(got.dtype(), wanted.dtype()) << what;
  ASSERT_EQ(got.shape(), wanted.shape()) << what;
  const Reals a = got.doubles();
  const Reals b = wanted.doubles();
  const auto greater = [](double x, double y) { return std::abs(x) < std::abs(y); };
  const double scale =
      b.empty() ? 1 : std::max(1.0, std::abs(*std::ranges::max_element(b, greater)));
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 1e-6 * scale) << what << " element " << i;
  }
}

TEST_P(TorchModels, ComputeWhatEagerTorchDid) {
  const std::string model = GetParam().substr(0, GetParam().find('.'));
  const auto files = open_folder(folder);
  const NamedTensors recorded = read_tensors(files->read(model + ".safetensors"));
  const Graph graph = pt2::read(*files, GetParam()).graph;
  std::vector<Tensor> inputs;
  while (const Tensor* input = find(recorded, "in" + std::to_string(inputs.size())))
    inputs.push_back(*input);

  const std::vector<Tensor> outputs = engine_named("torch").make(graph)->run(inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string name = "out" + std::to_string(i);
    ASSERT_NE(find(recorded, name), nullptr) << name;
    expect_near(outputs[i], *find(recorded, name), name);
  }

  // A decomposed export has forgotten where no_grad stood, so its gradients are others.
  if (GetParam() == "no_grad.core.pt2") return;
  // The recorded gradients are for cotangents of one.
  std::vector<std::string> names;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (is_floating(graph[graph.inputs[i]].type.dtype)) names.push_back("in" + std::to_string(i));
  }
  for (const Constant& constant : graph.constants) {
    if (constant.trainable) names.push_back(constant.names.at(0));
  }
  std::vector<Tensor> with_cotangents = inputs;
  for (const Tensor& output : outputs) {
    if (!is_floating(output.dtype())) continue;
    with_cotangents.push_back(
        f32(output.shape(), Reals(static_cast<std::size_t>(output.count()), 1)));
  }
  const auto gradients = engine_named("torch").make_gradient(graph)->run(with_cotangents);
  const auto ours = make_reference_executor(differentiate(graph))->run(with_cotangents);
  ASSERT_EQ(gradients.size(), names.size());
  ASSERT_EQ(ours.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Tensor* wanted = find(recorded, "grad." + names[i]);
    ASSERT_NE(wanted, nullptr) << names[i];
    expect_near(gradients[i], *wanted, "torch's gradient of " + names[i]);
    // Sums in another order: farther from eager torch than its own autograd is.
    expect_near(ours[i].converted(DType::f32), gradients[i], "our gradient of " + names[i]);
  }
}

std::vector<std::string> exports() {
  std::vector<std::string> names = open_folder(folder)->names();
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".pt2"); });
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(
    Exports, TorchModels, testing::ValuesIn(exports()), [](const auto& export_of) {
      std::string name = export_of.param;
      std::ranges::replace_if(
          name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
      return name;
    });

}  // namespace
}  // namespace isomer
