// What is written, run by the format's own rules and read back: the same model, or a clear word why
// not.

#include <algorithm>
#include <map>

#include "base/error.h"
#include "gtest/gtest.h"
#include "mdf_expected.h"
#include "ops/builder.h"
#include "run/engine.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/spelling.h"
#include "systems/text/text.h"

namespace isomer {
namespace {

using Contents = std::map<std::string, std::string>;

Graph graph_of(const std::string& text) {
  return read_text(*in_memory({{"g.isomer", "isomer 1\n" + text}}), "g.isomer").graph;
}

Contents written(const Graph& graph) {
  Contents contents;
  for (const File& file : mdf::write(graph, "net.json").files) {
    contents[file.name] = std::string(bytes_of(file.parts).text());
  }
  return contents;
}

std::vector<Tensor> simulated(const Contents& contents, std::span<const Tensor> inputs) {
  return mdf::simulate(*in_memory(contents), "net.json").executor->run(inputs);
}

std::vector<Tensor> interpreted(const Graph& graph, std::span<const Tensor> inputs) {
  return make_reference_executor(graph)->run(inputs);
}

Tensor counted_up(std::vector<std::int64_t> shape, double step = 0.25) {
  std::vector<double> values(
      static_cast<std::size_t>(count_elements(std::span<const std::int64_t>(shape))));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = step * static_cast<double>(i) - 1;
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

void expect_close(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].dtype(), expected[i].dtype());
    ASSERT_EQ(found[i].shape(), expected[i].shape());
    const std::vector<double> a = found[i].doubles();
    const std::vector<double> b = expected[i].doubles();
    for (std::size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 1e-5) << "element " << k;
  }
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

const Graph& small() {
  static const Graph graph = graph_of(R"(graph small(x: f32[s0, 2]) -> (y)
  length s0: 1..
  weight fc_weight: f32[2, 2] "fc.weight" = [[0.1, -0.2], [0.3, 0.4]]
  weight fc_bias: f32[2] "fc.bias" = [0.5, -0.5]
  h = linear(x, fc_weight, fc_bias)  @fc net.py:3
  y = relu(h)
)");
  return graph;
}

TEST(MdfRoundTrip, ReadsBackWhatItWroteForAnyBatch) {
  const Contents contents = written(small());
  EXPECT_EQ(contents.size(), 1U);
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  EXPECT_EQ(to_text(loaded.graph, Data::all), to_text(small(), Data::all));
  for (const std::int64_t batch : {1, 3}) {
    const std::vector<Tensor> inputs{counted_up({batch, 2})};
    expect_close(simulated(contents, inputs), interpreted(small(), inputs));
  }
}

TEST(MdfRoundTrip, KeepsTheClassesOfModules) {
  Graph graph = small();
  graph.classes = {{"fc", "Linear"}};
  const Loaded loaded = mdf::read(*in_memory(written(graph)), "net.json");
  EXPECT_EQ(loaded.graph.classes, graph.classes);
}

TEST(MdfRoundTrip, AnEditedNodeSaysWhatItSaysAndNotWhatItsMetadataClaims) {
  Contents contents = written(small());
  contents["net.json"] = replaced(contents["net.json"], "onnx::Relu", "onnx::Abs");
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  EXPECT_EQ(loaded.graph.nodes.back().op, "abs");
  ASSERT_EQ(loaded.notes.size(), 1U);
  EXPECT_NE(loaded.notes[0].text.find("relu"), std::string::npos) << loaded.notes[0].text;
  const std::vector<Tensor> inputs{counted_up({2, 2})};
  expect_close(interpreted(loaded.graph, inputs), simulated(contents, inputs));
}

TEST(MdfRoundTrip, MalformedMetadataIsToldAndTheNodeCounts) {
  Contents contents = written(small());
  const std::string& text = contents["net.json"];
  const std::size_t at = text.find("\"isomer\": \"relu(");
  ASSERT_NE(at, std::string::npos);
  contents["net.json"] = text.substr(0, at) + replaced(text.substr(at), "f32[", "g32[");
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  EXPECT_EQ(loaded.graph.nodes.back().op, "relu");
  ASSERT_EQ(loaded.notes.size(), 1U);
  EXPECT_EQ(loaded.notes[0].where, "node 'y'");
  EXPECT_NE(loaded.notes[0].text.find("'g32' is no type"), std::string::npos)
      << loaded.notes[0].text;
}

TEST(MdfRoundTrip, AnEditedSettingCounts) {
  Contents contents = written(small());
  const std::string& text = contents["net.json"];
  const std::size_t at = text.find("\"transB\"");
  ASSERT_NE(at, std::string::npos);
  contents["net.json"] = text.substr(0, at) + replaced(text.substr(at), "1", "0");
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  const std::vector<Tensor> inputs{counted_up({2, 2})};
  expect_close(interpreted(loaded.graph, inputs), simulated(contents, inputs));
  const auto before = interpreted(small(), inputs);
  EXPECT_FALSE(interpreted(loaded.graph, inputs)[0].same_bits(before[0]));
}

TEST(MdfRoundTrip, AnEditedWeightIsTheWeight) {
  Contents contents = written(small());
  contents["net.json"] = replaced(contents["net.json"], "[0.1, -0.2]", "[0.7, -0.2]");
  const Runnable simulation = mdf::simulate(*in_memory(contents), "net.json");
  const auto found =
      std::ranges::find(simulation.weights, "fc.weight", &std::pair<std::string, Tensor>::first);
  ASSERT_NE(found, simulation.weights.end());
  EXPECT_EQ(found->second.doubles()[0], static_cast<double>(0.7F));
}

TEST(MdfRoundTrip, LargeWeightsLieBesideTheDocumentWithTheirBits) {
  Builder builder("large");
  const ValueId x = builder.input("x", {DType::f32, {Dim(1), Dim(600)}});
  const Tensor data = counted_up({500, 600}, 1e-6);
  const ValueId w = builder.constant("w", data, true, {"fc.weight", "tied.weight"});
  const ValueId y = builder.emit("linear", {x, w, ValueId::none});
  const Graph graph = std::move(builder).finish({y});
  const Contents contents = written(graph);
  ASSERT_TRUE(contents.contains("net.json.safetensors"));
  EXPECT_LT(contents.at("net.json").size(), 10000U);
  const Runnable simulation = mdf::simulate(*in_memory(contents), "net.json");
  ASSERT_EQ(simulation.weights.size(), 2U);
  EXPECT_TRUE(simulation.weights[1].second.same_bits(data));
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  ASSERT_EQ(loaded.graph.constants.size(), 1U);
  EXPECT_TRUE(loaded.graph.constants[0].data.same_bits(data));
  EXPECT_EQ(loaded.graph.constants[0].names,
            (std::vector<std::string>{"fc.weight", "tied.weight"}));
  const std::vector<Tensor> inputs{counted_up({1, 600}, 1e-3)};
  expect_close(simulated(contents, inputs), interpreted(graph, inputs));
}

// Names that mean something to the format: operands, attributes, numbered ports, Python's words.
TEST(MdfRoundTrip, HostileNamesDoNoHarm) {
  const Graph graph = graph_of(R"(graph names(B: f32[2], in0: f32[2]) -> (lambda, output_0)
  A = add(B, in0)
  input1 = mul(A, B)
  axis = relu(input1)
  onnx_Add_1 = sub(axis, A)
  numpy = cat(onnx_Add_1, B, B)
  lambda = neg(numpy)
  output_0 = softmax(A, dim=0)
)");
  const std::vector<Tensor> inputs{counted_up({2}), counted_up({2}, 3)};
  const Contents contents = written(graph);
  expect_close(simulated(contents, inputs), interpreted(graph, inputs));
  const Loaded loaded = mdf::read(*in_memory(contents), "net.json");
  expect_close(interpreted(loaded.graph, inputs), interpreted(graph, inputs));
}

TEST(MdfRoundTrip, ValuesWithoutAxesKeepNone) {
  Builder builder("scalars");
  const ValueId x = builder.input("x", {DType::f32, {Dim(3)}});
  const ValueId m = builder.emit("mean", {x});
  const ValueId s = builder.emit("mul", {m, builder.literal(DType::f32, 2.0)});
  const ValueId y = builder.emit("add", {s, m});
  const Graph built = std::move(builder).finish({y, x, y});
  const std::vector<Tensor> inputs{counted_up({3})};
  expect_close(simulated(written(built), inputs), interpreted(built, inputs));
}

std::string fault_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MdfRoundTrip, ChangingBuffersAreRefusedByName) {
  Builder builder("states");
  const ValueId x = builder.input("x", {DType::f32, {Dim(2)}});
  const ValueId now = builder.state("total", counted_up({2}), {"stats.total"});
  const ValueId next = builder.emit("add", {now, x});
  builder.keep(now, next);
  const Graph graph = std::move(builder).finish({next});
  const std::string fault = fault_of([&] { mdf::write(graph, "net.json"); });
  EXPECT_NE(fault.find("'stats.total'"), std::string::npos) << fault;
}

TEST(MdfRoundTrip, EverythingUnreadableIsListedAtOnce) {
  const std::string document = R"({"m": {"graphs": {"g": {"nodes": {
    "a": {"parameters": {"v": {"default_initial_value": 1, "time_derivative": "v +"}}},
    "b": {"parameters": {"r": {"function": "onnx::RandomNormal", "args": {}}}},
    "c": {"input_ports": {"x": {"shape": [2]}}, "output_ports": {"o": {"value": "x*2"}}}}}}}})";
  const std::string fault = fault_of([&] {
    mdf::read(*in_memory({{"m.json", document}}), "m.json");
  });
  for (const char* part : {"2 things", "node 'a'", "v +", "node 'b'", "onnx::RandomNormal"}) {
    EXPECT_NE(fault.find(part), std::string::npos) << part << " in " << fault;
  }
}

// Metadata are data: what they claim may be anything, and then the node itself counts.
TEST(MdfRoundTrip, MetadataThatAreNoCallOfAnOperatorAreNotBelieved) {
  for (const char* claim :
       {R"("op": "relu", "inputs": [])", R"("op": "relu", "inputs": ["x", "x"])",
        R"("op": "where", "inputs": ["x"])", R"("op": "cat", "inputs": [])",
        R"("op": "select", "inputs": ["x"], "attributes": {"dim": 7, "index": 0})",
        R"("op": "matmul", "inputs": ["x", ""])"}) {
    const std::string document = std::string(R"({"m": {"graphs": {"g": {"nodes": {"a": {
      "metadata": {)") + claim + R"json(}, "input_ports": {"x": {"shape": [2]}},
      "output_ports": {"o": {"value": "numpy.maximum(x, 0)"}}}}}}}})json";
    SCOPED_TRACE(claim);
    const Loaded loaded = mdf::read(*in_memory({{"m.json", document}}), "m.json");
    EXPECT_EQ(loaded.graph.nodes.at(0).op, "maximum");
    EXPECT_NE(loaded.notes.at(0).text.find("its metadata claims"), std::string::npos);
  }
}

// Documents of before: their metadata are trees.
TEST(MdfRoundTrip, MetadataThatAreTreesAreRead) {
  const std::string tests = ISOMER_SOURCE "/tests/";
  const Loaded old = mdf::read(*open_folder(tests + "data/mdf"), "metadata_trees.json");
  EXPECT_TRUE(old.notes.empty()) << old.notes.front().text;
  const auto now = open_folder(tests + "cases/systems/mdf/attention");
  EXPECT_EQ(to_text(old.graph, Data::all), to_text(mdf::read(*now, "model.json").graph, Data::all));
  EXPECT_EQ(old.graph.signature, mdf::read(*now, "model.json").graph.signature);
}

// A node with one port, and whatever stands beside and behind it.
std::string document(const std::string& port, const std::string& parameter,
                     const std::string& graph = "", const std::string& model = "") {
  return R"({"m": {"graphs": {"g": {"nodes": {"n": {"input_ports": {"x": {"shape": [2])" + port +
         R"(}}, "parameters": {"y": {)" + parameter +
         R"(}}, "output_ports": {"o": {"value": "y"}}}, "k": {"input_ports": {"a": {"shape": [2]}}, )"
         R"("output_ports": {"o": {"value": "a"}}}})" +
         graph + "}}" + model + "}}";
}

// What has no effect is noted, and what cannot be carried out is refused, whether a document is
// run or read.
TEST(MdfRoundTrip, NothingADocumentSaysIsPassedOver) {
  struct Case {
    std::string text;
    const char* part;
    bool refused = false;
    bool runs = false;  // by MDF's rules, as it says
  };
  const std::string y = R"("value": "x")";
  const std::string edge =
      R"({"sender": "n", "sender_port": "o", "receiver": "k", "receiver_port": "a")";
  for (const Case& row : {
           Case{document(R"(, "type": "evil")", y), "node 'n', input port 'x': the type 'evil'"},
           Case{document("", y, "", R"(, "format": "ModECI MDF v99")"), "v99"},
           Case{document("", y, "", R"(, "onnx_opset_version": 99)"), "'99'"},
           Case{document("", y, "", R"(, "evil": 1)"), "model 'm': the key 'evil'"},
           Case{
               document("", y, R"(, "edges": {"e": )" + edge + R"(, "parameters": {"delay": 5}}})"),
               "edge 'e': the parameter 'delay'"},
           Case{document("", y + R"(, "function": "linear", "args": {})"),
                "'function' is not used beside 'value'"},
           Case{document("", R"("function": "Relu", "args": {"A": "x", "evil": 9})"),
                "the argument 'evil' of 'Relu'"},
           Case{document("", R"("function": "onnx::Relu", "args": {"X": "x", "evil": 9})"),
                "the argument 'evil' of 'onnx::Relu'"},
           Case{document("", y, R"(, "conditions": {"evil": {}})"), "the key 'evil'"},
           Case{document(R"(, "reduce": "most")", y), "'most'", true},
           Case{document("", y, R"(, "conditions": [1])"), "conditions: a mapping is needed", true},
           Case{document("", y, R"(, "conditions": {"termination": {"t": {"type": "Never"}}})"),
                "termination 't': ", true},
           Case{document("", y, R"(, "conditions": {"node_specific": {"n": {"type": "Never"}}})"),
                "node 'n': Never", true, true},
           Case{document("", y, R"(, "edges": {"e": )" + edge + R"(}, "f": )" + edge + "}}"),
                "edge 'e': edge 'f' ends in input port 'a' of node 'k', too"},
           Case{R"({"m": {"graphs": {"g": {}, "h": {}}}})", "graph 'h': only the first"},
           Case{R"({"m": {"graphs": {"g": {}}}, "m2": {}})", "model 'm2': only the first"},
       }) {
    SCOPED_TRACE(row.text);
    const auto files = in_memory({{"m.json", row.text}});
    std::string read;
    std::string run;
    const auto list = [](const std::vector<Note>& notes) {
      std::string text;
      for (const Note& note : notes) text += note.where + ": " + note.text + "\n";
      return text;
    };
    const std::string read_fault =
        fault_of([&] { read = list(mdf::read(*files, "m.json").notes); });
    const std::string run_fault =
        fault_of([&] { run = list(mdf::simulate(*files, "m.json").notes); });
    EXPECT_NE((row.refused ? read_fault : read).find(row.part), std::string::npos)
        << read_fault << read;
    const std::string& told = row.runs || !row.refused ? run : run_fault;
    EXPECT_TRUE(row.runs ? run_fault.empty() : told.find(row.part) != std::string::npos)
        << run_fault << run;
  }
}

TEST(MdfRoundTrip, APortThatSaysAnotherShapeThanItGivesIsNoted) {
  const std::string text = R"({"m": {"graphs": {"g": {"nodes": {"n": {"input_ports": {"x":
    {"shape": [2]}}, "output_ports": {"o": {"value": "x", "shape": [7, 7]}}}}}}}})";
  const Loaded loaded = mdf::read(*in_memory({{"m.json", text}}), "m.json");
  EXPECT_EQ(loaded.notes.at(0).where, "node 'n', output port 'o'");
}

TEST(MdfRoundTrip, BadDocumentsAreRefusedWithTheirPlace) {
  struct Case {
    const char* document;
    const char* part;
  };
  for (const Case& row :
       {Case{R"({"m": {"graphs": {"g": {"nodes": []}}}})", "1:34"},
        Case{R"({"m": {"graphs": {}}})", "no graph"}, Case{R"([1, 2])", "maps a model's id"},
        Case{R"({"m": {"graphs": {"g": {"edges": {"e": {"sender": "a"}}}}}})",
             "'receiver' is missing"},
        Case{R"({"m": {"graphs": {"g": {"nodes": {"n": {}, "n": {}}}}}})", "twice"}}) {
    const std::string fault = fault_of([&] {
      mdf::read(*in_memory({{"m.json", row.document}}), "m.json");
    });
    EXPECT_NE(fault.find("m.json"), std::string::npos) << fault;
    EXPECT_NE(fault.find(row.part), std::string::npos) << row.part << " in " << fault;
  }
}

TEST(MdfRoundTrip, AWeightThatIsNotThereIsMissed) {
  Contents contents = written(small());
  contents["net.json"] =
      replaced(contents["net.json"], "parameter fc_bias of", "parameter elsewhere of");
  const std::string fault = fault_of([&] { mdf::simulate(*in_memory(contents), "net.json"); });
  EXPECT_NE(fault.find("fc.bias"), std::string::npos) << fault;
}

TEST(MdfSpelling, EveryRowNamesAnOperator) {
  for (const auto family : {mdf::elementwise_spellings(), mdf::shape_spellings(),
                            mdf::reduction_spellings(), mdf::layer_spellings()}) {
    for (const mdf::Spelling& row : family) {
      EXPECT_NE(find_op(row.op), nullptr) << row.op;
      EXPECT_EQ(!row.pattern.empty() + (row.lower != nullptr), 1) << row.op;
    }
  }
}

}  // namespace
}  // namespace isomer
