#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace isomer {

/// A zip archive. Stored entries are parts of the mapped file, never copied. An entry is unpacked
/// and its checksum is verified when its bytes are used. Every range is checked against the file
/// before anything is allocated.
class Zip {
 public:
  struct Entry {
    std::string name;
    std::uint64_t begin = 0;     // of the local header
    std::uint64_t data = 0;      // where the bytes begin
    std::uint64_t stored = 0;    // bytes in the file
    std::uint64_t size = 0;      // bytes when unpacked
    std::uint32_t checksum = 0;  // crc32
    std::uint16_t method = 0;    // 0 stored, 8 deflated
  };

  /// Reads the central directory (zip64 too). Throws Fault::file: no zip, truncated, encrypted,
  /// several disks, repeated or unsafe names, entries outside the file or over each other.
  explicit Zip(Bytes file);

  /// Without those of folders.
  const std::vector<Entry>& entries() const { return entries_; }
  /// Null when there is none.
  const Entry* find(std::string_view name) const;
  /// Throws Fault::file when there is none; so does the use of its bytes when its checksum is
  /// wrong.
  Bytes read(std::string_view name) const;

 private:
  Bytes file_;
  std::vector<Entry> entries_;  // in the order of the central directory
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// CRC-32, as archives have it of each entry.
std::uint32_t checksum_of(std::span<const std::byte> data);

}  // namespace isomer
