// What a document keeps between runs, which of its numbers can be replaced, and who computes.

#include <gtest/gtest.h>

#include "base/error.h"
#include "codecs/json.h"
#include "systems/mdf/executor.h"
#include "systems/mdf/mdf.h"

namespace isomer {
namespace {

using Reals = std::vector<double>;

std::unique_ptr<Files> document(const std::string& node) {
  return in_memory({{"net.json", R"({"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {
  "nodes": {"n": {)" + node + R"(}}, "edges": {}}}}})"}});
}

const std::string leaky = R"(
  "input_ports": {"x": {"shape": [1], "type": "float"}},
  "parameters": {"rest": {"value": 3.0},
                 "v": {"default_initial_value": "rest", "value": "v + x - 0.5*v"}},
  "output_ports": {"y": {"value": "v"}})";

Tensor real(double value) { return Tensor::from_doubles(DType::f32, {1}, {&value, 1}); }

double run(const Runnable& runnable, double x) {
  return runnable.executor->run(std::vector{real(x)}).at(0).doubles().at(0);
}

std::string refusal(const Runnable& runnable, std::vector<Tensor> states) {
  try {
    runnable.executor->set_states(states);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    return error.what();
  }
  return "";
}

TEST(MdfStates, AreReadSetAndBegunAnew) {
  const auto files = document(leaky);
  const Runnable runnable = mdf::simulate(*files, "net.json");
  ASSERT_EQ(runnable.states.size(), 1U);
  EXPECT_EQ(runnable.states[0].name, "n.v");
  EXPECT_EQ(runnable.executor->states().at(0).doubles(), Reals{3}) << "before the first run";
  EXPECT_EQ(run(runnable, 1), 2.5);
  EXPECT_EQ(run(runnable, 1), 2.25);
  EXPECT_EQ(runnable.executor->states().at(0).doubles(), Reals{2.25});
  runnable.executor->set_states(std::vector{real(8)});
  EXPECT_EQ(run(runnable, 1), 5);
  runnable.executor->reset();
  EXPECT_EQ(run(runnable, 1), 2.5);
}

TEST(MdfStates, RefuseWhatADocumentDoesNotKeep) {
  const auto files = document(leaky);
  const Runnable runnable = mdf::simulate(*files, "net.json");
  EXPECT_EQ(refusal(runnable, {}), "0 states given, where the model has 1");
  EXPECT_EQ(refusal(runnable, {Tensor::zeros(DType::c64, {1})}),
            "state 'n.v': it is c64[1], where documents keep real numbers");
  EXPECT_EQ(run(runnable, 1), 2.5) << "nothing was changed";
}

// The same numbers, but for rounding, whoever multiplies.
TEST(MdfOperators, RunOnAnEngineWhenThereIsMuchToDo) {
  const auto files = document(R"(
  "input_ports": {"x": {"shape": [300, 300], "type": "float"}},
  "parameters": {"p": {"function": "onnx::MatMul", "args": {"A": "x", "B": "x"}}},
  "output_ports": {"y": {"value": "p"}})");
  Reals values(90'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7) - 3;
  const std::vector<Tensor> x{Tensor::from_doubles(DType::f32, {300, 300}, values)};
  static int asked;
  asked = 0;
  const auto counted = []() -> const Engine& {
    ++asked;
    return default_engine();
  };
  const Runnable moved = mdf::simulate(*files, "net.json", {.operators = counted});
  const Runnable plain = mdf::simulate(*files, "net.json");
  const Reals wanted = plain.executor->run(x).at(0).doubles();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(moved.executor->run(x).at(0).doubles(), wanted);
  EXPECT_GT(asked, 0);
}

// A constant is converted for its operator once; what replaces it counts at once.
TEST(MdfOperators, SeeLargeConstantsThatAreReplaced) {
  std::string row = "1.5";
  for (int i = 1; i < 2'000; ++i) row += ", 1.5";
  const mdf::Document document = mdf::read_document(
      read_json(R"({"m": {"graphs": {"g": {"nodes": {"n": {
    "parameters": {"B": {"value": [)" +
                row + R"(]}, "p": {"function": "onnx::Add", "args": {"A": "B", "B": "B"}}},
    "output_ports": {"y": {"value": "p"}}}}}}}})"),
      "");
  mdf::DocumentExecutor executor(document.graphs.at(0).second);
  const auto last = [&] {
    executor.evaluate();
    return tensor_of(*executor.output("n", "y")).doubles().back();
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(last(), 3);
  const Reals twos(2'000, 2);
  executor.node("n")->set_parameter(
      "B", numpy::array_value(Tensor::from_doubles(DType::f64, {2'000}, twos)));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(last(), 4);
}

}  // namespace
}  // namespace isomer
