#include "systems/temporary.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

struct LockedFolder {
  fs::path path;
  // Of the folder, locked while we live. Given up so that the folder can be listed when there are
  // no more file handles.
  int handle = -1;
};

// The one mutable thing that belongs to the whole process, as signals do: which folders a signal
// has to remove. Whoever holds the gate keeps a signal from ending the program.
struct Living {
  std::mutex gate;
  std::vector<LockedFolder> folders;
};

Living& living() {
  static auto* const all = new Living;  // never destroyed: a signal may come while the program ends
  return *all;
}

// The program may still be writing: a folder is tried again while files appear in it.
void remove_wholly(const LockedFolder& folder) {
  constexpr int most = 100;
  ::close(folder.handle);
  std::error_code failed;
  for (int i = 0; i < most; ++i) {
    fs::remove_all(folder.path, failed);
    if (!fs::exists(folder.path, failed)) return;
  }
}

int handle_of(const fs::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Whether mkdtemp may have made that name: six letters and figures, and no word.
bool is_made_up(const std::string& name, const std::string& start) {
  constexpr std::size_t letters = 6;
  if (!name.starts_with(start) || name.size() != start.size() + letters) return false;
  const std::string_view rest = std::string_view(name).substr(start.size());
  return std::ranges::all_of(rest, [](unsigned char c) { return std::isalnum(c) != 0; }) &&
         std::ranges::any_of(rest, [](unsigned char c) { return std::islower(c) == 0; });
}

// Whether a folder is ours and nobody holds its lock.
bool is_abandoned(int handle) {
  constexpr mode_t rights = 07777;
  struct stat status {};
  return ::fstat(handle, &status) == 0 && status.st_uid == geteuid() &&
         (status.st_mode & rights) == S_IRWXU && ::flock(handle, LOCK_EX | LOCK_NB) == 0;
}

// Makes the folder. Between its birth and its lock another program may take it for abandoned, and
// remove it.
LockedFolder locked_folder(const fs::path& start) {
  while (true) {
    std::string pattern = start.string() + "XXXXXX";
    const bool made = mkdtemp(pattern.data()) != nullptr;
    const int handle = made ? handle_of(pattern) : -1;
    if (handle >= 0) {
      struct stat status {};
      ::flock(handle, LOCK_SH);
      if (::fstat(handle, &status) == 0 && status.st_nlink > 0) return {pattern, handle};
      ::close(handle);
    } else if (!made || errno != ENOENT) {
      const std::string reason = std::strerror(errno);
      if (made) ::rmdir(pattern.c_str());
      throw Error(Fault::file, start.parent_path().string(), "cannot be written to: " + reason);
    }
  }
}

// The file that is mapped there; empty for none.
fs::path mapped_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream words(line);
    words >> std::hex >> begin >> dash >> end;
    const std::size_t path = line.find('/');
    if (begin <= wanted && wanted < end && path != std::string::npos) return line.substr(path);
  }
  return {};
}

// What the thread that met the lost page tells the one that waits. Blocked in all threads, so that
// it comes to that one alone.
int lost_page() { return SIGRTMIN; }

void on_lost_page(int, siginfo_t* info, void*) {
  sigqueue(getpid(), lost_page(), {.sival_ptr = info->si_addr});
  while (true) pause();
}

// Ends the program as the signal would have done.
void end_by(int signal) {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  std::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(signal);
}

// The gate stays closed, so that nobody else begins to publish, or to speak of folders that are
// suddenly gone.
void wait_for_the_end(const sigset_t& signals, const std::function<int(const fs::path&)>& lost) {
  siginfo_t info{};
  int signal = -1;
  while (signal < 0) signal = sigwaitinfo(&signals, &info);
  living().gate.lock();
  for (const LockedFolder& folder : living().folders) remove_wholly(folder);
  if (signal == lost_page() && info.si_code == SI_QUEUE && info.si_pid == getpid()) {
    const fs::path file = mapped_at(info.si_value.sival_ptr);
    if (!file.empty()) _exit(lost(file));
    signal = SIGBUS;
  }
  end_by(signal);
}

bool ends_programs(int signal) {
  // What a thread gets for its own doing is not for another to wait for.
  constexpr int others[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                            SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS,  SIGFPE,
                            SIGILL,  SIGTRAP, SIGABRT, SIGSYS,  SIGPIPE, SIGXFSZ};
  struct sigaction now {};
  return std::ranges::find(others, signal) == std::end(others) &&
         sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction now {
  }, ours{};
  if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) return;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  ours.sa_sigaction = handler;
  sigaction(signal, &ours, nullptr);
}

}  // namespace

TemporaryFolder::TemporaryFolder(const fs::path& start) {
  const std::lock_guard guard(living().gate);
  living().folders.push_back(locked_folder(start));
  path_ = living().folders.back().path;
}

TemporaryFolder::~TemporaryFolder() {
  const std::lock_guard guard(living().gate);
  const auto folder = std::ranges::find(living().folders, path_, &LockedFolder::path);
  remove_wholly(*folder);
  living().folders.erase(folder);
}

void remove_abandoned(const fs::path& start) {
  const std::lock_guard guard(living().gate);
  std::error_code failed, ignored;
  fs::directory_iterator entry(start.parent_path(), failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    if (!is_made_up(entry->path().filename().string(), start.filename().string())) continue;
    const int handle = handle_of(entry->path());
    if (handle >= 0 && is_abandoned(handle)) fs::remove_all(entry->path(), ignored);
    ::close(handle);
  }
}

void uninterrupted(const std::function<void()>& work) {
  const std::lock_guard guard(living().gate);
  work();
}

void clean_up_on_signals(const std::function<int(const fs::path&)>& lost) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (ends_programs(signal)) sigaddset(&signals, signal);
  }
  const auto ignore = [](int, siginfo_t*, void*) {};
  handle(SIGPIPE, ignore);
  handle(SIGXFSZ, ignore);
  handle(SIGBUS, on_lost_page);
  // Threads that are made later inherit the mask, so that only the one that waits gets a signal.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(wait_for_the_end, signals, lost).detach();
}

}  // namespace isomer
