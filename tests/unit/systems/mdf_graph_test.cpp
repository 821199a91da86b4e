// A document over time, and the graph that is read from it: step by step the same.

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "codecs/json.h"
#include "mdf_expected.h"
#include "run/engine.h"
#include "systems/mdf/mdf.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Files> document(const std::string& nodes, const std::string& edges = "",
                                const std::string& conditions = "") {
  return in_memory(
      {{"net.json", R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {"nodes": {)" + nodes +
                        R"(}, "edges": {)" + edges + R"(}, "conditions": {)" + conditions +
                        "}}}}}"}});
}

std::vector<Tensor> inputs_for(const Graph& graph, Random& random) {
  std::vector<Tensor> inputs;
  for (const Port& port : on_engine(graph, reference_engine()).inputs) {
    const auto shape = known_shape(port.type.shape).value();
    std::vector<double> values(static_cast<std::size_t>(count_elements(std::span(shape))));
    for (double& value : values) value = port.name == "dt" ? 0.01 : random.normal();
    inputs.push_back(Tensor::from_doubles(port.type.dtype, shape, values));
  }
  return inputs;
}

/// Over 100 evaluations, the first of which gives initial values.
void expect_steps_alike(const Files& files, const std::string& entry) {
  const Graph graph = mdf::read(files, entry).graph;
  const Runnable own = mdf::simulate(files, entry);
  const Runnable compiled = on_engine(graph, reference_engine());
  ASSERT_EQ(own.inputs.size(), compiled.inputs.size());
  ASSERT_EQ(own.states.size(), compiled.states.size());
  Random random(7);
  for (int step = 0; step < 100; ++step) {
    const std::vector<Tensor> inputs = inputs_for(graph, random);
    const std::vector<Tensor> wanted = own.executor->run(inputs),
                              found = compiled.executor->run(inputs);
    ASSERT_EQ(wanted.size(), found.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_EQ(wanted[i].shape(), found[i].shape()) << "output " << i << " of step " << step;
      const std::vector<double> a = wanted[i].doubles(), b = found[i].doubles();
      for (std::size_t k = 0; k < a.size(); ++k) {
        const bool same = a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]));
        ASSERT_TRUE(same || std::abs(a[k] - b[k]) <= 1e-9 * std::abs(a[k]))
            << a[k] << " and " << b[k] << ", output " << i << " of step " << step;
      }
    }
  }
}

TEST(MdfGraph, KeepsNarrowTypesAsItsDocumentDoes) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "narrow_cases.json");
  for (const Tree& row : *table.list()) {
    SCOPED_TRACE(*row.find("name")->text());
    try {
      expect_steps_alike(*in_memory({{"net.json", write_json(*row.find("document"))}}), "net.json");
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

// Python's 2.67 and NumPy's 2.68: a graph cannot know which of them has the number.
TEST(MdfGraph, FailsWherePythonAndNumpyRoundDifferently) {
  const auto files = document(R"json("n": {"parameters": {
      "s": {"default_initial_value": 2.675, "value": "s*1.0"}},
      "output_ports": {"o": {"value": "round(s, 2)"}}})json");
  EXPECT_EQ(mdf::simulate(*files, "net.json").executor->run({}).at(0).doubles().at(0), 2.67);
  const Runnable compiled = on_engine(mdf::read(*files, "net.json").graph, reference_engine());
  EXPECT_THROW(compiled.executor->run({}), Error);
}

struct Case {
  const char* name;
  std::string nodes;
  std::string edges = "";
};

TEST(MdfGraph, StepsAsItsDocumentDoes) {
  for (
      const Case& one : std::vector<Case>{
          {"counter", R"("n": {"parameters": {"c": {"value": "c + 1"}},
                                "output_ports": {"o": {"value": "c"}}})"},
          {"decimals",
           R"json("n": {"input_ports": {"x": {"type": "float"}}, "parameters": {
               "s": {"default_initial_value": 0.0, "value": "s + 0.25"}},
               "output_ports": {"o": {"value": "round(s, 2)"}, "p": {"value": "round(x*1.0, 3)"},
                                "q": {"value": "round(s*100, -1)"}}})json"},
          {"a count that becomes real",
           R"("n": {"parameters": {"c": {"default_initial_value": 1, "value": "c*0.5 + 1"}},
                     "output_ports": {"o": {"value": "c"}}})"},
          {"a number that is whole for a while",
           R"("n": {"parameters": {"c": {"default_initial_value": 1024, "value": "c/2"},
                                    "d": {"default_initial_value": 1, "value": "d + 0.5"}},
                     "output_ports": {"o": {"value": "c"}, "p": {"value": "d"}}})"},
          {"a leak of an array",
           R"("n": {"input_ports": {"x": {"shape": [3], "type": "float"}}, "parameters": {
               "v": {"default_initial_value": 0, "value": "v + x - 0.5*v"}},
               "output_ports": {"o": {"value": "v"}}})"},
          {"a derivative",
           R"("n": {"input_ports": {"x": {"type": "float"}}, "parameters": {
               "tau": {"value": 2.0}, "v": {"default_initial_value": 1, "time_derivative": "(x - v)/tau"}},
               "output_ports": {"o": {"value": "v*1.0"}, "twice": {"value": "v + v"}}})"},
          {"one derivative reads another's new value",
           R"("n": {"parameters": {
               "p": {"default_initial_value": 1.0, "time_derivative": "q"},
               "q": {"default_initial_value": 0.0, "time_derivative": "-p"}},
               "output_ports": {"o": {"value": "p"}, "r": {"value": "q"}}})"},
          {"an expression that is read before it is computed",
           R"("n": {"input_ports": {"x": {"type": "float"}}, "parameters": {
               "v": {"default_initial_value": 0.0, "time_derivative": "late - v"},
               "late": {"value": "x*2 + v"}}, "output_ports": {"o": {"value": "v"}}})"},
          {"a function that is read before it is computed",
           R"("n": {"input_ports": {"x": {"shape": [2], "type": "float"}}, "parameters": {
               "v": {"default_initial_value": [0.0, 1.0], "time_derivative": "f - v"},
               "f": {"function": "tanh", "args": {"variable0": "v + x", "scale": 1}}},
               "output_ports": {"o": {"value": "f"}, "w": {"value": "v"}}})"},
          {"conditions of a parameter",
           R"("n": {"parameters": {"t": {"default_initial_value": 0, "time_derivative": "1"},
               "s": {"value": 0, "conditions": [{"id": "on", "test": "t > 0.3", "value": 2.5},
                                                {"id": "off", "test": "t > 0.6", "value": "t"}]}},
               "output_ports": {"o": {"value": "s"}}})"},
          {"conditions alone",
           R"("n": {"parameters": {"t": {"default_initial_value": 0, "time_derivative": "1"},
               "last": {"conditions": [{"id": "c", "test": "t % 0.25 < 0.05", "value": "t"}]}},
               "output_ports": {"o": {"value": "last"}}})"},
          {"weights, and ports that join",
           R"("a": {"parameters": {"c": {"value": "c + 1"}}, "output_ports": {"o": {"value": "c*0.1"}}},
               "b": {"input_ports": {"x": {"shape": [2], "type": "float"}},
                     "output_ports": {"o": {"value": "x"}}},
               "s": {"input_ports": {"y": {"shape": [2], "type": "float", "reduce": "add"},
                                     "z": {"shape": [2], "type": "float", "reduce": "multiply"}},
                     "parameters": {"k": {"default_initial_value": 0.5, "value": "k + 0.1"}},
                     "output_ports": {"o": {"value": "y*k"}, "p": {"value": "z - k"}}})",
           R"("e1": {"sender": "a", "sender_port": "o", "receiver": "s", "receiver_port": "y"},
               "e2": {"sender": "b", "sender_port": "o", "receiver": "s", "receiver_port": "y",
                      "parameters": {"weight": [0.5, 2.0]}},
               "e3": {"sender": "b", "sender_port": "o", "receiver": "s", "receiver_port": "z"},
               "e4": {"sender": "b", "sender_port": "o", "receiver": "s", "receiver_port": "z",
                      "parameters": {"weight": 3}})"},
          {"a function of ONNX",
           R"("n": {"input_ports": {"x": {"shape": [1, 2], "type": "float"}}, "parameters": {
               "w": {"value": [[0.5, -0.25], [1.0, 0.75]]},
               "h": {"default_initial_value": [[0.0, 0.0]], "value": "numpy.tanh(h + x)*0.9"},
               "y": {"function": "onnx::MatMul", "args": {"A": "h", "B": "w"}}},
               "output_ports": {
    "o" : { "value" : "y" }}
})"},
      }) {
    SCOPED_TRACE(one.name);
    expect_steps_alike(*document(one.nodes, one.edges), "net.json");
  }
}

/// In which evaluation an executor fails; 0 where it does not.
int failing_step(Executor& executor, const std::vector<Tensor>& inputs) {
  for (int step = 1; step <= 100; ++step) {
    try {
      executor.run(inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::model) << error.what();
      return step;
    }
  }
  return 0;
}

// Python's integers have no end, NumPy's and a graph's have 64 bits, and NumPy's wrap.
TEST(MdfGraph, FailsWhereTheIntegersOfItsDocumentDoNotFit) {
  const std::string out = R"(}, "output_ports": {"o": {"value": ")";
  const std::string state = R"("n": {"parameters": {"c": {"default_initial_value": 1, "value": ")";
  const auto one = [&](const std::string& update, const std::string& output) {
    return state + update + "\"}" + out + output + "\"}}}";
  };
  for (const auto& [nodes, step] : std::vector<std::pair<std::string, int>>{
           {one("c*3", "c"), 40},
           {one("-c*3", "c"), 40},
           {one("c + c", "c"), 63},
           {one("c - 1", "(c + 2)**20"), 12},
           {one("c + 1", "c << 57"), 63},
           {one("c + 1", "int(c*1e17)"), 92},
           {one("c + 1", "max(c, 2)*round(1e17 + c)"), 92},
           {one("(c*1103515245 + 12345) % 2147483648", "c"), 0},
           {one("numpy.int64(c)*3", "numpy.array(c)*2"), 0}}) {
    SCOPED_TRACE(nodes);
    const auto files = document(nodes);
    const Runnable own = mdf::simulate(*files, "net.json");
    const int failing = failing_step(*own.executor, {});
    EXPECT_EQ(failing, step);
    const Graph graph = mdf::read(*files, "net.json").graph;
    EXPECT_EQ(failing_step(*on_engine(graph, reference_engine()).executor, {}), failing);
    if (step == 0) expect_steps_alike(*files, "net.json");
  }
}

TEST(MdfGraph, CountsWithoutAQuestion) {
  const auto files = document(R"("n": {"parameters": {"c": {"default_initial_value": 0,
      "value": "c + 1"}}, "output_ports": {"o": {"value": "c*2 - 1"}}})");
  EXPECT_EQ(mdf::read(*files, "net.json").graph.nodes.size(), 3U);
}

TEST(MdfGraph, FailsWhereAnIntegerHasNoPower) {
  const auto files = document(R"("n": {"input_ports": {"x": {"shape": [2], "type": "int64"}},
      "output_ports": {"o": {"value": "2**x"}}})");
  const Graph graph = mdf::read(*files, "net.json").graph;
  const Runnable compiled = on_engine(graph, reference_engine());
  const auto run = [&](std::int64_t x) {
    const std::vector<Tensor> inputs{
        Tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{3, x})};
    return compiled.executor->run(inputs)[0].integers();
  };
  EXPECT_EQ(run(0), (std::vector<std::int64_t>{8, 1}));
  EXPECT_THROW(run(-1), Error);
  const auto whole = document(R"("n": {"parameters": {"c": {"default_initial_value": 0,
      "value": "c + 1"}}, "output_ports": {"o": {"value": "2**c"}, "p": {"value": "c**-1"}}})");
  try {
    mdf::read(*whole, "net.json");
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("to the power of one that is known only"),
              std::string::npos)
        << error.what();
  }
}

const std::string counting_nodes = R"(
    "a": {"input_ports": {"x": {"type": "float"}},
          "parameters": {"n": {"default_initial_value": 0, "value": "n + 1"},
                         "t": {"default_initial_value": 0, "time_derivative": "1"}},
          "output_ports": {"o": {"value": "n + x"}}},
    "b": {"input_ports": {"y": {"type": "float"}},
          "parameters": {"s": {"default_initial_value": 0.5, "value": "s*0.5 + y"},
                         "late": {"function": "tanh", "args": {"variable0": "early", "scale": 1}},
                         "early": {"value": "s + y"}},
          "output_ports": {"o": {"value": "s"}, "p": {"value": "late"}}},
    "c": {"input_ports": {"z": {"type": "float", "reduce": "add"}},
          "parameters": {"k": {"default_initial_value": 1, "value": "k + 1"}},
          "output_ports": {"o": {"value": "z*k"}}})";
const std::string counting_edges = R"(
    "e1": {"sender": "a", "sender_port": "o", "receiver": "b", "receiver_port": "y"},
    "e2": {"sender": "a", "sender_port": "o", "receiver": "c", "receiver_port": "z"},
    "e3": {"sender": "b", "sender_port": "o", "receiver": "c", "receiver_port": "z",
           "parameters": {"weight": 2}})";

std::string when(const std::string& nodes, const std::string& end = "") {
  return R"("node_specific": {)" + nodes + R"(}, "termination": {)" + end + "}";
}
std::string condition(const std::string& type, const std::string& kwargs = "") {
  return R"({"type": ")" + type + R"(", "kwargs": {)" + kwargs + "}}";
}

// What runs in one evaluation is written out.
TEST(MdfGraph, RunsAsStaticConditionsSay) {
  const std::string every_other = condition("EveryNCalls", R"("dependency": "a", "n": 2)");
  for (const std::string& conditions :
       {when(R"("a": )" + condition("Always") + R"(, "b": )" + every_other),
        when(R"("b": )" + every_other + R"(, "c": )" +
             condition("EveryNCalls", R"("dependency": "b", "n": 3)")),
        when("",
             R"("environment_state_update": )" +
                 condition("All", R"("dependencies": [)" +
                                      condition("AfterCall", R"("dependency": "c", "n": 2)") +
                                      ", " + condition("JustRan", R"("dependency": "c")") + "]")),
        when(R"("c": )" + condition("AtPass", R"("n": 2)"),
             R"("environment_state_update": )" + condition("AfterNPasses", R"("n": 4)"))}) {
    SCOPED_TRACE(conditions);
    expect_steps_alike(*document(counting_nodes, counting_edges, conditions), "net.json");
  }
}

TEST(MdfGraph, RefusesConditionsThatOneEvaluationDoesNotTell) {
  for (const auto& [conditions, why] : std::vector<std::pair<std::string, std::string>>{
           {when(R"("b": )" + condition("AtEnvironmentStateUpdate", R"("n": 3)")),
            "condition of node 'b': AtEnvironmentStateUpdate looks beyond one evaluation"},
           {when(R"("b": )" + condition("NWhen", R"("n": 3, "condition": )" + condition("Always"))),
            "condition of node 'b': NWhen looks beyond one evaluation"},
           {when("", R"("environment_state_update": )" +
                         condition("Threshold", R"("dependency": "a", "parameter": "n",
                                                   "threshold": 3, "comparator": ">")")),
            "termination 'environment_state_update': i64[] depends on the graph's inputs"},
           {when(R"("c": )" + condition("Always") + R"(, "b": )" +
                 condition("EveryNCalls", R"("dependency": "a", "n": 2)")),
            "node 'c' runs before what sends to its input port 'z'"},
           {when(R"("c": )" + condition("AtPass", R"("n": 5)"),
                 R"("environment_state_update": )" + condition("AfterNPasses", R"("n": 1)")),
            "node 'c': by its condition it never runs"},
           {when(R"("c": )" + condition("Never"),
                 R"("environment_state_update": )" + condition("AfterNPasses", R"("n": 1)")),
            "node 'c': Never never holds"}}) {
    std::string nodes = counting_nodes;
    nodes.replace(nodes.find("s + y"), 5, "4 * 1");  // what an evaluation need not tell
    const auto files = document(nodes, counting_edges, conditions);
    try {
      mdf::read(*files, "net.json");
      ADD_FAILURE() << "it was read: " << conditions;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unsupported);
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  }
}

TEST(MdfGraph, HasTheLaterShapeOfANumberFromTheBeginning) {
  const auto files = document(R"("a": {"input_ports": {"x": {"shape": [1, 1], "type": "float"}},
          "parameters": {"v": {"default_initial_value": [1.0], "time_derivative": "x - v"}},
          "output_ports": {"o": {"value": "v"}}},
      "b": {"input_ports": {"y": {"shape": [1], "type": "float"}},
          "parameters": {"w": {"default_initial_value": [0.5], "time_derivative": "y - w"}},
          "output_ports": {"o": {"value": "w"}}})",
                              R"("e": {"sender": "a", "sender_port": "o",
                                       "receiver": "b", "receiver_port": "y"})");
  const Graph graph = mdf::read(*files, "net.json").graph;
  const Runnable own = mdf::simulate(*files, "net.json");
  const Runnable compiled = on_engine(graph, reference_engine());
  Random random(3);
  for (int step = 0; step < 20; ++step) {
    const std::vector<Tensor> inputs = inputs_for(graph, random);
    const Tensor wanted = own.executor->run(inputs)[0], found = compiled.executor->run(inputs)[0];
    EXPECT_EQ(found.shape(), (std::vector<std::int64_t>{1, 1}));
    EXPECT_NEAR(found.doubles()[0], wanted.doubles()[0], 1e-12) << "step " << step;
  }
}

TEST(MdfGraph, RefusesAStateThatChangesItsShapeAndItsValue) {
  // The sum of one number is not that of an array of it.
  const auto files = document(R"("n": {"input_ports": {"x": {"shape": [3], "type": "float"}},
      "parameters": {"v": {"default_initial_value": 1.0, "value": "numpy.sum(v) + x"}},
      "output_ports": {"o": {"value": "v"}}})");
  try {
    mdf::read(*files, "net.json");
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_NE(std::string(error.what()).find("it is f64[] to begin with and f64[3] after"),
              std::string::npos)
        << error.what();
  }
}

// Those of the larger set that keep something, or whose conditions are static.
TEST(MdfGraph, StepsAsRecordedDocumentsDo) {
  const fs::path folder = mdf_test::conformance_folder();
  if (folder.empty()) GTEST_SKIP() << "no conformance documents here";
  for (const char* name :
       {"MDF/States.json", "MDF/FN.mdf.json", "MDF/RNN/IAF_net.json", "MDF/RNN/IAFs.yaml",
        "MDF/RNN/RNNs.json", "MDF/SwitchedRLC_Circuit.yaml", "MDF/ParametersFunctions.json",
        "NeuroML/FN.mdf.yaml", "NeuroML/PyNN/HH.mdf.yaml", "NeuroML/PyNN/OneCell.mdf.yaml",
        "NeuroML/ABCD.mdf.json", "MDF/Simple.bson", "MDF/ABCD.json", "converted/cnn_bn.json",
        "MDF/abc_conditions.json", "MDF/conditions/Composite_mdf_condition.json",
        "MDF/conditions/everyncalls_condition.yaml",
        "MDF/translation/Translated_abc_conditions.json",
        "PsyNeuLink/SimpleLinear-conditional.json"}) {
    SCOPED_TRACE(name);
    const fs::path path = folder / name;
    expect_steps_alike(*open_folder(path.parent_path()), path.filename());
  }
}

}  // namespace
}  // namespace isomer
