#include "systems/pt2/archive.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "codecs/budget.h"
#include "codecs/json.h"
#include "codecs/torch_save.h"
#include "codecs/zip.h"
#include "graph/pairs.h"
#include "systems/pt2/fields.h"
#include "systems/pt2/types.h"
#include "systems/stored.h"

namespace isomer::pt2 {
namespace {

[[noreturn]] void refuse(Fault fault, std::string_view what) { throw Error(fault, "", what); }

/// What torch called its program before 2.8, in an archive that need not have a folder.
constexpr std::string_view old_program = "serialized_exported_program.json";

/// The records of an archive, by their names below the folder that holds all.
class Records {
 public:
  Records(const Bytes& bytes, std::string_view name)
      : file(name), made(made_of(bytes.size())), named(named_of(bytes.size())), zip_(bytes) {
    if (zip_.entries().empty()) refuse(Fault::file, "the archive is empty");
    const std::string& first = zip_.entries()[0].name;
    const std::size_t end = first.find('/');
    if (end == std::string::npos && zip_.find(old_program) == nullptr)
      refuse(Fault::file, "has no folder around its records: no archive of torch.export.save");
    root_ = first.substr(0, end + 1);  // of none nothing
    for (const Zip::Entry& entry : zip_.entries()) {
      if (entry.name.starts_with(root_)) continue;
      refuse(Fault::file, fmt::format("entry {} lies outside of the folder {}, which holds all",
                                      quoted(entry.name), quoted(root_)));
    }
  }

  std::string folder() const { return root_.empty() ? "Model" : root_.substr(0, root_.size() - 1); }
  bool has(std::string_view name) const { return zip_.find(root_ + std::string(name)) != nullptr; }
  Bytes read(std::string_view name) {
    const std::string path = root_ + std::string(name);
    const Zip::Entry* entry = zip_.find(path);
    // torch.export.save packs nothing.
    if (entry != nullptr && entry->method != 0 && !made.takes(entry->size)) {
      throw Error(
          Fault::file, "entry " + quoted(path),
          fmt::format("{} bytes unpack to {}, with what was unpacked before it to more than "
                      "{}; save the model again, unpacked",
                      entry->stored, entry->size, made.most));
    }
    return zip_.read(path);
  }
  std::string text(std::string_view name) { return std::string(trimmed(read(name).text())); }

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

  const std::string file;  // its name
  Budget made;
  Budget named;

 private:
  Zip zip_;
  std::string root_;
};

void check_kind(const Zip& zip) {
  const auto any = [&](std::string_view ending) {
    return std::ranges::any_of(
        zip.entries(), [&](const Zip::Entry& entry) { return entry.name.ends_with(ending); });
  };
  if (any("/archive_format") || any(old_program)) return;
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

void check_versions(Records& records) {
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
    refuse(Fault::unsupported,
           fmt::format("the archive has several programs: {}; save one alone", listed(models)));
  }
  return models[0];
}

/// A field that we do not know may change what the others mean.
void check_fields(const Tree& tree, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : as_map(tree)) {
    if (std::ranges::find(known, name) != known.end()) continue;
    refuse(Fault::unsupported,
           fmt::format("has the field {}; we know: {}", quoted(name), listed(known)));
  }
}

Tree read_document(Records& records, const std::string& name, Tree (*read)(std::string_view)) {
  constexpr std::size_t largest = 256U << 20U;
  const Bytes bytes = records.read(name);
  if (bytes.size() > largest)
    refuse(Fault::unsupported,
           fmt::format("is {} bytes; we read programs of up to {}", bytes.size(), largest));
  Tree tree = read(bytes.text());
  refuse_repeated_keys(tree, bytes.text());
  return tree;
}

/// Tensors by their views: tied ones are laid out once.
using Views = std::map<std::string, Tensor>;

Bytes checked(const Bytes& given, DType dtype) {
  const Bytes bytes = given.now();
  const std::span<const std::byte> data = bytes.data();
  if (dtype == DType::boolean &&
      std::ranges::any_of(data, [](std::byte b) { return b > std::byte{1}; }))
    refuse(Fault::file, "has a boolean that is neither 0 nor 1");
  return bytes;
}

std::vector<std::int64_t> numbers_in(const Tree& tensor, std::string_view name) {
  std::vector<std::int64_t> values;
  for (const Tree& item : list_field(tensor, name)) values.push_back(integer_field(item, "as_int"));
  return values;
}

/// `place` is for what is found when the tensor is used.
Payload read_payload(const Tree& meta, const Bytes& storage, std::string record, Records& records,
                     Views& views, const std::string& place) {
  const Tree& tensor = field(meta, "tensor_meta");
  check_fields(meta, {"path_name", "is_param", "use_pickle", "tensor_meta"});
  check_fields(
      tensor, {"dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout"});
  const DType dtype = dtype_of_export(integer_field(tensor, "dtype"));
  check_layout(integer_field(tensor, "layout"));
  const std::vector<std::int64_t> sizes = numbers_in(tensor, "sizes");
  const std::vector<std::int64_t> strides = numbers_in(tensor, "strides");
  const std::int64_t offset = integer_field(field(tensor, "storage_offset"), "as_int");

  Payload payload;
  payload.storage = std::move(record);
  payload.view =
      fmt::format("{} {} {} {} {}", payload.storage, name_of(dtype), sizes, strides, offset);
  payload.complex = is_complex(dtype);
  payload.trainable = flag_field(meta, "is_param") && flag_field(tensor, "requires_grad");
  const auto size = static_cast<std::uint64_t>(count_elements(sizes)) * size_of(dtype);
  if (const auto known = views.find(payload.view); known != views.end()) {
    if (!records.named.takes(size)) {
      refuse(Fault::file, fmt::format("has {} bytes, with the tied tensors before it more than {}",
                                      size, records.named.most));
    }
    payload.data = known->second;
    return payload;
  }
  if (!records.made.takes(size)) {
    refuse(Fault::file,
           fmt::format("its sizes make {} bytes, with the views before it more than {}; record {} "
                       "has {}",
                       size, records.made.most, quoted(payload.storage), storage.size()));
  }
  const DType stored = dtype == DType::boolean ? DType::u8 : dtype;
  const Bytes bytes = lay_out(stored, sizes, strides, offset, storage).bytes();
  payload.data =
      as_pairs(Tensor(dtype, sizes, Bytes::later(bytes.size(), [=] {
                        return with_place(place, [&] {
                          storage.data();  // whose checksum is verified once for all views
                          return checked(bytes, dtype);
                        });
                      })));
  views.emplace(payload.view, payload.data);
  return payload;
}

std::map<std::string, Payload> read_payloads(Records& records, const std::string& folder,
                                             const std::string& config) {
  std::map<std::string, Payload> payloads;
  Views views;
  // Several tensors may be views of one record, whose checksum is verified once.
  std::map<std::string, Bytes> storages;
  const std::string name = folder + config;
  if (!records.has(name))
    refuse(Fault::file, fmt::format("the record {} is missing", quoted(name)));
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
      const std::string place = fmt::format("{}: tensor {}", records.file, quoted(fqn));
      payloads.emplace(fqn,
                       read_payload(meta, storage->second, folder + record, records, views, place));
    });
  }
  return payloads;
}

/// Tensors in a pickle of their own, as torch wrote them up to 2.8.
std::map<std::string, Payload> read_pickled(Records& records, const std::string& name) {
  if (!records.has(name))
    refuse(Fault::file, fmt::format("the record {} is missing", quoted(name)));
  return with_place(name, [&] {
    std::map<std::string, Payload> payloads;
    for (SavedTensor& saved : read_saved(records.read(name))) {
      const Tensor tensor = with_place("tensor " + quoted(saved.tensor.name),
                                       [&] { return tensor_of(saved.tensor); });
      Payload payload{as_pairs(tensor), saved.trainable, is_complex(tensor.dtype()),
                      name + "/" + saved.storage, name + "/" + saved.view};
      payloads.emplace(saved.tensor.name, std::move(payload));
    }
    return payloads;
  });
}

/// What torch 2.9 and its forerunners call the list of a model's weights or constants; else there
/// is a pickle of 2.8.
std::map<std::string, Payload> read_tensors_of(Records& records, const std::string& model,
                                               const std::string& kind,
                                               std::initializer_list<std::string_view> configs) {
  const std::string folder = "data/" + kind + "/";
  for (const std::string_view config : configs) {
    const std::string name = fmt::format("{}_{}_config.json", model, config);
    if (records.has(folder + name)) return read_payloads(records, folder, name);
  }
  if (const std::string pickle = folder + model + ".pt"; records.has(pickle))
    return read_pickled(records, pickle);
  return read_payloads(records, folder, fmt::format("{}_{}_config.json", model, *configs.begin()));
}

}  // namespace

Archive open_archive(const Bytes& bytes, std::string_view file) {
  check_kind(Zip(bytes));
  Records records(bytes, file);
  Archive archive;
  archive.name = records.folder();
  if (records.has(old_program)) {
    archive.program = with_place(old_program, [&] {
      return read_document(records, std::string(old_program), read_json_fast);
    });
    archive.weights = read_pickled(records, "serialized_state_dict.pt");
    archive.constants = read_pickled(records, "serialized_constants.pt");
    return archive;
  }
  check_versions(records);
  const std::string model = find_model(records);
  archive.program = with_place(model + ".json", [&] {
    return read_document(records, "models/" + model + ".json", read_json_fast);
  });
  archive.weights = read_tensors_of(records, model, "weights", {"weights", "model_param"});
  archive.constants =
      read_tensors_of(records, model, "constants", {"constants", "model_constants"});
  return archive;
}

bool looks_exported(const Bytes& file) {
  const std::string_view text = file.text();
  if (!text.starts_with("PK\x03\x04")) return false;
  // The directory stands at the end.
  constexpr std::size_t longest = 1U << 20U;
  const std::string_view tail = text.substr(text.size() > longest ? text.size() - longest : 0);
  return tail.find("/archive_format") != std::string_view::npos ||
         tail.find(old_program) != std::string_view::npos;
}

}  // namespace isomer::pt2
