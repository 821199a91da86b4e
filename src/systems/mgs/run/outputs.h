#pragma once

// What a run leaves: lines on the terminal and files.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "systems/files.h"
#include "systems/temporary.h"

namespace isomer::mgs {

/// Files that nodes write, aside until they are published: a run that fails on our side leaves
/// none.
class Outputs {
 public:
  using Print = std::function<void(std::string_view line)>;

  /// Files go to `folder`; an empty path keeps them in memory.
  Outputs(const Files& inputs, std::filesystem::path folder, Print print)
      : inputs_(inputs), folder_(std::move(folder)), print_(std::move(print)) {}

  void line(std::string_view text) { print_(text); }
  /// Throws Fault::file for a name that leads out of the folder, and for that of a file that was
  /// read.
  void begin(const std::string& name);
  void append(const std::string& name, std::string_view text);
  /// "w" of C's fopen for the first write, "a" afterwards.
  void write(const std::string& name, std::string_view text, bool anew);

  std::vector<std::string> names() const;
  /// What was written so far.
  std::string text(const std::string& name) const;
  /// Puts the files into their places.
  void publish();

 private:
  struct Pending {
    std::string text = {};
    std::filesystem::path aside = {};  // where what no longer is in memory lies
  };

  void check(const std::string& name) const;
  void spill(Pending& pending);

  const Files& inputs_;
  std::filesystem::path folder_;
  Print print_;
  std::map<std::string, Pending, std::less<>> files_ = {};
  std::unique_ptr<TemporaryFolder> aside_ = {};
  std::size_t in_memory_ = 0;
  std::size_t written_ = 0;
  std::size_t spilled_ = 0;
};

}  // namespace isomer::mgs
