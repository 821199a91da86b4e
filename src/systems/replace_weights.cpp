#include "systems/replace_weights.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/torch_save.h"
#include "graph/pairs.h"
#include "systems/stored.h"

namespace isomer {
namespace {

using Stored = std::map<std::string, StoredTensor>;

Stored state_dict_of(const std::string& path, const Bytes& file) {
  Stored found;
  if (path.ends_with(".safetensors")) {
    for (StoredTensor& one : read_safetensors(file).tensors) found.emplace(one.name, one);
  } else if (path.ends_with(".pt") || path.ends_with(".pth")) {
    for (SavedTensor& one : read_state_dict(file))
      found.emplace(one.tensor.name, std::move(one.tensor));
  } else {
    throw Error(Fault::usage, "",
                "is no file of weights by its ending; there are: .safetensors, .pt, .pth");
  }
  return found;
}

/// What wraps a model puts its word in front of all names: distributed training, and compilation.
Stored without_wrappers(Stored stored, const std::set<std::string>& names) {
  for (const std::string_view word : {"module.", "_orig_mod.", "module."}) {
    const auto begins = [&](std::string_view name) { return name.starts_with(word); };
    const auto stored_begins = [&](const auto& one) { return begins(one.first); };
    if (!std::ranges::all_of(stored, stored_begins) || std::ranges::any_of(names, begins)) continue;
    Stored plain;
    for (auto& [name, tensor] : stored) plain.emplace(name.substr(word.size()), tensor);
    stored = std::move(plain);
  }
  return stored;
}

std::set<std::string> names_in(const Graph& graph) {
  std::set<std::string> names;
  for (const Constant& constant : graph.constants)
    names.insert(constant.names.begin(), constant.names.end());
  for (const State& state : graph.states) names.insert(state.names.begin(), state.names.end());
  return names;
}

/// Puts tensors in their places and remembers what does not fit.
class Replacing {
 public:
  explicit Replacing(const Stored& stored) : stored_(stored) {}

  void replace(Tensor& data, const std::vector<std::string>& names) {
    const Tensor before = data;
    bool found = false;
    std::vector<std::string> missing;
    for (const std::string& name : names) {
      const auto given = stored_.find(name);
      if (given == stored_.end()) {
        missing.push_back(quoted(name));
        continue;
      }
      used_.insert(name);
      Tensor tensor =
          with_place("tensor " + quoted(name), [&] { return tensor_of(given->second); });
      if (!is_complex(before.dtype())) tensor = as_pairs(tensor);
      if (tensor.type() != before.type()) {
        other_.push_back(fmt::format("{} is {} and should be {}", quoted(name),
                                     to_text(tensor.type()), to_text(before.type())));
      } else if (found && !tensor.same_bits(data)) {
        other_.push_back(fmt::format("{} and {} are one in the model, and differ", quoted(names[0]),
                                     quoted(name)));
      } else {
        data = tensor;
        found = true;
      }
    }
    // Files of tied weights may hold them once.
    if (!found) missing_.insert(missing_.end(), missing.begin(), missing.end());
  }

  void check() const {
    std::vector<std::string> spare;
    for (const auto& [name, tensor] : stored_) {
      if (!used_.contains(name)) spare.push_back(quoted(name));
    }
    std::vector<std::string> parts;
    if (!missing_.empty()) parts.push_back("has no " + listed(missing_));
    if (!spare.empty()) parts.push_back("has also " + listed(spare));
    if (!other_.empty()) parts.push_back(listed(other_, "; "));
    if (!parts.empty()) {
      throw Error(Fault::model, "",
                  fmt::format("does not fit the model's state_dict: {}", fmt::join(parts, "; ")));
    }
  }

 private:
  const Stored& stored_;
  std::set<std::string> used_;
  std::vector<std::string> missing_, other_;
};

}  // namespace

Graph with_weights(Graph graph, const std::string& path, const Bytes& file) {
  const Stored stored = without_wrappers(state_dict_of(path, file), names_in(graph));
  Replacing replacing(stored);
  for (Constant& constant : graph.constants) replacing.replace(constant.data, constant.names);
  for (State& state : graph.states) replacing.replace(state.initial, state.names);
  replacing.check();
  return graph;
}

}  // namespace isomer
