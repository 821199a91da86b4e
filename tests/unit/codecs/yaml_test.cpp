#include "codecs/yaml.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "codecs/yaml_scalar.h"

namespace isomer {
namespace {

std::string fault_of(std::string_view text) {
  try {
    read_yaml(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
  return "";
}

std::string as_json(std::string_view text) { return write_json(read_yaml(text), {.indent = 0}); }

TEST(Yaml, ReadsEveryKind) {
  EXPECT_EQ(as_json("a:\n- 1\n- -2.5\n- \"x\\u00e9\"\n- true\n- ~\nb: {}\nc: 'it''s'\nd: >\n  "
                    "two\n  lines\n"),
            R"({"a": [1, -2.5, "x\u00e9", true, null], "b": {}, "c": "it's", "d": "two lines\n"})");
  EXPECT_TRUE(read_yaml("").is_null());
  EXPECT_TRUE(read_yaml("# only a remark\n").is_null());
}

// As PyYAML 6.0 reads them.
TEST(Yaml, ReadsPlainScalarsAsPythonDoes) {
  const auto kind = [](std::string_view text) { return as_json(text); };
  for (const std::string_view text : {"yes", "On", "TRUE"}) EXPECT_EQ(kind(text), "true") << text;
  for (const std::string_view text : {"no", "OFF", "False"}) EXPECT_EQ(kind(text), "false") << text;
  for (const std::string_view text : {"~", "null", "Null", "NULL"})
    EXPECT_EQ(kind(text), "null") << text;
  for (const std::string_view text : {"y", "oN", "1e-5", "1.0e5", "-.5", "1e5", "0o7", "09",
                                      "+.nan", "1:60", "2001-12-14", "0x", "0b2", "1__a", ":30"}) {
    EXPECT_EQ(kind(text), fmt::format("\"{}\"", text)) << text;
  }
  EXPECT_EQ(kind("[0, -0, +12, 1_000, 010, 0x1F, -0x10, 0b101, 1:30, -1:30:05, 00]"),
            "[0, 0, 12, 1000, 8, 31, -16, 5, 90, -5405, 0]");
  EXPECT_EQ(
      kind("[1., 1.5, -2.5e+3, 1.0e-05, .5, .5e-1, 1_0.2_5, 1:30.5, -.inf, .INF, .NaN, 08.5]"),
      "[1.0, 1.5, -2500.0, 1e-05, 0.5, 0.05, 10.25, 90.5, -Infinity, Infinity, NaN, 8.5]");
  EXPECT_EQ(*read_yaml("-9223372036854775808").integer(), std::numeric_limits<std::int64_t>::min());
}

TEST(Yaml, ReadsTagsOfPlainData) {
  EXPECT_EQ(
      as_json("[!!str 5, !!float 1, !!int '7', !!bool 'yes', !!null '', ! 5, !!seq [1], !!map {}]"),
      R"(["5", 1.0, 7, true, null, 5, [1], {}])");
  EXPECT_EQ(
      fault_of("a: !!python/object/apply:os.system ['x']"),
      "1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is none of plain data: str, "
      "int, float, bool, null, seq, map");
  EXPECT_EQ(fault_of("a: !!int x"), "1:4: 'x' is not what its tag says: int");
}

TEST(Yaml, CopiesWhatAliasesNameAndMergesMaps) {
  EXPECT_EQ(as_json("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3, r: 4}\nd: {<<: [{p: 5}, *x]}\n"),
            R"({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 3, "r": 4}, )"
            R"("d": {"p": 5, "q": 2}})");
  EXPECT_EQ(fault_of("a: *x"), "1:4: no anchor 'x' stands before");
  EXPECT_EQ(fault_of("a: &x [1, *x]"), "1:11: 'x' contains itself");
  EXPECT_EQ(fault_of("a: {<<: 1}"), "1:9: maps are merged, not an integer");
}

TEST(Yaml, BoundsWhatAliasesMake) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{0}: &a{0} [", i);
    for (int k = 0; k < 10; ++k) text += fmt::format("*a{}, ", i - 1);
    text += "]\n";
  }
  EXPECT_NE(fault_of(text).find("aliases make more than"), std::string::npos);
  // Anchors inside anchors.
  std::string nested = "x: ";
  for (int i = 0; i < 200; ++i) nested += fmt::format("&a{} [", i);
  for (int i = 0; i < 50'000; ++i) nested += "1,";
  EXPECT_NE(fault_of(nested + "1" + std::string(200, ']')).find("aliases make more than"),
            std::string::npos);
  std::string deep = "a0: &a0 []\n";
  for (int i = 1; i < 300; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_NE(fault_of(deep).find("nested deeper than 256 levels"), std::string::npos);
  EXPECT_NE(fault_of(std::string(1000, '[')).find("nested deeper"), std::string::npos);
}

TEST(Yaml, SaysWhereItFails) {
  EXPECT_EQ(fault_of("a: 1\nb: 2\na: 3\n"), "3:1: the key 'a' stands twice in one map");
  EXPECT_EQ(fault_of("1: x"), "1:1: a key is a text, not an integer: put quotes around it");
  EXPECT_EQ(fault_of("on: x"), "1:1: a key is a text, not a boolean: put quotes around it");
  EXPECT_EQ(fault_of("? [a]\n: b"), "1:3: a key is a text, not a list: put quotes around it");
  EXPECT_EQ(fault_of("a: 1\n--- \nb: 2"), "2:1: a second document begins; one is read");
  EXPECT_EQ(fault_of("é: [1,\n2"), "2:2: is not YAML: did not find expected ',' or ']'");
  EXPECT_EQ(fault_of("a: 123456789012345678901"),
            "1:4: the integer '123456789012345678901' does not fit into 64 bits");
  EXPECT_NE(fault_of("a: \xff").find("is not YAML"), std::string::npos);
}

TEST(Yaml, KeepsOffsets) {
  const std::string_view text = "é: 1\nb:\n- ü\n- {c: 7}\n";
  const Tree tree = read_yaml(text);
  EXPECT_EQ(line_and_column(text, tree.find("b")->list()->at(1).find("c")->offset), "4:7");
}

TEST(Yaml, WritesWhatReadsBackAsTheSame) {
  Tree tree = read_json(R"({
    "reals": [0.1, 1e-5, 1e300, -0.0, 1e16, 5e-324, Infinity, -Infinity],
    "texts": ["", "yes", "1.5", "1e-5", "<<", "a: b", "- x", " x ", "two\nlines\n", "\u00e9\t\"'#",
              "[1, 2]", "2001-12-14", "!a", "\u0001", "~"],
    "yes": true, "none": null, "empty": {"a": [], "b": {}}})");
  auto& entries = std::get<Tree::Map>(tree.value);
  Tree::List many(100, Tree{std::int64_t{7}});
  entries.emplace_back("many", Tree{std::move(many)});
  entries.emplace_back(std::string(300, 'k'), Tree{std::int64_t{-7}});
  const std::string text = write_yaml(tree);
  EXPECT_EQ(write_json(read_yaml(text)), write_json(tree)) << text;
  EXPECT_NE(text.find("1.0e-05"), std::string::npos) << text;
  EXPECT_NE(text.find("'yes': true"), std::string::npos) << text;
}

TEST(Yaml, WritesInBlockStyle) {
  EXPECT_EQ(
      write_yaml(read_json(R"({"m": {"a": {"b": [1, 2.0]}, "l": [{"x": "off"}, {"y": "1e5"}]}})")),
      "m:\n    a:\n        b: [1, 2.0]\n    l:\n    -   x: 'off'\n    -   y: 1e5\n");
}

}  // namespace
}  // namespace isomer
