#include "base/error.h"
#include "base/text.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/staging.h"
#include "cli/steps.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"

namespace isomer::cli {
namespace {

constexpr std::int64_t most_threads = 1024;
constexpr std::int64_t most_steps = 1'000'000;

constexpr Option options[] = {
    {"MODEL", "FILE", "the model", true},
    {"--inputs", "FILE",
     "a .safetensors, .npz or .pt file (tensors named as in the model, or in0, in1, ...), or .npy "
     "files",
     true, true},
    {"-o,--output", "FILE",
     "a safetensors file for out0, out1, ..., or an npy file for a single output", true},
    weights_option,
    decompose_option,
    {"--steps", "NUMBER",
     "run so many times in a row: each input and output begins with an axis of steps"},
    {"--states", "FILE", "a safetensors file of the states to begin with"},
    {"--save-states", "FILE", "write the states after the last run there"},
    {"--mode", "MODE", "train or eval, where the model holds both"},
    {"--engine", "ENGINE", "run the model's graph on this engine: reference or torch"},
    {"--device", "DEVICE", "where the engine computes; default: cpu"},
    {"--threads", "NUMBER", "at most so many; default: as many as the engine likes"},
    {"--seed", "NUMBER", "of random operators; default: 0"},
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

/// `who` runs on `devices`.
EngineOptions engine_options(const Words& words, std::string_view who, std::string_view devices) {
  EngineOptions chosen;
  if (words.has("device")) chosen.device = words.text("device");
  chosen.threads = static_cast<int>(words.number("threads", 0, 0, most_threads));
  chosen.seed = static_cast<std::uint64_t>(words.number("seed", 0, 0));
  try {
    check_options(chosen, who, devices);
  } catch (const Error& error) {
    throw Error(error.fault(), "--" + error.where(), error.text());
  }
  return chosen;
}

std::string mode_of(const Words& words, const System& system, bool by_own_rules) {
  std::string mode = mode_asked(words);
  if (mode.empty()) return mode;
  if (by_own_rules && system.holds_modes) return mode;
  throw Error(Fault::usage, "--mode",
              "the model holds one mode only, that in which it was exported or written; PyTorch "
              "source holds both");
}

Runnable runnable_of(const ModelFile& model, const Words& words) {
  const bool by_own_rules = model.system->simulate != nullptr && !words.has("engine");
  if (by_own_rules) refuse_weights(words, model);
  const std::string mode = mode_of(words, *model.system, by_own_rules);
  if (by_own_rules) {
    const EngineOptions chosen =
        engine_options(words, fmt::format("system '{}'", model.system->name), "cpu");
    return with_file(model.path, model.entry, [&] {
      return model.system->simulate(*model.files, model.entry,
                                    {.engine = chosen, .operators = default_engine, .mode = mode});
    });
  }
  const Engine& engine =
      words.has("engine") ? engine_named(words.text("engine")) : default_engine();
  const EngineOptions chosen =
      engine_options(words, fmt::format("engine '{}'", engine.name), engine.devices);
  Loaded loaded = read_graph(model, words);
  Runnable runnable = on_engine(loaded.graph, engine, chosen);
  runnable.notes = std::move(loaded.notes);
  return runnable;
}

void check_states_file(const Words& words) {
  const std::string& path = words.text("save-states");
  check_output(path, "states.safetensors");
  if (!path.ends_with(".safetensors"))
    throw Error(Fault::usage, "--save-states", "states are written as .safetensors files");
  if (same_file(path, words.text("output")))
    throw Error(Fault::usage, "--save-states",
                "the outputs are written there; choose another name");
}

void require_states(const Words& words, const Runnable& model) {
  for (const std::string_view option : {"states", "save-states"}) {
    if (!words.has(option) || !model.states.empty()) continue;
    throw Error(Fault::usage, fmt::format("--{}", option), "the model keeps no states");
  }
}

/// Throws where an input does not begin with an axis of steps.
void require_steps(std::span<const Tensor> inputs, std::span<const Port> ports,
                   std::int64_t steps) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<std::int64_t>& shape = inputs[i].shape();
    if (!shape.empty() && shape[0] == steps) continue;
    throw Error(Fault::model, fmt::format("input {}", quoted(ports[i].name)),
                fmt::format("it is {}; with --steps {} it begins with an axis of length {}",
                            to_text(inputs[i].type()), steps, steps));
  }
}

std::vector<Tensor> inputs_of(std::span<const Tensor> inputs, std::int64_t step,
                              std::int64_t steps) {
  std::vector<Tensor> parts;
  for (const Tensor& all : inputs) {
    const std::size_t size = all.bytes().size() / static_cast<std::size_t>(steps);
    parts.emplace_back(all.dtype(),
                       std::vector<std::int64_t>(all.shape().begin() + 1, all.shape().end()),
                       all.bytes().part(size * static_cast<std::size_t>(step), size));
  }
  return parts;
}

std::vector<Tensor> run_steps(const ModelFile& model, Executor& executor,
                              std::span<const Tensor> inputs, std::int64_t steps) {
  const Progress progress = progress_bar();
  StepStack stack;
  for (std::int64_t step = 0; step < steps; ++step) {
    if (progress)
      progress("running", static_cast<std::size_t>(step), static_cast<std::size_t>(steps));
    with_file(fmt::format("{}: step {}", model.path, step), model.entry,
              [&] { stack.add(executor.run(inputs_of(inputs, step, steps))); });
  }
  return std::move(stack).finish(steps);
}

}  // namespace

Usage run_usage() {
  return {options,
          "  isomer run net.pt2 --inputs digits.safetensors -o answers.safetensors\n"
          "  isomer run net.json --inputs x.npy -o y.npy\n"
          "  isomer run net.json --inputs x.npy -o y.npy --engine reference\n"
          "  isomer run net.pt2 --inputs x.npy -o y.npy --steps 100 --save-states s.safetensors"};
}

int run(const Words& words) {
  check_output(words.text("output"), "out.safetensors");
  if (words.has("save-states")) check_states_file(words);
  const std::int64_t steps = words.number("steps", 0, 1, most_steps);
  const ModelFile model = open_model(words.text("MODEL"), words);
  const Runnable runnable = runnable_of(model, words);
  print_notes(model.path, runnable.notes);
  print_links(model);
  require_states(words, runnable);
  const auto inputs = words.all("inputs");
  for (const std::string_view option : {"output", "save-states"}) {
    if (!words.has(option)) continue;
    check_not_used(words.text(option), *model.files);
    check_tensor_file(words.text(option), inputs);
  }
  // States may be carried on where they were.
  if (words.has("states")) check_not_read(words.text("output"), words.all("states"));
  const std::vector<Tensor> tensors = read_inputs(inputs, runnable.inputs);
  if (words.has("states")) {
    const std::string& path = words.text("states");
    const std::vector<Tensor> states = read_states(path, runnable.states);
    with_place(path, [&] { runnable.executor->set_states(states); });
  }
  if (words.has("steps")) require_steps(tensors, runnable.inputs, steps);
  Executor& executor = *runnable.executor;
  const std::vector<Tensor> outputs =
      words.has("steps")
          ? run_steps(model, executor, tensors, steps)
          : with_file(model.path, model.entry, [&] { return executor.run(tensors); });
  with_file(model.path, model.entry, [&] { model.files->check_unchanged(); });
  write_outputs(words.text("output"), outputs);
  if (words.has("save-states")) {
    const std::vector<Tensor> states =
        with_file(model.path, model.entry, [&] { return executor.states(); });
    write_states(words.text("save-states"), runnable.states, states);
  }
  return yes;
}

}  // namespace isomer::cli
