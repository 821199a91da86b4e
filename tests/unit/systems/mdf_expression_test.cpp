#include "systems/mdf/expression.h"

#include "base/error.h"
#include "mdf_expected.h"
#include "systems/mdf/evaluate.h"

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
      EXPECT_THROW(formula.evaluate(names, mdf::Width::as_written), Error);
      continue;
    }
    try {
      EXPECT_TRUE(mdf_test::agrees(formula.evaluate(names, mdf::Width::as_written),
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
                                                        {"[x for x in y]", "column 4"}}) {
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
}

}  // namespace
}  // namespace isomer
