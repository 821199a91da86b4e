#include "codecs/zip.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "zip_maker.h"

namespace isomer {
namespace {

using test::archive;
using test::number;

std::string fault_of(const std::string& file, std::string_view entry = "") {
  try {
    const Zip zip(bytes_of(file));
    if (!entry.empty()) zip.read(entry).data();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
  return "";
}

TEST(Zip, StoredEntriesArePartsOfTheFile) {
  const Bytes file = bytes_of(archive({{"a/x", "hello", 0, 0, ~0ULL, "FBxxZZ"}, {"a/y", ""}}));
  const Zip zip(file);
  ASSERT_EQ(zip.entries().size(), 2U);
  EXPECT_EQ(zip.entries()[0].name, "a/x");
  const Bytes x = zip.read("a/x");
  EXPECT_EQ(x.text(), "hello");
  EXPECT_EQ(x.data().data(), file.data().data() + file.text().find("hello"));
  EXPECT_EQ(zip.read("a/y").text(), "");
  EXPECT_EQ(zip.find("a"), nullptr);
}

TEST(Zip, UnpacksDeflatedEntries) {
  const std::string text(10000, 'a');
  const std::string file = archive({{"x", text, 8}});
  EXPECT_LT(file.size(), 1000U);
  EXPECT_EQ(Zip(bytes_of(file)).read("x").text(), text);
}

TEST(Zip, ReadsZip64) {
  const Zip zip(bytes_of(archive({{"x", "one"}, {"y", "two"}}, true)));
  EXPECT_EQ(zip.read("y").text(), "two");
}

TEST(Zip, EveryTruncationIsAFault) {
  for (const bool zip64 : {false, true}) {
    const std::string file = archive({{"x", "some bytes", 8}, {"folder/y", "others"}}, zip64);
    for (std::size_t size = 0; size < file.size(); ++size) {
      EXPECT_NE(fault_of(file.substr(0, size), "x"), "") << size;
    }
  }
}

// A changed bit may hide in what we do not look at (dates); it never crashes and never changes the
// bytes given.
TEST(Zip, FlippedBitsAreFoundOrHarmless) {
  const std::string file = archive({{"x", "some bytes", 8}, {"folder/y", "others"}}, true);
  int found = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try {
      const Zip zip(bytes_of(flipped));
      if (zip.find("x") != nullptr) {
        EXPECT_EQ(zip.read("x").text(), "some bytes") << bit;
      }
    } catch (const Error&) {
      ++found;
    }
  }
  EXPECT_GT(found, 500);
}

TEST(Zip, VerifiesChecksumsWhenBytesAreUsed) {
  std::string file = archive({{"x", "some bytes"}, {"y", std::string(1000, 'a'), 8}});
  file[file.find("some")] = 'S';
  const Zip zip(bytes_of(file));
  const Bytes x = zip.read("x");
  EXPECT_EQ(x.size(), 10U);
  EXPECT_TRUE(x.part(2, 3).waiting());
  EXPECT_THROW(x.part(8, 1).data(), Error);
  EXPECT_THROW(x.text(), Error);  // not only the first time
  const Bytes y = zip.read("y").part(998, 2);
  EXPECT_TRUE(y.waiting());
  EXPECT_EQ(y.text(), "aa");
  EXPECT_FALSE(y.waiting());
}

TEST(Zip, NamesTheDamagedEntry) {
  std::string file = archive({{"x", "some bytes"}});
  file[file.find("some")] = 'S';
  EXPECT_EQ(fault_of(file, "x"), "entry 'x': is damaged: its checksum is wrong");
  EXPECT_EQ(fault_of(file, "z"), "the archive has no entry 'z'");
}

TEST(Zip, RefusesUnsafeNames) {
  for (const std::string name : {"../x", "/x", "a/../../x", "a\\x", "", "./x", "a//x", "C:/x"}) {
    EXPECT_NE(fault_of(archive({{name, "1"}})).find("leads out of the archive"), std::string::npos)
        << name;
  }
}

TEST(Zip, RefusesWhatCannotBeRight) {
  EXPECT_NE(fault_of(archive({{"x", "1"}, {"x", "2"}})).find("stands twice"), std::string::npos);
  EXPECT_NE(fault_of(archive({{"x", "1", 0, 1}})).find("encrypted"), std::string::npos);
  EXPECT_NE(fault_of(archive({{"x", "1", 12}})).find("method 12"), std::string::npos);
  EXPECT_NE(fault_of(archive({{"x", "1", 8, 0, 1ULL << 30}})).find("more bytes than it can hold"),
            std::string::npos);
  EXPECT_NE(fault_of(archive({{"x", "1234", 8, 0, 3}}), "x").find("promised size"),
            std::string::npos);
  EXPECT_NE(fault_of(archive({{"x", "1", 0, 0, 2}})).find("two sizes differ"), std::string::npos);
}

TEST(Zip, RefusesLocalHeadersThatSayOtherwise) {
  const std::string good = archive({{"x", "some"}});
  for (const std::size_t at : {6U, 8U, 14U, 18U, 22U}) {  // flags, method, checksum, sizes
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_NE(fault_of(bad).find("says otherwise"), std::string::npos) << at;
  }
  std::string fewer = archive({{"x", "1"}, {"y", "2"}});
  fewer[fewer.size() - 12] = 1;
  EXPECT_NE(fault_of(fewer).find("holds more than it promises"), std::string::npos);
}

// What one reader takes for the directory, and another does not.
TEST(Zip, RefusesTwoReadings) {
  const std::string good = archive({{"x", "some"}});
  const std::string end = good.substr(good.size() - 22);
  std::string commented = good;
  commented[good.size() - 2] = 22;
  EXPECT_EQ(fault_of(commented + std::string(22, ' '), "x"), "");
  EXPECT_EQ(fault_of(commented + end.substr(0, 20) + "\x09\x09"),
            "the zip archive has two end records");
  const std::string between = good.substr(0, good.size() - 22) + std::string(46, ' ') + end;
  EXPECT_EQ(fault_of(between),
            "the zip archive's directory does not end where its end record begins");
  std::string wide = archive({{"x", "some"}}, true);
  EXPECT_EQ(fault_of(wide, "x"), "");
  wide[wide.size() - 14] = 2;  // the number of entries, which the zip64 record says, too
  wide[wide.size() - 12] = 2;
  wide[wide.size() - 11] = 0;
  EXPECT_EQ(fault_of(wide), "the zip archive's two end records differ");
}

TEST(Zip, RefusesASecondName) {
  const auto named = [](const std::string& second) {
    std::string file = archive({{"x", "some"}});
    const std::string extra =
        number(0x7075, 2) + number(5 + second.size(), 2) + number(1, 1) + number(0, 4) + second;
    const std::size_t entry = file.find(number(0x02014b50, 4));
    file.replace(entry + 30, 2, number(extra.size(), 2));
    file.insert(entry + 47, extra);
    file.replace(file.size() - 10, 4, number(47 + extra.size(), 4));
    return file;
  };
  EXPECT_EQ(fault_of(named("x"), "x"), "");
  EXPECT_EQ(fault_of(named("y")), "entry 'x': has a second name, which differs");
}

TEST(Zip, RefusesOverlappingEntries) {
  // The first entry's bytes are the second one's local header.
  const std::string inner = number(0x04034b50, 4) + number(0, 2) + number(8, 2) + number(0, 18) +
                            number(1, 2) + number(0, 2) + "y" + "data";
  std::string file = archive({{"x", inner}, {"y", "data"}});
  const std::size_t second = file.find(number(0x02014b50, 4), file.find(number(0x02014b50, 4)) + 4);
  file.replace(second + 42, 4, number(31, 4));
  EXPECT_NE(fault_of(file).find("lies over"), std::string::npos) << fault_of(file);
}

}  // namespace
}  // namespace isomer
