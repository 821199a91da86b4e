// Our side of steps.py: trains a model as `isomer train` does, and says how long it took.
// usage: bench_step FOLDER MODEL

#include <chrono>
#include <iostream>
#include <string>

#include "base/text.h"
#include "systems/stored.h"
#include "systems/system.h"
#include "train/trainer.h"

namespace isomer {
namespace {

train::Trainer trainer_of(const std::string& folder, const std::string& model) {
  const auto files = open_folder(folder);
  const std::string entry = model + ".pt2";
  train::Recipe recipe{.loss = &train::loss_named("cross_entropy"),
                       .optimizer = &train::optimizer_named("sgd"),
                       .settings = {}};
  recipe.settings = train::complete(*recipe.optimizer, {{"lr", 0.01}});
  return {read_model(recognise(*files, entry), *files, entry).graph,
          recipe,
          {.batch = 128},
          engine_named("torch")};
}

/// Each line asks for an epoch; the answer is the seconds of a step, and the last loss.
void serve(const std::string& folder, const std::string& model) {
  train::Trainer trainer = trainer_of(folder, model);
  const std::vector<Port> ports = trainer.ports("target");
  const NamedTensors data = read_tensors(map_file(folder + "/data.safetensors"));
  std::vector<Tensor> samples;
  for (const Port& port : ports) samples.push_back(*find(data, port.name));
  trainer.set_samples(std::move(samples), ports);
  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    trainer.run_epoch(1, {});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << fmt::format("{} {}", took.count() / static_cast<double>(trainer.steps()),
                             trainer.curve().back())
              << std::endl;
  }
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  if (count == 3) isomer::serve(words[1], words[2]);
}
