// Python, as the program runs it: whatever it is, it does no harm and is gone afterwards.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/bytes.h"
#include "program.h"
#include "systems/torch/python.h"

namespace isomer {
namespace {

using test::Cli;
using test::content;
using test::Ended;
using test::models;

namespace fs = std::filesystem;

// The "Python" of these tests does not care for SIGTERM.
class StubbornPython : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    fs::create_directory(at("tmp"));
  }

  /// The words before a call of isomer whose Python first does `action`, then sleeps.
  std::string python(const std::string& action) const {
    write_file(at("python"), "#!/bin/sh\ntrap '' TERM\n" + action + "\nexec sleep 20\n");
    fs::permissions(at("python"), fs::perms::owner_all);
    return "TMPDIR=" + at("tmp") + " ISOMER_PYTHON=" + at("python");
  }
};

TEST_F(StubbornPython, IsEndedWithTheProgram) {
  write_file(at("net.py"), "x = 1");
  const auto begin = std::chrono::steady_clock::now();
  const Ended ended = call("run " + at("net.py") + " --inputs x.npy -o " + at("y.npy"),
                           python(R"(read line; echo '{"error": {"what": "no"}}' >&0)"));
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_TRUE(fs::is_empty(at("tmp")));
}

TEST_F(StubbornPython, LeavesNothingWhenASignalEndsTheProgram) {
  fs::create_directory(at("to"));
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXCPU, SIGRTMAX}) {
    // The signal comes while the proof waits for Python, and the files lie aside. A shell lets a
    // program in the background ignore SIGINT, unlike env.
    const Ended ended = call("convert " + models + "mlp.pt2 --prove -o " + at("to/net.py"),
                             python("ls -A " + at("to") + " > " + at("seen") + "; kill -" +
                                    std::to_string(signal) + " $PPID") +
                                 " env --default-signal");
    EXPECT_EQ(ended.code, 128 + signal) << ended.err;
    EXPECT_TRUE(content(at("seen")).starts_with(".isomer-")) << signal;
    EXPECT_TRUE(fs::is_empty(at("to"))) << signal;
    EXPECT_TRUE(fs::is_empty(at("tmp"))) << signal;
  }
}

TEST_F(StubbornPython, IsNotTrusted) {
  write_file(at("net.py"), "x = 1");
  const std::string runs = "isomer: " + at("net.py") + ": the Python that runs it: ";
  const std::string ran = "isomer: " + at("net.py") + ": the Python that ran it ";
  const auto says = [](const std::string& reply) { return "echo '" + reply + "' >&0"; };
  const std::pair<std::string, std::string> cases[] = {
      {says(R"({"inputs":[{}],"weights":1})"), runs},
      {says(R"([])"), runs},
      {says(R"({"weights":[1]})"), runs},
      {says(R"({"inputs":[{"name":"x","dtype":"float32","shape":1}]})"), runs},
      {"printf '{\"alive\": true}\\n[]\\n' >&0", runs},  // two at once
      {says("{"), ran + "gives an answer that is not JSON"},
      {"exec tr '\\000' x >&0 </dev/zero", ran + "gives an answer without end"},
      {"yes >&2; true", ran + "gave no answer in 2 seconds"},
      {"", ran + "gave no answer in 2 seconds"},
      {"echo last words >&2; exec 0</dev/null", ran + "left without an answer: last words\n"},
      {"kill -11 $$", ran + "was ended by signal 11"},
  };
  for (const auto& [action, message] : cases) {
    const auto begin = std::chrono::steady_clock::now();
    const Ended ended = call("run " + at("net.py") + " --inputs x.npy -o " + at("y.npy"),
                             "ISOMER_PYTHON_SECONDS=2 " + python(action));
    EXPECT_EQ(ended.code, 3) << action << ended.err;
    EXPECT_TRUE(ended.err.starts_with(message)) << action << ended.err;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << action;
    EXPECT_TRUE(fs::is_empty(at("tmp"))) << action;
  }
}

TEST_F(StubbornPython, SpeaksOfFilesWhereTheyWillLie) {
  fs::create_directory(at("to"));
  const Ended ended = call("convert " + models + "mlp.pt2 --prove -o " + at("to/net.py"),
                           python(R"(echo "{\"error\": {\"what\": \"no $2\"}}" >&0)"));
  EXPECT_EQ((ended.out + ended.err).find(".isomer-"), std::string::npos) << ended.out << ended.err;
  EXPECT_NE((ended.out + ended.err).find("no " + at("to/net.py")), std::string::npos)
      << ended.out << ended.err;
}

/// Whether a process outlives what ends it: its end takes a moment, on a busy machine some seconds.
/// By itself it would live for a quarter of an hour.
bool lives(const std::string& process) {
  const std::string file = "/proc/" + std::string(process, 0, process.find('\n')) + "/stat";
  const auto there = [&] {
    const std::string status = content(file);
    return !status.empty() && status.find(") Z ") == std::string::npos;
  };
  for (int i = 0; i < 3000 && there(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return there();
}

TEST_F(StubbornPython, IsEndedWithWhatItStarted) {
  write_file(at("net.py"), "x = 1");
  const Ended ended = call(
      "run " + at("net.py") + " --inputs x.npy -o " + at("y.npy"),
      python("sleep 1000 & echo $! > " + at("started") + R"(; echo '{"error": {}}' >&0; exit 0)"));
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_NE(content(at("started")), "");
  EXPECT_FALSE(lives(content(at("started"))));
}

TEST_F(StubbornPython, IsEndedWithWhatHasASessionOfItsOwn) {
  write_file(at("net.py"), "x = 1");
  const Ended ended = call(
      "run " + at("net.py") + " --inputs x.npy -o " + at("y.npy"),
      python("setsid sleep 1000 & echo $! > " + at("started") + R"(; echo '{"error": {}}' >&0)"));
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_NE(content(at("started")), "");
  EXPECT_FALSE(lives(content(at("started"))));
}

TEST_F(Cli, NobodyIsLeftToComputeWhenItIsKilled) {
  if (std::system(
          (torch::python_interpreter() + " -c 'import torch, safetensors' 2>/dev/null").c_str()) !=
      0)
    GTEST_SKIP() << "no Python with torch";
  write_file(at("net.py"),
             "import os, signal, subprocess, time\n"
             "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
             "print(os.getpid(), file=open(os.path.dirname(__file__) + '/self', 'w'), flush=True)\n"
             "print(child.pid, file=open(os.path.dirname(__file__) + '/child', 'w'), flush=True)\n"
             "os.killpg(0, signal.SIGHUP)\n"  // as the kernel may do when the parent ends
             "os.kill(os.getppid(), signal.SIGKILL)\n"
             "time.sleep(1000)\n");
  EXPECT_EQ(call("run " + at("net.py") + " --inputs x.npy -o " + at("y.npy")).code, 128 + SIGKILL);
  EXPECT_NE(content(at("child")), "");
  EXPECT_FALSE(lives(content(at("self"))));
  EXPECT_FALSE(lives(content(at("child"))));
}

}  // namespace
}  // namespace isomer
