#include "codecs/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"

// The layout is that of PKWARE's APPNOTE.TXT, section 4.3. Sizes and checksums are taken from the
// central directory; local headers must agree, but for streamed archives, as libtorch writes them,
// which may have zeros there.

namespace isomer {
namespace {

constexpr std::uint32_t local_mark = 0x04034b50;
constexpr std::uint32_t central_mark = 0x02014b50;
constexpr std::uint32_t end_mark = 0x06054b50;
constexpr std::uint32_t end64_mark = 0x06064b50;
constexpr std::uint32_t locator_mark = 0x07064b50;

constexpr std::uint64_t central_size = 46;
constexpr std::uint64_t end_size = 22;
constexpr std::uint64_t locator_size = 20;

constexpr std::uint16_t saturated16 = 0xffff;
constexpr std::uint32_t saturated32 = 0xffffffff;

[[noreturn]] void refuse(std::string where, std::string_view what) {
  throw Error(Fault::file, std::move(where), what);
}

std::string entry_place(std::string_view name) { return "entry " + quoted(name); }

/// Reads little-endian numbers from a file without ever leaving it.
class Cursor {
 public:
  Cursor(std::span<const std::byte> data, std::uint64_t at, std::string_view what)
      : data_(data), at_(at) {
    if (at > data.size())
      refuse("", fmt::format("the zip archive is truncated: its {} lies outside the file", what));
    what_ = what;
  }

  template <class T>
  T take() {
    const auto bytes = take_bytes(sizeof(T));
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
      value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U) |
                             std::to_integer<std::uint64_t>(bytes[i]));
    }
    return value;
  }
  std::span<const std::byte> take_bytes(std::uint64_t size) {
    if (size > data_.size() - at_) {
      refuse("", fmt::format("the zip archive is truncated: its {} ends outside the file", what_));
    }
    const auto bytes = data_.subspan(at_, size);
    at_ += size;
    return bytes;
  }
  std::string_view take_text(std::uint64_t size) {
    const auto bytes = take_bytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void skip(std::uint64_t size) { take_bytes(size); }
  std::uint64_t at() const { return at_; }
  bool at_end() const { return at_ == data_.size(); }

 private:
  std::span<const std::byte> data_;
  std::uint64_t at_;
  std::string_view what_;
};

struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
  std::uint64_t end = 0;                  // where the record begins that tells of it
  std::array<std::uint64_t, 3> narrow{};  // begin, size and count of the end record without zip64
};

/// The end record stands at the very end, but for a comment of which it tells the length. A second
/// mark in the comment is what other readers would take for the record.
std::uint64_t find_end(std::span<const std::byte> file) {
  if (file.size() < end_size) refuse("", "is no zip archive: it is too short");
  const std::uint64_t last = file.size() - end_size;
  const std::uint64_t first = last > saturated16 ? last - saturated16 : 0;
  bool other = false;
  for (std::uint64_t at = last + 1; at-- > first;) {
    Cursor cursor(file, at, "end record");
    if (cursor.take<std::uint32_t>() != end_mark) continue;
    cursor.skip(16);
    const bool fits = cursor.take<std::uint16_t>() == last - at;
    if (fits && other) refuse("", "the zip archive has two end records");
    if (fits) return at;
    other = true;
  }
  refuse("", "is no zip archive, or a truncated one: it has no end record");
}

/// What the end records say. Where the short one cannot hold a number, the zip64 one does.
Directory read_end(std::span<const std::byte> file, std::uint64_t end) {
  Cursor cursor(file, end + 4, "end record");
  const auto disk = cursor.take<std::uint16_t>();
  const auto directory_disk = cursor.take<std::uint16_t>();
  cursor.skip(2);
  const auto count = cursor.take<std::uint16_t>();
  const auto size = cursor.take<std::uint32_t>();
  const auto begin = cursor.take<std::uint32_t>();
  if ((disk != 0 && disk != saturated16) || (directory_disk != 0 && directory_disk != saturated16))
    refuse("", "the zip archive is spread over several disks");
  return {begin, size, count, end, {begin, size, count}};
}

/// The zip64 end record, where a locator before the end record points at one.
std::optional<Directory> read_end64(std::span<const std::byte> file, std::uint64_t end) {
  if (end < locator_size) return std::nullopt;
  Cursor locator(file, end - locator_size, "zip64 locator");
  if (locator.take<std::uint32_t>() != locator_mark) return std::nullopt;
  const auto first_disk = locator.take<std::uint32_t>();
  const auto at = locator.take<std::uint64_t>();
  const auto disks = locator.take<std::uint32_t>();
  if (first_disk != 0 || disks > 1) refuse("", "the zip archive is spread over several disks");

  Cursor record(file, at, "zip64 end record");
  if (record.take<std::uint32_t>() != end64_mark)
    refuse("", "the zip archive's zip64 end record is damaged");
  record.skip(12);
  const auto disk = record.take<std::uint32_t>();
  const auto directory_disk = record.take<std::uint32_t>();
  if (disk != 0 || directory_disk != 0) refuse("", "the zip archive is spread over several disks");
  record.skip(8);
  const auto count = record.take<std::uint64_t>();
  const auto size = record.take<std::uint64_t>();
  const auto begin = record.take<std::uint64_t>();
  return Directory{begin, size, count, at, {}};
}

Directory find_directory(std::span<const std::byte> file) {
  const std::uint64_t end = find_end(file);
  Directory directory = read_end(file, end);
  if (auto wide = read_end64(file, end)) {
    wide->narrow = {directory.begin, directory.size, directory.count};
    directory = *wide;
  }
  if (directory.begin > directory.end || directory.size > directory.end - directory.begin) {
    refuse("", "the zip archive's directory lies outside the file");
  }
  if (directory.count > directory.size / central_size) {
    refuse("",
           fmt::format("the zip archive promises {} entries; its directory has no room for them",
                       directory.count));
  }
  return directory;
}

/// The content of the extra field of that number.
std::optional<std::string_view> find_extra(std::string_view extra, std::uint16_t wanted) {
  Cursor cursor(std::as_bytes(std::span(extra.data(), extra.size())), 0, "extra field");
  while (!cursor.at_end()) {
    const auto id = cursor.take<std::uint16_t>();
    const auto size = cursor.take<std::uint16_t>();
    const std::string_view content = cursor.take_text(size);
    if (id == wanted) return content;
  }
  return std::nullopt;
}

/// Fields that do not fit into the entry stand in the extra field 1, in this order.
void read_extra64(std::string_view extra, Zip::Entry& entry, bool wide_size, bool wide_stored,
                  bool wide_begin) {
  const auto content = find_extra(extra, 1);
  if (!content) refuse("", "its zip64 sizes are missing");
  Cursor cursor(std::as_bytes(std::span(content->data(), content->size())), 0, "extra field");
  if (wide_size) entry.size = cursor.take<std::uint64_t>();
  if (wide_stored) entry.stored = cursor.take<std::uint64_t>();
  if (wide_begin) entry.begin = cursor.take<std::uint64_t>();
}

/// Some readers take the name of the extra field 0x7075 for the entry's.
void check_second_name(std::string_view extra, std::string_view name) {
  constexpr std::uint16_t unicode_path = 0x7075;
  constexpr std::size_t before_name = 5;
  const auto second = find_extra(extra, unicode_path);
  if (second && (second->size() < before_name || second->substr(before_name) != name))
    refuse("", "has a second name, which differs");
}

void check_name(std::string_view name) {
  std::string_view inner = name;
  if (inner.ends_with('/')) inner.remove_suffix(1);  // a folder's
  const auto parts = split_text(inner, '/');
  const bool drive = inner.size() > 1 && inner[1] == ':';
  const bool unsafe = inner.empty() || drive || std::ranges::count(parts, "") != 0 ||
                      std::ranges::count(parts, ".") != 0 || std::ranges::count(parts, "..") != 0 ||
                      name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos;
  if (unsafe) refuse("", "its name leads out of the archive; names are relative, without '..'");
}

Zip::Entry read_entry(Cursor& cursor) {
  if (cursor.take<std::uint32_t>() != central_mark)
    refuse("", "the zip archive's directory is damaged");
  Zip::Entry entry;
  cursor.skip(4);
  const auto flags = cursor.take<std::uint16_t>();
  entry.method = cursor.take<std::uint16_t>();
  cursor.skip(4);
  entry.checksum = cursor.take<std::uint32_t>();
  entry.stored = cursor.take<std::uint32_t>();
  entry.size = cursor.take<std::uint32_t>();
  const auto name_size = cursor.take<std::uint16_t>();
  const auto extra_size = cursor.take<std::uint16_t>();
  const auto comment_size = cursor.take<std::uint16_t>();
  const auto disk = cursor.take<std::uint16_t>();
  cursor.skip(6);
  entry.begin = cursor.take<std::uint32_t>();
  entry.name = cursor.take_text(name_size);
  const std::string_view extra = cursor.take_text(extra_size);
  cursor.skip(comment_size);

  with_place(entry_place(entry.name), [&] {
    check_name(entry.name);
    check_second_name(extra, entry.name);
    const bool wide_size = entry.size == saturated32;
    const bool wide_stored = entry.stored == saturated32;
    const bool wide_begin = entry.begin == saturated32;
    if (wide_size || wide_stored || wide_begin)
      read_extra64(extra, entry, wide_size, wide_stored, wide_begin);
    if (disk != 0 && disk != saturated16) refuse("", "lies on another disk");
    if ((flags & 1U) != 0) refuse("", "is encrypted");
    if (entry.method != 0 && entry.method != 8) {
      refuse("", fmt::format("is packed by method {}; we read 0 (stored) and 8 (deflated)",
                             entry.method));
    }
    if (entry.method == 0 && entry.size != entry.stored)
      refuse("", "is stored, yet its two sizes differ");
    // Deflate cannot do better than 1032 to 1, so a larger promise is a trap for those who allocate
    // first.
    if (entry.method == 8 && entry.size / 1040 > entry.stored)
      refuse("", "promises more bytes than it can hold");
  });
  return entry;
}

/// Where the entry's bytes begin: behind the local header, whose own lengths differ from the
/// directory's.
std::uint64_t find_data(std::span<const std::byte> file, const Zip::Entry& entry,
                        std::uint64_t directory) {
  Cursor cursor(file, entry.begin, "local header");
  if (cursor.take<std::uint32_t>() != local_mark) refuse("", "its local header is damaged");
  cursor.skip(2);
  const auto flags = cursor.take<std::uint16_t>();
  const auto method = cursor.take<std::uint16_t>();
  cursor.skip(4);
  const auto checksum = cursor.take<std::uint32_t>();
  const auto stored = cursor.take<std::uint32_t>();
  const auto size = cursor.take<std::uint32_t>();
  const bool streamed = (flags & 8U) != 0;
  const auto agrees = [&](std::uint32_t local, std::uint64_t wanted) {
    return local == wanted || local == saturated32 || (streamed && local == 0);
  };
  if ((flags & 1U) != 0 || method != entry.method || !agrees(checksum, entry.checksum) ||
      !agrees(stored, entry.stored) || !agrees(size, entry.size))
    refuse("", "its local header says otherwise than the directory");
  const auto name_size = cursor.take<std::uint16_t>();
  const auto extra_size = cursor.take<std::uint16_t>();
  if (cursor.take_text(name_size) != entry.name) refuse("", "its local header has another name");
  cursor.skip(extra_size);
  if (cursor.at() > directory || entry.stored > directory - cursor.at())
    refuse("", "reaches out of the archive");
  return cursor.at();
}

/// A look at the head of a large entry may have brought in as much of what lies around it as a huge
/// page holds.
void unload_head(const Bytes& file, const Zip::Entry& entry) {
  constexpr std::uint64_t large = 1U << 16U, huge_page = 1U << 21U;
  if (entry.stored < large) return;
  const std::uint64_t begin = entry.begin - std::min(entry.begin, huge_page);
  file.part(begin, std::min(entry.data + huge_page, std::uint64_t{file.size()}) - begin).unload();
}

/// Where the records at the end differ, some readers would take the one, some the other. Python's
/// zipfile looks for the directory right before them, others where it is said to begin.
void check_ends(const Directory& directory) {
  const auto agrees = [](std::uint64_t few, std::uint64_t many, std::uint64_t saturated) {
    return few == many || few == saturated;
  };
  if (!agrees(directory.narrow[0], directory.begin, saturated32) ||
      !agrees(directory.narrow[1], directory.size, saturated32) ||
      !agrees(directory.narrow[2], directory.count, saturated16)) {
    refuse("", "the zip archive's two end records differ");
  }
  if (directory.begin + directory.size != directory.end)
    refuse("", "the zip archive's directory does not end where its end record begins");
}

void check_overlaps(std::vector<Zip::Entry> entries) {
  std::ranges::sort(entries, {}, &Zip::Entry::begin);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const Zip::Entry& before = entries[i - 1];
    if (before.data + before.stored > entries[i].begin) {
      refuse(entry_place(entries[i].name), fmt::format("lies over entry {}", quoted(before.name)));
    }
  }
}

Bytes inflate(std::span<const std::byte> packed, std::uint64_t size) {
  constexpr std::uint64_t largest = std::numeric_limits<uInt>::max();
  if (packed.size() > largest || size > largest)
    refuse("", "is deflated and larger than 4 GB; store it instead");
  std::vector<std::byte> unpacked(size);
  std::byte nothing{};
  z_stream stream{};
  // Negative: a raw deflate stream, without zlib's own header.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) refuse("", "cannot be unpacked");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(size == 0 ? &nothing : unpacked.data());
  stream.avail_out = static_cast<uInt>(size);
  const int result = ::inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (result != Z_STREAM_END || stream.avail_out != 0) {
    refuse("", "is damaged: it does not unpack to the promised size");
  }
  return bytes_of(std::move(unpacked));
}

}  // namespace

std::uint32_t checksum_of(std::span<const std::byte> data) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

Zip::Zip(Bytes file) : file_(std::move(file)) {
  const Directory directory = find_directory(file_.data());
  Cursor cursor(file_.data().first(directory.begin + directory.size), directory.begin, "directory");
  entries_.reserve(directory.count);
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    Entry entry = read_entry(cursor);
    if (entry.name.ends_with('/') && entry.size == 0) continue;
    with_place(entry_place(entry.name), [&] {
      entry.data = find_data(file_.data(), entry, directory.begin);
      if (!index_.emplace(entry.name, entries_.size()).second)
        refuse("", "stands twice in the archive");
    });
    unload_head(file_, entry);
    entries_.push_back(std::move(entry));
  }
  if (!cursor.at_end()) refuse("", "the zip archive's directory holds more than it promises");
  check_ends(directory);
  check_overlaps(entries_);
}

const Zip::Entry* Zip::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

Bytes Zip::read(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) refuse("", fmt::format("the archive has no entry {}", quoted(name)));
  return Bytes::later(entry->size, [packed = file_.part(entry->data, entry->stored), one = *entry] {
    return with_place(entry_place(one.name), [&] {
      Bytes bytes = one.method == 0 ? packed : inflate(packed.data(), one.size);
      if (checksum_of(bytes.data()) != one.checksum)
        refuse("", "is damaged: its checksum is wrong");
      return bytes;
    });
  });
}

}  // namespace isomer
