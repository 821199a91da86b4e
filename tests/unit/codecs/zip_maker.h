#pragma once

// Archives made by hand, so that each part of them can be made wrong.

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

namespace isomer::test {

/// Little endian.
inline std::string number(std::uint64_t value, int size) {
  std::string text;
  for (; size > 0; --size) {
    text += static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return text;
}

inline std::uint32_t checksum(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

inline std::string deflated(const std::string& text) {
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
inline std::string archive(const std::vector<Member>& members, bool zip64 = false) {
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

}  // namespace isomer::test
