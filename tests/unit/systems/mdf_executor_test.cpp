#include "systems/mdf/executor.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "base/text.h"
#include "mdf_expected.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/wiring.h"

namespace isomer {
namespace {

using mdf_test::agrees;
using mdf_test::expect_snapshot;
using mdf_test::give;

// The release with which the values were recorded.
const RunOptions recorded{.dialect = "0.4.13"};

void run_case(const Tree& row) {
  const mdf::Document document = mdf::read_document(*row.find("document"), "");
  mdf::DocumentExecutor executor(document.graphs.at(0).second, recorded);
  mdf_test::run_row(executor, row);
}

// The expected values were recorded from the reference program.
TEST(MdfExecutor, RunsTheTableAsTheReferenceDoes) {
  EXPECT_GT(mdf_test::expect_table("engine_cases.json", run_case), 50u);
}

// Recorded by tests/data/mdf/record_narrow.py.
TEST(MdfExecutor, KeepsNarrowTypesAsTheReferenceDoes) {
  const auto run = [](const Tree& row) {
    const mdf::Document document = mdf::read_document(*row.find("document"), "");
    mdf::DocumentExecutor executor(document.graphs.at(0).second, {});
    mdf_test::run_row(executor, row);
  };
  EXPECT_GT(mdf_test::expect_table("narrow_cases.json", run), 12u);
}

std::string drawn(const std::string& parameters) {
  const auto files = in_memory(
      {{"net.json", R"({"m": {"graphs": {"g": {"nodes": {"n": {"parameters": {)" + parameters +
                        R"(}, "output_ports": {"o": {"value": "y"}}}}}}}})"}});
  try {
    const Runnable runnable = mdf::simulate(*files, "net.json");
    std::string numbers;
    for (int i = 0; i < 2; ++i)
      numbers += fmt::format("{:.9f} ", runnable.executor->run({}).at(0).doubles().at(0));
    return numbers;
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    return error.what();
  }
}

// numpy.random.seed(3); numpy.random.rand() is 0.5507979025745755.
TEST(MdfExecutor, DrawsFromNumpysStreamOnceItIsSeeded) {
  const std::string twice = "0.550797903 0.550797903 ";
  EXPECT_EQ(drawn(R"J("s": {"value": "numpy.random.seed(3)"},
                      "y": {"value": "numpy.random.rand()"})J"),
            twice);
  EXPECT_EQ(drawn(R"J("y": {"value": "numpy.random.RandomState(3).rand()"})J"), twice);
  EXPECT_NE(drawn(R"J("y": {"value": "numpy.random.rand()"})J").find("nothing has seeded"),
            std::string::npos);
}

std::vector<double> synthetic(const std::string&, std::size_t j,
                              const std::vector<std::int64_t>& shape) {
  const std::int64_t count = count_elements(std::span<const std::int64_t>(shape));
  const double scale =
      shape.size() >= 2 ? 1.5 / std::sqrt(static_cast<double>(count / shape[0])) : 0.1;
  std::vector<double> values;
  for (std::int64_t k = 0; k < count; ++k) {
    values.push_back(scale *
                     std::sin(1.3 * static_cast<double>(k) + 0.7 * static_cast<double>(j) + 0.5));
  }
  return values;
}

// A rule instead of stored weights: see the README of the conformance data.
void give_synthetic(mdf::DocumentExecutor& executor, const mdf::DocumentGraph& graph,
                    const Tree& names) {
  for (std::size_t j = 0; j < names.list()->size(); ++j) {
    const std::string& name = *(*names.list())[j].text();
    for (const auto& [id, node] : graph.nodes) {
      const mdf::InputPort* port = mdf::find(node.input_ports, name);
      if (port == nullptr) continue;
      const auto values = synthetic(name, j, port->shape);
      executor.set_input(name,
                         numpy::array_value(Tensor::from_doubles(DType::f32, port->shape, values)));
      break;
    }
  }
}

void run_recorded(const std::filesystem::path& path, const Tree& expected, double tolerance) {
  const Bytes bytes = map_file(path);
  const mdf::Document document = mdf::read_document(read_json(bytes.text()), bytes.text());
  const mdf::DocumentGraph& graph = document.graphs.at(0).second;
  mdf::DocumentExecutor executor(graph, recorded);
  if (const Tree* names = expected.find("initializer_names_sorted"))
    give_synthetic(executor, graph, *names);
  std::vector<Tree> sets;
  executor.observe([&](std::span<const std::size_t> set) {
    Tree::List ids;
    for (const std::size_t place : set) ids.push_back({executor.nodes()[place]->id()});
    std::ranges::sort(ids, {}, [](const Tree& id) { return *id.text(); });
    sets.push_back({std::move(ids)});
  });
  std::int64_t done = 0;
  // Where the reference leaves the last of two edges to chance, the document's last comes last.
  const Tree* chances = expected.find("alternatives");
  const Tree& chosen = chances == nullptr ? expected : chances->list()->back();
  const auto& snapshots = *chosen.find("snapshots")->list();
  std::size_t next = 0;
  for (const Tree& run : *expected.find("runs")->list()) {
    const numpy::Value dt = numpy::value_of(*run.find("time_increment"));
    for (std::int64_t i = 0; i < *run.find("count")->integer(); ++i) {
      give(executor, expected.find("initializer"));
      executor.evaluate(dt);
      ++done;
      if (next < snapshots.size() && *snapshots[next].find("after_runs")->integer() == done) {
        SCOPED_TRACE("after " + std::to_string(done));
        expect_snapshot(executor, snapshots[next++], tolerance);
      }
    }
  }
  EXPECT_EQ(next, snapshots.size());
  const auto& expected_sets = *expected.find("execution_sets")->list();
  const Tree* count = expected.find("n_execution_sets");
  if (count != nullptr) {
    EXPECT_EQ(static_cast<std::int64_t>(sets.size()), *count->integer());
  }
  sets.resize(expected_sets.size());
  EXPECT_TRUE(sets == expected_sets);
}

// Documents of the public examples with results recorded from the reference, where they lie beside
// the repository.
TEST(MdfExecutor, RunsTheRecordedDocuments) {
  const std::filesystem::path folder = mdf_test::conformance_folder();
  if (folder.empty()) GTEST_SKIP() << "no conformance documents here";
  std::vector<std::filesystem::path> documents;
  constexpr std::string_view ending = ".expected.json";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(ending)) continue;
    const std::string document = path.substr(0, path.size() - ending.size());
    if (document.ends_with(".json")) documents.emplace_back(document);
  }
  std::ranges::sort(documents);
  std::size_t run = 0;
  for (const std::filesystem::path& document : documents) {
    SCOPED_TRACE(document.string());
    const Tree expected = mdf_test::read_document(document.string() + std::string(ending));
    // Others are told of otherwise, or refused by the reference.
    if (expected.find("execution_sets") == nullptr) continue;
    ++run;
    try {
      run_recorded(document, expected, 1e-5);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GE(run, 18u);
}

TEST(MdfExecutor, RunsTheConvertedModels) {
  const std::filesystem::path folder = mdf_test::conformance_folder();
  if (folder.empty()) GTEST_SKIP() << "no conformance documents here";
  for (const char* name : {"cnn_bn", "mlp", "mobile_block", "multi_output", "recommended_style",
                           "residual_concat", "scripted_function"}) {
    SCOPED_TRACE(name);
    const Tree expected =
        mdf_test::read_document(folder / "converted" / (std::string(name) + ".expected.json"));
    const mdf::Document document = mdf::read_document(
        mdf_test::read_document(folder / "converted" / (std::string(name) + ".json")), "");
    try {
      mdf::DocumentExecutor executor(document.graphs.at(0).second, recorded);
      give(executor, expected.find("inputs_and_weights"));
      executor.evaluate();
      for (const auto& [node, value] : *expected.find("mdf_outputs")->map()) {
        const mdf::Node* found = mdf::find(document.graphs.at(0).second.nodes, node);
        ASSERT_NE(found, nullptr) << node;
        const numpy::Value* output = executor.output(node, found->output_ports.at(0).first);
        ASSERT_NE(output, nullptr);
        EXPECT_TRUE(agrees(*output, value, 1e-5)) << node;
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

std::string fault_of(const std::string& json) {
  try {
    const mdf::Document document = mdf::read_document(read_json(json), json);
    mdf::DocumentExecutor executor(document.graphs.at(0).second);
    executor.evaluate();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MdfExecutor, ListsEveryProblemAtOnce) {
  const std::string fault = fault_of(R"({"m": {"graphs": {"g": {
    "nodes": {"a": {"parameters": {"x": {"value": "zz+1"}}, "output_ports": {"o": {"value": "x"}}},
              "b": {"functions": {"f": {"value": "q*2"}}}},
    "edges": {"e": {"sender": "a", "receiver": "c", "sender_port": "o", "receiver_port": "i"},
              "f": {"sender": "a", "receiver": "b", "sender_port": "o", "receiver_port": "i"}}}}}})");
  for (const char* part : {"'zz'", "'q'", "no node 'c'", "no input port 'i'", "4 problems"}) {
    EXPECT_NE(fault.find(part), std::string::npos) << part << " in " << fault;
  }
}

TEST(MdfExecutor, SaysWhereAnEvaluationFails) {
  const std::string fault = fault_of(R"json({"m": {"graphs": {"g": {"nodes": {"a": {
    "parameters": {"x": {"value": [1, 2]}, "y": {"value": "x + (1, 2, 3)"}}}}}}}})json");
  for (const char* part : {"node 'a'", "parameter 'y'", "x + (1, 2, 3)", "do not broadcast"}) {
    EXPECT_NE(fault.find(part), std::string::npos) << part << " in " << fault;
  }
}

TEST(MdfExecutor, FindsCyclesInsteadOfWaiting) {
  const std::string fault = fault_of(R"({"m": {"graphs": {"g": {
    "nodes": {"a": {"input_ports": {"i": {}}, "output_ports": {"o": {"value": "i"}}}},
    "edges": {"e": {"sender": "a", "receiver": "a", "sender_port": "o", "receiver_port": "i"}}}}}})");
  EXPECT_NE(fault.find("cycle"), std::string::npos) << fault;
}

std::string function_chain(int count) {
  std::string functions;
  for (int i = count - 1; i >= 0; --i) {
    functions += fmt::format(R"("f{}": {{"value": "{}"}}{})", i,
                             i == 0 ? "x * 2" : fmt::format("f{} + 1", i - 1), i == 0 ? "" : ", ");
  }
  return fmt::format(R"({{"m": {{"graphs": {{"g": {{"nodes": {{"a": {{"input_ports": {{"x": {{}}}},
    "functions": {{{}}}, "output_ports": {{"o": {{"value": "f{}"}}}}}}}}}}}}}}}})",
                     functions, count - 1);
}

TEST(MdfExecutor, TakesFunctionsInAnyOrder) {
  const mdf::Document document = mdf::read_document(read_json(function_chain(2000)), "");
  mdf::DocumentExecutor executor(document.graphs[0].second);
  executor.set_input("x", {std::int64_t{5}});
  executor.evaluate();
  const numpy::Value* output = executor.output("a", "o");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(numpy::integer_of(*output), 5 * 2 + 1999);
}

TEST(MdfExecutor, MakesZerosOnlyForPortsWithoutAValue) {
  const std::string port = R"("shape": [40000000], "type": "float")";
  const std::string json = R"({"m": {"graphs": {"g": {"nodes": {"a": {"input_ports": {"x": {)" +
                           port + R"(}, "y": {)" + port +
                           R"(}}, "output_ports": {"o": {"value": "x + y"}}}}}}}})";
  const mdf::Document document = mdf::read_document(read_json(json), "");
  mdf::DocumentExecutor executor(document.graphs[0].second);
  executor.set_input("x", {1.0});
  executor.set_input("y", {2.0});
  executor.evaluate();
  EXPECT_EQ(numpy::real_of(*executor.output("a", "o")), 3);

  const std::string fault = fault_of(json);
  EXPECT_NE(fault.find("input port 'y': no value is given"), std::string::npos) << fault;
}

TEST(MdfOrder, IsByLayersOrByPassesThroughTheDocument) {
  // 3 -> 0 -> 1, and 2 alone.
  const std::vector<std::vector<std::size_t>> senders = {{3}, {0}, {}, {}};
  EXPECT_EQ(mdf::running_order(senders, false), (std::vector<std::size_t>{2, 3, 0, 1}));
  EXPECT_EQ(mdf::running_order(senders, true), (std::vector<std::size_t>{2, 3, 0, 1}));
  EXPECT_EQ(mdf::running_order({{}, {0}, {}}, false), (std::vector<std::size_t>{0, 2, 1}));
  EXPECT_EQ(mdf::running_order({{}, {0}, {}}, true), (std::vector<std::size_t>{0, 1, 2}));
  // What is in a cycle, or behind one, is left out.
  EXPECT_EQ(mdf::running_order({{1}, {0}, {1}, {}}, true), (std::vector<std::size_t>{3}));
}

}  // namespace
}  // namespace isomer
