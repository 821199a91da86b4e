#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
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
#include <thread>

#include "codecs/json.h"
#include "codecs/npy.h"
#include "codecs/zip.h"
#include "program.h"
#include "run/engine.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer {
namespace {

using test::Cli;
using test::content;
using test::Ended;
using test::models;

namespace fs = std::filesystem;

TEST_F(Cli, SaysItsVersion) {
  const Ended ended = call("--version");
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(ended.out.starts_with("isomer "));
}

TEST_F(Cli, HelpsWithExamplesForEveryVerb) {
  for (const std::string verb :
       {"show", "check", "convert", "run", "prove", "ops", "systems", "passes", "completion"}) {
    const Ended ended = call(verb + " --help");
    EXPECT_EQ(ended.code, 0) << verb;
    EXPECT_NE(ended.out.find("  isomer " + verb), std::string::npos) << verb;
  }
}

TEST_F(Cli, EndsWithTwoForWrongUsage) {
  for (const std::string words : {"", "paint", "show", "convert a.pt2", "systems --colour",
                                  "completion csh", "run -o b.npy"}) {
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
  EXPECT_NE(call("show --summary " + models + "keywords.pt2").out.find("3], v8: i64[]\n"),
            std::string::npos);
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
  // Where the other user reaches it, as perhaps not the folder in which it was built.
  fs::permissions(folder_, fs::perms::all | fs::perms::sticky_bit);
  fs::create_directory(at("bin"));
  fs::copy(ISOMER_PROGRAM, at("bin/isomer"));
  fs::copy(fs::path(ISOMER_PROGRAM).parent_path() / "libisomer.so", at("bin/libisomer.so"));
  fs::copy(models + "mlp.pt2", at("bin/mlp.pt2"));
  const std::string other = "setpriv --reuid 65534 --clear-groups env LD_LIBRARY_PATH=" + at("bin");
  if (call("--version", other, at("bin/isomer")).code != 0)
    GTEST_SKIP() << "no other user can run programs in " << folder_;
  fs::remove(at("net.safetensors"));
  write_file(at("net.safetensors"), "of root");
  write_file(at("net.py"), "mine, written by isomer");
  constexpr unsigned nobody = 65534;
  ASSERT_EQ(::chown(at("net.py").c_str(), nobody, nobody), 0);
  const Ended ended =
      call("convert " + at("bin/mlp.pt2") + " -o " + at("net.py"), other, at("bin/isomer"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err,
            "isomer: " + at("net.safetensors") + ": cannot be written: Operation not permitted\n");
  EXPECT_EQ(content(at("net.py")), "mine, written by isomer");
  EXPECT_EQ(content(at("net.safetensors")), "of root");
  EXPECT_EQ(files(), 3U);  // with the copied program
}

TEST_F(Cli, WritesSeveralTargetsIntoOneFolder) {
  write_file(at("from.isomer"),
             "isomer 1 data \"w.safetensors\"\ngraph net(x: f32[300000]) -> (y)\n"
             "  weight w: f32[300000] \"w\" = stored \"w\"\n  y = mul(x, w)\n");
  write_file(at("w.safetensors"), write_tensors({{"w", Tensor::zeros(DType::f32, {300000})}}));
  for (const std::string name : {"net.py", "net.json", "net.isomer", "net.py", "net.json"}) {
    const Ended ended = call("convert " + at("from.isomer") + " -o " + at(name));
    EXPECT_EQ(ended.code, 0) << ended.err;
  }
  EXPECT_EQ(files(), 8U);
  EXPECT_EQ(call("show " + at("net.json")).code, 0);
  EXPECT_EQ(call("show " + at("net.isomer")).code, 0);
}

TEST_F(Cli, FindsADamagedWeightWhenItIsUsed) {
  std::string bytes = content(models + "mlp.pt2");
  const Zip zip(bytes_of(bytes));
  bytes[zip.find("mlp/data/weights/weight_2")->data + 5] ^= 1;
  write_file(at("net.pt2"), bytes);
  const std::string damaged =
      "net.pt2: tensor 'out.weight': entry 'mlp/data/weights/weight_2': is damaged: its checksum "
      "is wrong\n";
  const auto expect_damaged = [&](const std::string& words) {
    const Ended ended = call(words);
    EXPECT_EQ(ended.code, 3) << words;
    EXPECT_TRUE(ended.err.starts_with("isomer: " + at("net.pt2: "))) << ended.err;
    EXPECT_TRUE(ended.err.ends_with(damaged)) << ended.err;
  };
  EXPECT_EQ(call("show " + at("net.pt2")).code, 0);
  for (const std::string target : {".py", ".json", ".isomer"})
    expect_damaged("convert " + at("net.pt2") + " -o " + at("out" + target));
  write_file(at("x.npy"), write_npy(stored(Tensor::zeros(DType::f32, {5, 4}), "")));
  for (const Engine& engine : all_engines()) {
    if (engine.available())
      expect_damaged("run " + at("net.pt2") + " --inputs " + at("x.npy") + " -o " + at("y.npy") +
                     " --engine " + std::string(engine.name));
  }
  EXPECT_EQ(files(), 2U);
}

TEST_F(Cli, WaitsForWhoeverPublishesIntoTheFolder) {
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(folder, LOCK_EX), 0);
  std::thread other([&] { call("convert " + models + "mlp.pt2 -o " + at("net.py")); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(fs::exists(at("net.py")));
  ::close(folder);
  other.join();
  EXPECT_TRUE(fs::exists(at("net.py")));
}

TEST_F(Cli, LeavesNothingWhereItMayNotWrite) {
  const std::string words =
      "convert " + models + "attention.pt2 -o " + at("net.py") + " --dump " + at("a/steps");
  for (const std::string limit : {"ulimit -f 1;", "ulimit -n 3;", "ulimit -n 4;", "ulimit -n 5;"}) {
    const Ended ended = call(words, limit);
    EXPECT_NE(ended.code, 4) << ended.err;
    if (ended.code == 0) continue;
    EXPECT_EQ(files(), 0U) << limit << ended.err;
    EXPECT_EQ(ended.err.find(".isomer-"), std::string::npos) << ended.err;
  }
}

TEST_F(Cli, EndsQuietlyWhenNobodyReadsIt) {
  write_file(at("pipe.bash"), "set -o pipefail; { sleep 0.2; '" ISOMER_PROGRAM "' ops; } | :\n");
  const int status = std::system(("bash " + at("pipe.bash") + " 2>" + at("err")).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGPIPE);
  EXPECT_EQ(content(at("err")), "");
}

TEST_F(Cli, SendsNothingThatATerminalObeys) {
  const std::string name = at("\x1b[31m.isomer");
  const Ended missing = call("show '" + name + "'");
  EXPECT_NE(missing.err.find("\\x1b[31m.isomer: there is no such file"), std::string::npos);
  write_file(name, "isomer 1\ngraph \"\\x1b[32m\"(x: f32[1]) -> (x)\n");
  for (const std::string form : {"", "--summary ", "--json ", "--dot "}) {
    const Ended shown = call("show " + form + "'" + name + "'");
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_EQ((shown.out + shown.err).find('\x1b'), std::string::npos) << shown.out;
  }
}

TEST_F(Cli, SaysWhenItFollowsALinkOutOfTheFolder) {
  ASSERT_EQ(call("convert " + models + "mlp.pt2 -o " + at("net.isomer")).code, 0);
  EXPECT_EQ(call("show " + at("net.isomer")).err, "");
  fs::create_directory(at("blobs"));
  fs::create_directory(at("snapshot"));
  fs::rename(at("net.isomer"), at("blobs/1"));
  fs::rename(at("net.isomer.safetensors"), at("blobs/2"));
  fs::create_symlink("../blobs/1", at("snapshot/net.isomer"));
  fs::create_symlink("../blobs/2", at("snapshot/net.isomer.safetensors"));
  const Ended ended = call("show " + at("snapshot/net.isomer"));
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "note: " + at("snapshot/net.isomer") +
                           ": net.isomer.safetensors: is a link out of the folder; read is " +
                           fs::canonical(at("blobs/2")).string() + "\n");
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
  const std::string weights = content(at("net.isomer.safetensors"));
  write_file(at("net.safetensors"), "of others");
  const std::string report = at("inputs.npy");
  write_file(report, write_npy(stored(Tensor::zeros(DType::f32, {2, 5, 8}), "")));
  for (const std::string& words : {"convert " + at("net.isomer") + " -o " + at("net.py"),
                                   "convert " + models + "mlp.pt2 -o " + at("net.py"),
                                   "run " + at("net.isomer") + " --inputs " + report + " -o " +
                                       at("net.isomer.safetensors")}) {
    const Ended ended = call(words);
    EXPECT_EQ(ended.code, 2) << words;
    EXPECT_TRUE(ended.err.starts_with("isomer: " + at("net."))) << ended.err;
  }
  EXPECT_EQ(content(at("net.safetensors")), "of others");
  EXPECT_EQ(content(at("net.isomer.safetensors")), weights);
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
