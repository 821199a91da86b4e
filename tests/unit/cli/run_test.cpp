// isomer run, several times in a row: steps, states, modes and options, the same for all systems.

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.h"
#include "program.h"
#include "systems/stored.h"
#include "systems/torch/python.h"

namespace isomer {
namespace {

using test::Cli;
using test::content;
using test::Ended;
using test::models;
using test::reals;

namespace fs = std::filesystem;

class Run : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write_file(at("sum.isomer"), R"(isomer 1
graph sum(x: f32[2]) -> (y)
  state total: f32[2] "total" = [0, 0] -> next
  next = add(total, x)
  y = mul(next, 2.0)
)");
    write_file(at("leaky.json"), R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {
  "nodes": {"leaky": {
    "input_ports": {"x": {"shape": [2], "type": "float"}},
    "parameters": {"v": {"default_initial_value": 1.0, "value": "v + x - 0.5*v"}},
    "output_ports": {"y": {"value": "v"}}}}, "edges": {}}}}})");
    write_file(at("three.safetensors"), write_tensors({{"x", reals({3, 2}, {1, 2, 3, 4, 5, 6})}}));
    write_file(at("one.safetensors"), write_tensors({{"x", reals({1, 2}, {1, 2})}}));
    write_file(at("two.safetensors"), write_tensors({{"x", reals({2, 2}, {3, 4, 5, 6})}}));
    write_file(at("plain.safetensors"), write_tensors({{"x", reals({2}, {1, 2})}}));
  }

  Ended run(const std::string& model, const std::string& inputs, const std::string& more) const {
    const std::string engine = model.ends_with(".isomer") ? " --engine reference " : " ";
    return call("run " + at(model) + engine + "--inputs " + at(inputs) + " -o " +
                at("y.safetensors") + " " + more);
  }

  std::vector<double> output() const {
    return find(read_tensors(map_file(at("y.safetensors"))), "out0")->doubles();
  }

  /// Three steps at once are one step and, with the states that it left, two more.
  void expect_resumes(const std::string& model) const {
    Ended ended = run(model, "three.safetensors", "--steps 3");
    ASSERT_EQ(ended.code, 0) << model << ended.err;
    const std::vector<double> all = output();
    ended = run(model, "one.safetensors", "--steps 1 --save-states " + at("states.safetensors"));
    ASSERT_EQ(ended.code, 0) << model << ended.err;
    std::vector<double> parts = output();
    ended = run(model, "two.safetensors",
                "--steps 2 --states " + at("states.safetensors") + " --save-states " +
                    at("states.safetensors"));
    ASSERT_EQ(ended.code, 0) << model << ended.err;
    const std::vector<double> rest = output();
    parts.insert(parts.end(), rest.begin(), rest.end());
    EXPECT_EQ(parts, all) << model;
  }

  void expect_refused(int code, const std::string& message, const std::string& more,
                      const std::string& inputs = "plain.safetensors",
                      const std::string& model = "sum.isomer") const {
    const Ended ended = run(model, inputs, more);
    EXPECT_EQ(ended.code, code) << more;
    EXPECT_EQ(ended.err, "isomer: " + message + "\n") << more;
    EXPECT_FALSE(fs::exists(at("y.safetensors"))) << more;
  }

  static bool has_torch() {
    const std::string words = " -c 'import torch, safetensors' 2>/dev/null";
    return std::system((torch::python_interpreter() + words).c_str()) == 0;
  }
};

TEST_F(Run, TakesStepsFromTheFirstAxis) {
  ASSERT_EQ(run("sum.isomer", "three.safetensors", "--steps 3").code, 0);
  EXPECT_EQ(output(), (std::vector<double>{2, 4, 8, 12, 18, 24}));
  ASSERT_EQ(run("sum.isomer", "plain.safetensors", "").code, 0);
  EXPECT_EQ(output(), (std::vector<double>{2, 4}));
}

TEST_F(Run, HandsOnStates) {
  expect_resumes("sum.isomer");
  expect_resumes("leaky.json");
  ASSERT_EQ(
      run("leaky.json", "one.safetensors", "--steps 1 --save-states " + at("states.safetensors"))
          .code,
      0);
  const NamedTensors states = read_tensors(map_file(at("states.safetensors")));
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].first, "leaky.v");
  EXPECT_EQ(states[0].second.doubles(), (std::vector<double>{1.5, 2.5}));
}

TEST_F(Run, HandsOnStatesOfExportsAndSource) {
  fs::copy(models + "counter.pt2", at("counter.pt2"));
  const Tensor in = *find(read_tensors(map_file(models + "counter.safetensors")), "in0");
  std::vector<double> twice = in.doubles();
  const std::vector<double> once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  std::vector<std::int64_t> shape = in.shape();
  shape.insert(shape.begin(), 2);
  write_file(at("two.safetensors"), write_tensors({{"in0", reals(shape, twice)}}));
  shape[0] = 3;
  twice.insert(twice.end(), once.begin(), once.end());
  write_file(at("three.safetensors"), write_tensors({{"in0", reals(shape, twice)}}));
  shape[0] = 1;
  write_file(at("one.safetensors"), write_tensors({{"in0", reals(shape, once)}}));
  expect_resumes("counter.pt2");
  if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  ASSERT_EQ(call("convert " + at("counter.pt2") + " -o " + at("counter.py")).code, 0);
  expect_resumes("counter.py");
}

/// What a buffer becomes stays, even where it is what was given or has another name, too.
TEST_F(Run, HandsOnStatesThatAreInputsOrTied) {
  write_file(at("delay.isomer"), R"(isomer 1
graph delay(x: f32[2]) -> (y)
  state last: f32[2] "last" = [0, 0] -> x
  state sum: f32[2] "sum" "inner.sum" = [0, 0] -> more
  more = add(sum, last)
  y = add(more, x)
)");
  expect_resumes("delay.isomer");
  EXPECT_EQ(output(), (std::vector<double>{1 + 3, 2 + 4, 4 + 5, 6 + 6}));
  if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  ASSERT_EQ(call("convert " + at("delay.isomer") + " -o " + at("delay.py")).code, 0);
  expect_resumes("delay.py");
  EXPECT_EQ(output(), (std::vector<double>{1 + 3, 2 + 4, 4 + 5, 6 + 6}));
}

TEST_F(Run, ChoosesAModeWhereSourceHoldsBoth) {
  if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  write_file(at("drop.py"),
             "import torch\n"
             "class Drop(torch.nn.Module):\n"
             "    def __init__(self):\n"
             "        super().__init__()\n"
             "        self.drop = torch.nn.Dropout(0.5)\n"
             "    def forward(self, x):\n"
             "        return self.drop(x)\n"
             "def load():\n"
             "    return Drop()\n");
  const std::vector<double> ones(100, 1);
  write_file(at("ones.safetensors"), write_tensors({{"x", reals({100}, ones)}}));
  ASSERT_EQ(run("drop.py", "ones.safetensors", "--mode eval").code, 0);
  EXPECT_EQ(output(), ones);
  ASSERT_EQ(run("drop.py", "ones.safetensors", "--mode train --threads 1").code, 0);
  const std::vector<double> dropped = output();
  EXPECT_NE(dropped, ones);
  ASSERT_EQ(run("drop.py", "ones.safetensors", "--mode train --seed 0").code, 0);
  EXPECT_EQ(output(), dropped);
  ASSERT_EQ(run("drop.py", "ones.safetensors", "--mode train --seed 5").code, 0);
  EXPECT_NE(output(), dropped);
}

// A length of the example stays a length, and no folder of this machine is in the file.
TEST_F(Run, ExportsWhatSourceShows) {
  if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  fs::create_directories(at("parts"));
  write_file(at("parts/inner.py"),
             "import torch\n"
             "class Inner(torch.nn.Module):\n"
             "    def forward(self, x):\n"
             "        return x * 2\n");
  write_file(at("net.py"),
             "import torch\n"
             "from parts.inner import Inner\n"
             "def load():\n"
             "    return Inner()\n"
             "def example_inputs(rows=1):\n"
             "    return (torch.ones(rows, 3),), {}\n");
  const Ended ended = call("export " + at("net.py") + " -o " + at("net.pt2"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(content(at("net.pt2")).find(folder_.string()), std::string::npos);
  const Ended shown = call("show " + at("net.pt2"));
  EXPECT_NE(shown.out.find("mul(x, 2.0)  parts/inner.py:4"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find(": f32[s"), std::string::npos) << shown.out;
  write_file(at("bare.py"), "def load():\n    import torch\n    return torch.nn.ReLU()\n");
  const Ended refused = call("export " + at("bare.py") + " -o " + at("bare.pt2"));
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("bare.py: example_inputs(): is missing"), std::string::npos)
      << refused.err;
  EXPECT_FALSE(fs::exists(at("bare.pt2")));
}

// It has a stride, and is contiguous all the same.
TEST_F(Run, TakesOneElementOfAColumnFromPython) {
  if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  write_file(at("net.py"),
             "import torch\n"
             "class Column(torch.nn.Module):\n"
             "    def forward(self, x):\n"
             "        return x[:, 0]\n"
             "def load():\n"
             "    return Column()\n"
             "def example_inputs(rows=1):\n"
             "    return (torch.ones(rows, 3),), {}\n");
  write_file(at("x.safetensors"), write_tensors({{"x", reals({1, 3}, {7, 8, 9})}}));
  const Ended ended = call("run " + at("net.py") + " --inputs " + at("x.safetensors") + " -o " +
                           at("y.safetensors"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(read_tensors(map_file(at("y.safetensors"))).at(0).second.doubles(), std::vector{7.0});
}

TEST_F(Run, TakesWeightsFromAFile) {
  const Tensor weight = reals({8, 4}, std::vector<double>(32, 0)), three = reals({3}, {1, 2, 3});
  const NamedTensors weights = {{"hidden.weight", weight},
                                {"hidden.bias", reals({8}, std::vector<double>(8, 0))},
                                {"out.weight", reals({3, 8}, std::vector<double>(24, 1))},
                                {"out.bias", three}};
  write_file(at("w.safetensors"), write_tensors(weights));
  write_file(at("x.safetensors"), write_tensors({{"in0", reals({5, 4}, std::vector<double>(20))}}));
  fs::copy(models + "mlp.pt2", at("mlp.pt2"));
  ASSERT_EQ(run("mlp.pt2", "x.safetensors", "--weights " + at("w.safetensors")).code, 0);
  const std::vector<double> given = output();
  EXPECT_EQ(std::vector<double>(given.begin(), given.begin() + 3), three.doubles());
  const Ended twice = call("convert " + at("mlp.pt2") + " -o " + at("mlp.json") + " --weights " +
                           at("w.safetensors"));
  EXPECT_EQ(twice.code, 0) << twice.err;
}

TEST_F(Run, RefusesStepsThatInputsDoNotHave) {
  expect_refused(3, "input 'x': it is f32[2]; with --steps 3 it begins with an axis of length 3",
                 "--steps 3");
  expect_refused(3, "input 'x': it is f32[3, 2]; with --steps 2 it begins with an axis of length 2",
                 "--steps 2", "three.safetensors");
  for (const std::string steps : {"0", "-1", "1.5", "many", "1000001"}) {
    expect_refused(2, "--steps: '" + steps + "' is no whole number from 1 to 1000000",
                   "--steps " + steps, "three.safetensors");
  }
  write_file(at("short.safetensors"), write_tensors({{"x", reals({2, 3}, {1, 2, 3, 4, 5, 6})}}));
  const Ended ended = run("sum.isomer", "short.safetensors", "--steps 2");
  EXPECT_TRUE(ended.err.starts_with("isomer: " + at("sum.isomer") + ": step 0: ")) << ended.err;
}

TEST_F(Run, RefusesStatesThatTheModelDoesNotKeep) {
  const std::string file = at("states.safetensors");
  const std::string states = "--states " + file;
  write_file(file, write_tensors({{"tot", reals({2}, {1, 2})}}));
  expect_refused(3, file + ": has no tensor 'total'; the model keeps: total", states);
  write_file(file, write_tensors({{"total", reals({2}, {1, 2})}, {"more", reals({}, {1})}}));
  expect_refused(3, file + ": has also 'more'; the model keeps one tensor for each of: total",
                 states);
  write_file(file, write_tensors({{"total", reals({3}, {1, 2, 3})}}));
  expect_refused(3, file + ": state 'total': it is f32[3], where the model has f32[2]", states);
  write_file(file, write_tensors({{"total", Tensor::zeros(DType::i64, {2})}}));
  expect_refused(3, file + ": state 'total': it is i64[2], where the model has f32[2]", states);
  expect_refused(3, at("none.safetensors") + ": cannot open: No such file or directory",
                 "--states " + at("none.safetensors"));

  write_file(at("plain.isomer"), "isomer 1\ngraph g(x: f32[2]) -> (y)\n  y = neg(x)\n");
  expect_refused(2, "--states: the model keeps no states", states, "plain.safetensors",
                 "plain.isomer");
  expect_refused(2, "--save-states: the model keeps no states", "--save-states " + file,
                 "plain.safetensors", "plain.isomer");
  expect_refused(2, "--save-states: states are written as .safetensors files",
                 "--save-states " + at("states.npy"));
  expect_refused(2, "--save-states: the outputs are written there; choose another name",
                 "--save-states " + at("y.safetensors"));
}

TEST_F(Run, RefusesOptionsThatAreNotThere) {
  for (const std::string model : {"sum.isomer", "leaky.json"}) {
    const auto refused = [&](const std::string& message, const std::string& more) {
      expect_refused(2, message, more, "plain.safetensors", model);
    };
    refused("--threads: '-1' is no whole number from 0 to 1024", "--threads -1");
    refused("--seed: '-3' is no whole number from 0", "--seed -3");
    refused("--mode: there is no mode 'both'; there are: train, eval", "--mode both");
    refused(
        "--mode: the model holds one mode only, that in which it was exported or written; PyTorch "
        "source holds both",
        "--mode train");
  }
  expect_refused(2, "--device: engine 'reference' has no device 'tpu'; it runs on: cpu",
                 "--device tpu");
  expect_refused(2, "--device: system 'mdf' has no device 'tpu'; it runs on: cpu", "--device tpu",
                 "plain.safetensors", "leaky.json");
}

}  // namespace
}  // namespace isomer
