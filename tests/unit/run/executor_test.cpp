#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "ops/builder.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
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

TEST(ReferenceExecutor, BeginsAnew) {
  const auto executor = make_reference_executor(counter());
  first_output(*executor, {reals({}, {1})});
  executor->reset();
  EXPECT_EQ(first_output(*executor, {reals({}, {1})}), (std::vector<double>{10}));
}

/// w * x + total, where w is trained and total counts by 1.
Graph scaled() {
  Builder b("scaled");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId w = b.constant("w", reals({2}, {1, 2}), true, {"fc.w"});
  const ValueId total = b.state("total", reals({2}, {0, 10}));
  b.keep(total, b.emit("add", {total, b.literal(DType::f32, 1.0)}));
  return std::move(b).finish({b.emit("add", {b.emit("mul", {x, w}), total})});
}

std::string refusal(Fault fault, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), fault) << error.what();
    return error.what();
  }
  return "";
}

/// What every engine must do alike; a graph's derivative is made by differentiating it.
TEST(Engines, TakeStatesAndConstants) {
  for (const Engine& engine : all_engines()) {
    if (!engine.available()) continue;
    const auto executor = engine.make(scaled());
    const std::vector<Tensor> x{reals({2}, {3, 4})};
    EXPECT_EQ(executor->run(x)[0].doubles(), (std::vector<double>{3, 18})) << engine.name;
    executor->set_constants(std::vector{reals({2}, {-1, 0})});
    EXPECT_EQ(executor->run(x)[0].doubles(), (std::vector<double>{-2, 11})) << engine.name;
    executor->set_states(std::vector{reals({2}, {100, 200})});
    EXPECT_EQ(executor->run(x)[0].doubles(), (std::vector<double>{97, 200})) << engine.name;

    EXPECT_EQ(refusal(Fault::model,
                      [&] {
                        executor->set_states(std::vector{reals({3}, {1, 2, 3})});
                      }),
              "state 'state0': it is f32[3], where the model has f32[2]");
    EXPECT_EQ(refusal(Fault::model, [&] { executor->set_states({}); }),
              "0 states given, where the model has 1");
    const Tensor whole = Tensor::zeros(DType::i64, {2});
    EXPECT_EQ(refusal(Fault::model, [&] { executor->set_constants(std::vector{whole}); }),
              "parameter 'fc.w': it is i64[2], where the model has f32[2]");
    EXPECT_EQ(executor->run(x)[0].doubles(), (std::vector<double>{98, 201})) << engine.name;
  }
}

// y = w * t with a state t: dy/dw is t, and not the one that the model begins with.
TEST(Engines, DifferentiateFromTheStatesGiven) {
  Builder b("stateful");
  const ValueId x = b.input("x", {DType::f32, {}});
  const ValueId w = b.constant("w", reals({}, {2}), true, {"w"});
  const ValueId t = b.state("t", reals({}, {5}));
  const Graph graph = std::move(b).finish({b.emit("mul", {x, b.emit("mul", {w, t})})});
  for (const Engine& engine : all_engines()) {
    if (!engine.available()) continue;
    std::vector<std::unique_ptr<Executor>> derivatives;
    derivatives.push_back(engine.make(differentiate(graph)));
    if (engine.gradient != nullptr) derivatives.push_back(engine.make_gradient(graph));
    for (const auto& derivative : derivatives) {
      const std::vector<Tensor> point{reals({}, {1}), reals({}, {1})};
      EXPECT_EQ(derivative->run(point)[1].doubles(), std::vector<double>{5}) << engine.name;
      derivative->set_states(std::vector{reals({}, {7})});
      derivative->set_constants(std::vector{reals({}, {3})});
      const std::vector<Tensor> both = derivative->run(point);
      EXPECT_EQ(both[0].doubles(), std::vector<double>{21}) << engine.name;
      EXPECT_EQ(both[1].doubles(), std::vector<double>{7}) << engine.name;
      derivative->reset();
      EXPECT_EQ(derivative->run(point)[1].doubles(), std::vector<double>{5}) << engine.name;
    }
  }
}

TEST(Engines, RefuseOptionsThatTheyHaveNot) {
  for (const Engine& engine : all_engines()) {
    const std::string name = "engine '" + std::string(engine.name) + "'";
    EXPECT_EQ(refusal(Fault::usage, [&] { engine.make(scaled(), {.device = "tpu"}); }),
              "device: " + name + " has no device 'tpu'; it runs on: cpu");
    EXPECT_EQ(refusal(Fault::usage, [&] { engine.make(scaled(), {.threads = -2}); }),
              "threads: -2 is no number of threads; it is at least 1, or 0 for as many as the "
              "engine likes");
  }
}

TEST(Engines, RunOnOneThread) {
  for (const Engine& engine : all_engines()) {
    if (!engine.available()) continue;
    const std::vector<Tensor> x{reals({2}, {3, 4})};
    EXPECT_EQ(engine.make(scaled(), {.threads = 1})->run(x)[0].doubles(),
              (std::vector<double>{3, 18}));
  }
}

TEST(Engines, SayWhatTheyRun) {
  EXPECT_TRUE(reference_engine().runs("exp"));
  EXPECT_FALSE(reference_engine().runs("gelu"));
  const Engine& torch = engine_named("torch");
  if (!torch.available()) GTEST_SKIP() << "no libtorch";
  EXPECT_TRUE(torch.runs("gelu"));
  EXPECT_TRUE(torch.runs("batch_norm_training"));
  EXPECT_FALSE(torch.runs("softsign"));
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
  const auto executor = make_reference_executor(dropout(0.25), {.seed = 1});
  const std::vector<double> first = first_output(*executor, ones);
  // Kept with probability 3/4 and scaled up by 4/3; the mean's deviation is 0.006.
  EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0) / 10000, 1.0, 0.03);
  EXPECT_NE(first_output(*executor, ones), first);
  EXPECT_EQ(first_output(*make_reference_executor(dropout(0.25), {.seed = 1}), ones), first);
  EXPECT_NE(first_output(*make_reference_executor(dropout(0.25), {.seed = 2}), ones), first);
}

/// The same graph with all that its bernoulli nodes draw given out, too, in running order.
Graph with_draws_given_out(const Graph& graph) {
  Graph result = graph;
  for (const Node& node : graph.nodes) {
    if (node.op == "bernoulli") result.outputs.push_back(node.outputs[0]);
  }
  result.signature.results = {
      Structure::Kind::tuple, {}, std::vector<Structure>(result.outputs.size())};
  return result;
}

/// What was drawn, given as inputs, makes what drawing made; so do the gradients.
TEST(Executors, TakeDrawsAsInputs) {
  const Graph model = parse_graph(R"(
graph g(c: bool[], xs: f32[t, 4], w: f32[4]) -> (h, ys, z)
  length t: 0..9
  a = dropout(xs, p=0.25, training=true)  @drop
  h, ys = scan(w, a, w, carried=1, scanned=1)  @cell
    body(h: f32[4], x: f32[4], w: f32[4]) -> (y, y) {
      a = mul(x, w)
      b = add(h, a)
      y = dropout(b, training=true)  @drop
    }
  z = if(c, h)
    then(h: f32[4]) -> (y) {
      y = dropout(h, training=true)  @a
    }
    else(h: f32[4]) -> (y) {
      y = exp(h)
    }
)");
  const Graph drawing =
      expand_unsupported(hoist_draws(model), [](std::string_view op) { return op != "dropout"; });
  validate(drawing);
  const Graph lifted = lift_draws(model);
  validate(lifted);
  EXPECT_TRUE(draws(model) && draws(drawing));
  EXPECT_FALSE(draws(lifted));
  const std::int64_t yes = 1;
  const std::vector<Tensor> inputs{Tensor::from_integers(DType::boolean, {}, std::span(&yes, 1)),
                                   reals({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
                                   reals({4}, {1, -1, 2, 0.5})};
  for (const Engine& engine : all_engines()) {
    if (!engine.available()) continue;
    std::vector<Tensor> made = engine.make(with_draws_given_out(drawing), {.seed = 7})->run(inputs);
    ASSERT_EQ(made.size(), 6U);
    std::vector<Tensor> given = inputs;
    given.insert(given.end(), made.begin() + 3, made.end());
    EXPECT_EQ(given[4].shape(), (std::vector<std::int64_t>{3, 4})) << "a row for each trip";
    const std::vector<Tensor> taken = engine.make(lifted)->run(given);
    for (std::size_t i = 0; i < taken.size(); ++i)
      EXPECT_TRUE(taken[i].same_bits(made[i])) << engine.name << ", output " << i;
    // Of both, to the same inputs, for cotangents of one.
    std::vector<Tensor> cotangents;
    for (const Tensor& output : taken) {
      cotangents.push_back(
          Tensor::from_doubles(DType::f32, output.shape(),
                               std::vector<double>(static_cast<std::size_t>(output.count()), 1.0)));
    }
    given.insert(given.end(), cotangents.begin(), cotangents.end());
    std::vector<Tensor> all = inputs;
    all.insert(all.end(), cotangents.begin(), cotangents.end());
    const std::vector<Tensor> theirs = engine.make(differentiate(lifted))->run(given);
    const std::vector<Tensor> ours = engine.make(differentiate(model), {.seed = 7})->run(all);
    EXPECT_TRUE(ours.at(0).same_bits(theirs.at(0))) << engine.name;
    EXPECT_TRUE(ours.at(1).same_bits(theirs.at(1))) << engine.name;
  }
}

TEST(Executors, NobodyKnowsHowOftenAWhileDraws) {
  const Graph model = parse_graph(R"(
graph g(x: f32[2]) -> (y)
  y = while(x, carried=1)  @loop
    condition(x: f32[2]) -> (c) {
      s = sum(x)
      c = gt(s, 1.0)
    }
    body(x: f32[2]) -> (y) {
      y = dropout(x, training=true)
    }
)");
  try {
    lift_draws(model);
    ADD_FAILURE() << "was lifted";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_TRUE(std::string_view(error.what()).starts_with("node 0 'y' (while), in loop: draws"))
        << error.what();
  }
}

}  // namespace
}  // namespace isomer
