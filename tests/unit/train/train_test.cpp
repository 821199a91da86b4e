// Training steps against torch.optim, recorded by tests/data/train/make_training.py, in lockstep.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "base/random.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "systems/stored.h"
#include "systems/system.h"
#include "train/trainer.h"

namespace isomer::train {
namespace {

const std::string folder = ISOMER_SOURCE "/tests/data/train/";
constexpr std::size_t epochs = 25;

struct Recorded {
  Graph model;
  std::string loss;
  NamedTensors tensors;
};

Recorded recorded(const std::string& name) {
  const auto files = open_folder(folder);
  const Bytes bytes = map_file(folder + name + ".safetensors");
  return {read_model(system_named("pt2"), *files, name + ".pt2").graph,
          read_safetensors(bytes).metadata.at("loss"), read_tensors(bytes)};
}

/// "adam lr=0.01 eps=0.1"
Recipe recipe_of(const std::string& text, const std::string& loss) {
  std::istringstream words(text);
  std::string word;
  words >> word;
  Recipe recipe{&loss_named(loss), &optimizer_named(word), {}};
  Settings given;
  while (words >> word) {
    const std::size_t end = word.find('=');
    given[word.substr(0, end)] = std::stod(word.substr(end + 1));
  }
  recipe.settings = complete(*recipe.optimizer, given);
  return recipe;
}

std::vector<std::string> recipes_of(const NamedTensors& tensors) {
  std::vector<std::string> recipes;
  for (const auto& [name, tensor] : tensors) {
    if (const std::size_t end = name.find("/losses32"); end != std::string::npos)
      recipes.push_back(name.substr(0, end));
  }
  return recipes;
}

double distance(std::span<const double> a, std::span<const double> b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i])));
  return worst;
}

Trainer trained_by(const Recorded& recorded, const std::string& recipe, DType dtype,
                   const Engine& engine) {
  const Graph model = dtype == DType::f64 ? to_float64(recorded.model) : recorded.model;
  Trainer trainer(model, recipe_of(recipe, recorded.loss), {}, engine);
  std::vector<Tensor> samples{*find(recorded.tensors, "in0"), *find(recorded.tensors, "target")};
  for (Tensor& tensor : samples) {
    if (is_floating(tensor.dtype())) tensor = tensor.converted(dtype);
  }
  trainer.set_samples(samples, trainer.ports("target"));
  for (std::size_t i = 0; i < epochs; ++i) trainer.run_epoch(epochs, {});
  return trainer;
}

/// Each weight moved by one unit in the last place, up or down.
Recorded nudged(Recorded recorded, std::uint64_t seed) {
  Random random(seed);
  for (Constant& weight : recorded.model.constants) {
    if (!weight.trainable) continue;
    std::vector<double> values = weight.data.doubles();
    for (double& value : values) {
      const float end = random.uniform() < 0.5 ? -INFINITY : INFINITY;
      value = std::nextafter(static_cast<float>(value), end);
    }
    weight.data = Tensor::from_doubles(weight.data.dtype(), weight.data.shape(), values);
  }
  return recorded;
}

/// To 1e-12, or where torch does not agree with itself to that when a last bit differs, as it does:
/// the bias of a transformer's keys has a gradient that is nothing but rounding.
void expect_lockstep(const std::string& name, const Engine& engine) {
  const Recorded model = recorded(name);
  for (const std::string& recipe : recipes_of(model.tensors)) {
    SCOPED_TRACE(name + ", " + recipe + ", " + std::string(engine.name));
    Trainer trainer = trained_by(model, recipe, DType::f64, engine);
    const std::vector<double> losses = find(model.tensors, recipe + "/losses")->doubles();
    const auto bound = [&](const std::string& key) {
      const double spread = find(model.tensors, recipe + "/spread" + key)->doubles()[0];
      return std::max(1e-12, 4 * spread);
    };
    EXPECT_LT(distance(trainer.curve(), losses), bound(""));
    std::size_t compared = 0;
    for (const auto& [key, value] : on_engine(trainer.snapshot(), engine).weights) {
      const Tensor* last = find(model.tensors, recipe + "/last." + key);
      if (last == nullptr) continue;
      EXPECT_LT(distance(value.doubles(), last->doubles()), bound("." + key)) << key;
      ++compared;
    }
    EXPECT_GE(compared, 4U);
    // In single precision as far from the truth as torch itself: what some last bits of the start
    // make of the end differs from run to run, and with the processor; what is computed wrong does
    // not.
    const std::vector<double> theirs = find(model.tensors, recipe + "/losses32")->doubles();
    const double bound32 = 4 * distance(theirs, losses) + 1e-6;
    double nearest = std::numeric_limits<double>::infinity();
    for (std::uint64_t run = 0; run < 5 && nearest >= bound32; ++run) {
      const Recorded start = run == 0 ? model : nudged(model, run);
      const Trainer single = trained_by(start, recipe, DType::f32, engine);
      nearest = std::min(nearest, distance(single.curve(), losses));
    }
    EXPECT_LT(nearest, bound32);
  }
}

class Lockstep : public ::testing::TestWithParam<const char*> {};

TEST_P(Lockstep, OnLibtorch) {
  const Engine& engine = engine_named("torch");
  if (!engine.available()) GTEST_SKIP() << "no libtorch";
  expect_lockstep(GetParam(), engine);
}

INSTANTIATE_TEST_SUITE_P(Train, Lockstep, ::testing::Values("mlp", "lenet", "transformer", "lstm"));

TEST(Train, IsInLockstepOnTheReference) { expect_lockstep("mlp", reference_engine()); }

Graph line() {
  return parse_graph(R"(isomer 1
graph line(x: f32[n, 1]) -> (y)
  weight w: f32[1, 1] "w" = [[1]]
  y = matmul(x, w)
)");
}

Tensor reals(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

TEST(Train, IsAGraphThatKeepsItsParameters) {
  const Graph step = training_step(line(), recipe_of("sgd lr=0.5", "mse"));
  validate(step);
  ASSERT_EQ(step.inputs.size(), 2U);
  EXPECT_EQ(to_text(step[step.inputs[1]].type), "f32[n, 1]");
  ASSERT_EQ(step.states.size(), 1U);
  EXPECT_EQ(step.states[0].names, std::vector<std::string>{"w"});
  const auto executor = make_reference_executor(step);
  // (1 * 2 - 3)**2 = 1, of slope 2 * 2 * -1 = -4.
  const std::vector<Tensor> sample{reals({1, 1}, {2}), reals({1, 1}, {3})};
  EXPECT_EQ(executor->run(sample)[0].doubles()[0], 1);
  EXPECT_EQ(executor->states()[0].doubles()[0], 3);
  EXPECT_EQ(executor->run(sample)[0].doubles()[0], 9);
}

// torch.optim passes over a parameter without a gradient; its decay would change it.
TEST(Train, LeavesWhatNoGradientReaches) {
  const Graph model = parse_graph(R"(
graph line(x: f32[1, 1]) -> (y)
  weight w: f32[1, 1] "w" = [[1.0]]
  weight unused: f32[1] "unused" = [1.0]
  weight stopped: f32[1, 1] "stopped" = [[1.0]]
  d = detach(stopped)
  h = matmul(x, w)
  y = add(h, d)
)");
  const auto executor = make_reference_executor(
      training_step(model, recipe_of("sgd lr=0.5 weight_decay=0.1", "mse")));
  executor->run(std::vector<Tensor>{reals({1, 1}, {2}), reals({1, 1}, {0})});
  const std::vector<Tensor> after = executor->states();
  EXPECT_NE(after[0].doubles()[0], 1);
  EXPECT_EQ(after[1].doubles()[0], 1);
  EXPECT_EQ(after[2].doubles()[0], 1);
}

TEST(Train, GoesTheSameWayFromACheckpoint) {
  const auto make = [] {
    Trainer trainer(line(), recipe_of("adam lr=0.1", "mse"),
                    {.batch = 2, .shuffle = true, .seed = 7}, reference_engine());
    trainer.set_samples({reals({5, 1}, {1, 2, 3, 4, 5}), reals({5, 1}, {3, 5, 7, 9, 11})},
                        trainer.ports("target"));
    return trainer;
  };
  Trainer whole = make();
  for (std::size_t i = 0; i < 4; ++i) whole.run_epoch(4, {});
  EXPECT_EQ(whole.steps(), 3U);
  Trainer first = make();
  for (std::size_t i = 0; i < 2; ++i) first.run_epoch(4, {});
  Trainer rest = make();
  rest.resume(bytes_of(first.checkpoint()));
  for (std::size_t i = 0; i < 2; ++i) rest.run_epoch(4, {});
  EXPECT_TRUE(std::ranges::equal(rest.curve(), whole.curve()));
  EXPECT_EQ(bytes_of(rest.checkpoint()).text(), bytes_of(whole.checkpoint()).text());
}

TEST(Train, RefusesWhatAnOptimizerHasNot) {
  const auto refusal = [](const std::string& recipe) {
    try {
      recipe_of(recipe, "mse");
      return std::string("nothing");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(refusal("sgd lr=0"), "lr: 0.0 is out of range; it is a number above 0");
  EXPECT_EQ(refusal("adam beta1=1"),
            "beta1: 1.0 is out of range; it is a number of at least 0 and below 1.0");
  EXPECT_EQ(refusal("sgd beta1=0.5"),
            "beta1: sgd has no such setting; it has: lr, momentum, dampening, weight_decay, "
            "nesterov");
  EXPECT_EQ(refusal("sgd nesterov=1"),
            "nesterov: Nesterov's momentum needs a momentum above 0 and a dampening of 0");
  EXPECT_EQ(refusal("rprop"), "there is no optimizer 'rprop'; there are: sgd, adam, adamw");
}

}  // namespace
}  // namespace isomer::train
