// Archives of numpy.savez.

#include <gtest/gtest.h>

#include "base/error.h"
#include "codecs/npy.h"
#include "zip_maker.h"

namespace isomer {
namespace {

using test::archive;

const std::string array = [] {
  return std::string(bytes_of(write_npy({"", "U8", {2}, bytes_of(std::string("ab"))})).text());
}();

std::string refusal(const std::vector<test::Member>& members) {
  try {
    read_npz(bytes_of(archive(members)));
    return "nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
}

TEST(Npz, ReadsArraysByName) {
  const auto found =
      read_npz(bytes_of(archive({{"x.npy", array, 8}, {"arr_1.npy", array}, {"a/b.npy", array}})));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].name, "x");
  EXPECT_EQ(found[0].bytes.text(), "ab");
  EXPECT_EQ(found[1].name, "in1");
  EXPECT_EQ(found[2].name, "a/b");
}

TEST(Npz, RefusesWhatIsNone) {
  EXPECT_EQ(refusal({{"x.npy", array.substr(0, array.size() - 1)}}),
            "'x.npy': has 1 bytes of data; its type and shape make 2");
  EXPECT_EQ(refusal({{"x.npy", "hello, world"}}), "'x.npy': is no .npy file");
  EXPECT_EQ(refusal({{"x.txt", "hello"}}), "holds 'x.txt', which is no array");
  EXPECT_NE(refusal({{"x.npy", array, 8, 0, 1ULL << 40U}}), "nothing");
}

}  // namespace
}  // namespace isomer
