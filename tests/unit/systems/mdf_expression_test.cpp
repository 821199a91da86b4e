#include "systems/mdf/expression.h"

#include "base/error.h"
#include "mdf_expected.h"
#include "systems/mdf/node_executor.h"

namespace isomer {
namespace {

// The expected values were recorded from the reference program.
TEST(MdfExpression, EvaluatesTheTableAsTheReferenceDoes) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "expressions.json");
  ASSERT_GT(table.list()->size(), 100u);
  for (const Tree& row : *table.list()) {
    mdf::Table names;
    if (const Tree* variables = row.find("variables")) {
      for (const auto& [name, value] : *variables->map())
        names.set(name, mdf_test::expected_value(value));
    }
    const Tree* text = row.find("expr");
    const mdf::Formula formula(text != nullptr ? *text : *row.find("value"));
    SCOPED_TRACE(write_json(text != nullptr ? *text : *row.find("value")));
    if (row.find("error") != nullptr) {
      EXPECT_THROW(formula.evaluate(names, mdf::SharedOperators().runtime), Error);
      continue;
    }
    try {
      EXPECT_TRUE(mdf_test::agrees(formula.evaluate(names, mdf::SharedOperators().runtime),
                                   *row.find("result"), 1e-12));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(MdfExpression, FindsTheNamesThatTheReferenceRequires) {
  const Tree table = mdf_test::read_document(mdf_test::data_folder() / "expressions.json");
  for (const Tree& row : *table.list()) {
    const Tree* text = row.find("expr");
    if (text == nullptr) continue;
    SCOPED_TRACE(*text->text());
    if (row.find("required_variables_error") != nullptr) {
      EXPECT_THROW(mdf::required_names(*text->text()), Error);
      continue;
    }
    std::set<std::string> expected;
    for (const Tree& name : *row.find("required_variables")->list()) expected.insert(*name.text());
    EXPECT_EQ(mdf::required_names(*text->text()), expected);
  }
}

TEST(MdfExpression, RefusesWhatIsNoExpressionWithItsColumn) {
  for (const auto& [text, column] :
       std::vector<std::pair<std::string, std::string>>{{"1 +", "column 4"},
                                                        {"(1, 2", "column 6"},
                                                        {"f(1,,2)", "column 5"},
                                                        {"a b", "column 3"},
                                                        {"[x for 1 in y]", "column 8"}}) {
    SCOPED_TRACE(text);
    try {
      mdf::parse_expression(text);
      ADD_FAILURE() << "it was read";
    } catch (const Error& error) {
      EXPECT_NE(error.text().find(column), std::string::npos) << error.text();
    }
  }
}

TEST(MdfExpression, DeepAndLongTextsAreRefusedAndNotFollowed) {
  EXPECT_THROW(mdf::parse_expression(std::string(100000, '(')), Error);
  EXPECT_THROW(mdf::parse_expression(std::string(100000, '-') + "1"), Error);
  std::string sum = "1";
  for (int i = 0; i < 100000; ++i) sum += "+1";
  EXPECT_THROW(mdf::parse_expression(sum), Error);
  EXPECT_THROW(mdf::required_names(std::string(100000, '[')), Error);
  sum.resize(2 * 500 + 1);
  EXPECT_EQ(numpy::integer_of(mdf::Formula(sum).evaluate({}, mdf::SharedOperators().runtime)), 501);
}

std::string fault_of(const std::string& text, const mdf::Table& names = {}) {
  try {
    return "it is " +
           numpy::describe(mdf::Formula(text).evaluate(names, mdf::SharedOperators().runtime));
  } catch (const Error& error) {
    return error.what();
  }
}

// Each of these would take all memory, or for ever.
TEST(MdfExpression, NothingIsMadeBeyondTheBound) {
  mdf::Table names;
  names.set("x", numpy::array_value(Tensor::zeros(DType::f64, {1000, 1000})));
  names.set("none", numpy::array_value(Tensor::zeros(DType::f64, {0, 2})));
  for (const char* text : {
           "numpy.linspace(0, 1, 10**12)",
           "numpy.arange(99999999)",
           "numpy.eye(100000)",
           "len([1, 2, 3, 4]*4611686018427387904)",
           "len([[1]*4000000]*4000000)",
           "len(list(range(9223372036854775807)))",
           "len([range(3000000), range(3000000)])",
           "list(numpy.zeros(10000000))",
           "numpy.zeros((100000, 1)) + numpy.zeros((1, 100000))",
           "numpy.zeros((100000, 1)) < numpy.zeros((1, 100000))",
           "numpy.where(numpy.zeros((100000, 1)), 1, numpy.zeros((1, 100000)))",
           "numpy.zeros((100000, 1)) @ numpy.zeros((1, 100000))",
           "numpy.array([x, x, x, x, x, x, x, x]*100)",
           "numpy.concatenate([x]*100)",
           "numpy.tile(x, (100, 1))",
           "numpy.tile(none, (1, 10**18))",
           "numpy.repeat(x, 100)",
           "numpy.repeat(none, 10**18, 1)",
           "numpy.pad(x, 1000000)",
           "numpy.pad(x, 9223372036854775807)",
           "numpy.take(x, numpy.zeros(100000, int), 0)",
           "numpy.split(none, 10**18)",
           "numpy.tensordot(x, x, 10**18)",
           "numpy.reshape(none, (4294967296, 4294967296, 0))",
           "numpy.sum(numpy.zeros((0, 10**18)), 0)",
       }) {
    const std::string fault = fault_of(text, names);
    EXPECT_TRUE(fault.find("are made") != std::string::npos ||
                fault.find("axes") != std::string::npos || fault.find("shape") != std::string::npos)
        << text << ": " << fault;
  }
  EXPECT_EQ(fault_of("len([]*10**18)"), "it is 0");
}

// Wider than the strips in which products are taken, with a rest; in batches, and in integers.
TEST(MdfExpression, ProductsOfMatricesAreSumsOfProducts) {
  for (const char* text : {
           "numpy.all(numpy.reshape(numpy.arange(2*3*5), (2, 3, 5)) @ numpy.ones((5, 70)) =="
           " numpy.sum(numpy.reshape(numpy.arange(2*3*5), (2, 3, 5)), 2, True))",
           "numpy.all(numpy.ones((3, 5), int) @ numpy.reshape(numpy.arange(5*70), (5, 70)) =="
           " numpy.sum(numpy.reshape(numpy.arange(5*70), (5, 70)), 0))",
       }) {
    EXPECT_EQ(fault_of("bool(" + std::string(text) + ")"), "it is True") << text;
  }
}

TEST(MdfExpression, IntegersDoNotWrapOrLoseDigits) {
  for (const char* text : {"4611686018427387904<<2", "1<<100", "round(1e300)", "int(1e300)",
                           "math.floor(-1e300)", "(-9223372036854775807-1)//-1"}) {
    EXPECT_NE(fault_of(text).find("does not fit 64 bits"), std::string::npos) << fault_of(text);
  }
  for (const auto& [text, value] : std::vector<std::pair<std::string, std::string>>{
           {"-1<<63", "-9223372036854775808"},
           {"0<<100", "0"},
           {"round(9223372036854774784.0)", "9223372036854774784"},
           {"int(9223372036854775807)", "9223372036854775807"},
           {"9007199254740993 == 9007199254740992", "False"},
           {"9007199254740993 > 9007199254740992", "True"},
           {"int(numpy.abs(numpy.array([-9007199254740993])))", "9007199254740993"},
           {"int(numpy.maximum(numpy.array([9007199254740993]), 2))", "9007199254740993"},
           {"int(numpy.array([9007199254740993]) == 9007199254740992)", "0"}}) {
    EXPECT_EQ(fault_of(text), "it is " + value) << text;
  }
  EXPECT_NE(fault_of("numpy.repeat(numpy.ones(2), -1)").find("cannot be repeated"),
            std::string::npos);
}

}  // namespace
}  // namespace isomer
