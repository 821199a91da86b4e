#include "cli/tensor_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "cli/staging.h"
#include "codecs/npy.h"
#include "codecs/torch_save.h"
#include "systems/stored.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> port_names(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return names;
}

/// What the endings of files of tensors with names mean.
struct Form {
  std::string_view ending;
  std::vector<StoredTensor> (*read)(const Bytes&);
};

constexpr Form forms[] = {
    {".safetensors", [](const Bytes& file) { return read_safetensors(file).tensors; }},
    {".npz", read_npz},
    {".pt", read_torch_save},
    {".pth", read_torch_save},
};

const Form* form_of(std::string_view path) {
  const auto found =
      std::ranges::find_if(forms, [&](const Form& form) { return path.ends_with(form.ending); });
  return found == std::end(forms) ? nullptr : &*found;
}

/// Files without an ending are taken for safetensors.
std::map<std::string, Tensor, std::less<>> named_tensors(const std::string& path) {
  std::map<std::string, Tensor, std::less<>> found;
  const Form* form = form_of(path);
  const Bytes file = map_file(path);
  with_place(path, [&] {
    for (const StoredTensor& one : (form == nullptr ? forms[0] : *form).read(file))
      found.emplace(one.name, tensor_of(one));
  });
  return found;
}

/// Which tensors a file should have, for whom, and how else they may be called: "in" for in0, ...
struct Wanted {
  std::span<const Port> ports;
  std::string_view verb;  // "takes"
  std::string_view numbered;
  std::vector<bool> optional = {};  // by port; empty: none is
};

std::vector<std::optional<Tensor>> tensors_by_name(const std::string& path, const Wanted& wanted) {
  const std::map<std::string, Tensor, std::less<>> stored = named_tensors(path);
  std::vector<std::optional<Tensor>> tensors;
  std::vector<std::string> missing;
  std::set<std::string> used;
  for (std::size_t i = 0; i < wanted.ports.size(); ++i) {
    const std::string& name = wanted.ports[i].name;
    const std::string number =
        wanted.numbered.empty() ? "" : fmt::format("{}{}", wanted.numbered, i);
    auto found = stored.find(name);
    if (found == stored.end() && !number.empty()) found = stored.find(number);
    if (found == stored.end() && !wanted.optional.empty() && wanted.optional[i]) {
      tensors.emplace_back();
      continue;
    }
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

std::vector<Tensor> all_of(std::vector<std::optional<Tensor>> some) {
  std::vector<Tensor> all;
  for (std::optional<Tensor>& one : some) all.push_back(std::move(*one));
  return all;
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
  return all_of(read_some_inputs(paths, ports, {}));
}

std::vector<std::optional<Tensor>> read_some_inputs(std::span<const std::string> paths,
                                                    std::span<const Port> ports,
                                                    const std::vector<bool>& optional) {
  const auto is_npy = [](const std::string& path) { return path.ends_with(".npy"); };
  const bool none_needed =
      std::ranges::all_of(optional, std::identity()) && optional.size() == ports.size();
  if (paths.empty() && none_needed) return std::vector<std::optional<Tensor>>(ports.size());
  if (paths.empty()) {
    throw Error(Fault::usage, "--inputs",
                fmt::format("it is needed: the model takes {}", listed(port_names(ports))));
  }
  if (std::ranges::all_of(paths, is_npy)) {
    std::vector<Tensor> all = inputs_by_position(paths, ports);
    return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
  }
  if (paths.size() != 1) {
    throw Error(Fault::usage, "--inputs",
                "takes one file of tensors (.safetensors, .npz, .pt), or one .npy file for each "
                "input");
  }
  return tensors_by_name(paths[0], {ports, "takes", "in", optional});
}

std::vector<std::pair<std::string, std::vector<Tensor>>> read_cases(const std::string& folder,
                                                                    std::span<const Port> ports) {
  constexpr std::size_t most = 10'000;
  std::vector<std::string> paths;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string path = entry.path().string();
    if (form_of(path) == nullptr && !path.ends_with(".npy")) continue;
    paths.push_back(path);
    if (paths.size() > most)
      throw Error(Fault::usage, "--cases", fmt::format("{} holds too many files", folder));
  }
  if (failed) throw Error(Fault::file, folder, "cannot be looked into: " + failed.message());
  if (paths.empty()) {
    throw Error(Fault::file, folder, "holds no file of tensors: .safetensors, .npz, .pt or .npy");
  }
  std::ranges::sort(paths);
  std::vector<std::pair<std::string, std::vector<Tensor>>> cases;
  for (const std::string& path : paths)
    cases.emplace_back(path, read_inputs(std::span(&path, 1), ports));
  return cases;
}

void read_states(const std::string& path, Runnable& model) {
  std::vector<Port> ports = model.states;
  std::vector<bool> optional(ports.size(), false);
  // Which values are under way, is not known before.
  for (const auto& [name, tensor] : named_tensors(path)) {
    if (!name.starts_with(progress_prefix)) continue;
    ports.push_back({name, tensor.type()});
    optional.push_back(true);
  }
  std::vector<std::optional<Tensor>> found = tensors_by_name(path, {ports, "keeps", "", optional});
  std::vector<Tensor> states;
  NamedTensors progress;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i < model.states.size())
      states.push_back(*found[i]);
    else
      progress.emplace_back(ports[i].name, *found[i]);
  }
  with_place(path, [&] {
    model.executor->set_states(states);
    if (model.resume) model.resume(progress);
  });
}

void check_tensor_file(const std::string& path, std::span<const std::string> inputs) {
  if (!path.ends_with(".npy") && !path.ends_with(".safetensors")) {
    throw Error(Fault::usage, path,
                "has no ending of a file of tensors; .safetensors and .npy are written");
  }
  check_not_read(path, inputs);
}

std::string name_of_output(const Runnable& model, std::size_t i) {
  return i < model.outputs.size() ? model.outputs[i].name : fmt::format("out{}", i);
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

void write_states(const std::string& path, const Runnable& model, std::span<const Tensor> states) {
  NamedTensors content;
  if (model.progress) content = model.progress();
  for (std::size_t i = 0; i < states.size(); ++i)
    content.emplace_back(model.states[i].name, states[i]);
  save(path, write_tensors(content));
}

}  // namespace isomer::cli
