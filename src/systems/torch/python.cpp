#include "systems/torch/python.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "systems/torch/driver.h"

// As POSIX has it: declared by no header.
extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace isomer::torch {
namespace {

constexpr std::string_view cure = "set ISOMER_PYTHON to a Python that has torch and safetensors";

std::filesystem::path temporary_files() {
  std::error_code failed;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(failed);
  if (!failed) return folder;
  throw Error(Fault::file, "TMPDIR", "names no folder for temporary files: " + failed.message());
}

// The status of a process that is about to end; one that takes its time is ended.
int status_of(pid_t process) {
  constexpr std::chrono::milliseconds step(5);
  constexpr std::chrono::milliseconds most(500);
  int status = 0;
  for (auto waited = step; waited < most; waited += step) {
    if (waitpid(process, &status, WNOHANG) != 0) return status;
    std::this_thread::sleep_for(step);
  }
  kill(-process, SIGKILL);
  waitpid(process, &status, 0);
  return status;
}

// A group of its own, so that the keys which interrupt us do not reach it and whatever it starts
// can be ended with it; and the signals that we block (systems/temporary.h) are open to it.
void set_apart(posix_spawnattr_t& attributes) {
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

// The last lines that the program printed, for the message about its death.
std::string tail_of(const std::filesystem::path& file) {
  constexpr std::size_t longest = 400;
  if (!std::filesystem::exists(file) || std::filesystem::file_size(file) == 0) return {};
  const Bytes printed = map_file(file);
  std::string_view text = trimmed(printed.text());
  if (text.size() > longest) text.remove_prefix(text.size() - longest);
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

std::string text_at(const Tree& tree, std::string_view key) {
  const Tree* child = tree.find(key);
  return child == nullptr || child->text() == nullptr ? std::string() : *child->text();
}

}  // namespace

std::string python_interpreter() {
  if (const char* named = std::getenv("ISOMER_PYTHON"); named != nullptr && *named != '\0')
    return named;
  const std::string built_with = ISOMER_BUILT_WITH_PYTHON;
  if (!built_with.empty() && std::filesystem::exists(built_with)) return built_with;
  return "python3";
}

Python::Python(std::string mode) : mode_(std::move(mode)), folder_(temporary_files() / "isomer-") {}

Python::~Python() {
  if (channel_ >= 0) close(channel_);
  // User code that is still running is of no use to anybody.
  if (process_ <= 0) return;
  kill(-process_, SIGTERM);
  status_of(process_);
}

void Python::start() {
  const std::string interpreter = python_interpreter();
  const std::string driver = folder() / "isomer_driver.py";
  const std::string printed = folder() / "printed.txt";
  write_file(driver, pytorch_driver());

  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(Fault::file, interpreter,
                fmt::format("cannot be spoken to: {}", std::strerror(errno)));
  }
  channel_ = ends[0];

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
  posix_spawn_file_actions_addopen(&actions, 2, printed.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  std::string words[] = {interpreter, driver, program_.string(), mode_};
  std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                            nullptr};
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  set_apart(attributes);
  const int failed =
      posix_spawnp(&process_, interpreter.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    process_ = -1;
    throw Error(Fault::usage, interpreter,
                fmt::format("cannot be started ({}); {}", std::strerror(failed), cure));
  }
}

void Python::send(std::string_view line) {
  while (!line.empty()) {
    const ssize_t sent = ::send(channel_, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) report_death();
    line.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string Python::receive() {
  std::string line;
  std::array<char, 4096> chunk{};
  while (line.empty() || line.back() != '\n') {
    const ssize_t got = recv(channel_, chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) report_death();
    line.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return line;
}

void Python::report_death() {
  const int status = status_of(process_);
  process_ = -1;
  close(channel_);
  channel_ = -1;
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("was ended by signal {}", WTERMSIG(status))
                              : fmt::format("ended with status {}", WEXITSTATUS(status));
  const std::string words = tail_of(folder() / "printed.txt");
  throw Error(Fault::model, program_.filename().string(),
              fmt::format("the Python that ran it {}{}{}", how, words.empty() ? "" : ": ", words));
}

Tree Python::ask(const Tree::Map& request) {
  if (channel_ < 0) start();
  send(write_json(Tree{request}, {.indent = 0}) + "\n");
  const Tree reply = read_json(receive());
  const Tree* fault = reply.find("error");
  if (fault == nullptr) return reply;
  if (text_at(*fault, "kind") == "python") {
    throw Error(Fault::usage, text_at(*fault, "where"),
                fmt::format("{}; {}", text_at(*fault, "what"), cure));
  }
  std::string where = program_.filename().string();
  if (const std::string line = text_at(*fault, "where"); !line.empty()) where += ": " + line;
  throw Error(Fault::model, std::move(where), text_at(*fault, "what"));
}

}  // namespace isomer::torch
