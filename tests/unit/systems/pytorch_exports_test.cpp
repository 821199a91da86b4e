// Real exports, written as source: what Python makes of it is what eager torch gave for the model
// that was exported (tools/make_models.py).

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "codecs/safetensors.h"
#include "systems/stored.h"
#include "systems/system.h"
#include "systems/torch/python.h"

namespace isomer {
namespace {

using Tensors = std::map<std::string, Tensor>;

constexpr std::string_view folder = ISOMER_SOURCE "/tests/data/models";

Tensors recorded(const std::string& model) {
  Tensors tensors;
  const Bytes file = map_file(std::string(folder) + "/" + model + ".safetensors");
  for (const StoredTensor& one : read_safetensors(file).tensors) {
    tensors.emplace(one.name, tensor_of(one));
  }
  return tensors;
}

std::vector<Tensor> numbered(const Tensors& tensors, const std::string& prefix) {
  std::vector<Tensor> found;
  for (auto at = tensors.find(prefix + "0"); at != tensors.end();
       at = tensors.find(prefix + std::to_string(found.size()))) {
    found.push_back(at->second);
  }
  return found;
}

void expect_near(const Tensor& given, const Tensor& wanted, const std::string& name) {
  ASSERT_EQ(given.type(), wanted.type()) << name;
  const std::vector<double> a = given.doubles();
  const std::vector<double> b = wanted.doubles();
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], 1e-5) << name << "[" << i << "]";
}

class PytorchExports : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string command =
        torch::python_interpreter() + " -c 'import torch, safetensors' 2>/dev/null";
    static const bool has_torch =
        std::system(command.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
    if (!has_torch) GTEST_SKIP() << "no Python with torch";
  }
};

TEST_P(PytorchExports, BehaveAsSource) {
  const Tensors tensors = recorded(GetParam().substr(0, GetParam().find('.')));
  const System& target = system_named("pytorch");
  const Graph graph = system_named("pt2").read(*open_folder(folder), GetParam() + ".pt2").graph;
  const Written written = target.write(prepare_for(target, graph, {}), "model.py");
  std::map<std::string, std::string> files;
  for (const File& file : written.files)
    files[file.name] = std::string(bytes_of(file.parts).text());
  const Runnable simulation = target.simulate(*in_memory(std::move(files)), "model.py", {});

  // Derivatives first: a run may change buffers, asking for derivatives may not.
  std::vector<Tensor> inputs = numbered(tensors, "in");
  const std::vector<Tensor> outputs = numbered(tensors, "out");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (is_floating(inputs[i].dtype())) names.push_back("grad.in" + std::to_string(i));
  }
  for (const Port& parameter : simulation.parameters) names.push_back("grad." + parameter.name);
  std::vector<Tensor> asked = inputs;
  for (const Tensor& output : outputs) {
    if (!is_floating(output.dtype())) continue;
    const std::vector<double> ones(static_cast<std::size_t>(output.count()), 1.0);
    asked.push_back(Tensor::from_doubles(output.dtype(), output.shape(), ones));
  }
  const std::vector<Tensor> gradients = simulation.gradient->run(asked);
  ASSERT_EQ(gradients.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(tensors.contains(names[i])) << names[i];
    expect_near(gradients[i], tensors.at(names[i]), names[i]);
  }

  const std::vector<Tensor> given = simulation.executor->run(inputs);
  ASSERT_EQ(given.size(), outputs.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    expect_near(given[i], outputs[i], "out" + std::to_string(i));
  }

  // Every weight and buffer under its own name, bit by bit.
  std::map<std::string, Tensor> kept;
  for (const Constant& constant : graph.constants) {
    for (const std::string& name : constant.names) kept.emplace(name, constant.data);
  }
  for (const State& state : graph.states) {
    for (const std::string& name : state.names) kept.emplace(name, state.initial);
  }
  ASSERT_EQ(simulation.weights.size(), kept.size());
  for (const auto& [name, data] : simulation.weights) {
    ASSERT_TRUE(kept.contains(name)) << name;
    EXPECT_TRUE(data.same_bits(kept.at(name))) << name;
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '.', '_');
  return name;
}

// Each takes a Python process: those that differ most.
INSTANTIATE_TEST_SUITE_P(Models, PytorchExports,
                         testing::Values("lenet", "encoder_layer.core", "train_bn", "multi_io",
                                         "tied", "views", "counted", "changing"),
                         test_name);

}  // namespace
}  // namespace isomer
