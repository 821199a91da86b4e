#include <algorithm>
#include <unordered_set>

#include "base/names.h"
#include "graph/text.h"
#include "systems/stored.h"
#include "systems/text/text.h"

namespace isomer {
namespace {

/// More elements than people read.
constexpr std::int64_t most_inline = 16;

constexpr std::string_view first_line = "isomer 1\n";

}  // namespace

Written write_text(const Graph& graph, std::string_view entry) {
  NamedTensors tensors;
  std::unordered_set<std::string> keys;
  std::string text = to_text(
      graph, [&](const Tensor& data, std::string_view name, const std::vector<std::string>& names) {
        // safetensors has no word for c128.
        if (data.count() <= most_inline || data.dtype() == DType::c128) return elements_text(data);
        // A state and a weight may have one name, and a value's name may be another weight's.
        std::string key = names.empty() ? std::string(name) : names[0];
        while (!keys.insert(key).second) key += "'";
        tensors.emplace_back(key, data);
        return "stored " + quoted_with(key, '"');
      });
  Written written;
  const std::string beside = weights_beside(entry);
  if (!tensors.empty()) {
    text.insert(first_line.size() - 1, " data " + quoted_with(beside, '"'));
  }
  written.files.push_back({std::string(entry), {bytes_of(std::move(text))}});
  if (!tensors.empty()) written.files.push_back({beside, write_tensors(tensors)});
  return written;
}

}  // namespace isomer
