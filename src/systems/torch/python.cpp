#include "systems/torch/python.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

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

/// How long the user's program may work on one request.
std::chrono::seconds patience_to_work() {
  constexpr std::chrono::seconds by_default(1800);
  const char* text = std::getenv("ISOMER_PYTHON_SECONDS");
  if (text == nullptr) return by_default;
  const std::string_view digits = text;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text, text + digits.size(), seconds);
  if (error == std::errc() && end == text + digits.size() && seconds > 0)
    return std::chrono::seconds(seconds);
  throw Error(Fault::usage, "ISOMER_PYTHON_SECONDS",
              fmt::format("is {} and must be a number of seconds", quoted(digits)));
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

// The last line that the program printed, for the message about its death.
std::string_view last_line(std::string_view printed) {
  const std::string_view text = trimmed(printed);
  return text.substr(text.find_last_of('\n') + 1);
}

/// The process that started another; 0 where it has ended meanwhile.
pid_t parent_of(const std::string& process) {
  std::array<char, 512> text{};
  const int file = open(("/proc/" + process + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t got = file < 0 ? -1 : read(file, text.data(), text.size() - 1);
  if (file >= 0) close(file);
  // "12 (name) S 1 ...", where the name may be anything.
  const char* end = got > 0 ? std::strrchr(text.data(), ')') : nullptr;
  pid_t parent = 0;
  if (end == nullptr || std::sscanf(end, ") %*c %d", &parent) != 1) return 0;
  return parent;
}

/// The processes of each process.
std::multimap<pid_t, pid_t> children() {
  std::multimap<pid_t, pid_t> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename();
    pid_t process = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (error == std::errc() && stop == name.data() + name.size())
      found.emplace(parent_of(name), process);
  }
  return found;
}

/// Ends what a process has started, also in sessions of their own, and its group.
void end_all(pid_t root) {
  kill(root, SIGSTOP);  // it starts no others meanwhile
  const std::multimap<pid_t, pid_t> found = children();
  std::vector<pid_t> started{root};
  for (std::size_t i = 0; i < started.size(); ++i) {
    const auto [begin, end] = found.equal_range(started[i]);
    for (auto child = begin; child != end; ++child) started.push_back(child->second);
  }
  for (std::size_t i = 1; i < started.size(); ++i) kill(started[i], SIGKILL);
  kill(-root, SIGKILL);
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
  std::error_code unknown;
  if (!built_with.empty() && std::filesystem::exists(built_with, unknown)) return built_with;
  return "python3";
}

Python::Python(const RunOptions& options) : folder_(temporary_files() / "isomer-") {
  const auto number = [](auto value) { return Tree{static_cast<std::int64_t>(value)}; };
  options_ = write_json(
      Tree{Tree::Map{{"precision", {options.precision == Precision::f64 ? "f64" : "f32"}},
                     {"mode", {options.mode}},
                     {"seed", number(options.engine.seed)},
                     {"threads", number(options.engine.threads)}}},
      {.indent = 0});
}

// User code that is still running is of no use to anybody.
Python::~Python() { stop(); }

std::filesystem::path Python::put(std::string_view file, const Parts& content) const {
  const std::filesystem::path path = folder() / file;
  try {
    write_file(path, content);
  } catch (const Error& error) {
    // The folder is gone when that is read.
    throw Error(error.fault(), folder().parent_path().string(), error.text());
  }
  return path;
}

std::filesystem::path Python::place_for(std::string_view file) const {
  std::filesystem::path path = folder() / file;
  std::error_code none;
  std::filesystem::remove(path, none);
  return path;
}

void Python::start() {
  const std::string interpreter = python_interpreter();
  for (const DriverFile& file : pytorch_driver())
    put(file.name, {bytes_of(std::string(file.text))});
  const std::string driver = folder() / pytorch_driver().front().name;

  std::array<int, 2> channel{}, printed{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.data()) != 0 ||
      pipe2(printed.data(), O_CLOEXEC) != 0) {
    throw Error(Fault::file, interpreter,
                fmt::format("cannot be spoken to: {}", std::strerror(errno)));
  }
  channel_ = channel[0];
  printed_ = printed[0];
  fcntl(printed_, F_SETFL, O_NONBLOCK);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, channel[1], 0);
  posix_spawn_file_actions_adddup2(&actions, printed[1], 2);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  std::string words[] = {interpreter, driver, program_.string(), options_};
  std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                            nullptr};
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  set_apart(attributes);
  const int failed =
      posix_spawnp(&process_, interpreter.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(channel[1]);
  close(printed[1]);
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

// The other end of the channel may be open in processes that the program started: the end of the
// program itself is looked for, too.
Tree Python::receive(std::chrono::seconds patience) {
  constexpr std::size_t longest = 16U << 20U;
  constexpr int step = 100;  // milliseconds
  const auto last = std::chrono::steady_clock::now() + patience;
  std::array<char, 1U << 16U> chunk{};
  std::size_t end = answers_.find('\n');
  while (end == std::string::npos) {
    std::array<pollfd, 2> ends{{{channel_, POLLIN, 0}, {printed_, POLLIN, 0}}};
    poll(ends.data(), ends.size(), step);
    hear();
    if (ends[0].revents != 0) {
      const ssize_t got = recv(channel_, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) report_death();
      const std::size_t before = answers_.size();
      if (got > 0) answers_.append(chunk.data(), static_cast<std::size_t>(got));
      end = answers_.find('\n', before);
    } else if (has_ended()) {
      report_death();
    }
    if (answers_.size() > longest) give_up("gives an answer without end");
    if (std::chrono::steady_clock::now() > last)
      give_up(fmt::format("gave no answer in {} seconds", patience.count()));
  }
  const std::string line = answers_.substr(0, end);
  answers_.erase(0, end + 1);
  try {
    return read_json(line);
  } catch (const Error& error) {
    give_up(fmt::format("gives an answer that {}", error.text()));
  }
}

// Takes in some of what was printed; of it only the end is kept.
void Python::hear() {
  constexpr std::size_t kept = 400;
  std::array<char, 1U << 16U> chunk{};
  const ssize_t got = printed_ < 0 ? -1 : read(printed_, chunk.data(), chunk.size());
  if (got > 0) {
    last_words_.append(chunk.data(), static_cast<std::size_t>(got));
    last_words_.erase(0, last_words_.size() - std::min(last_words_.size(), kept));
  } else if (got == 0) {
    close(printed_);
    printed_ = -1;
  }
}

bool Python::has_ended() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

// Ends the process and what it started. Gives its status.
int Python::stop() {
  int status = 0;
  if (process_ > 0) {
    end_all(process_);  // before the number may become another's
    waitpid(process_, &status, 0);
    hear();
  }
  if (channel_ >= 0) close(channel_);
  if (printed_ >= 0) close(printed_);
  process_ = channel_ = printed_ = -1;
  answers_.clear();
  return status;
}

void Python::report_death() {
  constexpr std::chrono::milliseconds step(5);
  constexpr int most = 100;
  // The channel closes a little before the process is gone.
  for (int i = 0; i < most && !has_ended(); ++i) std::this_thread::sleep_for(step);
  if (!has_ended()) give_up("left without an answer");
  const int status = stop();
  give_up(WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                              : fmt::format("ended with status {}", WEXITSTATUS(status)));
}

void Python::give_up(std::string_view why) {
  stop();
  const std::string_view words = last_line(last_words_);
  throw Error(Fault::model, name(),
              fmt::format("the Python that ran it {}{}{}", why, words.empty() ? "" : ": ", words));
}

Tree Python::ask(const Tree::Map& request) {
  constexpr std::chrono::seconds to_start(60);
  const auto patience = patience_to_work();
  const bool fresh = channel_ < 0;
  if (fresh) start();
  send(write_json(Tree{request}, {.indent = 0}) + "\n");
  Tree reply = receive(fresh ? std::min(to_start, patience) : patience);
  // The first thing that it says is that it lives.
  if (fresh && reply.find("alive") != nullptr) reply = receive(patience);
  const Tree* fault = reply.find("error");
  if (fault == nullptr) return reply;
  if (text_at(*fault, "kind") == "python") {
    throw Error(Fault::usage, text_at(*fault, "where"),
                fmt::format("{}; {}", text_at(*fault, "what"), cure));
  }
  std::string where = name();
  if (const std::string line = text_at(*fault, "where"); !line.empty()) where += ": " + line;
  throw Error(Fault::model, std::move(where), text_at(*fault, "what"));
}

}  // namespace isomer::torch
