#include "base/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace isomer {
namespace {

std::string shown(std::string_view text) { return isomer::quoted(text); }

TEST(Text, ListsTwentyAndSaysHowManyMore) {
  std::vector<int> numbers(20, 7);
  const std::string all = listed(numbers);
  EXPECT_EQ(std::ranges::count(all, '7'), 20);
  EXPECT_FALSE(all.ends_with("more"));
  numbers.resize(15'999, 7);
  EXPECT_EQ(listed(numbers), all + ", and 15979 more");
  EXPECT_EQ(listed(std::set<std::string>{"a", "b"}, "\n  "), "a\n  b");
  EXPECT_EQ(listed(std::vector<std::string>{}), "");
}

TEST(Text, QuotesWhatATerminalWouldObey) {
  EXPECT_EQ(shown("a\x1b[31m"), "'a\\x1b[31m'");
  EXPECT_EQ(shown("it's \\"), "'it\\'s \\\\'");
  EXPECT_EQ(shown("\xc3\xa9"), "'\xc3\xa9'");
  EXPECT_EQ(shown("\xc2\x9b"), "'\\xc2\\x9b'");  // an escape sequence's begin in one character
  EXPECT_EQ(shown("\xe2\x80\xae"), "'\\xe2\\x80\\xae'");  // from here on to the left
  EXPECT_EQ(shown("\x9b\xff"), "'\\x9b\\xff'");
  // Never cut within a character.
  EXPECT_EQ(shown(std::string(79, 'a') + "\xc3\xa9"), "'" + std::string(79, 'a') + "...'");
}

TEST(Text, PrintsLinesAndNoOtherControls) {
  EXPECT_EQ(printable("a\n\tb\r\x1b]0;x\x07", 100), "a\n\tb\\x0d\\x1b]0;x\\x07");
  EXPECT_EQ(printable("'quotes' \\ stay", 100), "'quotes' \\ stay");
  EXPECT_EQ(printable(std::string(200, 'x'), 100), std::string(100, 'x') + "...");
}

}  // namespace
}  // namespace isomer
