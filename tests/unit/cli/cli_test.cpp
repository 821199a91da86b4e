// The program as a process: words in, files, text and exit codes out.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "codecs/json.h"
#include "codecs/npy.h"
#include "run/engine.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

const std::string models = ISOMER_SOURCE "/tests/data/models/";

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("isomer-cli-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  Ended call(const std::string& words, const std::string& before = "") const {
    const std::string command =
        before + " '" ISOMER_PROGRAM "' " + " >" + at("out") + " 2>" + at("err") + " " + words;
    const int status = std::system(command.c_str());
    // As shells say it when they do not end by their child's signal themselves.
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content(at("out")),
            content(at("err"))};
  }

  /// How many files there are besides those that `call` makes.
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (name != "out" && name != "err") ++count;
    }
    return count;
  }

  fs::path folder_;
};

TEST_F(Cli, SaysItsVersion) {
  const Ended ended = call("--version");
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(ended.out.starts_with("isomer "));
}

TEST_F(Cli, HelpsWithExamplesForEveryVerb) {
  for (const std::string verb :
       {"show", "convert", "run", "prove", "ops", "systems", "passes", "completion"}) {
    const Ended ended = call(verb + " --help");
    EXPECT_EQ(ended.code, 0) << verb;
    EXPECT_NE(ended.out.find("  isomer " + verb), std::string::npos) << verb;
  }
}

TEST_F(Cli, EndsWithTwoForWrongUsage) {
  for (const std::string words : {"", "paint", "show", "convert a.pt2", "systems --colour",
                                  "completion csh", "run a.pt2 -o b.npy"}) {
    const Ended ended = call(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_TRUE(ended.out.empty()) << words;
    EXPECT_TRUE(ended.err.starts_with("isomer: ")) << ended.err;
  }
}

TEST_F(Cli, EndsWithThreeForBadFiles) {
  std::ofstream(at("bad.pt2")) << "no archive";
  std::ofstream(at("bad.isomer")) << "isomer 1\ngraph";
  for (const std::string name : {"missing.pt2", "bad.pt2", "bad.isomer"}) {
    const Ended ended = call("show " + at(name));
    EXPECT_EQ(ended.code, 3) << name;
    EXPECT_TRUE(ended.err.starts_with("isomer: " + at(name))) << ended.err;
  }
}

TEST_F(Cli, ShowsAModelInAllForms) {
  const std::string model = models + "mlp.pt2";
  EXPECT_NE(call("show " + model).out.find("graph Mlp(x: f32[5, 4]) -> "), std::string::npos);
  EXPECT_NE(call("show --summary " + model).out.find("parameters  67\n"), std::string::npos);
  EXPECT_TRUE(call("show --dot " + model).out.starts_with("digraph"));
  const Tree tree = read_json(call("show --json " + model).out);
  ASSERT_NE(tree.find("nodes"), nullptr);
  EXPECT_EQ(tree.find("nodes")->list()->size(), 3U);
}

TEST_F(Cli, RunsTensorsByNameAndByPosition) {
  const NamedTensors sample = read_tensors(map_file(models + "mlp.safetensors"));
  write_file(at("named.safetensors"), write_tensors({{"x", *find(sample, "in0")}}));
  write_file(at("placed.safetensors"), write_tensors({{"in0", *find(sample, "in0")}}));
  write_file(at("x.npy"), write_npy(stored(*find(sample, "in0"), "")));
  for (const std::string input : {"named.safetensors", "placed.safetensors", "x.npy"}) {
    const Ended ended = call("run " + models + "mlp.pt2 --engine reference --inputs " + at(input) +
                             " -o " + at("y.safetensors"));
    ASSERT_EQ(ended.code, 0) << ended.err;
    const std::vector<double> got =
        find(read_tensors(map_file(at("y.safetensors"))), "out0")->doubles();
    const std::vector<double> wanted = find(sample, "out0")->doubles();
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-5);
  }
}

TEST_F(Cli, RefusesTensorsThatDoNotFit) {
  write_file(at("short.safetensors"), write_tensors({{"x", Tensor::zeros(DType::f32, {5, 3})}}));
  write_file(at("typed.safetensors"), write_tensors({{"x", Tensor::zeros(DType::i64, {5, 4})}}));
  write_file(at("other.safetensors"), write_tensors({{"y", Tensor::zeros(DType::f32, {5, 4})}}));
  for (const std::string input : {"short.safetensors", "typed.safetensors", "other.safetensors"}) {
    const Ended ended = call("run " + models + "mlp.pt2 --engine reference --inputs " + at(input) +
                             " -o " + at("y.npy"));
    EXPECT_EQ(ended.code, 3) << input;
    EXPECT_NE(ended.err.find("x"), std::string::npos) << ended.err;
    EXPECT_FALSE(fs::exists(at("y.npy")));
  }
}

TEST_F(Cli, ConvertsAndLeavesNothingBehindWhenItFails) {
  EXPECT_EQ(call("convert " + models + "mlp.pt2 -o " + at("mlp.isomer")).code, 0);
  EXPECT_EQ(files(), 2U);  // the graph and its data
  const std::string archive = content(models + "mlp.pt2");
  write_file(at("cut.pt2"), std::string_view(archive).substr(0, archive.size() / 2));
  const std::size_t before = files();
  EXPECT_EQ(call("convert " + at("cut.pt2") + " -o " + at("cut.isomer")).code, 3);
  EXPECT_EQ(call("convert " + models + "mlp.pt2 -o " + at("mlp.docx")).code, 2);
  EXPECT_EQ(call("convert " + models + "mlp.pt2 -o " + at("missing/mlp.isomer")).code, 3);
  EXPECT_EQ(files(), before);
}

TEST_F(Cli, WritesAllFilesOrNone) {
  fs::create_directory(at("net.safetensors"));
  const std::string words = "convert " + models + "mlp.pt2 -o " + at("net.py");
  const Ended blocked = call(words);
  EXPECT_EQ(blocked.code, 3);
  EXPECT_EQ(blocked.err,
            "isomer: " + at("net.safetensors") + ": cannot be written: a folder has that name\n");
  EXPECT_EQ(files(), 1U);

  if (::geteuid() != 0) GTEST_SKIP() << "only root can make what others cannot replace";
  fs::remove(at("net.safetensors"));
  write_file(at("net.safetensors"), "of root");
  write_file(at("net.py"), "mine, written by isomer");
  constexpr unsigned nobody = 65534;
  ASSERT_EQ(::chown(at("net.py").c_str(), nobody, nobody), 0);
  fs::permissions(folder_, fs::perms::all | fs::perms::sticky_bit);
  EXPECT_EQ(call(words, "setpriv --reuid 65534 --clear-groups").code, 3);
  EXPECT_EQ(content(at("net.py")), "mine, written by isomer");
  EXPECT_EQ(content(at("net.safetensors")), "of root");
  EXPECT_EQ(files(), 2U);
}

TEST_F(Cli, ReplacesNothingButFiles) {
  const std::string words = "convert " + models + "mlp.pt2 -o ";
  ASSERT_EQ(::mkfifo(at("pipe.isomer").c_str(), 0600), 0);
  fs::create_symlink("elsewhere", at("link.isomer"));
  for (const std::string name : {"pipe.isomer", "link.isomer"}) {
    const Ended ended = call(words + at(name));
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_FALSE(fs::is_regular_file(fs::symlink_status(at(name))));
  }
  EXPECT_EQ(files(), 2U);
}

TEST_F(Cli, ReplacesNoFileThatIsNotItsOwn) {
  write_file(at("mine.py"), "import torch\n");
  EXPECT_EQ(call("convert " + models + "attention.pt2 -o " + at("mine.py")).code, 2);
  EXPECT_EQ(content(at("mine.py")), "import torch\n");
  fs::remove(at("mine.py"));
  ASSERT_EQ(call("convert " + models + "attention.pt2 -o " + at("net.isomer")).code, 0);
  const std::string weights = content(at("net.safetensors"));
  const std::string report = at("inputs.npy");
  write_file(report, write_npy(stored(Tensor::zeros(DType::f32, {2, 5, 8}), "")));
  for (const std::string& words :
       {"convert " + at("net.isomer") + " -o " + at("net.py"),
        "convert " + models + "mlp.pt2 -o " + at("net.py"),
        "run " + at("net.isomer") + " --inputs " + report + " -o " + at("net.safetensors")}) {
    const Ended ended = call(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_TRUE(ended.err.starts_with("isomer: " + at("net.safetensors"))) << ended.err;
  }
  EXPECT_EQ(content(at("net.safetensors")), weights);
  // What it wrote itself it writes again.
  EXPECT_EQ(call("convert " + models + "attention.pt2 -o " + at("net.isomer")).code, 0);
}

TEST_F(Cli, SaysThatItsOutputIsLost) {
  for (const std::string words : {"ops", "--help", "--version"}) {
    const Ended ended = call(words + " >/dev/full");
    EXPECT_EQ(ended.code, 3) << words;
    EXPECT_EQ(ended.err, "isomer: standard output: cannot be written\n");
  }
  EXPECT_EQ(call("show nowhere.pt2 2>&-").code, 3);
}

TEST_F(Cli, DoesNotWaitForPipes) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  const Ended ended = call(
      "run " + models + "mlp.pt2 --engine reference --inputs " + at("pipe") + " -o " + at("y.npy"),
      "timeout 10");
  EXPECT_EQ(ended.code, 3);
  EXPECT_TRUE(ended.err.starts_with("isomer: " + at("pipe") + ": is no regular")) << ended.err;
}

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
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
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

TEST_F(Cli, DumpsTheGraphAfterEachPass) {
  ASSERT_EQ(
      call("convert " + models + "mlp.pt2 -o " + at("mlp.isomer") + " --dump " + at("steps")).code,
      0);
  EXPECT_TRUE(fs::exists(at("steps/00.read.isomer")));
  EXPECT_TRUE(fs::exists(at("steps/01.simplify.isomer")));
  EXPECT_EQ(call("convert " + models + "mlp.pt2 -o " + at("b.isomer") + " --without beauty").code,
            2);
}

TEST_F(Cli, ProvesWithItsExitCodeAndReport) {
  const std::string model = models + "mlp.pt2", copy = at("mlp.isomer");
  ASSERT_EQ(call("convert " + model + " -o " + copy).code, 0);
  const Ended same =
      call("prove " + model + " " + copy + " --engine reference --json " + at("report.json"));
  EXPECT_EQ(same.code, 0) << same.out << same.err;
  EXPECT_TRUE(same.out.starts_with("EQUIVALENT: "));
  EXPECT_EQ(*read_json(content(at("report.json"))).find("result")->text(), "EQUIVALENT");

  std::string text = content(copy);
  text.replace(text.find("tanh("), 5, "sin(");
  write_file(copy, text);
  const Ended other = call("prove " + model + " " + copy + " --engine reference");
  EXPECT_EQ(other.code, 1) << other.err;
  EXPECT_TRUE(other.out.starts_with("NOT EQUIVALENT: "));
}

TEST_F(Cli, ProvesWhileConverting) {
  const Ended ended = call("convert " + models + "mlp.pt2 -o " + at("mlp.isomer") + " --prove");
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_TRUE(ended.out.starts_with("EQUIVALENT: "));
  EXPECT_TRUE(fs::exists(at("mlp.isomer")));
}

TEST_F(Cli, ListsItsTablesForMachines) {
  for (const std::string words : {"systems", "passes", "ops"}) {
    const Ended ended = call(words + " --json");
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_FALSE(read_json(ended.out).list()->empty()) << words;
  }
}

TEST_F(Cli, TellsOfOneOperator) {
  const Ended softmax = call("ops softmax");
  EXPECT_EQ(softmax.code, 0);
  EXPECT_TRUE(softmax.out.starts_with("softmax(x, dim: int) -> y\n")) << softmax.out;
  const Ended mistyped = call("ops sofmax");
  EXPECT_EQ(mistyped.code, 2);
  EXPECT_NE(mistyped.err.find("softmax"), std::string::npos) << mistyped.err;
}

TEST_F(Cli, CompletionsAreValidScripts) {
  const Ended bash = call("completion bash");
  ASSERT_EQ(bash.code, 0);
  for (const std::string_view word : {"--without", "--engine", "completion", "pt2"}) {
    EXPECT_NE(bash.out.find(word), std::string::npos) << word;
  }
  write_file(
      at("complete.bash"),
      bash.out + "COMP_WORDS=(isomer co); COMP_CWORD=1; _isomer; echo \"${COMPREPLY[@]}\"\n");
  ASSERT_EQ(std::system(("bash " + at("complete.bash") + " > " + at("words")).c_str()), 0);
  EXPECT_EQ(content(at("words")), "convert completion\n");
  EXPECT_TRUE(call("completion zsh").out.starts_with("#compdef isomer"));
  EXPECT_TRUE(call("completion fish").out.starts_with("complete -c isomer"));
}

TEST_F(Cli, ConvertsWithoutLoadingLibtorch) {
  const std::string loader = "LD_DEBUG=files";
  const Ended convert = call("convert " + models + "mlp.pt2 -o " + at("mlp.isomer"), loader);
  ASSERT_EQ(convert.code, 0);
  ASSERT_NE(convert.err.find("libisomer.so"), std::string::npos)
      << "the loader tells what it loads";
  EXPECT_EQ(convert.err.find("libtorch"), std::string::npos);
  EXPECT_EQ(convert.err.find("libisomer_torch"), std::string::npos);
  if (!engine_named("torch").available()) return;
  // The same look sees it where it is wanted.
  write_file(at("x.safetensors"), write_tensors({{"x", Tensor::zeros(DType::f32, {5, 4})}}));
  const Ended run = call("run " + models + "mlp.pt2 --engine torch --inputs " +
                             at("x.safetensors") + " -o " + at("y.npy"),
                         loader);
  EXPECT_NE(run.err.find("libtorch"), std::string::npos);
}

#ifdef NDEBUG
// Of the processor's time, so that a busy machine does not fail it.
TEST_F(Cli, ConvertsInLessThanFiftyMilliseconds) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    struct rusage before {
    }, after{};
    getrusage(RUSAGE_CHILDREN, &before);
    ASSERT_EQ(call("convert " + models + "mlp.pt2 -o " + at("mlp.isomer")).code, 0);
    getrusage(RUSAGE_CHILDREN, &after);
    const auto seconds = [](const struct rusage& usage) {
      const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
      };
      return of(usage.ru_utime) + of(usage.ru_stime);
    };
    best = std::min(best, seconds(after) - seconds(before));
  }
  EXPECT_LT(best, 0.05);
}
#endif

}  // namespace
}  // namespace isomer
