// What comes from outside, read: whatever the bytes are, a reader gives a value or throws Error,
// and never one that says that the mistake is ours. FUZZED names the function.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../unit/codecs/zip_maker.h"
#include "base/error.h"
#include "codecs/json.h"
#include "codecs/npy.h"
#include "codecs/safetensors.h"
#include "codecs/torch_save.h"
#include "graph/text.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "systems/mgs/gsl/gsl.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/pt2/pt2.h"
#include "systems/replace_weights.h"

namespace isomer {
namespace {

void read_export(std::string file) {
  const auto files = in_memory({{"m.pt2", std::move(file)}});
  if (!pt2::recognises(*files, "m.pt2")) return;
  const Graph graph = pt2::read(*files, "m.pt2").graph;
  validate(graph);
  to_text(graph);
}

/// An archive, byte by byte.
[[maybe_unused]] void fuzz_archive(std::string_view bytes) { read_export(std::string(bytes)); }

/// The program of an archive in which all else is right.
[[maybe_unused]] void fuzz_program(std::string_view bytes) {
  const std::string numbers(4096, '\0');
  read_export(
      test::archive({{"m/archive_format", "pt2"},
                     {"m/models/model.json", std::string(bytes)},
                     {"m/data/weights/weight_0", numbers},
                     {"m/data/weights/model_weights_config.json",
                      R"({"config": {"w": {"path_name": "weight_0", "is_param": true,
"use_pickle": false, "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 4}, {"as_int": 4}],
"requires_grad": true, "device": {"type": "cpu", "index": null}, "strides": [{"as_int": 4},
{"as_int": 1}], "storage_offset": {"as_int": 0}, "layout": 7}}}})"},
                     {"m/data/constants/model_constants_config.json", R"({"config": {}})"}}));
}

/// A pickle in an archive of `torch.save`.
[[maybe_unused]] void fuzz_pickle(std::string_view bytes) {
  for (const SavedTensor& saved :
       read_state_dict(bytes_of(test::archive({{"x/data.pkl", std::string(bytes)},
                                               {"x/data/0", std::string(64, 'a')},
                                               {"x/data/1", std::string(8, 'b')}}))))
    saved.tensor.bytes.data();
}

[[maybe_unused]] void fuzz_weights(std::string_view bytes) {
  Graph graph;
  graph.name = "g";
  const Bytes file = bytes_of(std::string(bytes));
  with_weights(graph, bytes.starts_with("PK") ? "w.pth" : "w.safetensors", file);
}

[[maybe_unused]] void fuzz_arrays(std::string_view bytes) {
  const Bytes file = bytes_of(std::string(bytes));
  if (bytes.starts_with("PK")) {
    for (const StoredTensor& stored : read_npz(file)) stored.bytes.data();
  } else {
    read_npy(file).bytes.data();
  }
}

[[maybe_unused]] void fuzz_json(std::string_view bytes) {
  // Both readers, each of which may refuse.
  try {
    read_json_fast(bytes);
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
  }
  write_json(read_json(bytes));
}

/// What is read is written so that it is read as the same.
[[maybe_unused]] void fuzz_text(std::string_view bytes) {
  const std::string once = to_text(parse_graph(bytes));
  if (to_text(parse_graph(once)) != once) __builtin_trap();
}

/// A file of MGS: whatever is wrong with it is told, and what is read is written so that it is read
/// as the same.
template <class Read, class Print>
void read_twice(std::string_view bytes, std::string_view name, const Read& read,
                const Print& print) {
  mgs::Problems problems;
  const auto files = in_memory({{std::string(name), std::string(bytes)}});
  const auto tree = read(*files, name, problems);
  problems.diagnostics(tree.files);
  if (problems.errors() > 0) return;
  const std::string once = print(tree, true);
  const auto again = in_memory({{std::string(name), once}});
  if (print(read(*again, name), true) != once) __builtin_trap();
}

[[maybe_unused]] void fuzz_gsl(std::string_view bytes) {
  const auto read = [](const Files& files, std::string_view name, auto&... problems) {
    return mgs::gsl::read(files, name, problems...);
  };
  read_twice(bytes, "net.gsl", read,
             [](const auto& script, bool all) { return mgs::gsl::to_text(script, all); });
}

[[maybe_unused]] void fuzz_mdl(std::string_view bytes) {
  const auto read = [](const Files& files, std::string_view name, auto&... problems) {
    return mgs::mdl::read(files, name, problems...);
  };
  read_twice(bytes, "types.mdl", read,
             [](const auto& document, bool all) { return mgs::mdl::to_text(document, all); });
}

}  // namespace
}  // namespace isomer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    isomer::FUZZED({reinterpret_cast<const char*>(data), size});
  } catch (const isomer::Error& error) {
    if (error.fault() == isomer::Fault::bug) throw;
  }
  return 0;
}
