#include "systems/temporary.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

// The one mutable thing that belongs to the whole process, as signals do: which folders a signal
// has to remove. Whoever holds the gate keeps a signal from ending the program.
struct Living {
  std::mutex gate;
  std::vector<fs::path> folders;
};

Living& living() {
  static auto* const all = new Living;  // never destroyed: a signal may come while the program ends
  return *all;
}

// The program may still be writing: a folder is tried again while files appear in it.
void remove_wholly(const fs::path& folder) {
  constexpr int most = 100;
  std::error_code failed;
  for (int i = 0; i < most; ++i) {
    fs::remove_all(folder, failed);
    if (!fs::exists(folder, failed)) return;
  }
}

// The gate stays closed, so that nobody else begins to publish, or to speak of folders that are
// suddenly gone.
void end_by_signal(const sigset_t& signals) {
  int signal = 0;
  if (sigwait(&signals, &signal) != 0) return;
  living().gate.lock();
  for (const fs::path& folder : living().folders) remove_wholly(folder);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  std::raise(signal);
}

}  // namespace

TemporaryFolder::TemporaryFolder(const fs::path& start) {
  std::string pattern = start.string() + "XXXXXX";
  const std::lock_guard guard(living().gate);
  if (mkdtemp(pattern.data()) == nullptr) {
    throw Error(Fault::file, start.parent_path().string(),
                std::string("cannot be written to: ") + std::strerror(errno));
  }
  path_ = pattern;
  living().folders.push_back(path_);
}

TemporaryFolder::~TemporaryFolder() {
  const std::lock_guard guard(living().gate);
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  std::erase(living().folders, path_);
}

void uninterrupted(const std::function<void()>& work) {
  const std::lock_guard guard(living().gate);
  work();
}

void remove_temporary_folders_on_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
      sigaddset(&signals, signal);
  }
  // Threads that are made later inherit the mask, so that only the one that waits gets a signal.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(end_by_signal, signals).detach();
}

}  // namespace isomer
