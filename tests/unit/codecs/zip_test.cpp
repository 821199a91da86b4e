#include "codecs/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>

#include "base/error.h"

namespace isomer {
namespace {

std::string number(std::uint64_t value, int size) {
  std::string text;
  for (int i = 0; i < size; ++i) text += static_cast<char>((value >> (8 * i)) & 0xff);
  return text;
}

std::uint32_t checksum(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

std::string deflated(const std::string& text) {
  std::string out(text.size() + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Member {
  std::string name;
  std::string data;
  int method = 0;
  int flags = 0;
  std::uint64_t size = ~0ULL;  // the promised one, when it is a lie
  std::string local_extra = {};
};

/// An archive as libtorch writes it: zeros in the local headers, and a zip64 end record if asked
/// for.
std::string archive(const std::vector<Member>& members, bool zip64 = false) {
  std::string file;
  std::string directory;
  for (const Member& member : members) {
    const std::string packed = member.method == 8 ? deflated(member.data) : member.data;
    const std::uint64_t size = member.size == ~0ULL ? member.data.size() : member.size;
    const std::uint64_t begin = file.size();
    file += number(0x04034b50, 4) + number(20, 2) + number(0x808, 2) + number(member.method, 2) +
            number(0, 16) + number(member.name.size(), 2) + number(member.local_extra.size(), 2) +
            member.name + member.local_extra + packed;
    directory += number(0x02014b50, 4) + number(20, 2) + number(20, 2) + number(member.flags, 2) +
                 number(member.method, 2) + number(0, 4) + number(checksum(member.data), 4) +
                 number(packed.size(), 4) + number(zip64 ? 0xffffffff : size, 4) +
                 number(member.name.size(), 2) + number(zip64 ? 12 : 0, 2) + number(0, 2) +
                 number(0, 2) + number(0, 6) + number(begin, 4) + member.name;
    if (zip64) directory += number(1, 2) + number(8, 2) + number(size, 8);
  }
  const std::uint64_t begin = file.size();
  file += directory;
  if (zip64) {
    const std::uint64_t end64 = file.size();
    file += number(0x06064b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) +
            number(members.size(), 8) + number(members.size(), 8) + number(directory.size(), 8) +
            number(begin, 8);
    file += number(0x07064b50, 4) + number(0, 4) + number(end64, 8) + number(1, 4);
  }
  const std::uint64_t count = zip64 ? 0xffff : members.size();
  return file + number(0x06054b50, 4) + number(0, 4) + number(count, 2) + number(count, 2) +
         number(directory.size(), 4) + number(zip64 ? 0xffffffff : begin, 4) + number(0, 2);
}

std::string fault_of(const std::string& file, std::string_view entry = "") {
  try {
    const Zip zip(bytes_of(file));
    if (!entry.empty()) zip.read(entry);
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
  EXPECT_EQ(x.owner, file.owner);
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

TEST(Zip, NamesTheDamagedEntry) {
  std::string file = archive({{"x", "some bytes"}});
  file[file.find("some")] = 'S';
  EXPECT_EQ(fault_of(file, "x"), "entry 'x': is damaged: its checksum is wrong");
  EXPECT_EQ(fault_of(file, "z"), "the archive has no entry 'z'");
}

TEST(Zip, RefusesUnsafeNames) {
  for (const std::string name : {"../x", "/x", "a/../../x", "a\\x", ""}) {
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

TEST(Zip, RefusesOverlappingEntries) {
  // The first entry's bytes are the second one's local header.
  const std::string inner =
      number(0x04034b50, 4) + number(0, 22) + number(1, 2) + number(0, 2) + "y" + "data";
  std::string file = archive({{"x", inner}, {"y", "data"}});
  const std::size_t second = file.find(number(0x02014b50, 4), file.find(number(0x02014b50, 4)) + 4);
  file.replace(second + 42, 4, number(31, 4));
  EXPECT_NE(fault_of(file).find("lies over"), std::string::npos) << fault_of(file);
}

}  // namespace
}  // namespace isomer
