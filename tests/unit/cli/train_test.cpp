// isomer train: curves, checkpoints, and one message for each thing that is wrong.

#include <gtest/gtest.h>

#include <csignal>
#include <limits>

#include "base/bytes.h"
#include "base/text.h"
#include "program.h"
#include "systems/stored.h"

namespace isomer {
namespace {

using test::Cli;
using test::Ended;
using test::reals;

namespace fs = std::filesystem;

class TrainVerb : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write_file(at("line.isomer"), R"(isomer 1
graph line(x: f32[n, 1]) -> (y)
  weight w: f32[1, 1] "w" = [[1]]
  buffer scale: f32[] "scale" = 2
  product = matmul(x, w)
  y = mul(product, scale)
)");
    write_file(at("data.safetensors"), write_tensors({{"x", reals({5, 1}, {1, 2, 3, 4, 5})},
                                                      {"target", reals({5, 1}, {1, 2, 3, 4, 5})}}));
  }

  Ended train(const std::string& more, const std::string& model = "line.isomer",
              const std::string& data = "data.safetensors") const {
    return call("train " + at(model) + " --optimizer sgd --engine reference --data " + at(data) +
                " -o " + at("w.safetensors") + " " +
                (more.find("--loss") == std::string::npos ? "--loss mse " : "") + more);
  }

  void expect_refused(int code, const std::string& message, const std::string& more = "",
                      const std::string& data = "data.safetensors") const {
    const Ended ended = train(more, "line.isomer", data);
    EXPECT_EQ(ended.code, code) << more;
    EXPECT_EQ(ended.err, "isomer: " + message + "\n") << more;
    EXPECT_FALSE(fs::exists(at("w.safetensors"))) << more;
  }

  void expect_data_refused(const std::string& message, const NamedTensors& tensors) const {
    write_file(at("bad.safetensors"), write_tensors(tensors));
    expect_refused(3, at("bad.safetensors") + ": " + message, "", "bad.safetensors");
  }
};

TEST_F(TrainVerb, WritesTheModelsWeights) {
  const Ended ended = train("--lr 0.01 --epochs 60 --json " + at("losses.json"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(ended.out.starts_with("epoch 1  loss 11\n")) << ended.out;
  const NamedTensors weights = read_tensors(map_file(at("w.safetensors")));
  EXPECT_NEAR(find(weights, "w")->doubles()[0], 0.5, 1e-3);
  EXPECT_EQ(find(weights, "scale")->doubles()[0], 2);
  EXPECT_NE(test::content(at("losses.json")).find("\"epochs\": [\n"), std::string::npos);
}

TEST_F(TrainVerb, ResumesToTheSameCurveWhereverItWasKilled) {
  const std::string words = "--lr 0.001 --momentum 0.9 --batch 2 --shuffle --seed 3 --epochs 400 ";
  const std::string checkpoint = at("c.safetensors");
  const Ended whole = train(words);
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::string weights = test::content(at("w.safetensors"));
  // Later each time, until it was killed three times with something to go on from.
  int resumed = 0;
  for (double seconds = 0.05; resumed < 3 && seconds < 60; seconds *= 2) {
    fs::remove(at("w.safetensors"));
    fs::remove(checkpoint);
    const std::string more = words + "--checkpoint " + checkpoint;
    call("train " + at("line.isomer") + " --loss mse --optimizer sgd --engine reference --data " +
             at("data.safetensors") + " -o " + at("w.safetensors") + " " + more,
         fmt::format("timeout -s KILL {}", seconds));
    if (!fs::exists(checkpoint)) continue;
    ++resumed;
    const Ended rest = train(more + " --resume " + checkpoint);
    ASSERT_EQ(rest.code, 0) << rest.err;
    EXPECT_EQ(rest.out, whole.out);
    EXPECT_EQ(test::content(at("w.safetensors")), weights);
  }
  EXPECT_EQ(resumed, 3);
}

TEST_F(TrainVerb, GoesOnOnlyAsItBegan) {
  const std::string checkpoint = at("c.safetensors");
  ASSERT_EQ(train("--checkpoint " + checkpoint).code, 0);
  fs::remove(at("w.safetensors"));
  expect_refused(3,
                 checkpoint +
                     ": it was written with 'lr 0.001', and this is a training with 'lr "
                     "0.5'; go on as it began",
                 "--lr 0.5 --resume " + checkpoint);
  expect_refused(
      3, at("data.safetensors") + ": it is no checkpoint of a training; --checkpoint writes them",
      "--resume " + at("data.safetensors"));
}

TEST_F(TrainVerb, RefusesACheckpointThatNoTrainingWrote) {
  const std::string checkpoint = at("c.safetensors");
  ASSERT_EQ(train("--momentum 0.9 --checkpoint " + checkpoint).code, 0);
  fs::remove(at("w.safetensors"));
  const Bytes file = map_file(checkpoint);
  const auto expect_changed_refused = [&](const std::string& name, const Tensor& tensor,
                                          const std::string& why) {
    SafeTensors content = read_safetensors(file);
    std::erase_if(content.tensors, [&](const StoredTensor& one) { return one.name == name; });
    content.tensors.push_back(stored(tensor, name));
    const std::string changed = at("changed.safetensors");
    write_file(changed, write_safetensors(content));
    expect_refused(3, changed + ": " + why, "--momentum 0.9 --resume " + changed);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_changed_refused("spare", reals({}, {1}), "it has also 'spare'; it is of another model");
  expect_changed_refused("w", reals({1, 1}, {nan}),
                         "'w': it is not finite; no training writes such a checkpoint");
  expect_changed_refused("optimizer.losses", Tensor::from_doubles(DType::f64, {1}, {&nan, 1}),
                         "'optimizer.losses': it is not finite; no training writes such a "
                         "checkpoint");
  expect_changed_refused("w", reals({2}, {1, 2}),
                         "state 'w': it is f32[2], where the model has f32[1, 1]");
}

TEST_F(TrainVerb, NamesTheSampleOfAClassThatIsNone) {
  write_file(at("scores.isomer"),
             "isomer 1\ngraph g(x: f32[n, 3]) -> (y)\n  weight w: f32[3] \"w\" "
             "= [1.0, 2.0, 3.0]\n  y = mul(x, w)\n");
  const std::int64_t classes[] = {2, -100, 3};
  write_file(at("classes.safetensors"),
             write_tensors({{"x", reals({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})},
                            {"target", Tensor::from_integers(DType::i64, {3}, classes)}}));
  const Ended ended =
      call("train " + at("scores.isomer") + " --loss cross_entropy --optimizer sgd --data " +
           at("classes.safetensors") + " -o " + at("w.safetensors"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err, "isomer: " + at("classes.safetensors") +
                           ": tensor 'target': sample 2: its class is 3; it should be from 0 to 2, "
                           "or -100 for none\n");
}

TEST_F(TrainVerb, NamesWhatIsWrongWithTheWords) {
  expect_refused(2, "--lr: 0.0 is out of range; it is a number above 0", "--lr 0");
  expect_refused(2, "--lr: -1.0 is out of range; it is a number above 0", "--lr -1");
  expect_refused(2, "--lr: 'fast' is no number", "--lr fast");
  expect_refused(2,
                 "--beta1: sgd has no such setting; it has: lr, momentum, dampening, weight_decay, "
                 "nesterov",
                 "--beta1 0.5");
  expect_refused(2, "--loss: there is no loss 'l1'; there are: mse, cross_entropy, bce_with_logits",
                 "--loss l1");
  expect_refused(2, "--target: the model has an input 'x'; call the target otherwise",
                 "--target x");
  expect_refused(2, "--checkpoint: --output is written there; choose another name",
                 "--checkpoint " + at("w.safetensors"));
}

TEST_F(TrainVerb, NamesWhatIsWrongWithTheData) {
  const Tensor x = reals({2, 1}, {1, 2});
  expect_data_refused("has no tensor 'target' (or 'in1'); the model takes: x, target", {{"x", x}});
  expect_data_refused("tensor 'target': it has 3 samples, where 'x' has 2; all should have as many",
                      {{"x", x}, {"target", reals({3, 1}, {1, 2, 3})}});
  expect_data_refused(
      "tensor 'target': it is i64[2, 1]; it should be of the type f32[n, 1], where the first axis "
      "has all samples",
      {{"x", x}, {"target", x.converted(DType::i64)}});
  expect_data_refused("tensor 'x': it has 0 samples; there should be at least 1",
                      {{"x", reals({0, 1}, {})}, {"target", reals({0, 1}, {})}});
  write_file(
      at("nan.safetensors"),
      write_tensors(
          {{"x", x}, {"target", reals({2, 1}, {1, std::numeric_limits<double>::quiet_NaN()})}}));
  expect_refused(3,
                 at("line.isomer") +
                     ": epoch 1, batch 2: the loss is nan; take a smaller learning rate, or look "
                     "for samples that are not finite",
                 "--batch 1", "nan.safetensors");
}

}  // namespace
}  // namespace isomer
