#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "cli/verb.h"
#include "systems/temporary.h"

namespace isomer::cli {
namespace {

constexpr Verb verbs[] = {
    {"show", "Prints what a model is.", show_usage, show},
    {"check", "Lists all that is wrong with a model file.", check_usage, check_file},
    {"convert", "Writes a model for another system.", convert_usage, convert},
    {"export", "Writes what torch.export makes of a program.", export_usage, export_model},
    {"run", "Runs a model on tensors from files.", run_usage, run},
    {"prove", "Decides whether two models behave the same.", prove_usage, prove},
    {"diff", "Tells in which operators two models differ.", diff_usage, diff},
    {"train", "Trains a model on samples from a file.", train_usage, train},
    {"ops", "Lists the operators, and who has them.", ops_usage, ops},
    {"systems", "Lists the model systems, and what is possible with each.", systems_usage, systems},
    {"passes", "Lists the passes that a conversion runs.", passes_usage, passes},
    {"completion", "Prints a script that completes isomer's words in a shell.", completion_usage,
     completion},
};

constexpr std::string_view exit_codes =
    "Exit codes: 0 yes; 1 the answer is no; 2 wrong usage; 3 bad or unsupported model or file; 4 "
    "our mistake; 5 nothing is proved either way.";

constexpr int most_values = 1 << 10;

/// What CLI11 fills in for one option.
struct Slot {
  const Option* option;
  CLI::Option* parsed;
  std::vector<std::string> values;
};
using Slots = std::vector<std::unique_ptr<Slot>>;

void declare(CLI::App& app, const Verb& verb, Slots& slots) {
  const Usage usage = verb.usage();
  for (const Option& option : usage.options) {
    auto slot = std::make_unique<Slot>(Slot{&option, nullptr, {}});
    const std::string name(option.name), about(option.about);
    if (option.value.empty() && !option.positional()) {
      slot->parsed = app.add_flag(name, about)->disable_flag_override();
    } else {
      slot->parsed =
          app.add_option(name, slot->values, about)->type_name(std::string(option.value));
      slot->parsed->expected(1, option.several ? most_values : 1)->allow_extra_args(option.several);
    }
    slot->parsed->required(option.required);
    slots.push_back(std::move(slot));
  }
  app.footer("Examples:\n" + std::string(usage.examples));
}

Words words_of(const Slots& slots) {
  Words words;
  for (const auto& slot : slots) {
    if (std::ranges::find(slot->values, "") != slot->values.end()) {
      throw Error(Fault::usage, std::string(slot->option->name),
                  fmt::format("its {} is empty", slot->option->value));
    }
    if (slot->parsed->count() > 0) words.put(slot->option->key(), slot->values);
  }
  return words;
}

void complain(std::string_view message) { say(fmt::format("isomer: {}", message)); }

int exit_code(Fault fault) {
  switch (fault) {
    case Fault::usage: return 2;
    case Fault::file:
    case Fault::model:
    case Fault::unsupported: return faulty;
    case Fault::bug: return 4;
  }
  return 4;
}

bool is_output_lost() { return std::fflush(stdout) != 0 || std::ferror(stdout) != 0; }

/// Whoever read our output may have gone. Then we end as others do: by the signal, without a word.
void end_if_unread() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  struct sigaction now {};
  if (::poll(&output, 1, 0) != 1 || (output.revents & POLLERR) == 0) return;
  if (::sigaction(SIGPIPE, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

int refuse_output() {
  end_if_unread();
  complain("standard output: cannot be written");
  return exit_code(Fault::file);
}

int guarded(const Verb& verb, const Slots& slots) {
  try {
    const int code = verb.run(words_of(slots));
    return is_output_lost() ? refuse_output() : code;
  } catch (const Error& error) {
    complain(error.what());
    if (error.fault() == Fault::bug) complain("this is a mistake of ours: please report it");
    return exit_code(error.fault());
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
    return exit_code(Fault::model);
  } catch (const std::exception& error) {
    if (is_output_lost()) return refuse_output();
    complain(error.what());
    complain("this is a mistake of ours: please report it");
    return exit_code(Fault::bug);
  }
}

/// CLI11 would only say that a subcommand is required.
bool is_no_verb(std::string_view word) {
  return !word.starts_with("-") && std::ranges::find(verbs, word, &Verb::name) == std::end(verbs);
}

int refuse_verb(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  const std::string_view close = nearest(word, names);
  complain(fmt::format("there is no verb {}; {}", quoted(word),
                       close.empty() ? fmt::format("there are: {}", listed(names))
                                     : fmt::format("did you mean '{}'?", close)));
  complain("see: isomer --help");
  return exit_code(Fault::usage);
}

int parse_and_run(int argc, char** argv) {
  if (argc > 1 && is_no_verb(argv[1])) return refuse_verb(argv[1]);
  CLI::App app(
      "Moves neural models between systems, runs them, and proves that both sides behave the same.",
      "isomer");
  app.footer("isomer VERB --help shows a verb's options and examples.\n" + std::string(exit_codes));
  app.set_version_flag("--version", "isomer " ISOMER_VERSION);
  app.require_subcommand(1);
  std::vector<Slots> slots(std::size(verbs));
  std::vector<CLI::App*> children;
  for (std::size_t i = 0; i < std::size(verbs); ++i) {
    children.push_back(app.add_subcommand(std::string(verbs[i].name), std::string(verbs[i].about)));
    declare(*children[i], verbs[i], slots[i]);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    const int code = app.exit(success, text, text);
    std::fputs(text.str().c_str(), stdout);
    return is_output_lost() ? refuse_output() : code;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    complain(error.what());
    complain(
        fmt::format("see: isomer {}--help", chosen.empty() ? "" : chosen[0]->get_name() + " "));
    return exit_code(Fault::usage);
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (children[i]->parsed()) return guarded(verbs[i], slots[i]);
  }
  return exit_code(Fault::usage);
}

}  // namespace

std::span<const Verb> all_verbs() { return verbs; }

}  // namespace isomer::cli

int main(int argc, char** argv) {
  using namespace isomer;
  clean_up_on_signals([](const std::filesystem::path& file) {
    cli::complain(file.string() + ": was cut short while it was read");
    return cli::exit_code(Fault::file);
  });
  return cli::parse_and_run(argc, argv);
}
