#include "systems/temporary.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "base/bytes.h"
#include "base/error.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

fs::path start(const fs::path& folder = testing::TempDir()) { return folder / "isomer-test-"; }

/// For a process of its own: signals clean up, and the lost file is named.
void clean_up() {
  clean_up_on_signals([](const fs::path& file) {
    std::fprintf(stderr, "lost %s\n", file.c_str());
    return 3;
  });
}

/// Makes a folder with something in it, tells which, and gets the signal.
[[noreturn]] void end_by(int signal, const fs::path& where) {
  clean_up();
  const TemporaryFolder folder(start(where));
  write_file(folder.path() / "x", "content");
  std::fprintf(stderr, "%s", folder.path().c_str());
  kill(getpid(), signal);
  while (true) pause();
}

TEST(TemporaryFolder, GoesWithWhateverSignalEndsTheProgram) {
  const fs::path around = start() += std::to_string(getpid());  // not to be removed by the signal
  fs::create_directory(around);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
                           SIGPROF, SIGXCPU, SIGPWR, SIGRTMAX}) {
    EXPECT_EXIT(end_by(signal, around), testing::KilledBySignal(signal), "isomer-test-") << signal;
  }
  EXPECT_TRUE(fs::is_empty(around));
  fs::remove(around);
}

TEST(TemporaryFolder, GoesWhenTheNextProgramFindsItAbandoned) {
  const TemporaryFolder around(start());
  const fs::path begin = around.path() / ".isomer-";
  const auto left = [&](const char* letters, mode_t rights) {
    const fs::path path = begin.string() + letters;
    mkdir(path.c_str(), rights);
    write_file(path / "x", "content");
    return path;
  };
  const fs::path killed = left("aB3dEf", S_IRWXU);
  const fs::path word = left("backup", S_IRWXU);
  const fs::path open_to_others = left("aB3dEg", S_IRWXU | S_IRGRP);
  const TemporaryFolder living(begin);
  remove_abandoned(begin);
  EXPECT_FALSE(fs::exists(killed));
  for (const fs::path& path : {word, open_to_others, living.path()}) EXPECT_TRUE(fs::exists(path));
}

TEST(TemporaryFolder, GoesWhenThereAreNoMoreFileHandles) {
  fs::path path;
  std::vector<int> handles;
  {
    const TemporaryFolder folder(start());
    path = folder.path();
    write_file(path / "x", "content");
    for (int handle = 0; (handle = ::open("/dev/null", O_RDONLY)) >= 0;) handles.push_back(handle);
    EXPECT_THROW(TemporaryFolder{start()}, Error);
    EXPECT_THROW(write_file(path / "y", "content"), Error);
  }
  for (const int handle : handles) ::close(handle);
  EXPECT_FALSE(fs::exists(path));
}

TEST(Signals, WhatMayNotBeWrittenIsAnErrorOfTheWrite) {
  const auto write_too_much = [] {
    clean_up();
    int code = 0;
    {
      const TemporaryFolder folder(start());
      const struct rlimit limit { 1000, 1000 };
      setrlimit(RLIMIT_FSIZE, &limit);
      try {
        write_file(folder.path() / "x", std::string(5000, 'x'));
      } catch (const Error& error) {
        std::fprintf(stderr, "%s", error.what());
        code = 7;
      }
    }
    std::exit(code);
  };
  EXPECT_EXIT(write_too_much(), testing::ExitedWithCode(7), "cannot write: File too large");
}

TEST(Signals, AFileThatIsCutShortWhileItIsMappedIsNamed) {
  const auto read_lost = [] {
    clean_up();
    const TemporaryFolder folder(start());
    const fs::path path = folder.path() / "model.bin";
    write_file(path, std::string(100'000, 'x'));
    const Bytes bytes = map_file(path);
    fs::resize_file(path, 10);
    std::exit(bytes.text().find('y') == std::string::npos ? 0 : 1);
  };
  EXPECT_EXIT(read_lost(), testing::ExitedWithCode(3), "lost .*/model.bin");
}

}  // namespace
}  // namespace isomer
