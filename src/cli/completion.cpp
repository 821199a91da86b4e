#include "base/error.h"
#include "base/text.h"
#include "cli/verb.h"
#include "prove/prove.h"
#include "run/engine.h"
#include "systems/system.h"

namespace isomer::cli {
namespace {

constexpr Option completion_table[] = {{"SHELL", "", "bash, zsh or fish", true}};

/// The words that may follow an option; nothing: the name of a file.
std::string choices(std::string_view value) {
  std::vector<std::string_view> words;
  if (value == "SYSTEM") {
    for (const System& system : all_systems()) words.push_back(system.name);
  }
  if (value == "ENGINE") {
    for (const Engine& engine : all_engines()) words.push_back(engine.name);
  }
  if (value == "EFFORT") {
    for (const Effort effort : all_efforts) words.push_back(name_of(effort));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string_view> names_of(const Option& option) {
  return split_text(option.name, ',');
}

std::string verb_names() {
  std::vector<std::string_view> names;
  for (const Verb& verb : all_verbs()) names.push_back(verb.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_options(const Verb& verb) {
  std::vector<std::string_view> names;
  for (const Option& option : verb.usage().options) {
    if (option.positional()) continue;
    for (const std::string_view name : names_of(option)) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

/// Case arms "verb:option) words", so that an option of one verb does not answer for another's.
std::string bash_values() {
  std::string arms;
  for (const Verb& verb : all_verbs()) {
    for (const Option& option : verb.usage().options) {
      const std::string words = choices(option.value);
      if (option.positional() || words.empty()) continue;
      for (const std::string_view name : names_of(option)) {
        arms += fmt::format("    {}:{}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n",
                            verb.name, name, words);
      }
    }
  }
  return arms;
}

std::string bash() {
  std::string script = "_isomer() {\n";
  script += "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n";
  script += "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  script += fmt::format("    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\"))\n",
                        verb_names());
  script += "    return\n  fi\n";
  script += "  case \"${COMP_WORDS[1]}:$before\" in\n" + bash_values();
  script +=
      "    completion:completion) COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$word\")); return "
      ";;\n";
  script += "  esac\n  local options=\"\"\n  case \"${COMP_WORDS[1]}\" in\n";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("    {}) options=\"{} --help\" ;;\n", verb.name, bash_options(verb));
  }
  script += "  esac\n";
  script += "  case \"$word\" in\n";
  script += "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n";
  script += "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\n";
  script += "complete -o filenames -F _isomer isomer\n";
  return script;
}

/// Quoted for single quotes of all three shells.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '\'' ? ' ' : c;
  return result;
}

std::string zsh_option(const Option& option) {
  const std::string words = choices(option.value);
  const std::string follows = words.empty() ? "_files" : "(" + words + ")";
  std::string lines;
  if (option.positional()) {
    const std::string values = option.name == "SHELL" ? "(bash zsh fish)" : "_files";
    return fmt::format("        '*:{}:{}' \\\n", option.name, values);
  }
  for (const std::string_view name : names_of(option)) {
    const std::string value =
        option.value.empty() ? "" : fmt::format(":{}:{}", option.value, follows);
    lines += fmt::format("        '{}[{}]{}' \\\n", name, plain(option.about), value);
  }
  return lines;
}

std::string zsh() {
  std::string script = "#compdef isomer\n_isomer() {\n  local -a verbs\n  verbs=(\n";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("    '{}:{}'\n", verb.name, plain(verb.about));
  }
  script += "  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n";
  script += "  local verb=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $verb in\n";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("    {})\n      _arguments \\\n", verb.name);
    for (const Option& option : verb.usage().options) script += zsh_option(option);
    script += "        '--help[Shows help]' ;;\n";
  }
  return script + "  esac\n}\ncompdef _isomer isomer\n";
}

std::string fish_option(const Verb& verb, const Option& option) {
  std::string line =
      fmt::format("complete -c isomer -n '__fish_seen_subcommand_from {}'", verb.name);
  for (const std::string_view name : names_of(option)) {
    const bool is_long = name.starts_with("--");
    line += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
  }
  const std::string words = choices(option.value);
  if (!option.value.empty()) line += " -r";
  if (!words.empty()) line += fmt::format(" -f -a '{}'", words);
  return line + fmt::format(" -d '{}'\n", plain(option.about));
}

std::string fish() {
  std::string script;
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("complete -c isomer -n __fish_use_subcommand -f -a {} -d '{}'\n",
                          verb.name, plain(verb.about));
    for (const Option& option : verb.usage().options) {
      if (!option.positional()) script += fish_option(verb, option);
    }
  }
  return script +
         "complete -c isomer -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
}

}  // namespace

Usage completion_usage() {
  return {completion_table,
          "  isomer completion bash > /etc/bash_completion.d/isomer\n"
          "  isomer completion zsh > ~/.zfunc/_isomer\n"
          "  isomer completion fish > ~/.config/fish/completions/isomer.fish"};
}

int completion(const Words& words) {
  const std::string& shell = words.text("SHELL");
  if (shell == "bash") {
    fmt::print("{}", bash());
  } else if (shell == "zsh") {
    fmt::print("{}", zsh());
  } else if (shell == "fish") {
    fmt::print("{}", fish());
  } else {
    throw Error(
        Fault::usage, "",
        fmt::format("{} is no shell we know: bash, zsh and fish are", isomer::quoted(shell)));
  }
  return yes;
}

}  // namespace isomer::cli
