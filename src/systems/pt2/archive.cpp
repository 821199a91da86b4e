#include "systems/pt2/archive.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "codecs/zip.h"
#include "systems/pt2/fields.h"
#include "systems/pt2/types.h"

namespace isomer::pt2 {
namespace {

constexpr std::string_view cure =
    "load and save it again with torch 2.9 or newer: "
    "torch.export.save(torch.export.load(path), path)";

[[noreturn]] void refuse(Fault fault, std::string_view what) { throw Error(fault, "", what); }

/// The records of an archive, by their names below the folder that holds all.
class Records {
 public:
  explicit Records(const Bytes& file) : zip_(file) {
    if (zip_.entries().empty()) refuse(Fault::file, "the archive is empty");
    const std::string& first = zip_.entries()[0].name;
    const std::size_t end = first.find('/');
    if (end == std::string::npos)
      refuse(Fault::file, "has no folder around its records: no archive of torch.export.save");
    root_ = first.substr(0, end + 1);
    for (const Zip::Entry& entry : zip_.entries()) {
      if (entry.name.starts_with(root_)) continue;
      refuse(Fault::file, fmt::format("entry {} lies outside of the folder {}, which holds all",
                                      quoted(entry.name), quoted(root_)));
    }
  }

  std::string folder() const { return root_.substr(0, root_.size() - 1); }
  bool has(std::string_view name) const { return zip_.find(root_ + std::string(name)) != nullptr; }
  Bytes read(std::string_view name) const {
    const std::string path = root_ + std::string(name);
    if (const Zip::Entry* entry = zip_.find(path)) check_packing(*entry);
    return zip_.read(path);
  }
  std::string_view text(std::string_view name) const { return trimmed(read(name).text()); }

  /// Names in a folder, without it, that end so.
  std::vector<std::string> inside(std::string_view folder, std::string_view ending) const {
    std::vector<std::string> names;
    const std::string begin = root_ + std::string(folder);
    for (const Zip::Entry& entry : zip_.entries()) {
      const std::string_view name = entry.name;
      if (name.starts_with(begin) && name.ends_with(ending))
        names.emplace_back(name.substr(begin.size()));
    }
    return names;
  }

 private:
  // torch.export.save packs nothing. What somebody packed since may not grow without bounds.
  static void check_packing(const Zip::Entry& entry) {
    constexpr std::uint64_t always_fine = 1ULL << 20U;
    constexpr std::uint64_t ratio = 64;
    if (entry.size <= always_fine || entry.size / ratio <= entry.stored) return;
    throw Error(Fault::file, "entry " + quoted(entry.name),
                fmt::format("{} bytes unpack to {}; save the model again, unpacked", entry.stored,
                            entry.size));
  }

  Zip zip_;
  std::string root_;
};

void check_kind(const Zip& zip) {
  const auto any = [&](std::string_view ending) {
    return std::ranges::any_of(
        zip.entries(), [&](const Zip::Entry& entry) { return entry.name.ends_with(ending); });
  };
  if (any("/archive_format")) return;
  if (any("serialized_exported_program.json")) {
    refuse(Fault::unsupported, fmt::format("was saved by torch 2.7 or older; {}", cure));
  }
  if (any("/constants.pkl")) {
    refuse(Fault::unsupported,
           "is a TorchScript archive; export the model with torch.export.export and "
           "torch.export.save");
  }
  if (any("/data.pkl")) {
    refuse(Fault::unsupported,
           "holds tensors and no program; export the model with torch.export.export and "
           "torch.export.save");
  }
  refuse(Fault::file, "is no archive of torch.export.save: it has no record 'archive_format'");
}

void check_versions(const Records& records) {
  if (records.text("archive_format") != "pt2") {
    refuse(Fault::file, fmt::format("its archive format is {}; we read 'pt2'",
                                    quoted(records.text("archive_format"))));
  }
  if (records.has("archive_version") && records.text("archive_version") != "0") {
    refuse(Fault::unsupported, fmt::format("its archive version is {}; we read 0",
                                           quoted(records.text("archive_version"))));
  }
  if (records.has("byteorder") && records.text("byteorder") != "little") {
    refuse(Fault::unsupported, "was saved on a big-endian machine; save it on a little-endian one");
  }
}

std::string find_model(const Records& records) {
  std::vector<std::string> models = records.inside("models/", ".json");
  for (std::string& model : models) model.resize(model.size() - 5);
  if (std::ranges::find(models, "model") != models.end()) return "model";
  if (models.empty()) refuse(Fault::file, "the archive has no program 'models/model.json'");
  if (models.size() > 1) {
    refuse(Fault::unsupported, fmt::format("the archive has several programs: {}; save one alone",
                                           fmt::join(models, ", ")));
  }
  return models[0];
}

/// Bounds what views laid out anew may make of their storages. An expanded tensor is larger than
/// its storage, and many may be views of one.
class Spread {
 public:
  explicit Spread(std::uint64_t file) : most_((64ULL << 20U) + 4 * file) {}

  void add(const Payload& payload, std::span<const std::int64_t> sizes,
           std::span<const std::int64_t> strides, DType dtype, std::uint64_t stored) {
    const auto bytes = static_cast<std::uint64_t>(count_elements(sizes)) * size_of(dtype);
    if (bytes <= stored && is_dense(sizes, strides)) return;  // stays where it is
    if (bytes <= most_ - total_) {
      total_ += bytes;
      return;
    }
    refuse(Fault::file,
           fmt::format("its sizes make {} bytes, with the views before it more than {}; record {} "
                       "has {}",
                       bytes, most_, quoted(payload.storage), stored));
  }

 private:
  static bool is_dense(std::span<const std::int64_t> sizes, std::span<const std::int64_t> strides) {
    std::int64_t step = 1;
    for (std::size_t i = sizes.size(); i-- > 0;) {
      if (i >= strides.size() || (sizes[i] != 1 && strides[i] != step)) return false;
      if (__builtin_mul_overflow(step, sizes[i], &step)) return false;
    }
    return true;
  }

  std::uint64_t most_;
  std::uint64_t total_ = 0;
};

/// A field that we do not know may change what the others mean.
void check_fields(const Tree& tree, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : as_map(tree)) {
    if (std::ranges::find(known, name) != known.end()) continue;
    refuse(Fault::unsupported,
           fmt::format("has the field {}; we know: {}", quoted(name), fmt::join(known, ", ")));
  }
}

/// The second of two equal keys in one map, anywhere in the tree; null when there are none. Our
/// readers would take the first, and Python's the last.
const std::pair<std::string, Tree>* repeated_key(const Tree& tree) {
  if (const Tree::List* list = tree.list()) {
    for (const Tree& child : *list) {
      if (const auto* found = repeated_key(child)) return found;
    }
  }
  const Tree::Map* map = tree.map();
  if (map == nullptr) return nullptr;
  std::unordered_set<std::string_view> many;
  for (std::size_t i = 0; i < map->size(); ++i) {
    constexpr std::size_t few = 16;
    const auto& [key, child] = (*map)[i];
    const bool twice =
        map->size() > few
            ? !many.insert(key).second
            : std::any_of(map->begin(), map->begin() + static_cast<std::ptrdiff_t>(i),
                          [&key = key](const auto& before) { return before.first == key; });
    if (twice) return &(*map)[i];
    if (const auto* found = repeated_key(child)) return found;
  }
  return nullptr;
}

Tree read_document(const Records& records, const std::string& name,
                   Tree (*read)(std::string_view)) {
  constexpr std::size_t largest = 256U << 20U;
  const Bytes bytes = records.read(name);
  if (bytes.data.size() > largest)
    refuse(Fault::unsupported,
           fmt::format("is {} bytes; we read programs of up to {}", bytes.data.size(), largest));
  Tree tree = read(bytes.text());
  if (repeated_key(tree) != nullptr) {
    // Only the careful reader knows places.
    const Tree again = read_json(bytes.text());
    const auto* twice = repeated_key(again);
    throw Error(Fault::file, line_and_column(bytes.text(), twice->second.offset),
                fmt::format("the key {} stands twice in one map", quoted(twice->first)));
  }
  return tree;
}

Payload read_payload(const Tree& meta, const Bytes& storage, std::string record, Spread& spread) {
  const Tree& tensor = field(meta, "tensor_meta");
  check_fields(meta, {"path_name", "is_param", "use_pickle", "tensor_meta"});
  check_fields(
      tensor, {"dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout"});
  const DType dtype = dtype_of_export(integer_field(tensor, "dtype"));
  check_layout(integer_field(tensor, "layout"));
  const auto numbers = [&](std::string_view name) {
    std::vector<std::int64_t> values;
    for (const Tree& item : list_field(tensor, name))
      values.push_back(integer_field(item, "as_int"));
    return values;
  };
  const std::vector<std::int64_t> sizes = numbers("sizes");
  const std::vector<std::int64_t> strides = numbers("strides");
  const std::int64_t offset = integer_field(field(tensor, "storage_offset"), "as_int");

  Payload payload;
  payload.storage = std::move(record);
  payload.view =
      fmt::format("{} {} {} {} {}", payload.storage, name_of(dtype), sizes, strides, offset);
  payload.trainable = flag_field(meta, "is_param") && flag_field(tensor, "requires_grad");
  spread.add(payload, sizes, strides, dtype, storage.data.size());
  payload.data = lay_out(dtype, sizes, strides, offset, storage);
  const auto bytes = payload.data.view().bytes;
  const bool odd = dtype == DType::boolean && std::ranges::any_of(bytes, [](std::byte b) {
                     return std::to_integer<int>(b) > 1;
                   });
  if (odd) refuse(Fault::file, "has a boolean that is neither 0 nor 1");
  return payload;
}

std::map<std::string, Payload> read_payloads(const Records& records, const std::string& folder,
                                             const std::string& config, Spread& spread) {
  std::map<std::string, Payload> payloads;
  // Several tensors may be views of one record, whose checksum is tested whenever it is read.
  std::map<std::string, Bytes> storages;
  const std::string name = folder + config;
  if (!records.has(name)) {
    if (!records.inside(folder, ".pt").empty())
      refuse(Fault::unsupported, fmt::format("was saved by torch 2.8; {}", cure));
    refuse(Fault::file, fmt::format("the record {} is missing", quoted(name)));
  }
  const Tree tree = with_place(config, [&] { return read_document(records, name, read_json); });
  for (const auto& entry : map_field(tree, "config")) {
    with_place("tensor " + quoted(entry.first), [&] {
      const auto& [fqn, meta] = entry;
      if (flag_field(meta, "use_pickle")) {
        refuse(Fault::unsupported, "is a pickled object; we read plain tensors");
      }
      const std::string& record = text_field(meta, "path_name");
      auto [storage, fresh] = storages.try_emplace(record);
      if (fresh) {
        if (!records.has(folder + record))
          refuse(Fault::file, fmt::format("its record {} is missing", quoted(record)));
        storage->second = records.read(folder + record);
      }
      payloads.emplace(fqn, read_payload(meta, storage->second, folder + record, spread));
    });
  }
  return payloads;
}

}  // namespace

Archive open_archive(const Bytes& file) {
  check_kind(Zip(file));
  const Records records(file);
  check_versions(records);
  const std::string model = find_model(records);
  Archive archive;
  archive.name = records.folder();
  archive.program = with_place(model + ".json", [&] {
    return read_document(records, "models/" + model + ".json", read_json_fast);
  });
  Spread spread(file.data.size());
  archive.weights = read_payloads(records, "data/weights/", model + "_weights_config.json", spread);
  archive.constants =
      read_payloads(records, "data/constants/", model + "_constants_config.json", spread);
  return archive;
}

bool looks_exported(const Bytes& file) {
  const std::string_view text = file.text();
  if (!text.starts_with("PK\x03\x04")) return false;
  // The directory stands at the end.
  constexpr std::size_t longest = 1U << 20U;
  const std::string_view tail = text.substr(text.size() > longest ? text.size() - longest : 0);
  return tail.find("/archive_format") != std::string_view::npos ||
         tail.find("serialized_exported_program.json") != std::string_view::npos;
}

}  // namespace isomer::pt2
