// Each function of NumPy that a document can call, with values recorded from NumPy by
// tests/data/numpy/make_cases.py: carried out at once, and as a graph.

#include <cmath>

#include "../systems/mdf_expected.h"
#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "graph/text.h"
#include "gtest/gtest.h"
#include "ops/builder.h"
#include "run/engine.h"
#include "systems/mdf/node_executor.h"
#include "vocabularies/numpy/functions.h"

namespace isomer {
namespace {

constexpr const char* families[] = {"elementwise", "pairs",  "reduction", "shape", "creation",
                                    "python",      "order",  "narrow",    "math",  "statistics",
                                    "matrix",      "arrays", "values",    "random"};

Tree table_of(const std::string& family) {
  return mdf_test::read_document(std::filesystem::path(ISOMER_SOURCE) / "tests/data/numpy" /
                                 (family + ".json"));
}

std::string expression_of(const Tree& row) { return *row.find("expr")->text(); }

numpy::Value evaluated(const std::string& text, const mdf::Table& names) {
  mdf::SharedOperators shared;
  return mdf::evaluate(mdf::parse_expression(text), names, shared.runtime);
}

class NumpyFamily : public testing::TestWithParam<const char*> {};

TEST_P(NumpyFamily, RunsAsNumpyDoes) {
  const Tree table = table_of(GetParam());
  for (const Tree& row : *table.list()) {
    SCOPED_TRACE(expression_of(row));
    mdf::Table names;
    for (const auto& [name, value] : *row.find("variables")->map())
      names.set(name, mdf_test::expected_value(value));
    const std::string result = write_json(*row.find("result"));
    const bool single = result.find("float32") != std::string::npos;
    const bool half = result.find("float16") != std::string::npos;
    try {
      EXPECT_TRUE(mdf_test::agrees(evaluated(expression_of(row), names), *row.find("result"),
                                   half     ? 1e-3
                                   : single ? 1e-6
                                            : 1e-12));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

/// Numbers of any kind as arrays without axes, so that a graph's outputs compare with them.
numpy::Value as_array(const numpy::Value& value) {
  if (const auto* items = numpy::items_of(value)) {
    numpy::List arrays;
    for (const numpy::Value& item : *items) arrays.items.push_back(as_array(item));
    return {std::move(arrays)};
  }
  return numpy::array_value(tensor_of(value));
}

/// The value as outputs of the graph, in order.
void collect(const numpy::Trace& trace, const numpy::Value& value, std::vector<ValueId>& outputs) {
  if (const auto* items = numpy::items_of(value)) {
    for (const numpy::Value& item : *items) collect(trace, item, outputs);
    return;
  }
  outputs.push_back(numpy::materialized(trace, value));
}

void collect(const numpy::Value& value, std::vector<Tensor>& tensors) {
  if (const auto* items = numpy::items_of(value)) {
    for (const numpy::Value& item : *items) collect(item, tensors);
    return;
  }
  tensors.push_back(tensor_of(value));
}

void expect_same(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(to_text(found.dtype(), found.shape()), to_text(expected.dtype(), expected.shape()));
  const std::vector<double> a = found.doubles();
  const std::vector<double> b = expected.doubles();
  ASSERT_EQ(a.size(), b.size());
  const double tolerance = expected.dtype() == DType::f16   ? 1e-3
                           : expected.dtype() == DType::f32 ? 1e-6
                                                            : 1e-12;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i]) && std::isnan(a[i])) continue;
    if (a[i] == b[i]) continue;
    EXPECT_NEAR(a[i], b[i], tolerance * std::max(1.0, std::abs(b[i]))) << "element " << i;
  }
}

// Arrays are inputs.
void expect_as_graph(const Tree& row) {
  Builder builder("case");
  const numpy::Trace trace{builder};
  mdf::SharedOperators shared;
  shared.trace = &trace;
  mdf::Table names;
  std::vector<Tensor> inputs;
  for (const auto& [name, expected] : *row.find("variables")->map()) {
    inputs.push_back(tensor_of(mdf_test::expected_value(expected)));
    names.set(name, {numpy::Traced{&trace, builder.input(name, inputs.back().type())}});
  }
  const numpy::Value result =
      mdf::evaluate(mdf::parse_expression(expression_of(row)), names, shared.runtime);
  std::vector<ValueId> outputs;
  collect(trace, result, outputs);
  std::vector<Tensor> expected;
  collect(as_array(mdf_test::expected_value(*row.find("result"))), expected);
  ASSERT_EQ(outputs.size(), expected.size());
  const auto found = make_reference_executor(std::move(builder).finish(outputs))->run(inputs);
  for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], expected[i]);
}

TEST_P(NumpyFamily, IsReadAsAGraphThatGivesTheSame) {
  const Tree table = table_of(GetParam());
  const bool needs_values = GetParam() == std::string_view("values");
  for (const Tree& row : *table.list()) {
    SCOPED_TRACE(expression_of(row));
    try {
      expect_as_graph(row);
      EXPECT_FALSE(needs_values);
    } catch (const Error& error) {
      if (!needs_values) ADD_FAILURE() << error.what();
      EXPECT_EQ(error.fault(), Fault::unsupported) << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Numpy, NumpyFamily, testing::ValuesIn(families));

TEST(Numpy, EachFunctionHasACase) {
  std::string all;
  for (const char* family : families) {
    const Tree table = table_of(family);
    for (const Tree& row : *table.list()) all += " " + expression_of(row);
  }
  for (const std::string_view name : numpy::function_names()) {
    if (name == "numpy.str_") continue;   // a text, which has no value to record
    if (name == "numpy.trapz") continue;  // NumPy 1 called it so
    const bool drawn = name.starts_with("numpy.random.") && name != "numpy.random.RandomState";
    if (drawn) continue;  // without a seed no two are the same
    bool found = all.find(fmt::format(" {}(", name)) != std::string::npos;
    for (char array = 'a'; name[0] == '.' && array <= 'z'; ++array)
      found = found || all.find(fmt::format(" {}{}(", array, name)) != std::string::npos;
    EXPECT_TRUE(found) << name;
  }
}

// A length that is known when the graph runs: what was read once serves any.
TEST(Numpy, ReadsArraysOfNamedLengths) {
  for (const char* text : {"x + x[0]",
                           "x - numpy.mean(x, axis=0)",
                           "numpy.sum(x, axis=0, keepdims=True)",
                           "numpy.reshape(x, (-1,))",
                           "numpy.reshape(x, (3, len(x)))",
                           "x[1:]",
                           "x[::-1]",
                           "x[:, ::2]",
                           "x.T @ x",
                           "numpy.stack((x, x))",
                           "numpy.concatenate((x, x * 2))",
                           "numpy.arange(x.shape[0]) * 1.0",
                           "numpy.arange(len(x) * 2)",
                           "numpy.zeros(numpy.shape(x))",
                           "numpy.ones((len(x) + 1, 2))",
                           "numpy.full((len(x),), 7)",
                           "numpy.eye(len(x))",
                           "numpy.broadcast_to(x[0], x.shape)",
                           "numpy.repeat(x, 2, axis=0)",
                           "numpy.tile(x, (2, 1))",
                           "numpy.take(x, -1, axis=0)",
                           "numpy.split(x, (1,))",
                           "numpy.pad(x, 1)",
                           "numpy.flip(x)",
                           "numpy.cumsum(x)",
                           "numpy.size(x) / numpy.size(x, 1)",

                           "numpy.argmax(x, axis=0)",
                           "numpy.moveaxis(x, 0, 1)",
                           "x[len(x) - 1]"}) {
    SCOPED_TRACE(text);
    Builder builder("lengths");
    Signature signature;
    signature.lengths = {{"s", 1, std::nullopt}};
    builder.assume(signature.lengths);
    const numpy::Trace trace{builder};
    mdf::SharedOperators shared;
    shared.trace = &trace;
    mdf::Table names;
    const ValueId x = builder.input("x", {DType::f64, {Dim::symbol("s"), Dim(3)}});
    names.set("x", {numpy::Traced{&trace, x}});
    try {
      std::vector<ValueId> outputs;
      collect(trace, mdf::evaluate(mdf::parse_expression(text), names, shared.runtime), outputs);
      const auto executor = make_reference_executor(std::move(builder).finish(outputs, signature));
      for (const std::int64_t length : {2, 5}) {
        std::vector<double> elements;
        for (std::int64_t i = 0; i < 3 * length; ++i)
          elements.push_back(0.5 * static_cast<double>(i % 7) - 1);
        const Tensor tensor = Tensor::from_doubles(DType::f64, {length, 3}, elements);
        names.set("x", numpy::array_value(tensor));
        std::vector<Tensor> expected;
        collect(as_array(evaluated(text, names)), expected);
        const std::vector<Tensor> found = executor->run({{tensor}});
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], expected[i]);
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

// What cannot be an operator says so, and not that there is no such function.
TEST(Numpy, WhatDependsOnValuesIsNoGraph) {
  Builder builder("graph");
  const numpy::Trace trace{builder};
  mdf::SharedOperators shared;
  mdf::Table names;
  names.set("x", {numpy::Traced{&trace, builder.input("x", {DType::f64, {Dim(3)}})}});
  names.set("y", {numpy::Traced{&trace, builder.input("y", {DType::i64, {}})}});
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"range(y)", "depends on values"},
           {"range(len(x) + y)", "depends on values"},
           {"numpy.zeros(y)", "must be known"},
           {"numpy.arange(y)", "must be known"},
           {"numpy.sum(x, y)", "must be known"},
           {"numpy.reshape(x, (y, 1))", "must be known"},
           {"x[y:]", "must be known"}}) {
    SCOPED_TRACE(text);
    try {
      mdf::evaluate(mdf::parse_expression(text), names, shared.runtime);
      ADD_FAILURE() << "it was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unsupported) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
}

// Nothing where integers are needed is told, for every function that takes some.
TEST(Numpy, NothingIsNoShapeAndNoAxes) {
  for (const char* text :
       {"numpy.zeros(None)", "numpy.ones(None)", "numpy.full(None, 1)", "numpy.eye(None)",
        "numpy.reshape([1], None)", "numpy.expand_dims([1], None)", "numpy.broadcast_to(1, None)",
        "numpy.tile([1], None)", "numpy.split([1, 2], None)", "numpy.swapaxes([1], None, 0)",
        "numpy.tensordot([1], [1], (None, 0))", "numpy.repeat([1], None)",
        "numpy.moveaxis([1], None, 0)", "numpy.pad([1], None)", "numpy.take([1], None)",
        "numpy.concatenate(None)", "numpy.stack(())"}) {
    SCOPED_TRACE(text);
    EXPECT_THROW(evaluated(text, {}), Error);
  }
}

}  // namespace
}  // namespace isomer
