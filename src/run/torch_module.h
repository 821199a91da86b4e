#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "run/engine.h"

namespace isomer {

/// What the module made with libtorch offers. The module is a shared object beside the program,
/// opened when the torch engine is first asked for; its one exported function is `extern "C" const
/// TorchModule* isomer_torch_module()`.
struct TorchModule {
  /// Must equal `torch_module_version` of who opens it.
  int version;
  const char* torch_version;  // "2.13.0"
  std::unique_ptr<Executor> (*make_executor)(Graph, const EngineOptions&);
  std::unique_ptr<Executor> (*make_gradient)(Graph, const EngineOptions&);
  /// Whether it has a call, or code of its own, for ours.
  bool (*runs)(std::string_view op);
  /// Whether PyTorch's operator for ours may give out the memory of what it takes; nothing where it
  /// has none.
  std::optional<bool> (*views)(std::string_view op);
};

constexpr int torch_module_version = 4;

/// Opens the module once. Null when there is none beside the program or it was made for another
/// version; `why` then says so and how to get one.
const TorchModule* torch_module(std::string* why = nullptr);

}  // namespace isomer
