#include "codecs/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

std::string fault_of(std::string_view text) {
  try {
    read_json(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
  return "";
}

double real_of(std::string_view text) { return std::get<double>(read_json(text).value); }

TEST(Json, ReadsEveryKind) {
  const Tree tree =
      read_json(R"({"a": [1, -2.5, "x\u00e9\ud83d\ude00\n", true, false, null], "b": {}})");
  const Tree::List& list = *tree.find("a")->list();
  EXPECT_EQ(*list.at(0).integer(), 1);
  EXPECT_EQ(std::get<double>(list.at(1).value), -2.5);
  EXPECT_EQ(*list.at(2).text(), "x\xc3\xa9\xf0\x9f\x98\x80\n");
  EXPECT_TRUE(std::get<bool>(list.at(3).value));
  EXPECT_FALSE(std::get<bool>(list.at(4).value));
  EXPECT_TRUE(list.at(5).is_null());
  EXPECT_TRUE(tree.find("b")->map()->empty());
  EXPECT_EQ(tree.find("c"), nullptr);
}

TEST(Json, ReadsNumbersExactly) {
  EXPECT_EQ(*read_json("9223372036854775807").integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(*read_json("-9223372036854775808").integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*read_json("-5").integer(), -5);
  EXPECT_EQ(real_of("0.1"), 0.1);
  EXPECT_EQ(real_of("1e-05"), 1e-05);
  EXPECT_EQ(real_of("-1.7976931348623157e308"), -std::numeric_limits<double>::max());
  EXPECT_EQ(real_of("5e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(real_of("1e-400"), 0.0);
}

TEST(Json, ReadsPythonsNonFiniteNumbers) {
  EXPECT_TRUE(std::isnan(real_of("NaN")));
  EXPECT_EQ(real_of("Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(real_of("-Infinity"), -std::numeric_limits<double>::infinity());
}

TEST(Json, KeepsOffsets) {
  const std::string_view text = "{ \"key\" :\n  [ 12, \"a\\\"b\" , {\"x\": NaN}, true ] }";
  const Tree tree = read_json(text);
  EXPECT_EQ(tree.offset, 0U);
  const Tree& list = *tree.find("key");
  EXPECT_EQ(list.offset, text.find('['));
  EXPECT_EQ(list.list()->at(0).offset, text.find("12"));
  EXPECT_EQ(list.list()->at(1).offset, text.find("\"a"));
  EXPECT_EQ(list.list()->at(2).offset, text.find("{\"x"));
  EXPECT_EQ(list.list()->at(2).find("x")->offset, text.find("NaN"));
  EXPECT_EQ(list.list()->at(3).offset, text.find("true"));
  EXPECT_EQ(line_and_column(text, list.offset), "2:3");
}

TEST(Json, KeepsRepeatedKeysInOrder) {
  const Tree tree = read_json(R"({"b": 1, "a": 2, "b": 3})");
  ASSERT_EQ(tree.map()->size(), 3U);
  EXPECT_EQ(tree.map()->at(2).first, "b");
  EXPECT_EQ(*tree.find("b")->integer(), 1);
}

TEST(Json, RefusesRepeatedKeysWhereverTheyStand) {
  const auto fault = [](std::string_view text, Tree (*read)(std::string_view)) -> std::string {
    try {
      refuse_repeated_keys(read(text), text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  for (const auto read : {read_json, read_json_fast}) {
    EXPECT_EQ(fault(R"({"a": [{"b": 1}, {"b": 2, "c": {}}]})", read), "");
    EXPECT_EQ(fault("{\"a\": [{\"b\": 1,\n  \"b\": 2}]}", read),
              "2:8: the key 'b' stands twice in one map");
    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + "\": 0, ";
    EXPECT_EQ(fault(many + "\"100\": 0}", read), "");
    EXPECT_NE(fault(many + "\"7\": 0}", read), "");
  }
}

TEST(Json, SaysWhereTextIsBroken) {
  EXPECT_TRUE(fault_of("{\"a\": 1,\n \"b\" 2}").starts_with("2:6: is not JSON"))
      << fault_of("{\"a\": 1,\n \"b\" 2}");
  EXPECT_NE(fault_of(""), "");
  EXPECT_NE(fault_of("[1, 2"), "");
  EXPECT_NE(fault_of("[1] 2"), "");
  EXPECT_NE(fault_of("\"\xff\""), "");
  EXPECT_NE(fault_of("{\"a\": 1e999}"), "");
  // The parser's words and not Python's.
  for (const std::string word : {"Inf", "-Inf", "-NaN"}) EXPECT_NE(fault_of("[" + word + "]"), "");
  EXPECT_NE(fault_of("[9223372036854775808]"), "");
  EXPECT_NE(fault_of(std::string_view("[1]\0x", 5)), "");
}

TEST(Json, BoundsTheDepth) {
  EXPECT_NO_THROW(read_json(std::string(256, '[') + std::string(256, ']')));
  const std::string deep = std::string(100000, '[');
  EXPECT_NE(fault_of(deep).find("nested deeper than 256"), std::string::npos);
  EXPECT_THROW(read_json_fast(deep + std::string(100000, ']')), Error);
}

TEST(Json, FastReaderGivesTheSameTrees) {
  for (const std::string_view text :
       {R"({"a": [1, -2.5, "x\u00e9", true, null, 1e-05, 9223372036854775807], "b": {"c": []}})",
        "[NaN, -Infinity]", "3"}) {
    EXPECT_EQ(write_json(read_json_fast(text)), write_json(read_json(text)));
  }
  for (const std::string_view text : {"[1,", "[9223372036854775808]", "", "{\"a\": }"}) {
    EXPECT_THROW(read_json_fast(text), Error) << text;
  }
}

TEST(Json, WritesAsPythonDoes) {
  const std::string_view text = R"({
    "name": "n\u00e9\ud83d\ude00\"\\",
    "list": [1, 0.1, null, true],
    "empty": [],
    "none": {},
    "nested": [
        [1, 2],
        {
            "x": -Infinity
        }
    ]
})";
  EXPECT_EQ(write_json(read_json(text)), text);
  EXPECT_EQ(
      write_json(read_json(text), {.indent = 0}),
      R"({"name": "n\u00e9\ud83d\ude00\"\\", "list": [1, 0.1, null, true], "empty": [], "none": {}, )"
      R"("nested": [[1, 2], {"x": -Infinity}]})");
  EXPECT_EQ(write_json(Tree{std::string("\xc3\xa9\x01")}, {.ascii = false}), "\"\xc3\xa9\\u0001\"");
  EXPECT_EQ(write_json(Tree{std::string("a\xff")}), "\"a\\ufffd\"");
}

TEST(Json, BreaksLongLists) {
  Tree::List items(4, Tree{std::int64_t{1000}});
  EXPECT_EQ(write_json(Tree{items}, {.inline_lists = 24}), "[1000, 1000, 1000, 1000]");
  EXPECT_EQ(write_json(Tree{items}, {.indent = 1, .inline_lists = 23}),
            "[\n 1000,\n 1000,\n 1000,\n 1000\n]");
}

TEST(Json, NumbersSurviveTheWayThere) {
  for (const double value : {0.1, 1e-05, 1e22, 5e-324, -0.0, 3.0, 123456789.123456789}) {
    const Tree back = read_json(write_json(Tree{value}));
    ASSERT_TRUE(std::holds_alternative<double>(back.value)) << value;
    EXPECT_EQ(std::get<double>(back.value), value);
    EXPECT_EQ(std::signbit(std::get<double>(back.value)), std::signbit(value));
  }
}

}  // namespace
}  // namespace isomer
