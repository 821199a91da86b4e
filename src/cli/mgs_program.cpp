#include "cli/mgs_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> arguments_of(const Words& words, const fs::path& program,
                                      const fs::path& script) {
  std::vector<std::string> arguments{program.string(), "-f", script.filename().string()};
  for (const auto& [option, flag] : {std::pair{"threads", "-t"}, std::pair{"seed", "-s"}}) {
    if (!words.has(option)) continue;
    arguments.emplace_back(flag);
    arguments.push_back(words.text(option));
  }
  if (words.has("parse-only")) arguments.emplace_back("-m");
  return arguments;
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const fs::path& folder,
                         int output) {
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::dup2(output, STDOUT_FILENO);
  if (::chdir(folder.c_str()) == 0) ::execv(words[0], words.data());
  ::_exit(127);
}

}  // namespace

ProgramEnd run_mgs_program(const Words& words, const std::string& script,
                           const std::function<void(std::string_view)>& line) {
  std::error_code failed;
  const fs::path program = fs::absolute(words.text("mgs-program"), failed);
  if (failed || ::access(program.c_str(), X_OK) != 0 || !fs::is_regular_file(program, failed)) {
    throw Error(Fault::usage, "--mgs-program",
                fmt::format("{} is no program that can be run; it is the gslparser of an installed "
                            "MGS, and without this option the network runs here",
                            quoted(words.text("mgs-program"))));
  }
  if (words.has("mode"))
    throw Error(Fault::usage, "--mode", "MGS itself runs in its own way; leave out --mgs-program");
  const fs::path file = script;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const std::vector<std::string> arguments = arguments_of(words, program, file);
  int ends[2];
  if (::pipe(ends) != 0) throw Error(Fault::file, "--mgs-program", "a pipe cannot be made");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error(Fault::file, "--mgs-program", "a process cannot be started");
  if (child == 0) become(arguments, folder, ends[1]);
  ::close(ends[1]);
  std::FILE* output = ::fdopen(ends[0], "r");
  std::string text;
  for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) {
    if (c != '\n') {
      text += static_cast<char>(c);
      continue;
    }
    line(text);
    text.clear();
  }
  if (!text.empty()) line(text);
  std::fclose(output);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

}  // namespace isomer::cli
