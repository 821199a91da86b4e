#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer {

/// Bytes and whatever keeps them alive: a heap block, a mapped file, an entry of an archive.
struct Bytes {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> data;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
  /// A part that shares the owner. The caller has checked the bounds.
  Bytes part(std::size_t begin, std::size_t size) const {
    return {owner, data.subspan(begin, size)};
  }
};

/// Bytes that own a copy of `text`.
Bytes bytes_of(std::string text);
Bytes bytes_of(std::vector<std::byte> data);

/// The whole file, mapped read-only. Throws Fault::file when it cannot be opened.
Bytes map_file(const std::filesystem::path& path);

/// For folders of our own: where others look, they would see half a file.
void write_file(const std::filesystem::path& path, std::span<const std::byte> data);
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace isomer
