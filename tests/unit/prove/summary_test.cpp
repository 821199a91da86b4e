#include "prove/summary.h"

#include <gtest/gtest.h>

namespace isomer {
namespace {

using Lines = std::vector<std::string>;

Check check_of(bool in_double, std::vector<Difference> differences, bool own = true) {
  return {.what = "outputs",
          .where = in_double ? "torch, in double precision" : "torch",
          .witness = "torch",
          .in_double = in_double,
          .inputs = 9,
          .own = own,
          .differences = std::move(differences)};
}

TEST(Summary, CountsATensorOnceForAllTrialsAndBothPrecisions) {
  const Check single = check_of(false, {{"output 0 'y' of call 1", "y is 1", "random", "", 2},
                                        {"output 0 'y' of call 2", "y is 2", "random", "", 2},
                                        {"output 0 'y' of call 1", "y is 3", "zeros", "", 4}});
  const Check exact = check_of(true, {{"output 0 'y' of call 1", "y is 4", "zeros", "", 5}});
  EXPECT_EQ(summary_of(std::vector{single, exact}).differences,
            Lines{"outputs, torch: y is 1 (random); in 3 of 9 sets"});
}

TEST(Summary, KeepsTensorsApart) {
  const Check check =
      check_of(false, {{"y", "y is 1", "random", "", 1}, {"z", "z is 1", "random", "", 1}});
  EXPECT_EQ(summary_of(std::vector{check}).differences.size(), 2U);
}

TEST(Summary, SaysWhatShowsInDoublePrecisionOnly) {
  const Check exact = check_of(true, {{"y", "y is 1", "random", "", 1}});
  EXPECT_EQ(
      summary_of(std::vector{check_of(false, {}), exact}).differences,
      Lines{"outputs, torch: y is 1 (random); in 1 of 9 sets; shows in double precision only"});
}

TEST(Summary, DoubtsWhatOursAloneSays) {
  Check check = check_of(false, {{"y", "y is 1", "random", "", 1}}, false);
  check.doubts = {{"z", "z is 1", "random", "", 1}};
  const Summary summary = summary_of(std::vector{check});
  EXPECT_TRUE(summary.differences.empty());
  EXPECT_EQ(
      summary.doubts,
      (Lines{"outputs, torch: y is 1 (random); in 1 of 9 sets; shows in single precision only",
             "outputs, torch: differs where the source does from itself: z is 1 (random); in 1 "
             "of 9 sets; shows in single precision only"}));
}

}  // namespace
}  // namespace isomer
