#include "cli/tensor_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "cli/staging.h"
#include "codecs/npy.h"
#include "codecs/safetensors.h"
#include "systems/stored.h"

namespace isomer::cli {
namespace {

std::vector<std::string> port_names(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return names;
}

std::vector<Tensor> inputs_by_name(const std::string& path, std::span<const Port> ports) {
  std::map<std::string, Tensor, std::less<>> stored;
  const Bytes file = map_file(path);
  with_place(path, [&] {
    for (const StoredTensor& tensor : read_safetensors(file).tensors) {
      stored.emplace(tensor.name, tensor_of(tensor));
    }
  });
  std::vector<Tensor> inputs;
  std::vector<std::string> missing;
  std::set<std::string> used;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    auto found = stored.find(ports[i].name);
    if (found == stored.end()) found = stored.find(fmt::format("in{}", i));
    if (found == stored.end()) {
      missing.push_back(fmt::format("'{}' (or 'in{}')", ports[i].name, i));
      continue;
    }
    inputs.push_back(found->second);
    used.insert(found->first);
  }
  if (!missing.empty()) {
    throw Error(Fault::model, path,
                fmt::format("has no tensor {}; the model takes: {}", listed(missing),
                            listed(port_names(ports))));
  }
  std::vector<std::string> spare;
  for (const auto& [name, tensor] : stored) {
    if (!used.contains(name)) spare.push_back(quoted(name));
  }
  // A model without inputs must be given some file.
  if (!spare.empty() && !ports.empty()) {
    throw Error(Fault::model, path,
                fmt::format("has also {}; the model takes one tensor for each of: {}",
                            listed(spare), listed(port_names(ports))));
  }
  return inputs;
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
  return inputs_by_name(paths[0], ports);
}

void check_tensor_file(const std::string& path, std::span<const std::string> inputs) {
  if (!path.ends_with(".npy") && !path.ends_with(".safetensors")) {
    throw Error(Fault::usage, path,
                "has no ending of a file of tensors; .safetensors and .npy are written");
  }
  for (const std::string& input : inputs) {
    std::error_code unknown;
    if (std::filesystem::equivalent(path, input, unknown)) {
      throw Error(Fault::usage, path,
                  "cannot be written: the inputs are read from it; choose another name");
    }
  }
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
  SafeTensors content;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    content.tensors.push_back(stored(outputs[i], fmt::format("out{}", i)));
  save(path, write_safetensors(content));
}

}  // namespace isomer::cli
