#include "codecs/bson.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "codecs/json.h"

namespace isomer {
namespace {

using namespace std::string_literals;

std::string fault_of(std::string_view bytes) {
  try {
    read_bson(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
  return "";
}

// {"a": 1, "b": [true, null, "x"]}, by the format's description.
const std::string small =
    "\x21\0\0\0"
    "\x10"
    "a\0\x01\0\0\0"
    "\x04"
    "b\0\x12\0\0\0"
    "\x08"
    "0\0\x01"
    "\x0a"
    "1\0"
    "\x02"
    "2\0\x02\0\0\0x\0\0\0"s;

TEST(Bson, ReadsAndWritesTheFormat) {
  std::string bytes = small;
  bytes[0] = static_cast<char>(bytes.size());
  const std::size_t list = bytes.find("b") + 2;
  bytes[list] = static_cast<char>(bytes.size() - list - 1);
  const Tree tree = read_bson(bytes);
  EXPECT_EQ(write_json(tree, {.indent = 0}), R"({"a": 1, "b": [true, null, "x"]})");
  EXPECT_EQ(write_bson(tree), bytes);
}

TEST(Bson, KeepsEveryKind) {
  const std::string text =
      R"({"i": [0, -1, 2147483647, 2147483648, -9223372036854775808], "r": [0.1, -0.0, 1e+300, NaN, Infinity], )"
      R"("t": ["", "x\u00e9\u0000y"], "f": [true, false], "n": null, "e": {"l": [], "m": {}}})";
  EXPECT_EQ(write_json(read_bson(write_bson(read_json(text))), {.indent = 0}), text);
}

TEST(Bson, RefusesWhatIsBroken) {
  const std::string whole = write_bson(read_json(R"({"a": {"b": [1, 2]}, "c": "text"})"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(fault_of(std::string_view(whole).substr(0, size)), "") << size;
    // A length that lies somewhere, or another kind.
    for (const char change : {'\xff', '\x7f', '\x80', '\0'}) {
      std::string changed = whole;
      changed[size] = change;
      fault_of(changed);  // ends, whatever it says
    }
  }
  EXPECT_EQ(fault_of("\x05\0\0\0"),
            "is not BSON: the length at its beginning is not that of the file, 1 byte");
  EXPECT_EQ(fault_of("\x10\0\0\0\x09"
                     "d\0\0\0\0\0\0\0\0\0\0"s),
            "'d': is a date, which no model's description holds");
  EXPECT_EQ(fault_of("\x0d\0\0\0\x08"
                     "a\0\x01\x08"
                     "a\0\x01\0"s),
            "'a': the name stands twice in one document");
}

TEST(Bson, BoundsNesting) {
  Tree tree{Tree::Map{}};
  for (int i = 0; i < 300; ++i) tree = {Tree::Map{{"a", std::move(tree)}}};
  EXPECT_NE(fault_of(write_bson(tree)).find("nested deeper than 256 levels"), std::string::npos);
}

TEST(Bson, WritesMapsAlone) {
  EXPECT_THROW(write_bson({std::int64_t{1}}), Error);
  EXPECT_THROW(write_bson({Tree::Map{{"a\0b"s, {true}}}}), Error);
}

}  // namespace
}  // namespace isomer
