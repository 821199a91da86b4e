#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "ops/builder.h"
#include "run/engine.h"

namespace isomer {
namespace {

Tensor reals(std::vector<std::int64_t> shape, std::vector<double> values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

std::vector<double> first_output(Executor& executor, std::vector<Tensor> inputs) {
  return executor.run(inputs).at(0).doubles();
}

/// total = total + x, and the output is the total before.
Graph counter() {
  Builder b("counter");
  const ValueId x = b.input("x", {DType::f32, {}});
  const ValueId total = b.state("total", reals({}, {10}));
  b.keep(total, b.emit("add", {total, x}));
  return std::move(b).finish({total});
}

TEST(ReferenceExecutor, KeepsStates) {
  const auto executor = make_reference_executor(counter());
  EXPECT_EQ(first_output(*executor, {reals({}, {1})}), (std::vector<double>{10}));
  EXPECT_EQ(first_output(*executor, {reals({}, {5})}), (std::vector<double>{11}));
  EXPECT_EQ(executor->states().at(0).doubles(), (std::vector<double>{16}));
  const std::vector<Tensor> earlier{reals({}, {2})};
  executor->set_states(earlier);
  EXPECT_EQ(first_output(*executor, {reals({}, {1})}), (std::vector<double>{2}));
}

TEST(ReferenceExecutor, RefusesStatesThatDoNotFit) {
  const auto executor = make_reference_executor(counter());
  EXPECT_THROW(executor->set_states({}), Error);
  const std::vector<Tensor> longer{reals({2}, {1, 2})};
  EXPECT_THROW(executor->set_states(longer), Error);
  EXPECT_EQ(executor->states().at(0).doubles(), (std::vector<double>{10}));
}

TEST(ReferenceExecutor, RunsWithChangingLengths) {
  Builder b("mean");
  const ValueId x = b.input("x", {DType::f32, {Dim::symbol("n"), 2}});
  const ValueId y = b.emit("mean", {x}, {{"dim", std::vector<std::int64_t>{0}}});
  const auto executor = make_reference_executor(std::move(b).finish({y}));
  EXPECT_EQ(first_output(*executor, {reals({1, 2}, {1, 2})}), (std::vector<double>{1, 2}));
  EXPECT_EQ(first_output(*executor, {reals({3, 2}, {1, 2, 3, 4, 5, 9})}),
            (std::vector<double>{3, 5}));
  EXPECT_EQ(first_output(*executor, {reals({1, 2}, {7, 8})}), (std::vector<double>{7, 8}));
}

TEST(ReferenceExecutor, NamesTheInputThatDoesNotFit) {
  const auto executor = make_reference_executor(counter());
  const std::vector<Tensor> wrong{reals({1}, {1})};
  try {
    executor->run(wrong);
    FAIL() << "a vector was taken for a scalar";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("x"), std::string::npos) << error.what();
  }
  // Nothing was changed by the attempt.
  EXPECT_EQ(executor->states().at(0).doubles(), (std::vector<double>{10}));
}

TEST(ReferenceExecutor, PassesInputsAndConstantsThrough) {
  Builder b("through");
  const ValueId x = b.input("x", {DType::f32, {1}});
  const ValueId weight = b.constant("w", reals({2}, {3, 4}), true, {"w"});
  const auto executor = make_reference_executor(std::move(b).finish({x, weight, x}));
  const std::vector<Tensor> inputs{reals({1}, {9})};
  const std::vector<Tensor> outputs = executor->run(inputs);
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[1].doubles(), (std::vector<double>{3, 4}));
  EXPECT_EQ(outputs[2].doubles(), (std::vector<double>{9}));
}

TEST(ReferenceExecutor, TakesTheLowestNumbers) {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  Builder b("lowest");
  const ValueId x = b.input("x", {DType::f32, {2, 2}});
  const ValueId all = b.emit("triu", {x}, {{"diagonal", lowest}});
  const ValueId first = b.emit("arange", {}, {{"end", Dim(-1)}, {"step", lowest}});
  const auto executor = make_reference_executor(std::move(b).finish({all, first}));
  const auto results = executor->run(std::vector{reals({2, 2}, {1, 2, 3, 4})});
  EXPECT_EQ(results[0].doubles(), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(results[1].integers(), (std::vector<std::int64_t>{0}));
}

Graph dropout(double p) {
  Builder b("dropout");
  const ValueId x = b.input("x", {DType::f32, {10000}});
  const ValueId y = b.emit("dropout", {x}, {{"p", p}, {"training", true}});
  return std::move(b).finish({y});
}

TEST(ReferenceExecutor, DrawsBySeed) {
  const std::vector<Tensor> ones{reals({10000}, std::vector<double>(10000, 1.0))};
  const auto executor = make_reference_executor(dropout(0.25), 1);
  const std::vector<double> first = first_output(*executor, ones);
  // Kept with probability 3/4 and scaled up by 4/3; the mean's deviation is 0.006.
  EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0) / 10000, 1.0, 0.03);
  EXPECT_NE(first_output(*executor, ones), first);
  EXPECT_EQ(first_output(*make_reference_executor(dropout(0.25), 1), ones), first);
  EXPECT_NE(first_output(*make_reference_executor(dropout(0.25), 2), ones), first);
}

}  // namespace
}  // namespace isomer
