#include "cli/tensor_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "cli/staging.h"
#include "codecs/npy.h"
#include "systems/stored.h"

namespace isomer::cli {
namespace {

std::vector<std::string> port_names(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return names;
}

/// Which tensors a file should have, for whom, and how else they may be called: "in" for in0, ...
struct Wanted {
  std::span<const Port> ports;
  std::string_view verb;  // "takes"
  std::string_view numbered;
};

std::vector<Tensor> tensors_by_name(const std::string& path, const Wanted& wanted) {
  std::map<std::string, Tensor, std::less<>> stored;
  const Bytes file = map_file(path);
  with_place(path, [&] {
    for (auto& [name, tensor] : read_tensors(file)) stored.emplace(name, std::move(tensor));
  });
  std::vector<Tensor> tensors;
  std::vector<std::string> missing;
  std::set<std::string> used;
  for (std::size_t i = 0; i < wanted.ports.size(); ++i) {
    const std::string& name = wanted.ports[i].name;
    const std::string number =
        wanted.numbered.empty() ? "" : fmt::format("{}{}", wanted.numbered, i);
    auto found = stored.find(name);
    if (found == stored.end() && !number.empty()) found = stored.find(number);
    if (found == stored.end()) {
      missing.push_back(number.empty() ? quoted(name)
                                       : fmt::format("'{}' (or '{}')", name, number));
      continue;
    }
    tensors.push_back(found->second);
    used.insert(found->first);
  }
  if (!missing.empty()) {
    throw Error(Fault::model, path,
                fmt::format("has no tensor {}; the model {}: {}", listed(missing), wanted.verb,
                            listed(port_names(wanted.ports))));
  }
  std::vector<std::string> spare;
  for (const auto& [name, tensor] : stored) {
    if (!used.contains(name)) spare.push_back(quoted(name));
  }
  // A model without inputs must be given some file.
  if (!spare.empty() && !wanted.ports.empty()) {
    throw Error(Fault::model, path,
                fmt::format("has also {}; the model {} one tensor for each of: {}", listed(spare),
                            wanted.verb, listed(port_names(wanted.ports))));
  }
  return tensors;
}

std::vector<Tensor> inputs_by_position(std::span<const std::string> paths,
                                       std::span<const Port> ports) {
  if (paths.size() != ports.size()) {
    throw Error(
        Fault::usage, "--inputs",
        fmt::format("{} given and {} wanted, one for each of: {}",
                    counted(paths.size(), "npy file"), ports.size(), listed(port_names(ports))));
  }
  std::vector<Tensor> inputs;
  for (const std::string& path : paths) {
    const Bytes file = map_file(path);
    inputs.push_back(with_place(path, [&] { return tensor_of(read_npy(file)); }));
  }
  return inputs;
}

}  // namespace

std::vector<Tensor> read_inputs(std::span<const std::string> paths, std::span<const Port> ports) {
  const auto is_npy = [](const std::string& path) { return path.ends_with(".npy"); };
  if (std::ranges::all_of(paths, is_npy)) return inputs_by_position(paths, ports);
  if (paths.size() != 1) {
    throw Error(Fault::usage, "--inputs",
                "takes one safetensors file, or one npy file for each input");
  }
  return tensors_by_name(paths[0], {ports, "takes", "in"});
}

std::vector<Tensor> read_states(const std::string& path, std::span<const Port> ports) {
  return tensors_by_name(path, {ports, "keeps", ""});
}

void check_tensor_file(const std::string& path, std::span<const std::string> inputs) {
  if (!path.ends_with(".npy") && !path.ends_with(".safetensors")) {
    throw Error(Fault::usage, path,
                "has no ending of a file of tensors; .safetensors and .npy are written");
  }
  check_not_read(path, inputs);
}

void write_outputs(const std::string& path, std::span<const Tensor> outputs) {
  if (path.ends_with(".npy")) {
    if (outputs.size() != 1) {
      throw Error(Fault::usage, path,
                  fmt::format("the model has {}; only a safetensors file holds several",
                              counted(outputs.size(), "output")));
    }
    save(path, write_npy(stored(outputs[0], "")));
    return;
  }
  NamedTensors content;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    content.emplace_back(fmt::format("out{}", i), outputs[i]);
  save(path, write_tensors(content));
}

void write_states(const std::string& path, std::span<const Port> ports,
                  std::span<const Tensor> states) {
  NamedTensors content;
  for (std::size_t i = 0; i < ports.size(); ++i) content.emplace_back(ports[i].name, states[i]);
  save(path, write_tensors(content));
}

}  // namespace isomer::cli
