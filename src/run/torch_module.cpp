#include "run/torch_module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/text.h"

namespace isomer {
namespace {

constexpr std::string_view file_name = "libisomer_torch.so";
constexpr const char* entry_name = "isomer_torch_module";
constexpr const char* place_variable = "ISOMER_TORCH_MODULE";

struct Opened {
  const TorchModule* module = nullptr;
  std::string why;
};

std::filesystem::path own_file() {
  Dl_info info{};
  // Any address of this library will do.
  if (dladdr(reinterpret_cast<const void*>(&torch_module), &info) == 0) return {};
  return info.dli_fname == nullptr ? std::filesystem::path() : info.dli_fname;
}

// Named by the user, or else beside this library, or beside the program.
std::vector<std::filesystem::path> candidates() {
  if (const char* named = std::getenv(place_variable); named != nullptr && *named != '\0') {
    return {named};
  }
  std::vector<std::filesystem::path> places;
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  for (const auto& file : {own_file(), program}) {
    if (!file.empty()) places.push_back(file.parent_path() / file_name);
  }
  return places;
}

Opened open_file(const std::filesystem::path& path) {
  // Never closed: libtorch does not survive being unloaded.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return {nullptr,
            fmt::format("{} cannot be loaded: {}", path.string(), reason ? reason : "no reason")};
  }
  using Entry = const TorchModule* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, entry_name));
  if (entry == nullptr) {
    return {nullptr, fmt::format("{} is no torch module: it has no {}", path.string(), entry_name)};
  }
  const TorchModule* module = entry();
  if (module->version == torch_module_version) return {module, ""};
  return {nullptr,
          fmt::format("{} is version {} and this library needs version {}: build both anew",
                      path.string(), module->version, torch_module_version)};
}

Opened open_module() {
  std::string tried;
  for (const auto& path : candidates()) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return open_file(path);
    tried += (tried.empty() ? "" : " or ") + path.string();
  }
  return {nullptr, fmt::format("there is no {}: build with libtorch 2.13 installed, or name the "
                               "module's file in {}",
                               tried, place_variable)};
}

}  // namespace

const TorchModule* torch_module(std::string* why) {
  static const Opened opened = open_module();
  if (why != nullptr) *why = opened.why;
  return opened.module;
}

}  // namespace isomer
