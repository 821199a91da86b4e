#pragma once

// The program as a process: words in, files, text and exit codes out.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "graph/tensor.h"

namespace isomer::test {

namespace fs = std::filesystem;

inline const std::string models = ISOMER_SOURCE "/tests/data/models/";

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline Tensor reals(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

class Cli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("isomer-cli-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  Ended call(const std::string& words, const std::string& before = "",
             const std::string& program = ISOMER_PROGRAM) const {
    const std::string command =
        before + " '" + program + "' " + " >" + at("out") + " 2>" + at("err") + " " + words;
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

}  // namespace isomer::test
