#include "codecs/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "codecs/refuse.h"

namespace isomer {
namespace {

constexpr std::uint64_t largest_header = 100'000'000;

struct StoredType {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array stored_types = {
    StoredType{"BOOL", 1},    StoredType{"U8", 1},      StoredType{"I8", 1},
    StoredType{"F8_E4M3", 1}, StoredType{"F8_E5M2", 1}, StoredType{"F8_E8M0", 1},
    StoredType{"I16", 2},     StoredType{"U16", 2},     StoredType{"F16", 2},
    StoredType{"BF16", 2},    StoredType{"I32", 4},     StoredType{"U32", 4},
    StoredType{"F32", 4},     StoredType{"I64", 8},     StoredType{"U64", 8},
    StoredType{"F64", 8},     StoredType{"C64", 8},
};

std::uint64_t element_size(std::string_view dtype) {
  const auto type = std::ranges::find(stored_types, dtype, &StoredType::name);
  if (type == stored_types.end())
    refuse_file(fmt::format("its type {} is none of safetensors'", quoted(dtype)));
  return type->size;
}

std::uint64_t byte_count(const StoredTensor& tensor) {
  std::uint64_t size = element_size(tensor.dtype);
  for (const std::int64_t length : tensor.shape) {
    if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(length), &size)) {
      refuse_file("its shape has more elements than a file can hold");
    }
  }
  return size;
}

std::vector<std::int64_t> read_lengths(const Tree* tree, std::string_view field) {
  std::vector<std::int64_t> lengths;
  if (tree == nullptr || tree->list() == nullptr)
    refuse_file(fmt::format("'{}' must be a list of integers", field));
  for (const Tree& item : *tree->list()) {
    const std::int64_t* length = item.integer();
    if (length == nullptr || *length < 0) {
      refuse_file(fmt::format("'{}' must be a list of integers that are not negative", field));
    }
    lengths.push_back(*length);
  }
  return lengths;
}

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::size_t tensor = 0;
};

Range read_tensor(const Tree& tree, const Bytes& data, StoredTensor& tensor) {
  const Tree* dtype = tree.find("dtype");
  if (dtype == nullptr || dtype->text() == nullptr) refuse_file("'dtype' must be a text");
  tensor.dtype = *dtype->text();
  tensor.shape = read_lengths(tree.find("shape"), "shape");
  const auto offsets = read_lengths(tree.find("data_offsets"), "data_offsets");
  if (offsets.size() != 2) refuse_file("'data_offsets' must be two integers");
  const Range range{static_cast<std::uint64_t>(offsets[0]), static_cast<std::uint64_t>(offsets[1])};
  if (range.begin > range.end || range.end > data.size()) {
    refuse_file(fmt::format("its bytes {} to {} reach out of the file's {}", range.begin, range.end,
                            data.size()));
  }
  const std::uint64_t size = byte_count(tensor);
  if (range.end - range.begin != size) {
    refuse_file(
        fmt::format("has {} bytes; its type and shape make {}", range.end - range.begin, size));
  }
  tensor.bytes = data.part(range.begin, size);
  return range;
}

std::map<std::string, std::string> read_metadata(const Tree& tree) {
  std::map<std::string, std::string> metadata;
  if (tree.map() == nullptr)
    refuse_file(fmt::format("'__metadata__' must be a map and is {}", kind_of(tree)));
  for (const auto& [key, value] : *tree.map()) {
    if (value.text() == nullptr)
      refuse_file(fmt::format("metadata {} must be a text and is {}", quoted(key), kind_of(value)));
    metadata[key] = *value.text();
  }
  return metadata;
}

/// The tensors' bytes tile the data: nothing twice, nothing unused.
void check_tiling(std::vector<Range> ranges, const SafeTensors& content, std::uint64_t size) {
  std::ranges::sort(ranges, [](const Range& a, const Range& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t reached = 0;
  for (const Range& range : ranges) {
    if (range.begin != reached) {
      throw Error(Fault::file, "tensor " + quoted(content.tensors[range.tensor].name),
                  range.begin < reached ? "its bytes lie over another tensor's"
                                        : "there is a hole before its bytes");
    }
    reached = range.end;
  }
  if (reached != size)
    refuse_file(fmt::format("{} bytes after the last tensor belong to none", size - reached));
}

Tree header_of(const SafeTensors& content, const std::vector<std::uint64_t>& begins) {
  Tree::Map header;
  if (!content.metadata.empty()) {
    Tree::Map metadata;
    for (const auto& [key, value] : content.metadata) metadata.emplace_back(key, Tree{value});
    header.emplace_back("__metadata__", Tree{std::move(metadata)});
  }
  for (std::size_t i = 0; i < content.tensors.size(); ++i) {
    const StoredTensor& tensor = content.tensors[i];
    Tree::List shape;
    for (const std::int64_t length : tensor.shape) shape.push_back(Tree{length});
    const auto begin = static_cast<std::int64_t>(begins[i]);
    const auto size = static_cast<std::int64_t>(tensor.bytes.size());
    Tree::Map entry;
    entry.emplace_back("dtype", Tree{tensor.dtype});
    entry.emplace_back("shape", Tree{std::move(shape)});
    entry.emplace_back("data_offsets", Tree{Tree::List{Tree{begin}, Tree{begin + size}}});
    header.emplace_back(tensor.name, Tree{std::move(entry)});
  }
  return Tree{std::move(header)};
}

void check_writable(const SafeTensors& content) {
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : content.tensors) {
    if (tensor.name == "__metadata__" || !is_utf8(tensor.name)) {
      throw Error(Fault::unsupported, "tensor " + quoted(tensor.name),
                  "safetensors cannot hold that name; names are UTF-8, and not '__metadata__'");
    }
    expect(names.insert(tensor.name).second, "tensors to write have names of their own");
    expect(byte_count(tensor) == tensor.bytes.size(),
           "a tensor to write has the bytes its shape says");
  }
}

}  // namespace

SafeTensors read_safetensors(const Bytes& file) {
  const std::string_view text = file.text();
  if (text.size() < 8) refuse_file("is no safetensors file: it is too short");
  std::uint64_t size = 0;
  for (std::size_t i = 8; i-- > 0;) size = (size << 8U) | static_cast<unsigned char>(text[i]);
  if (size > largest_header || size > text.size() - 8) {
    refuse_file(fmt::format(
        "is no safetensors file, or a truncated one: its header would be {} bytes long", size));
  }
  const std::string_view words = text.substr(8, size);
  if (!words.starts_with('{')) refuse_file("is no safetensors file: its header begins with no '{'");
  const Tree header = with_place("header", [&] { return read_json(words); });

  const Bytes data = file.part(8 + size, text.size() - 8 - size);
  SafeTensors content;
  std::vector<Range> ranges;
  std::set<std::string_view> names;
  for (const auto& entry : *header.map()) {
    with_place([&] { return "tensor " + quoted(entry.first); },
               [&] {
                 const auto& [name, tree] = entry;
                 if (!names.insert(name).second) refuse_file("stands twice in the header");
                 if (name == "__metadata__") {
                   content.metadata = read_metadata(tree);
                   return;
                 }
                 StoredTensor tensor;
                 tensor.name = name;
                 ranges.push_back(read_tensor(tree, data, tensor));
                 ranges.back().tensor = content.tensors.size();
                 content.tensors.push_back(std::move(tensor));
               });
  }
  with_place("header", [&] { refuse_repeated_keys(header, words); });
  check_tiling(std::move(ranges), content, data.size());
  return content;
}

Parts write_safetensors(const SafeTensors& content) {
  check_writable(content);
  // Wide elements first, so that each tensor begins at a multiple of its element's size.
  std::vector<std::size_t> order(content.tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return element_size(content.tensors[i].dtype); });
  std::vector<std::uint64_t> begins(order.size());
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    begins[i] = end;
    end += content.tensors[i].bytes.size();
  }

  std::string header =
      write_json(header_of(content, begins), {.indent = 0, .ascii = true, .inline_lists = 0});
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string size;
  for (std::size_t i = 0; i < 8; ++i) size += static_cast<char>((header.size() >> (8 * i)) & 0xffU);
  Parts file{bytes_of(size + header)};
  for (const std::size_t i : order) file.push_back(content.tensors[i].bytes);
  return file;
}

}  // namespace isomer
