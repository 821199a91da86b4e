#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "cli/model_file.h"
#include "cli/network.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/staging.h"
#include "cli/steps.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"
#include "graph/text.h"
#include "pictures/plot.h"

namespace isomer::cli {
namespace {

constexpr std::int64_t most_threads = 1024;
constexpr std::int64_t most_steps = 1'000'000;

constexpr Option run_table[] = {
    {"MODEL", "FILE", "the model", true},
    {"--inputs", "FILE",
     "a .safetensors, .npz or .pt file (tensors named as in the model, or in0, in1, ...), or .npy "
     "files; needed where the model says no defaults",
     false, true},
    {"-o,--output", "FILE",
     "a safetensors file for out0, out1, ..., or an npy file for a single output; default: "
     "printed"},
    weights_option,
    decompose_option,
    {"--steps", "NUMBER",
     "run so many times in a row: each input and output begins with an axis of steps"},
    {"--dt", "NUMBER", "the time by which each step but the first advances, of models with a time"},
    {"--record", "FILE", "write a table (.csv) of all that the model names, a row for each step"},
    {"--plot", "FILE", "draw (.svg) what changes of all that the model names, over the steps"},
    {"--states", "FILE", "a safetensors file of the states to begin with"},
    {"--save-states", "FILE", "write the states after the last run there"},
    {"--mode", "MODE",
     "train or eval, where the model holds both; of a .gsl network reference (the default), strict "
     "or fast"},
    {"--engine", "ENGINE", "run the model's graph on this engine: reference or torch"},
    {"--device", "DEVICE", "where the engine computes; default: cpu"},
    {"--threads", "NUMBER", "at most so many; default: as many as the engine likes"},
    {"--seed", "NUMBER", "of random operators; default: 0"},
    {"--json", "", "of a .gsl network: print what it prints, writes and how it ends for machines"},
    {"--iterations", "NUMBER", "of a .gsl network: at most so many; default: a million"},
    {"--start", "FILE",
     "of a .gsl network: JSON with what MGS draws, initial_weights and sample_sequence"},
    {"--parse-only", "", "of a .gsl network: execute the script once, without a simulation"},
    {"--allow-system", "", "of a .gsl network: let it run commands"},
    {"--mgs-program", "PROGRAM", "of a .gsl network: run it in this gslparser of an installed MGS"},
    dialect_option,
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

std::optional<double> increment_of(const Words& words, const System& system) {
  if (words.has("dt") && !system.has_time)
    throw Error(Fault::usage, "--dt", fmt::format("system '{}' knows no time", system.name));
  const std::optional<double> increment = words.real("dt");
  if (increment && *increment <= 0) {
    throw Error(
        Fault::usage, "--dt",
        fmt::format("{} is no time that passes; a step is more than 0", quoted(words.text("dt"))));
  }
  return increment;
}

Runnable runnable_of(const ModelFile& model, const Words& words) {
  const bool by_own_rules = model.system->simulate != nullptr && !words.has("engine");
  if (by_own_rules) refuse_weights(words, model);
  const std::string mode = mode_of(words, *model.system, by_own_rules);
  if (by_own_rules) {
    const EngineOptions chosen =
        engine_options(words, fmt::format("system '{}'", model.system->name), "cpu");
    const RunOptions run_options{.engine = chosen,
                                 .operators = default_engine,
                                 .mode = mode,
                                 .dialect = dialect_asked(words, *model.system),
                                 .time_increment = increment_of(words, *model.system)};
    return with_file(model.path, model.entry, [&] {
      return model.system->simulate(*model.files, model.entry, run_options);
    });
  }
  for (const std::string_view option : {"dt", "dialect"}) {
    if (!words.has(option)) continue;
    throw Error(
        Fault::usage, fmt::format("--{}", option),
        fmt::format("is for documents run by their own rules, and this runs the graph of {}",
                    model.entry));
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
  if (words.has("output") && same_file(path, words.text("output")))
    throw Error(Fault::usage, "--save-states",
                "the outputs are written there; choose another name");
}

/// Of --record and --plot: what is written beside the outputs.
void check_record_file(const Words& words, std::string_view option, std::string_view example,
                       std::string_view kind) {
  if (!words.has(option)) return;
  const std::string& path = words.text(option);
  const std::string_view ending = example.substr(example.find('.'));
  const std::string place = fmt::format("--{}", option);
  check_output(path, example);
  if (!path.ends_with(ending))
    throw Error(Fault::usage, place, fmt::format("{} are written as {} files", kind, ending));
  for (const std::string_view other : {"output", "save-states"}) {
    if (words.has(other) && same_file(path, words.text(other)))
      throw Error(Fault::usage, place, fmt::format("--{} is written there", other));
  }
}

/// Throws where an option for networks of GSL is given with another model.
void refuse_network_options(const Words& words) {
  for (const std::string_view option :
       {"json", "iterations", "start", "parse-only", "allow-system", "mgs-program"}) {
    if (!words.has(option)) continue;
    throw Error(Fault::usage, fmt::format("--{}", option), "is for networks of GSL (.gsl)");
  }
}

void require_states(const Words& words, const Runnable& model) {
  for (const std::string_view option : {"states", "save-states"}) {
    const bool none = model.states.empty() && (!model.progress || model.progress().empty());
    if (!words.has(option) || !none) continue;
    throw Error(Fault::usage, fmt::format("--{}", option), "the model keeps no states");
  }
}

using Given = std::vector<std::optional<Tensor>>;  // for some inputs there may be a default

/// Throws where an input does not begin with an axis of steps.
void require_steps(const Given& inputs, std::span<const Port> ports, std::int64_t steps) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    const std::vector<std::int64_t>& shape = inputs[i]->shape();
    if (!shape.empty() && shape[0] == steps) continue;
    throw Error(Fault::model, fmt::format("input {}", quoted(ports[i].name)),
                fmt::format("it is {}; with --steps {} it begins with an axis of length {}",
                            to_text(inputs[i]->type()), steps, steps));
  }
}

Tensor part_of(const Tensor& all, std::int64_t step, std::int64_t steps) {
  const std::size_t size = all.bytes().size() / static_cast<std::size_t>(steps);
  return {all.dtype(), std::vector<std::int64_t>(all.shape().begin() + 1, all.shape().end()),
          all.bytes().part(size * static_cast<std::size_t>(step), size)};
}

Given inputs_of(const Words& words, const Runnable& model) {
  std::vector<bool> optional;
  for (const auto& value : model.defaults) optional.push_back(value.has_value());
  return read_some_inputs(words.all("inputs"), model.inputs, optional);
}

/// Runs a model once or often, and what is asked to be recorded of it.
class Runs {
 public:
  Runs(const ModelFile& file, const Runnable& model, const Given& inputs, const Words& words)
      : file_(file),
        model_(model),
        inputs_(inputs),
        stacks_(words.has("output") || !(words.has("record") || words.has("plot"))) {
    if (words.has("record") || words.has("plot")) recording_.emplace(words.real("dt"));
  }

  std::vector<Tensor> once() {
    return with_file(file_.path, file_.entry,
                     [&] { return run([](const Tensor& whole) { return whole; }); });
  }

  /// The outputs with an axis of steps in front.
  std::vector<Tensor> often(std::int64_t steps) {
    const Progress progress = progress_bar();
    StepStack stack;
    for (std::int64_t step = 0; step < steps; ++step) {
      if (progress)
        progress("running", static_cast<std::size_t>(step), static_cast<std::size_t>(steps));
      with_file(fmt::format("{}: step {}", file_.path, step), file_.entry, [&] {
        const auto outputs = run([&](const Tensor& all) { return part_of(all, step, steps); });
        if (stacks_) stack.add(outputs);
      });
    }
    return std::move(stack).finish(steps);
  }

  const std::optional<Recording>& recording() const { return recording_; }

 private:
  template <class Part>
  std::vector<Tensor> run(const Part& part) {
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs.push_back(inputs_[i] ? part(*inputs_[i]) : *model_.defaults[i]);
    std::vector<Tensor> outputs = model_.executor->run(inputs);
    if (recording_) recording_->add(model_, outputs);
    return outputs;
  }

  const ModelFile& file_;
  const Runnable& model_;
  const Given& inputs_;
  std::optional<Recording> recording_;
  bool stacks_;  // a table alone needs no outputs of all steps
};

void save_recording(const Words& words, const Recording& recording) {
  for (const std::string& name : recording.left_out())
    say(fmt::format("note: {}: not recorded: too many elements for a table", name));
  if (words.has("record")) save(words.text("record"), recording.table());
}

/// Whether any two numbers differ.
bool changes(const Curve& curve) {
  const auto finite = [](double value) { return std::isfinite(value); };
  const auto first = std::ranges::find_if(curve.values, finite);
  return first != curve.values.end() && std::ranges::any_of(curve.values, [&](double value) {
           return std::isfinite(value) && value != *first;
         });
}

void save_plot(const Words& words, const Recording& recording) {
  std::vector<Curve> curves = recording.curves();
  const auto rest = std::ranges::find_if(
      curves, [](const Curve& curve) { return curve.name != "step" && curve.name != "time"; });
  const Curve across = *std::prev(rest);
  curves.erase(curves.begin(), rest);
  std::erase_if(curves, [](const Curve& curve) { return !changes(curve); });
  if (curves.empty())
    say("note: --plot: nothing changes from step to step; --steps says how many there are");
  if (curves.size() > most_curves)
    say(fmt::format("note: --plot: {} of {} curves are drawn; --record has all", most_curves,
                    curves.size()));
  curves.resize(std::min(curves.size(), most_curves));
  const std::string title = std::filesystem::path(words.text("MODEL")).filename();
  save(words.text("plot"), {bytes_of(plot(title, across.name, across.values, curves))});
}

void print_outputs(const Runnable& model, std::span<const Tensor> outputs) {
  constexpr std::int64_t most = 100;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    // As of what has not run: no value of a document is of that type.
    const bool none = !model.typed && outputs[i].dtype() == DType::bf16;
    print(fmt::format("{}: {}{}\n", name_of_output(model, i),
                      none ? "no value" : to_text(outputs[i].type()),
                      !none && outputs[i].count() <= most ? " " + elements_text(outputs[i]) : ""));
  }
}

}  // namespace

Usage run_usage() {
  return {run_table,
          "  isomer run net.pt2 --inputs digits.safetensors -o answers.safetensors\n"
          "  isomer run net.json --inputs x.npy -o y.npy\n"
          "  isomer run net.json --inputs x.npy -o y.npy --engine reference\n"
          "  isomer run net.pt2 --inputs x.npy -o y.npy --steps 100 --save-states s.safetensors\n"
          "  isomer run cell.yaml --steps 1000 --dt 0.05 --record cell.csv\n"
          "  isomer run cell.yaml --steps 1000 --dt 0.05 --plot cell.svg\n"
          "  isomer run net.gsl --mode strict"};
}

int run(const Words& words) {
  if (is_network(words.text("MODEL"), words)) return run_network_file(words);
  refuse_network_options(words);
  if (words.has("output")) check_output(words.text("output"), "out.safetensors");
  if (words.has("save-states")) check_states_file(words);
  check_record_file(words, "record", "table.csv", "tables");
  check_record_file(words, "plot", "plot.svg", "plots");
  const std::int64_t steps = words.number("steps", 0, 1, most_steps);
  const ModelFile model = open_model(words.text("MODEL"), words);
  Runnable runnable = runnable_of(model, words);
  print_notes(model.path, runnable.notes);
  print_links(model);
  require_states(words, runnable);
  const auto inputs = words.all("inputs");
  for (const std::string_view option : {"output", "save-states", "record", "plot"}) {
    if (!words.has(option)) continue;
    check_not_used(words.text(option), *model.files);
    if (option == "record" || option == "plot") {
      check_not_read(words.text(option), inputs);
    } else {
      check_tensor_file(words.text(option), inputs);
    }
  }
  // States may be carried on where they were.
  if (words.has("states") && words.has("output"))
    check_not_read(words.text("output"), words.all("states"));
  const Given given = inputs_of(words, runnable);
  if (words.has("states")) {
    read_states(words.text("states"), runnable);
  }
  if (words.has("steps")) require_steps(given, runnable.inputs, steps);
  Runs runs(model, runnable, given, words);
  const std::vector<Tensor> outputs = words.has("steps") ? runs.often(steps) : runs.once();
  with_file(model.path, model.entry, [&] { model.files->check_unchanged(); });
  if (words.has("output")) {
    write_outputs(words.text("output"), outputs);
  } else if (!runs.recording()) {
    print_outputs(runnable, outputs);
  }
  if (runs.recording()) save_recording(words, *runs.recording());
  if (words.has("plot")) save_plot(words, *runs.recording());
  if (words.has("save-states")) {
    const std::vector<Tensor> states =
        with_file(model.path, model.entry, [&] { return runnable.executor->states(); });
    write_states(words.text("save-states"), runnable, states);
  }
  return yes;
}

}  // namespace isomer::cli
