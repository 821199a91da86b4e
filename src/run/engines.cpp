#include <algorithm>

#include "base/text.h"
#include "run/engine.h"
#include "run/reference/kernel.h"
#include "run/torch_module.h"

namespace isomer {
namespace {

bool always() { return true; }

bool has_kernel(std::string_view op) { return find_kernel(op) != nullptr; }

bool has_torch() { return torch_module() != nullptr; }

const TorchModule& opened_torch() {
  std::string why;
  const TorchModule* module = torch_module(&why);
  if (module == nullptr) throw Error(Fault::usage, "engine 'torch'", why);
  return *module;
}

bool torch_runs(std::string_view op) { return opened_torch().runs(op); }

std::unique_ptr<Executor> make_torch(Graph graph, const EngineOptions& options) {
  return opened_torch().make_executor(std::move(graph), options);
}

std::unique_ptr<Executor> make_torch_gradient(Graph graph, const EngineOptions& options) {
  return opened_torch().make_gradient(std::move(graph), options);
}

// The fastest last.
constexpr Engine engines[] = {
    {"reference", "an interpreter, slow and obvious: the definition", "cpu", always, has_kernel,
     make_reference_executor},
    {"torch", "libtorch, operator by operator; differentiates by its own autograd", "cpu",
     has_torch, torch_runs, make_torch, make_torch_gradient},
};

}  // namespace

void check_options(const EngineOptions& options, std::string_view who, std::string_view devices) {
  const auto has = split_text(devices, ' ');
  if (std::ranges::find(has, options.device) == has.end()) {
    throw Error(Fault::usage, "device",
                fmt::format("{} has no device {}; it runs on: {}", who, quoted(options.device),
                            listed(has)));
  }
  if (options.threads >= 0) return;
  throw Error(Fault::usage, "threads",
              fmt::format("{} is no number of threads; it is at least 1, or 0 for as many as the "
                          "engine likes",
                          options.threads));
}

std::unique_ptr<Executor> Engine::make(Graph graph, const EngineOptions& options) const {
  check_options(options, fmt::format("engine '{}'", name), devices);
  return executor(std::move(graph), options);
}

std::unique_ptr<Executor> Engine::make_gradient(Graph graph, const EngineOptions& options) const {
  check_options(options, fmt::format("engine '{}'", name), devices);
  expect(gradient != nullptr, "the engine differentiates");
  return gradient(std::move(graph), options);
}

std::span<const Engine> all_engines() { return engines; }

const Engine& reference_engine() { return engines[0]; }

const Engine& engine_named(std::string_view name) {
  const auto found = std::ranges::find(engines, name, &Engine::name);
  if (found != std::end(engines)) return *found;
  std::vector<std::string_view> names;
  for (const Engine& engine : engines) names.push_back(engine.name);
  throw Error(Fault::usage, "",
              fmt::format("there is no engine {}; there are {}", quoted(name), listed(names)));
}

const Engine& default_engine() {
  for (auto engine = std::rbegin(engines); engine != std::rend(engines); ++engine) {
    if (engine->available()) return *engine;
  }
  return engines[0];
}

}  // namespace isomer
