#include "runner/damage.h"

#include <zlib.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "codecs/zip.h"
#include "graph/text_reader.h"
#include "systems/stored.h"

namespace isomer::runner {
namespace {

Bytes read(std::string_view path) {
  return map_file(std::filesystem::path(ISOMER_SOURCE) / std::filesystem::path(path));
}

void flip(std::string& bytes, std::int64_t offset) {
  const std::int64_t at = offset < 0 ? static_cast<std::int64_t>(bytes.size()) + offset : offset;
  if (at < 0 || at >= static_cast<std::int64_t>(bytes.size())) {
    throw Error(Fault::file, "", fmt::format("there is no byte {} of {}", offset, bytes.size()));
  }
  char& byte = bytes[static_cast<std::size_t>(at)];
  byte = static_cast<char>(~byte);
}

const Zip::Entry& entry_of(const Zip& zip, std::string_view ending) {
  const auto found = std::ranges::find_if(
      zip.entries(), [&](const Zip::Entry& entry) { return entry.name.ends_with(ending); });
  if (found == zip.entries().end()) {
    throw Error(Fault::file, "", fmt::format("there is no entry {}", quoted(ending)));
  }
  return *found;
}

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value & 0xFF);
    value >>= 8;
  }
}

/// An archive of stored entries.
std::string zipped(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  std::string directory;
  for (const auto& [name, data] : entries) {
    const auto checksum =
        crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
    std::string common;
    put(common, 20, 2);  // version needed
    put(common, 0, 8);   // flags, method, time and date
    put(common, checksum, 4);
    put(common, data.size(), 4);
    put(common, data.size(), 4);
    put(common, name.size(), 2);
    put(common, 0, 2);  // no extra field
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);  // version made by
    directory += common;
    put(directory, 0, 10);  // no comment, disk 0, attributes
    put(directory, out.size(), 4);
    directory += name;
    put(out, 0x04034b50, 4);
    out += common + name + data;
  }
  const std::size_t begin = out.size();
  out += directory;
  put(out, 0x06054b50, 4);
  put(out, 0, 4);  // disks
  put(out, entries.size(), 2);
  put(out, entries.size(), 2);
  put(out, directory.size(), 4);
  put(out, begin, 4);
  put(out, 0, 2);  // no comment
  return out;
}

/// The archive with every entry as `change` has it; without those for which it says so.
template <class Change>
std::string rezipped(const Bytes& file, Change&& change) {
  const Zip zip(file);
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Zip::Entry& entry : zip.entries()) {
    std::string data(zip.read(entry.name).text());
    if (change(entry.name, data)) entries.emplace_back(entry.name, std::move(data));
  }
  return zipped(entries);
}

std::string flip_in(const Bytes& file, std::string_view ending, std::int64_t offset) {
  const Zip zip(file);
  std::string bytes(file.text());
  flip(bytes, static_cast<std::int64_t>(entry_of(zip, ending).data) + offset);
  return bytes;
}

std::string replaced(const Bytes& file, std::string_view ending, std::string_view before,
                     std::string_view after) {
  entry_of(Zip(file), ending);
  return rezipped(file, [&](std::string_view name, std::string& data) {
    if (!name.ends_with(ending)) return true;
    const std::size_t at = data.find(before);
    if (at == std::string::npos) {
      throw Error(Fault::file, "", fmt::format("the entry has no {}", quoted(before)));
    }
    data.replace(at, before.size(), after);
    return true;
  });
}

std::string tensors(Cursor& cursor) {
  NamedTensors named;
  do {
    std::string name = cursor.quoted_text();
    const DType dtype = read_dtype(cursor);
    const std::vector<std::int64_t> shape = read_shape(cursor);
    named.emplace_back(std::move(name), read_elements(cursor, dtype, shape));
  } while (cursor.take(","));
  return std::string(bytes_of(write_tensors(named)).text());
}

std::string lines(Cursor& cursor) {
  std::string text;
  while (!cursor.at_line_end()) text += cursor.quoted_text() + "\n";
  return text;
}

}  // namespace

std::string damaged(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  const std::string_view word = cursor.word();
  if (word == "text") return lines(cursor);
  if (word == "tensors") return tensors(cursor);
  if (word == "repeat") {
    const std::int64_t count = cursor.integer();
    const std::string part = cursor.quoted_text();
    std::string text;
    for (std::int64_t i = 0; i < count; ++i) text += part;
    return text;
  }
  const Bytes file = read(cursor.word("./-"));
  std::string bytes(file.text());
  if (word == "copy") return bytes;
  if (word == "truncate") {
    bytes.resize(std::min(bytes.size(), static_cast<std::size_t>(cursor.integer())));
    return bytes;
  }
  if (word == "flip") {
    flip(bytes, cursor.integer());
    return bytes;
  }
  const std::string entry = cursor.quoted_text();
  if (word == "flip_in") return flip_in(file, entry, cursor.integer());
  if (word == "without") {
    entry_of(Zip(file), entry);
    return rezipped(file,
                    [&](std::string_view name, std::string&) { return !name.ends_with(entry); });
  }
  if (word == "replace") {
    const std::string before = cursor.quoted_text();
    return replaced(file, entry, before, cursor.quoted_text());
  }
  cursor.fail(fmt::format("there is no damage {}", quoted(word)), begin);
}

}  // namespace isomer::runner
