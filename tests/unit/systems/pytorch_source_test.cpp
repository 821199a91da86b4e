#include "systems/torch/torch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "graph/text.h"
#include "ops/text.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "run/engine.h"
#include "systems/stored.h"
#include "systems/temporary.h"
#include "systems/torch/python.h"

namespace isomer {
namespace {

Graph ready(std::string_view text) {
  const Graph graph = run_passes(parse_graph(text), conversion_passes());
  return remove_unused(expand_unsupported(graph, torch::spells));
}

std::unique_ptr<Files> files_of(const Written& written) {
  std::map<std::string, std::string> files;
  for (const File& file : written.files)
    files[file.name] = std::string(bytes_of(file.parts).text());
  return in_memory(std::move(files));
}

std::string source_of(std::string_view text) {
  return std::string(bytes_of(torch::write(ready(text), "net.py").files.at(0).parts).text());
}

// The classes alone, without the head of the file and the functions after them.
std::string classes_of(std::string_view text) {
  const std::string source = source_of(text);
  const std::size_t begin = source.find("class ");
  return source.substr(begin, source.find("\n\n\ndef load") + 1 - begin);
}

Tensor reals(std::vector<std::int64_t> shape, std::vector<float> values) {
  return Tensor::of<float>(std::move(shape), values);
}

// -- text ----------------------------------------------------------------------------------------

TEST(PytorchSource, RecoversLayersFromNamesAndScopes) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[s0, 2]) -> (y)
  length s0: 1..8
  weight w: f32[2, 2] "fc.weight" = [[1, 2], [3, 4]]
  weight b: f32[2] "fc.bias" = [5, 6]
  h = linear(x, w, b)  @fc
  a = relu(h)  @act
  y = mul(a, 0.5)
)"),
            R"(class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.fc(x)) * 0.5
)");
}

TEST(PytorchSource, ChainsOfNumberedChildrenAreSequential) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  weight a: f32[2, 2] "part.0.weight" = [[1, 2], [3, 4]]
  weight b: f32[2, 2] "part.3.weight" = [[1, 2], [3, 4]]
  h = linear(x, a, none)  @part.0
  i = relu(h)  @part.1
  j = linear(i, b, none)  @part.3
  y = neg(j)
)"),
            R"(class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(
            nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Identity(), nn.Linear(2, 2, bias=False)
        )

    def forward(self, x):
        return -self.part(x)
)");
}

TEST(PytorchSource, EqualModulesShareOneClass) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  weight a: f32[2, 2] "layers.0.fc.weight" = [[1, 2], [3, 4]]
  weight b: f32[2, 2] "layers.1.fc.weight" = [[1, 2], [3, 4]]
  linear = linear(x, a, none)  @layers.0.fc
  first = add(linear, x)  @layers.0
  linear_1 = linear(first, b, none)  @layers.1.fc
  y = add(linear_1, first)  @layers.1
)"),
            R"(class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2, bias=False)

    def forward(self, x):
        return self.fc(x) + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(Layer(), Layer())

    def forward(self, x):
        return self.layers(x)
)");
}

TEST(PytorchSource, ModulesThatDifferInNumbersShareOneClass) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  module a: Block
  module b: Block
  module c: Block
  weight v: f32[4, 2] "a.fc.weight" = [[1, 2], [3, 4], [5, 6], [7, 8]]
  weight p: f32[4] "a.scale" = [1, 2, 3, 4]
  weight w: f32[6, 4] "b.fc.weight" = [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]
  weight q: f32[6] "b.scale" = [1, 2, 3, 4, 5, 6]
  weight u: f32[2, 6] "c.fc.weight" = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]
  weight r: f32[2] "c.scale" = [1, 2]
  linear = linear(x, v, none)  @a.fc
  mul = mul(linear, p)  @a
  reshape = reshape(mul, shape=[2, 2])  @a
  tanh = tanh(reshape)  @a
  flatten = reshape(tanh, shape=[1, 4])  @a
  linear_1 = linear(flatten, w, none)  @b.fc
  mul_1 = mul(linear_1, q)  @b
  reshape_1 = reshape(mul_1, shape=[2, 3])  @b
  tanh_1 = tanh(reshape_1)  @b
  flatten_1 = reshape(tanh_1, shape=[1, 6])  @b
  linear_2 = linear(flatten_1, u, none)  @c.fc
  mul_2 = mul(linear_2, r)  @c
  reshape_2 = reshape(mul_2, shape=[2, 1])  @c
  tanh_2 = tanh(reshape_2)  @c
  y = reshape(tanh_2, shape=[1, 2])  @c
)"),
            R"(class Block(nn.Module):
    def __init__(self, in_features, out_features, size):
        super().__init__()
        self.size = size
        self.out_features = out_features
        self.scale = nn.Parameter(torch.zeros(out_features))
        self.fc = nn.Linear(in_features, out_features, bias=False)

    def forward(self, x):
        tanh = torch.tanh((self.fc(x) * self.scale).reshape(2, self.size))
        return tanh.reshape(1, self.out_features)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Block(2, 4, 2)
        self.b = Block(4, 6, 3)
        self.c = Block(6, 2, 1)

    def forward(self, x):
        return self.c(self.b(self.a(x)))
)");
}

TEST(PytorchSource, AMemberThatSomeModulesLackIsAnIdentity) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  module blocks.0: Block
  module blocks.1: Block
  weight a: f32[2, 2] "blocks.0.fc.weight" = [[1, 2], [3, 4]]
  weight b: f32[4, 2] "blocks.1.fc.weight" = [[1, 2], [3, 4], [5, 6], [7, 8]]
  weight c: f32[4, 2] "blocks.1.down.weight" = [[1, 2], [3, 4], [5, 6], [7, 8]]
  linear = linear(x, a, none)  @blocks.0.fc
  add = add(linear, x)  @blocks.0
  relu = relu(add)  @blocks.0
  linear_1 = linear(relu, b, none)  @blocks.1.fc
  linear_2 = linear(relu, c, none)  @blocks.1.down
  add_1 = add(linear_1, linear_2)  @blocks.1
  y = relu(add_1)  @blocks.1
)"),
            R"(class Block(nn.Module):
    def __init__(self, out_features, down=False):
        super().__init__()
        self.fc = nn.Linear(2, out_features, bias=False)
        self.down = nn.Linear(2, out_features, bias=False) if down else nn.Identity()

    def forward(self, x):
        linear = self.fc(x)
        return F.relu(linear + self.down(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(2), Block(4, down=True))

    def forward(self, x):
        return self.blocks(x)
)");
}

TEST(PytorchSource, ChainsThroughAListAreALoop) {
  const std::string classes = classes_of(R"(
graph net(x: f32[2, 2], mask: f32[2, 2]) -> (y)
  weight a: f32[2, 2] "layers.0.fc.weight" = [[1, 2], [3, 4]]
  weight b: f32[2, 2] "layers.1.fc.weight" = [[1, 2], [3, 4]]
  e = exp(x)
  linear = linear(e, a, none)  @layers.0.fc
  add = add(linear, mask)  @layers.0
  linear_1 = linear(add, b, none)  @layers.1.fc
  add_1 = add(linear_1, mask)  @layers.1
  y = tanh(add_1)
)");
  EXPECT_NE(classes.find("self.layers = nn.ModuleList([Layer(), Layer()])"), std::string::npos)
      << classes;
  EXPECT_NE(classes.find(R"(        e = torch.exp(x)
        for layer in self.layers:
            e = layer(e, mask)
        return torch.tanh(e)
)"),
            std::string::npos)
      << classes;
}

TEST(PytorchSource, ModulesCalledTwiceAreWrittenInTheirCaller) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  weight w: f32[2, 2] "cell.fc.weight" = [[1, 2], [3, 4]]
  a = linear(x, w, none)  @cell.fc
  b = tanh(a)  @cell
  c = exp(b)
  d = linear(c, w, none)  @cell.fc
  y = tanh(d)  @cell
)"),
            R"(class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2, bias=False)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = Cell()

    def forward(self, x):
        d = self.cell.fc(torch.exp(torch.tanh(self.cell.fc(x))))
        return torch.tanh(d)
)");
}

TEST(PytorchSource, TiedAndLooseTensorsKeepTheirNames) {
  EXPECT_EQ(classes_of(R"(
graph net(i: i64[3]) -> (y)
  weight w: f32[5, 2] "embed.weight" "out.weight" = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 0]]
  weight s: f32[] "scale" = 2
  buffer m: f32[2] "shift" = [1, 2]
  weight u: f32[1] "unused.thing" = [1]
  e = embedding(w, i)  @embed
  f = sub(e, m)
  g = mul(f, s)
  y = linear(g, w, none)  @out
)"),
            R"(class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.thing = nn.Parameter(torch.zeros(1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("shift", torch.zeros(2))
        self.embed = nn.Embedding(5, 2)
        self.out = nn.Linear(2, 5, bias=False)
        self.unused = Unused()
        self.out.weight = self.embed.weight

    def forward(self, i):
        return self.out((self.embed(i) - self.shift) * self.scale)
)");
}

TEST(PytorchSource, TiedTensorsStandOnceInTheFile) {
  const Written written = torch::write(ready(R"(
graph net(i: i64[3]) -> (y)
  weight w: f32[2, 2] "embed.weight" "out.weight" = [[1, 2], [3, 4]]
  e = embedding(w, i)  @embed
  y = linear(e, w, none)  @out
)"),
                                       "net.py");
  const NamedTensors weights = read_tensors(bytes_of(written.files.at(1).parts));
  ASSERT_EQ(weights.size(), 1U);
  EXPECT_EQ(weights[0].first, "embed.weight");
  const Bytes source = bytes_of(written.files[0].parts);
  EXPECT_NE(source.text().find("    tensors[\"out.weight\"] = tensors[\"embed.weight\"]\n"
                               "    model.load_state_dict(tensors, strict=True)\n"),
            std::string_view::npos);
}

std::vector<std::string> notes_of(std::string_view text) {
  std::vector<std::string> notes;
  for (const Note& note : torch::write(ready(text), "net.py").notes) notes.push_back(note.text);
  return notes;
}

TEST(PytorchSource, ALayerThatStandsElsewhereIsNoCall) {
  EXPECT_EQ(classes_of(R"(
graph net(x: f32[1, 2]) -> (y)
  weight w: f32[2, 2] "hidden.weight" = [[1, 2], [3, 4]]
  y = linear(x, w, none)  @head
)"),
            R"(class Head(nn.Module):
    def forward(self, x, w):
        return F.linear(x, w)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 2, bias=False)
        self.head = Head()

    def forward(self, x):
        return self.head(x, self.hidden.weight)
)");
}

TEST(PytorchSource, RenamesOnlyArgumentsThatItMustAndSaysSo) {
  const std::string_view text = R"(
graph net(input: f32[2], type: f32[2], float: f32[2], lambda: f32[2], torch: f32[2]) -> (y)
  called ('input'=*) {'type': *, 'float': *, 'lambda': *, 'torch': *} -> *
  a = add(input, type)
  b = mul(a, float)
  c = exp(lambda)
  d = add(b, c)
  y = add(d, torch)
)";
  EXPECT_NE(source_of(text).find("def forward(self, input, *, type, float, lambda_1, torch_1):"),
            std::string::npos)
      << source_of(text);
  EXPECT_NE(source_of(text).find("\"lambda_1\": torch.zeros(2)"), std::string::npos);
  const std::vector<std::string> notes = notes_of(text);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_NE(notes[0].find("'lambda' is called lambda_1"), std::string::npos) << notes[0];
  EXPECT_NE(notes[1].find("'torch' is called torch_1"), std::string::npos) << notes[1];
}

TEST(PytorchSource, NoneMayBeLeftOutOnlyWhereAllThatFollowIs) {
  const std::string source = source_of(R"(
graph net(x: f32[2]) -> (y)
  called ('mask'=none, 'x'=*, 'more'=none) {} -> *
  y = exp(x)
)");
  EXPECT_NE(source.find("def forward(self, mask, x, more=None):"), std::string::npos) << source;
}

TEST(PytorchSource, LargeIntegersInBodiesAreNotRounded) {
  const std::string source = source_of(R"(
graph net(c: bool[]) -> (y)
  y = if(c, c)
    then(c: bool[]) -> (z) {
      z = if(c, i64(9007199254740993))
        then(n: i64[]) -> (m) {
          m = add(n, 1)
        }
        else(n: i64[]) -> (m) {
          m = mul(n, 7)
        }
    }
    else(c: bool[]) -> (n) {
      n = cast(c, dtype=i64)
    }
)");
  EXPECT_NE(source.find("9007199254740993"), std::string::npos) << source;
}

TEST(PytorchSource, BuffersOfAnyNameCanChange) {
  const std::string classes = classes_of(R"(
graph net(x: f32[2]) -> (y)
  state a: f32[2] "0" = [0, 0] -> b
  state c: f32[2] "s-t" = [0, 0] -> x
  b = add(a, x)
  y = mul(b, c)
)");
  EXPECT_NE(classes.find("_keep(self, \"0\", b)"), std::string::npos) << classes;
  EXPECT_NE(classes.find("_keep(self, \"s-t\", x.clone())"), std::string::npos) << classes;
}

// Gradients are summed up in the order in which a value was used.
TEST(PytorchSource, WhatIsComputedStaysInItsPlace) {
  const std::string source = source_of(R"(
graph net(x: f32[2, 3]) -> (z)
  q = tanh(x)
  k = sigmoid(x)
  t = transpose(k, dim0=0, dim1=1)
  v = exp(x)
  s = matmul(q, t)
  z = matmul(s, v)
)");
  const std::size_t q = source.find("tanh"), k = source.find("sigmoid"), v = source.find("exp(");
  EXPECT_LT(q, k) << source;
  EXPECT_LT(k, v) << source;
}

TEST(PytorchSource, NumbersReadBack) {
  const std::string classes = classes_of(R"(
graph net(x: f32[2], m: bool[2]) -> (y)
  a = where(m, x, -3.4028235e+38)
  b = clamp(a, min=-3.4028235e+38)
  y = add(b, 0.1)
)");
  EXPECT_NE(classes.find("torch.where(m, x, -3.4028234663852886e+38)"), std::string::npos)
      << classes;
  EXPECT_NE(classes.find("min=-3.4028234663852886e+38"), std::string::npos) << classes;
  EXPECT_NE(classes.find("+ 0.1"), std::string::npos) << classes;
}

TEST(PytorchSource, LengthsOfAnyNameHaveAVariable) {
  const std::string source = source_of(R"(
graph net(x: f32[torch, len]) -> (y)
  length torch: 2..8
  length len: 2..8
  y = exp(x)
)");
  EXPECT_NE(source.find("def example_inputs(len_1=2, torch_1=2):"), std::string::npos) << source;
}

TEST(PytorchSource, OperatorsThatItCannotSpellAreListed) {
  Graph graph = parse_graph("graph net(x: f32[1]) -> (y)\n  y = relu(x)\n");
  graph.nodes[0].op = "blur";
  try {
    torch::write(graph, "net.py");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_NE(error.text().find("blur"), std::string::npos) << error.text();
  }
}

TEST(PytorchSource, SpellsEveryOperator) {
  for (const OpFamily& family : op_families()) {
    for (const OpSchema& schema : family.ops) {
      // One is inlined, the other for our engines alone.
      const bool unwritten = schema.name() == "call" || schema.name() == "perturb";
      EXPECT_EQ(torch::spells(schema.name()), !unwritten) << schema.name();
    }
  }
}

// -- running -------------------------------------------------------------------------------------

bool has_torch() {
  static const bool has = [] {
    const std::string command =
        torch::python_interpreter() + " -c 'import torch, safetensors' 2>/dev/null";
    return std::system(command.c_str()) ==
           0;  // NOLINT(concurrency-mt-unsafe): the tests run one by one
  }();
  return has;
}

constexpr std::string_view small = R"(
graph net(x: f32[s0, 2]) -> (y, z)
  length s0: 2..8
  weight w: f32[2, 2] "fc.weight" = [[1, 2], [3, -4]]
  weight b: f32[2] "fc.bias" = [0.1, 0.2]
  buffer c: f32[2] "shift" = [0.3, 0.7]
  h = linear(x, w, b)  @fc
  a = gelu(h)
  y = sub(a, c)
  s = mul(y, 0.1)
  z = reshape(s, shape=[2*s0])
)";

class PytorchRun : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_torch()) GTEST_SKIP() << "no Python with torch";
  }

  static Runnable simulate(const Graph& graph, const RunOptions& options = {}) {
    return torch::simulate(*files_of(torch::write(graph, "net.py")), "net.py", options);
  }

  // Python takes a second or two to import torch: most tests ask one model.
  static Runnable& shared() {
    static Runnable simulation = simulate(ready(small));
    return simulation;
  }

  static Runnable simulate_source(std::string source, const RunOptions& options = {}) {
    return torch::simulate(*in_memory({{"net.py", std::move(source)}}), "net.py", options);
  }

  static std::string message_of(const std::function<void()>& action, Fault fault) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), fault);
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  static void expect_near(std::span<const Tensor> found, std::span<const Tensor> wanted,
                          double tolerance) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].type(), wanted[i].type()) << "output " << i;
      const std::vector<double> a = found[i].doubles();
      const std::vector<double> b = wanted[i].doubles();
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t k = 0; k < a.size(); ++k)
        EXPECT_NEAR(a[k], b[k], tolerance) << "output " << i << ", " << k;
    }
  }
};

TEST_F(PytorchRun, GivesWhatTheGraphGives) {
  const Graph graph = ready(small);
  const std::vector<Tensor> inputs{reals({3, 2}, {1, -1, 0.5, 2, 0, 3})};
  const Runnable& simulation = shared();
  expect_near(simulation.executor->run(inputs), make_reference_executor(graph)->run(inputs), 1e-6);
}

TEST_F(PytorchRun, DescribesItself) {
  const Runnable& simulation = shared();
  ASSERT_EQ(simulation.inputs.size(), 1U);
  EXPECT_EQ(simulation.inputs[0].name, "x");
  EXPECT_EQ(to_text(simulation.inputs[0].type), "f32[s0, 2]");
  ASSERT_EQ(simulation.outputs.size(), 2U);
  EXPECT_EQ(to_text(simulation.outputs[1].type), "f32[2*s0]");
  ASSERT_EQ(simulation.parameters.size(), 2U);
  EXPECT_EQ(simulation.parameters[0].name, "fc.weight");
  ASSERT_EQ(simulation.weights.size(), 3U);
  EXPECT_EQ(simulation.weights[0].first, "shift");
  EXPECT_TRUE(simulation.weights[0].second.same_bits(reals({2}, {0.3F, 0.7F})));
}

TEST_F(PytorchRun, GivesPytorchsOwnDerivatives) {
  const Graph graph = ready(small);
  const std::vector<Tensor> inputs{reals({2, 2}, {1, -1, 0.5, 2}), reals({2, 2}, {1, 2, 3, 4}),
                                   reals({4}, {1, 0, 2, 1})};
  const Runnable& simulation = shared();
  expect_near(simulation.gradient->run(inputs),
              make_reference_executor(differentiate(graph))->run(inputs), 1e-5);
}

TEST_F(PytorchRun, RunsInDoublePrecision) {
  const Graph graph = ready(small);
  const std::vector<Tensor> inputs{
      Tensor::from_doubles(DType::f64, {2, 2}, std::vector<double>{0.1, -1, 0.5, 2})};
  const Runnable simulation = simulate(graph, {.precision = Precision::f64});
  expect_near(simulation.executor->run(inputs),
              make_reference_executor(to_float64(graph))->run(inputs), 1e-14);
}

TEST_F(PytorchRun, HasTheSameNumbersInDoublePrecision) {
  const std::string source = R"(
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.register_buffer("shift", torch.tensor([0.1]).half())
        self.scale = torch.rand(2)

    def forward(self, x):
        return self.fc(x) * self.scale + self.shift.float()

def load():
    torch.manual_seed(3)
    return Net().eval()

def example_inputs():
    return (torch.zeros(1, 2),), {}
)";
  const Tensor x = reals({1, 2}, {0.5, -1});
  const Runnable single = simulate_source(source);
  const Runnable exact = simulate_source(source, {.precision = Precision::f64});
  for (std::size_t i = 0; i < single.weights.size(); ++i) {
    EXPECT_TRUE(exact.weights[i].second.same_bits(single.weights[i].second.converted(DType::f64)))
        << exact.weights[i].first;
  }
  expect_near(exact.executor->run(std::vector{x.converted(DType::f64)}),
              std::vector{single.executor->run(std::vector{x})[0].converted(DType::f64)}, 1e-6);
}

TEST_F(PytorchRun, LeavesOutDerivativesThatPytorchRefuses) {
  const Runnable simulation = simulate_source(R"(
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def forward(self, x, weight):
        return F.cross_entropy(x, torch.tensor([0]), weight)

def load():
    return Net()

def example_inputs():
    return (torch.zeros(1, 2), torch.ones(2)), {}
)");
  const std::vector<Tensor> inputs{reals({1, 2}, {0, 0}), reals({2}, {1, 1})};
  std::vector<Tensor> all = inputs;
  all.push_back(reals({}, {1}));
  expect_near(simulation.gradient->run(all),
              std::vector{reals({1, 2}, {-0.5, 0.5}), reals({2}, {0, 0})}, 1e-6);
  EXPECT_TRUE(simulation.observe(inputs, {.gradients = true})
                  .outputs[0]
                  .same_bits(simulation.observe(inputs, {}).outputs[0]));
}

TEST_F(PytorchRun, TakesOtherParameters) {
  const Graph graph = ready(small);
  const std::vector<Tensor> inputs{reals({2, 2}, {1, -1, 0.5, 2})};
  Runnable simulation = simulate(graph);
  Graph changed = graph;
  std::vector<Tensor> values;
  for (Constant& constant : changed.constants) {
    if (!constant.trainable) continue;
    std::vector<double> doubles = constant.data.doubles();
    for (double& value : doubles) value += 0.25;
    constant.data = Tensor::from_doubles(DType::f32, constant.data.shape(), doubles);
    values.push_back(constant.data);
  }
  simulation.executor->set_constants(values);
  expect_near(simulation.executor->run(inputs), make_reference_executor(changed)->run(inputs),
              1e-6);
}

TEST_F(PytorchRun, TracesItsInnerValues) {
  const Graph graph = ready(small);
  const std::vector<Tensor> inputs{reals({2, 2}, {1, -1, 0.5, 2})};
  const std::vector<Step> steps = shared().trace(inputs);
  ASSERT_EQ(steps.size(), 5U);
  EXPECT_EQ(steps[0].op, "linear");
  EXPECT_EQ(steps[0].scope, "fc");
  const std::vector<Step> wanted = Tracer(graph, reference_engine()).trace(inputs);
  expect_near(std::vector{steps[0].value}, std::vector{wanted[0].value}, 1e-6);
}

TEST_F(PytorchRun, RemembersStates) {
  const Graph graph = ready(R"(
graph net(x: f32[2]) -> (y)
  state t: f32[2] "cell.total" = [1, 2] -> u
  h = mul(t, 0.5)  @cell
  u = add(h, x)  @cell
  y = exp(u)
)");
  const std::vector<Tensor> inputs{reals({2}, {1, -1})};
  const Runnable simulation = simulate(graph);
  const std::unique_ptr<Executor> reference = make_reference_executor(graph);
  const std::vector<Tensor> first = simulation.executor->states();
  for (int i = 0; i < 3; ++i)
    expect_near(simulation.executor->run(inputs), reference->run(inputs), 1e-5);
  expect_near(simulation.executor->states(), reference->states(), 1e-6);
  simulation.executor->set_states(first);
  expect_near(simulation.executor->run(inputs), make_reference_executor(graph)->run(inputs), 1e-6);
}

TEST_F(PytorchRun, DescribesDivisionsByInputs) {
  const Graph graph = ready(R"(
graph net(i: i64[2], j: i64[2]) -> (k)
  k = floor_divide(i, j)
)");
  const Runnable simulation = simulate(graph);
  ASSERT_EQ(simulation.outputs.size(), 1U);
  EXPECT_EQ(to_text(simulation.outputs[0].type), "i64[2]");
}

TEST_F(PytorchRun, DescribesAnExampleThatCannotBeRun) {
  const Runnable simulation = simulate_source(R"(import torch

class Net(torch.nn.Module):
    def forward(self, i):
        return 6 // i

def example_inputs():
    return (torch.zeros(1, dtype=torch.int64),), {}
)");
  ASSERT_EQ(simulation.inputs.size(), 1U);
  EXPECT_TRUE(simulation.outputs.empty());
  const std::vector<Tensor> inputs{Tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{2})};
  EXPECT_EQ(simulation.executor->run(inputs).at(0).doubles(), std::vector<double>{3});
}

TEST_F(PytorchRun, EndsAnExampleThatRunsForEver) {
  const Runnable simulation = simulate_source(R"(import torch

class Net(torch.nn.Module):
    def forward(self, x):
        while x < 10:
            x = x * 2
        return x

def example_inputs():
    return (torch.zeros(()),), {}
)");
  EXPECT_TRUE(simulation.outputs.empty());
  EXPECT_EQ(simulation.executor->run(std::vector{reals({}, {3})}).at(0).doubles(),
            std::vector<double>{12});
}

TEST_F(PytorchRun, BeginsAnewWithAllThatPythonKeeps) {
  const Runnable simulation = simulate_source(R"(import torch

calls = 0

class Net(torch.nn.Module):
    total = 0

    def __init__(self):
        super().__init__()
        self.own = []
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        global calls
        calls += 1
        Net.total += 1
        self.own.append(1)
        return x * self.weight * calls * Net.total * len(self.own)

def load():
    return Net()

def example_inputs():
    return (torch.zeros(()),), {}
)");
  Executor& executor = *simulation.executor;
  const std::vector<Tensor> one{reals({}, {1})};
  EXPECT_EQ(executor.run(one).at(0).doubles().at(0), 1);
  EXPECT_EQ(executor.run(one).at(0).doubles().at(0), 8);
  EXPECT_EQ(simulation.observe(one, {}).outputs.at(0).doubles().at(0), 1);
  EXPECT_EQ(executor.run(one).at(0).doubles().at(0), 27);
  executor.set_constants(std::vector{reals({}, {2})});
  executor.reset();
  EXPECT_EQ(executor.run(one).at(0).doubles().at(0), 2);
}

TEST_F(PytorchRun, TellsWhatCallersSee) {
  const Runnable simulation = simulate_source(R"(import collections, torch
from dataclasses import dataclass

@dataclass
class Out:
    y: torch.Tensor
    none: object = None

Pair = collections.namedtuple("Pair", ["a", "b"])

class Net(torch.nn.Module):
    def forward(self, x, /, y, *, scale=2.0):
        seen = float(torch.is_grad_enabled() and x.requires_grad) + 10 * self.training
        y.mul_(scale)
        return Out(x + seen), Pair(3, [x, None]), collections.OrderedDict(k=torch.rand(()))

def example_inputs():
    return (torch.zeros(2), torch.zeros(1)), {}
)");
  ASSERT_EQ(simulation.arguments.size(), 3U);
  EXPECT_EQ(simulation.arguments[0].kind, CallArgument::Kind::place);
  EXPECT_EQ(simulation.arguments[1].name, "y");
  EXPECT_EQ(simulation.arguments[2].kind, CallArgument::Kind::name);
  EXPECT_EQ(simulation.arguments[2].standard, "2.0");
  const std::vector<Tensor> inputs{reals({2}, {1, 2}), reals({1}, {3})};
  const Seen seen = simulation.observe(inputs, {.mode = "train"});
  EXPECT_EQ(to_text(seen.results), R"(("net.Out"('y'=*), "net.Pair"('a'="int", 'b'=[*, none]), )"
                                   R"("collections.OrderedDict"{'k': *}))");
  EXPECT_EQ(seen.outputs.at(0).doubles(), (std::vector<double>{11, 12}));
  EXPECT_EQ(seen.arguments.at(1).doubles(), std::vector<double>{6});
  EXPECT_EQ(simulation.observe(inputs, {.gradients = true}).outputs.at(0).doubles().at(0), 2);
  const auto drawn = [&](const Manner& manner) {
    return simulation.observe(inputs, manner).outputs.back().doubles().at(0);
  };
  EXPECT_EQ(drawn({}), drawn({}));
  EXPECT_NE(drawn({}), drawn({.seed = 20}));
  // What was seen stays what it was when more is asked.
  EXPECT_EQ(seen.outputs.at(0).doubles(), (std::vector<double>{11, 12}));
}

TEST_F(PytorchRun, SaysWhereAProgramFails) {
  const Runnable simulation = simulate_source(R"(import torch

class Net(torch.nn.Module):
    def forward(self, x):
        print("this goes nowhere")
        return x.reshape(7)
)");
  const std::vector<Tensor> inputs{reals({2}, {1, -1})};
  const std::string message = message_of([&] { simulation.executor->run(inputs); }, Fault::model);
  EXPECT_NE(message.find("net.py: line 6: RuntimeError: shape '[7]' is invalid"), std::string::npos)
      << message;
  // It lives on.
  EXPECT_THROW(simulation.executor->run(inputs), Error);
}

TEST_F(PytorchRun, SurvivesADeath) {
  const Runnable simulation = simulate_source(R"(import os, sys, torch

class Net(torch.nn.Module):
    def forward(self, x):
        print("farewell", file=sys.stderr, flush=True)
        os._exit(7)
)");
  const std::vector<Tensor> inputs{reals({2}, {1, -1})};
  const std::string message = message_of([&] { simulation.executor->run(inputs); }, Fault::model);
  EXPECT_NE(message.find("ended with status 7: farewell"), std::string::npos) << message;
}

TEST_F(PytorchRun, RefusesAProgramWithoutAModel) {
  const std::string message = message_of([] { simulate_source("x = 1\n"); }, Fault::model);
  EXPECT_NE(message.find("has no load(), and not one nn.Module class"), std::string::npos)
      << message;
  const std::string broken = message_of([] { simulate_source("x = (\n"); }, Fault::model);
  EXPECT_NE(broken.find("net.py: line 1: SyntaxError"), std::string::npos) << broken;
}

TEST_F(PytorchRun, LeavesNothingBehind) {
  const TemporaryFolder own(std::filesystem::path(testing::TempDir()) / "isomer-test-");
  const std::filesystem::path& folder = own.path();
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", folder.c_str(), 1);
  {
    const Runnable simulation = simulate(ready(small));
    EXPECT_FALSE(std::filesystem::is_empty(folder));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  if (before == nullptr) {
    unsetenv("TMPDIR");
  } else {
    setenv("TMPDIR", kept.c_str(), 1);
  }
}

}  // namespace
}  // namespace isomer
