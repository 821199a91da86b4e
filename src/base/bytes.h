#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer {

/// Bytes and whatever keeps them alive: a heap block, a mapped file, an entry of an archive. Some
/// are made, or found to be damaged, only when somebody looks at them.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, std::span<const std::byte> data)
      : owner_(std::move(owner)), begin_(data.data()), size_(data.size()) {}
  /// `size` bytes that `make` gives when they are first asked for. What it throws comes out of
  /// `data`, each time.
  static Bytes later(std::size_t size, std::function<Bytes()> make);

  std::size_t size() const { return size_; }
  std::span<const std::byte> data() const { return {later_ == nullptr ? begin_ : made(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data().data()), size_}; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  /// The same, there by now; for whoever looks once: what had to be made is not kept for others.
  Bytes now() const;
  /// Whether nobody has asked for them yet, so that to look at them may cost something.
  bool waiting() const;
  /// Gives their memory back to the system, which reads it again when somebody looks, where they
  /// are mapped from a file; else nothing happens.
  void unload() const;
  /// A part that shares the owner. The caller has checked the bounds.
  Bytes part(std::size_t begin, std::size_t size) const;

 private:
  struct Later;

  const std::byte* made() const;

  std::shared_ptr<const void> owner_;
  const Later* later_ = nullptr;  // which is the owner then
  std::size_t skipped_ = 0;       // bytes of it before ours
  const std::byte* begin_ = nullptr;
  std::size_t size_ = 0;
};

/// What a file holds, piece after piece, so that weights are written from where they lie.
using Parts = std::vector<Bytes>;

/// Bytes that own a copy of `text`.
Bytes bytes_of(std::string text);
Bytes bytes_of(std::vector<std::byte> data);
/// The parts joined: a copy.
Bytes bytes_of(const Parts& parts);

/// The whole file, mapped read-only. Throws Fault::file when it cannot be opened.
Bytes map_file(const std::filesystem::path& path);

/// For folders of our own: where others look, they would see half a file.
void write_file(const std::filesystem::path& path, const Parts& parts);
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace isomer
