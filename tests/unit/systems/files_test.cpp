#include "systems/files.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/builder.h"
#include "systems/system.h"
#include "systems/temporary.h"

namespace isomer {
namespace {

TEST(Files, AFolderReadsItsFilesAndNoOthers) {
  const TemporaryFolder own(std::filesystem::path(testing::TempDir()) / "isomer-test-");
  const std::filesystem::path& root = own.path();
  std::filesystem::create_directories(root / "folder" / "inner");
  write_file(root / "outside", "no");
  write_file(root / "folder" / "x", "one");
  write_file(root / "folder" / "inner" / "y", "two");
  const auto files = open_folder(root / "folder");
  EXPECT_EQ(files->names(), (std::vector<std::string>{"inner/y", "x"}));
  EXPECT_EQ(files->read("inner/y").text(), "two");
  EXPECT_TRUE(files->has("x"));
  EXPECT_EQ(files->path("x"), root / "folder" / "x");
  for (const std::string& name : std::vector<std::string>{
           "../outside", "inner/../../outside", "", "inner", "z", (root / "outside").string()}) {
    EXPECT_FALSE(files->has(name)) << name;
    EXPECT_THROW(files->read(name), Error) << name;
  }
}

TEST(Files, AFileThatIsWrittenToWhileItIsReadIsNamed) {
  const TemporaryFolder own(std::filesystem::path(testing::TempDir()) / "isomer-test-");
  for (const std::string name : {"kept", "changed", "replaced"})
    write_file(own.path() / name, "one");
  const auto files = open_folder(own.path());
  for (const std::string name : {"kept", "changed", "replaced"}) files->read(name);
  write_file(own.path() / "other", "two");
  std::filesystem::rename(own.path() / "other", own.path() / "replaced");
  EXPECT_NO_THROW(files->check_unchanged());
  write_file(own.path() / "changed", "twelve");
  try {
    files->check_unchanged();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "changed: was written to while it was read; try again when it is finished");
  }
}

TEST(Files, InMemory) {
  const auto files = in_memory({{"a", "1"}, {"b/c", "2"}});
  EXPECT_EQ(files->names(), (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(files->read("b/c").text(), "2");
  EXPECT_TRUE(files->path("a").empty());
  EXPECT_THROW(files->read("c"), Error);
}

TEST(Files, ArePlacesThatStandInFrontOnce) {
  EXPECT_EQ(place_in("net.py", "net.py: line 3"), "line 3");
  EXPECT_EQ(place_in("net.py", "net.py"), "");
  EXPECT_EQ(place_in("net.py", "net.pyc: line 3"), "net.pyc: line 3");
  EXPECT_EQ(place_in("", "line 3"), "line 3");
}

// Readers put parts of a graph together by hand.
TEST(Systems, ValidateWhatTheyRead) {
  const auto read = [](const Files&, std::string_view) {
    Builder b("net");
    const ValueId y = b.emit("neg", {b.input("x", {DType::f32, {2}})});
    Graph graph = std::move(b).finish({y});
    graph[y].type.shape = {3};
    return Loaded{std::move(graph), {}};
  };
  const System wrong{.name = "wrong", .about = "", .extensions = ".wrong", .read = read};
  try {
    read_model(wrong, *in_memory({}), "net.wrong");
    FAIL() << "a type is not what its operator gives";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    EXPECT_EQ(
        error.what(),
        std::string("net.wrong: net: node 0 (neg): an output is f32[3]; it should be f32[2]"));
  }
  const System mute{.name = "mute", .about = "", .extensions = ".mute"};
  EXPECT_THROW(read_model(mute, *in_memory({}), "net.mute"), Error);
}

}  // namespace
}  // namespace isomer
