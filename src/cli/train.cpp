#include "train/trainer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/staging.h"
#include "cli/tensor_files.h"
#include "cli/verb.h"
#include "codecs/json.h"
#include "systems/stored.h"

namespace isomer::cli {
namespace {

constexpr std::int64_t most_epochs = 1'000'000;
constexpr std::int64_t most_samples = std::int64_t{1} << 40;

constexpr Option train_table[] = {
    {"MODEL", "FILE", "the model", true},
    decompose_option,
    {"--loss", "LOSS", "mse, cross_entropy or bce_with_logits, of the first output", true},
    {"--optimizer", "OPTIMIZER", "sgd, adam or adamw", true},
    {"--data", "FILE",
     "a safetensors file: the inputs by name and the target, samples on the first axis", true},
    {"-o,--output", "FILE", "a safetensors file for all parameters and buffers", true},
    {"--target", "NAME", "the tensor of targets; default: target"},
    {"--epochs", "NUMBER", "how often to go through all samples; default: 1"},
    {"--batch", "NUMBER", "samples in a step; default: what the model takes, or 32"},
    {"--shuffle", "", "take the samples in another order in each epoch"},
    {"--seed", "NUMBER", "of the order and of random operators; default: 0"},
    {"--lr", "REAL", "learning rate; default: 0.001"},
    {"--momentum", "REAL", "of sgd; default: 0"},
    {"--dampening", "REAL", "of sgd's momentum; default: 0"},
    {"--nesterov", "", "Nesterov's momentum, of sgd"},
    {"--weight-decay", "REAL", "default: 0, of adamw 0.01"},
    {"--beta1", "REAL", "of adam and adamw; default: 0.9"},
    {"--beta2", "REAL", "of adam and adamw; default: 0.999"},
    {"--eps", "REAL", "of adam and adamw; default: 1e-8"},
    {"--checkpoint", "FILE", "write there after each epoch what is needed to go on"},
    {"--resume", "FILE", "go on from such a file"},
    {"--json", "FILE", "also write the losses for machines"},
    {"--engine", "ENGINE", "compute on this engine: reference or torch"},
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

constexpr std::string_view settings[] = {"lr",           "momentum", "dampening", "nesterov",
                                         "weight-decay", "beta1",    "beta2",     "eps"};

double real(const Words& words, std::string_view key) {
  const std::string& text = words.text(key);
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && last == end && std::isfinite(number)) return number;
  throw Error(Fault::usage, fmt::format("--{}", key), fmt::format("{} is no number", quoted(text)));
}

/// The place of an error is an option's name without its dashes.
template <class Action>
decltype(auto) of_option(Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    if (error.fault() != Fault::usage || error.where().empty()) throw;
    std::string option = "--" + error.where();
    std::replace(option.begin(), option.end(), '_', '-');
    throw Error(Fault::usage, std::move(option), error.text());
  }
}

train::Recipe recipe_of(const Words& words) {
  train::Recipe recipe;
  with_place("--loss", [&] { recipe.loss = &train::loss_named(words.text("loss")); });
  with_place("--optimizer",
             [&] { recipe.optimizer = &train::optimizer_named(words.text("optimizer")); });
  train::Settings given;
  for (const std::string_view key : settings) {
    if (!words.has(key)) continue;
    std::string name(key);
    std::replace(name.begin(), name.end(), '-', '_');
    given[name] = key == "nesterov" ? 1.0 : real(words, key);
  }
  recipe.settings = of_option([&] { return train::complete(*recipe.optimizer, given); });
  return recipe;
}

void check_tensors(const Words& words, std::string_view key, std::string_view example) {
  const std::string& path = words.text(key);
  check_output(path, example);
  if (path.ends_with(".safetensors")) return;
  throw Error(Fault::usage, path,
              fmt::format("--{} is a file of tensors; call it .safetensors", key));
}

void check_words(const Words& words, const Files& model) {
  std::vector<std::string> read{words.text("data")};
  if (!read[0].ends_with(".safetensors"))
    throw Error(Fault::usage, "--data", "samples are read from a .safetensors file");
  std::vector<std::string_view> before;
  for (const std::string_view key : {"output", "checkpoint", "json"}) {
    if (!words.has(key)) continue;
    const std::string& path = words.text(key);
    check_not_used(path, model);
    if (key == "json")
      check_not_read(path, read);
    else
      check_tensor_file(path, read);
    // A checkpoint may be carried on where it was.
    if (key != "checkpoint" && words.has("resume")) check_not_read(path, words.all("resume"));
    for (const std::string_view other : before) {
      if (!same_file(words.text(other), path)) continue;
      throw Error(Fault::usage, fmt::format("--{}", key),
                  fmt::format("--{} is written there; choose another name", other));
    }
    before.push_back(key);
  }
}

/// Adds how long it will still take.
Progress with_time_left(Progress bar) {
  if (!bar) return bar;
  using Clock = std::chrono::steady_clock;
  return [bar, begin = Clock::now(), first = std::size_t{0}](
             std::string_view what, std::size_t done, std::size_t total) mutable {
    if (first == 0) first = done;
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const double left =
        seconds * static_cast<double>(total - done) / static_cast<double>(done - first + 1);
    bar(fmt::format("{}, {:.0f} s left", what, std::ceil(left)), done, total);
  };
}

void print_epoch(const train::Trainer& trainer, std::size_t epoch) {
  print(fmt::format("epoch {}  loss {:.8g}\n", epoch + 1, trainer.loss_of(epoch)));
  std::fflush(stdout);
}

Tree reals(std::span<const double> numbers) {
  Tree::List list;
  for (const double number : numbers) list.push_back({number});
  return {std::move(list)};
}

std::string to_json(const train::Trainer& trainer, const train::Recipe& recipe) {
  Tree::Map chosen;
  for (const auto& [name, value] : recipe.settings) chosen.emplace_back(name, Tree{value});
  std::vector<double> epochs;
  for (std::size_t i = 0; i < trainer.epochs_done(); ++i) epochs.push_back(trainer.loss_of(i));
  return write_json({Tree::Map{{"loss", {std::string(recipe.loss->name)}},
                               {"optimizer", {std::string(recipe.optimizer->name)}},
                               {"settings", {std::move(chosen)}},
                               {"epochs", reals(epochs)},
                               {"steps", reals(trainer.curve())}}}) +
         "\n";
}

void run_epochs(train::Trainer& trainer, std::size_t epochs, const Words& words) {
  const std::string& checkpoint = words.text("checkpoint");
  for (std::size_t i = 0; i < trainer.epochs_done(); ++i) print_epoch(trainer, i);
  if (!checkpoint.empty()) save(checkpoint, trainer.checkpoint());
  const Progress progress = with_time_left(progress_bar());
  while (trainer.epochs_done() < epochs) {
    trainer.run_epoch(epochs, progress);
    if (!checkpoint.empty()) save(checkpoint, trainer.checkpoint());
    print_epoch(trainer, trainer.epochs_done() - 1);
  }
}

}  // namespace

Usage train_usage() {
  return {
      train_table,
      "  isomer train net.pt2 --loss cross_entropy --optimizer adam --lr 1e-3 \\\n"
      "    --data digits.safetensors -o trained.safetensors --epochs 10 --batch 32 --shuffle\n"
      "  isomer train net.pt2 --loss mse --optimizer sgd --momentum 0.9 --data d.safetensors \\\n"
      "    -o trained.safetensors --epochs 100 --checkpoint c.safetensors --resume "
      "c.safetensors"};
}

int train(const Words& words) {
  check_tensors(words, "output", "trained.safetensors");
  if (words.has("checkpoint")) check_tensors(words, "checkpoint", "checkpoint.safetensors");
  if (words.has("json")) check_output(words.text("json"), "losses.json");
  const train::Recipe recipe = recipe_of(words);
  const train::Schedule schedule{
      .batch = words.has("batch") ? words.number("batch", 0, 1, most_samples) : 0,
      .shuffle = words.has("shuffle"),
      .seed = static_cast<std::uint64_t>(words.number("seed", 0, 0))};
  const std::int64_t epochs = words.number("epochs", 1, 1, most_epochs);
  const Engine& engine =
      words.has("engine") ? engine_named(words.text("engine")) : default_engine();
  const ModelFile model = open_model(words.text("MODEL"), words);
  const Loaded loaded = read_graph(model);
  check_words(words, *model.files);
  print_notes(model.path, loaded.notes);
  print_links(model);
  auto trainer = with_file(model.path, model.entry, [&] {
    return std::make_unique<train::Trainer>(loaded.graph, recipe, schedule, engine);
  });
  const std::string target = words.has("target") ? words.text("target") : "target";
  const std::vector<Port> ports = of_option([&] { return trainer->ports(target); });
  const std::string& data = words.text("data");
  std::vector<Tensor> samples = read_inputs(words.all("data"), ports);
  with_place(data, [&] { trainer->set_samples(std::move(samples), ports); });
  print_notes(data, trainer->notes());
  if (words.has("resume")) {
    const Bytes file = map_file(words.text("resume"));
    with_place(words.text("resume"), [&] { trainer->resume(file); });
  }
  with_file(model.path, model.entry,
            [&] { run_epochs(*trainer, static_cast<std::size_t>(epochs), words); });
  with_file(model.path, model.entry, [&] { model.files->check_unchanged(); });
  NamedTensors weights = on_engine(trainer->snapshot(), engine).weights;
  save(words.text("output"), write_tensors(weights));
  if (words.has("json")) save(words.text("json"), {bytes_of(to_json(*trainer, recipe))});
  return yes;
}

}  // namespace isomer::cli
