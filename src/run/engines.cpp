#include <algorithm>

#include "base/text.h"
#include "run/engine.h"
#include "run/torch_module.h"

namespace isomer {
namespace {

bool always() { return true; }

std::unique_ptr<Executor> make_reference(Graph graph) {
  return make_reference_executor(std::move(graph));
}

bool has_torch() { return torch_module() != nullptr; }

const TorchModule& opened_torch() {
  std::string why;
  const TorchModule* module = torch_module(&why);
  if (module == nullptr) throw Error(Fault::usage, "engine 'torch'", why);
  return *module;
}

std::unique_ptr<Executor> make_torch(Graph graph) {
  return opened_torch().make_executor(std::move(graph));
}

std::unique_ptr<Executor> make_torch_gradient(Graph graph) {
  return opened_torch().make_gradient(std::move(graph));
}

// The fastest last.
constexpr Engine engines[] = {
    {"reference", "an interpreter, slow and obvious: the definition", always, make_reference},
    {"torch", "libtorch, operator by operator; differentiates by its own autograd", has_torch,
     make_torch, make_torch_gradient},
};

}  // namespace

std::span<const Engine> all_engines() { return engines; }

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
