#include "run/kernels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/schema.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

Tensor reals(std::vector<std::int64_t> shape, std::vector<double> values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

Tensor integers(std::vector<std::int64_t> shape, std::vector<std::int64_t> values) {
  return Tensor::from_integers(DType::i64, std::move(shape), values);
}

/// The message of the error that the operator ends with.
std::string refusal(std::string_view op, std::vector<Tensor> inputs,
                    const Attributes& attributes = {}) {
  Operators operators;
  try {
    operators.run(op, inputs, attributes);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model) << error.what();
    return error.what();
  }
  return "";
}

TEST(Kernels, EveryPrimitiveHasOneAndNoOtherOperatorDoes) {
  std::size_t count = 0;
  for (const OpFamily& family : op_families()) {
    for (const OpSchema& schema : family.ops) {
      // A scan of unknown length cannot be written out, so it has both.
      const bool both = schema.name() == "scan";
      EXPECT_EQ(find_kernel(schema.name()) != nullptr, schema.expand == nullptr || both)
          << schema.name();
      count += schema.expand == nullptr ? 1 : 0;
    }
  }
  EXPECT_GT(count, 50U);
}

TEST(Kernels, RoundOnceToTheNearestEven) {
  Operand half{DType::f16, {4}, std::vector<double>{2049.0, 2051.0, 65520.0, 0x1p-25}};
  round_elements(half);
  EXPECT_EQ(half.reals(), (std::vector<double>{2048.0, 2052.0, HUGE_VAL, 0.0}));
  // By way of float this would first become a tie, and then 1.
  Operand close{DType::f16, {1}, std::vector<double>{1 + 0x1p-11 + 0x1p-40}};
  round_elements(close);
  EXPECT_EQ(close.reals()[0], 1 + 0x1p-10);
  Operand brain{DType::bf16, {2}, std::vector<double>{257.0, 0x1.ffp127}};
  round_elements(brain);
  EXPECT_EQ(brain.reals(), (std::vector<double>{256.0, HUGE_VAL}));
  Operand byte{DType::u8, {2}, std::vector<std::int64_t>{-1, 256}};
  round_elements(byte);
  EXPECT_EQ(byte.integers(), (std::vector<std::int64_t>{255, 0}));
}

TEST(Operators, RunPrimitivesAndComposites) {
  Operators operators;
  const std::vector<Tensor> pair{reals({2}, {1, 2}), reals({2}, {3, 5})};
  EXPECT_EQ(operators.run("add", pair)[0].doubles(), (std::vector<double>{4, 7}));
  const std::vector<Tensor> one{reals({2}, {-3, 4})};
  EXPECT_EQ(operators.run("square", one)[0].doubles(), (std::vector<double>{9, 16}));
  // The same operator and types with other attributes is another plan.
  EXPECT_EQ(operators.run("leaky_relu", one, {{"negative_slope", 0.5}})[0].doubles()[0], -1.5);
  EXPECT_EQ(operators.run("leaky_relu", one, {{"negative_slope", 2.0}})[0].doubles()[0], -6.0);
}

TEST(Operators, TakeAbsentInputs) {
  Operators operators;
  const Tensor x = reals({1, 1}, {6});
  const Tensor mean = reals({1}, {2});
  const Tensor variance = reals({1}, {3});
  const std::vector<const Tensor*> inputs{&x, nullptr, nullptr, &mean, &variance};
  EXPECT_EQ(operators.run("batch_norm", inputs, {{"eps", 1.0}})[0].doubles()[0], 2.0);
  const std::vector<Tensor> without_bias{reals({1, 2}, {1, 2}), reals({1, 2}, {3, 4})};
  EXPECT_EQ(operators.run("linear", without_bias)[0].doubles()[0], 11.0);
}

TEST(Operators, GiveSeveralResults) {
  Operators operators;
  const std::vector<Tensor> x{reals({3}, {1, 2, 3})};
  const auto parts = operators.run("split", x, {{"sizes", std::vector<Dim>{1, 2}}});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[1].doubles(), (std::vector<double>{2, 3}));
}

TEST(Operators, RefuseIndicesOutside) {
  const Tensor x = reals({2}, {1, 2});
  const std::string late = refusal("index_select", {x, integers({1}, {2})});
  EXPECT_NE(late.find("index_select"), std::string::npos) << late;
  EXPECT_NE(late.find("index 2 is outside an axis of length 2; it takes 0 to 1"), std::string::npos)
      << late;
  EXPECT_NE(refusal("index_select", {x, integers({1}, {-1})}).find("index -1"), std::string::npos);
  EXPECT_NE(refusal("gather", {x, integers({1}, {5})}, {{"dim", std::int64_t{0}}}).find("index 5"),
            std::string::npos);
  EXPECT_NE(refusal("index_add", {x, integers({1}, {7}), reals({1}, {1})}).find("index 7"),
            std::string::npos);
  EXPECT_NE(
      refusal("scatter_add", {x, integers({1}, {9}), reals({1}, {1})}, {{"dim", std::int64_t{0}}})
          .find("index 9"),
      std::string::npos);
  EXPECT_NE(refusal("embedding", {reals({1, 1}, {0}), integers({1}, {1})}).find("index 1"),
            std::string::npos);
}

TEST(Operators, RefuseToDivideIntegersByZero) {
  const std::vector<Tensor> pair{integers({1}, {1}), integers({1}, {0})};
  EXPECT_NE(refusal("floor_divide", pair).find("divided by 0"), std::string::npos);
  EXPECT_NE(refusal("remainder", pair).find("divided by 0"), std::string::npos);
}

TEST(Operators, RefuseWhatTheTypeRuleRefuses) {
  EXPECT_NE(refusal("add", {reals({2}, {1, 2}), reals({3}, {1, 2, 3})}), "");
  EXPECT_NE(refusal("amax", {reals({0}, {})}), "");
  EXPECT_NE(refusal("softmaxx", {reals({1}, {1})}).find("softmax"), std::string::npos);
  EXPECT_NE(
      refusal("full", {}, {{"shape", std::vector<Dim>{1}}, {"value", 300.0}, {"dtype", DType::u8}})
          .find("does not fit into u8"),
      std::string::npos);
}

TEST(Operators, RefuseAPoolingWindowOfPadding) {
  const Attributes across{{"kernel_size", std::vector<std::int64_t>{1, 2}},
                          {"padding", std::vector<std::int64_t>{0, 1}},
                          {"dilation", std::vector<std::int64_t>{1, 2}}};
  const std::string message = refusal("max_pool2d", {reals({1, 1, 1}, {3})}, across);
  EXPECT_NE(message.find("padding only"), std::string::npos) << message;
}

// Only then is its library opened.
TEST(Operators, AskForTheEngineWhenThereIsMuchToDo) {
  static int asked;
  asked = 0;
  const auto engine = []() -> const Engine& {
    ++asked;
    return default_engine();
  };
  Operators operators(std::int64_t{1} << 20, engine);
  const std::vector<Tensor> few{reals({2}, {1, 2}), reals({2}, {3, 5})};
  for (int i = 0; i < 100; ++i) operators.run("add", few);
  EXPECT_EQ(asked, 0);
  const std::vector<Tensor> many{Tensor::zeros(DType::f32, {500, 500}),
                                 Tensor::zeros(DType::f32, {500, 500})};
  EXPECT_EQ(operators.run("matmul", many)[0].count(), 250'000);
  EXPECT_GT(asked, 0);
  asked = 0;
  EXPECT_EQ(operators.run("add", few)[0].doubles(), (std::vector<double>{4, 7}));
  EXPECT_EQ(asked, 0) << "so little is done at once";
}

TEST(Operators, BoundWhatTheyAllocate) {
  const std::string message =
      refusal("full", {}, {{"shape", std::vector<Dim>{1 << 20, 1 << 20}}, {"value", 0.0}});
  EXPECT_NE(message.find("at most"), std::string::npos) << message;
}

}  // namespace
}  // namespace isomer
