#include "codecs/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/refuse.h"
#include "codecs/zip.h"

// The format is NumPy's NEP 1: a mark, a version, and a header that is a Python dictionary of three
// keys.

namespace isomer {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct NumpyType {
  std::string_view numpy;  // without the byte order
  std::string_view stored;
  std::uint64_t size;
};

constexpr std::array numpy_types = {
    NumpyType{"b1", "BOOL", 1}, NumpyType{"i1", "I8", 1},  NumpyType{"u1", "U8", 1},
    NumpyType{"i2", "I16", 2},  NumpyType{"u2", "U16", 2}, NumpyType{"f2", "F16", 2},
    NumpyType{"i4", "I32", 4},  NumpyType{"u4", "U32", 4}, NumpyType{"f4", "F32", 4},
    NumpyType{"i8", "I64", 8},  NumpyType{"u8", "U64", 8}, NumpyType{"f8", "F64", 8},
    NumpyType{"c8", "C64", 8},
};

struct Header {
  std::string descr;
  std::optional<bool> fortran;
  std::optional<std::vector<std::int64_t>> shape;
};

/// Reads the one form of dictionary that NumPy writes: texts, True, False and tuples of integers.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  Header read() {
    Header header;
    demand('{');
    while (!accept('}')) {
      read_entry(header);
      if (!accept(',')) {
        demand('}');
        break;
      }
    }
    if (!trimmed(rest_).empty()) damaged();
    return header;
  }

 private:
  void read_entry(Header& header) {
    const std::string key = read_text();
    demand(':');
    if (!seen_.insert(key).second)
      refuse_file(fmt::format("its header has the key {} twice", quoted(key)));
    if (key == "descr") {
      skip_blanks();
      if (rest_.starts_with('[')) refuse_file("is a table of records; we read plain arrays");
      header.descr = read_text();
    } else if (key == "fortran_order") {
      header.fortran = read_flag();
    } else if (key == "shape") {
      header.shape = read_tuple();
    } else {
      refuse_file(fmt::format("its header has the unknown key {}", quoted(key)));
    }
  }

  std::string read_text() {
    skip_blanks();
    const char quote = rest_.empty() ? ' ' : rest_[0];
    if (quote != '\'' && quote != '"') damaged();
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) damaged();
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool read_flag() {
    skip_blanks();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    damaged();
  }

  std::vector<std::int64_t> read_tuple() {
    std::vector<std::int64_t> lengths;
    demand('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t length = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), length);
      if (error != std::errc() || length < 0) damaged();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      lengths.push_back(length);
      if (accept(',')) continue;
      demand(')');
      if (lengths.size() == 1) damaged();  // "(3)" is a number to Python
      break;
    }
    return lengths;
  }

  void skip_blanks() {
    const std::size_t begin = rest_.find_first_not_of(" \t\n");
    rest_.remove_prefix(std::min(begin, rest_.size()));
  }
  bool accept(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void demand(char wanted) {
    if (!accept(wanted)) damaged();
  }
  [[noreturn]] static void damaged() {
    refuse_file("its header is damaged: no dictionary as NumPy writes it");
  }

  std::string_view rest_;
  std::set<std::string> seen_;
};

const NumpyType& type_of(std::string_view descr) {
  if (descr.starts_with('>')) refuse_file("is big endian; save it as little endian");
  if (std::string_view("<|=").find(descr[0]) == std::string_view::npos)
    refuse_file(fmt::format("holds elements of type {}, which we do not read", quoted(descr)));
  const auto type = std::ranges::find(
      numpy_types, descr.substr(std::min<std::size_t>(1, descr.size())), &NumpyType::numpy);
  if (type == numpy_types.end())
    refuse_file(fmt::format("holds elements of type {}, which we do not read", quoted(descr)));
  return *type;
}

std::uint64_t number_at(std::string_view text, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = (value << 8U) | static_cast<unsigned char>(text[at + i]);
  return value;
}

}  // namespace

StoredTensor read_npy(const Bytes& file) {
  const std::string_view text = file.text();
  if (text.size() < 12 || !text.starts_with(magic)) refuse_file("is no .npy file");
  const auto version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3)
    refuse_file(fmt::format("is a .npy file of version {}; we read 1 to 3", version));
  const std::size_t width = version == 1 ? 2 : 4;
  const std::size_t begin = 8 + width;
  const std::uint64_t size = number_at(text, 8, width);
  if (size > text.size() - begin) refuse_file("is truncated: its header ends outside the file");

  const Header header = HeaderReader(text.substr(begin, size)).read();
  if (header.descr.empty() || !header.fortran || !header.shape) {
    refuse_file("its header lacks 'descr', 'fortran_order' or 'shape'");
  }
  if (*header.fortran && header.shape->size() > 1)
    refuse_file("is in Fortran order; save it in C order");
  const NumpyType& type = type_of(header.descr);

  std::uint64_t bytes = type.size;
  for (const std::int64_t length : *header.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(length), &bytes))
      refuse_file("its shape is too large");
  }
  const std::uint64_t there = text.size() - begin - size;
  if (bytes != there)
    refuse_file(fmt::format("has {} bytes of data; its type and shape make {}", there, bytes));
  return {"", std::string(type.stored), *header.shape, file.part(begin + size, bytes)};
}

std::vector<StoredTensor> read_npz(const Bytes& file) {
  constexpr std::string_view ending = ".npy";
  constexpr std::string_view unnamed = "arr_";
  const Zip zip(file);
  std::vector<StoredTensor> arrays;
  for (const Zip::Entry& entry : zip.entries()) {
    if (!entry.name.ends_with(ending))
      refuse_file(fmt::format("holds {}, which is no array", quoted(entry.name)));
    StoredTensor array =
        with_place(quoted(entry.name), [&] { return read_npy(zip.read(entry.name)); });
    array.name = entry.name.substr(0, entry.name.size() - ending.size());
    if (array.name.starts_with(unnamed)) array.name.replace(0, unnamed.size(), "in");
    arrays.push_back(std::move(array));
  }
  if (arrays.empty()) refuse_file("holds no array");
  return arrays;
}

Parts write_npy(const StoredTensor& tensor) {
  const auto type = std::ranges::find(numpy_types, tensor.dtype, &NumpyType::stored);
  if (type == numpy_types.end())
    refuse_file(fmt::format("NumPy has no type {}", quoted(tensor.dtype)));
  std::string shape;
  for (const std::int64_t length : tensor.shape)
    shape += fmt::format("{},{}", length, tensor.shape.size() == 1 ? "" : " ");
  while (tensor.shape.size() > 1 && (shape.ends_with(' ') || shape.ends_with(',')))
    shape.pop_back();
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   type->size == 1 ? '|' : '<', type->numpy, shape);
  // The data begin at a multiple of 64; the header ends with a line feed.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file(magic);
  file += '\x01';
  file += '\0';
  file += static_cast<char>(header.size() & 0xffU);
  file += static_cast<char>(header.size() >> 8U);
  return {bytes_of(file + header), tensor.bytes};
}

}  // namespace isomer
