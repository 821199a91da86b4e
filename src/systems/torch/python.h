#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codecs/tree.h"
#include "systems/system.h"
#include "systems/temporary.h"

namespace isomer::torch {

/// A Python process that serves the model of one file, and the folder through which tensors go to
/// and fro. The process starts with the first request and ends with this object, which removes the
/// folder.
class Python {
 public:
  explicit Python(const RunOptions& options);
  ~Python();
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;

  /// Says which file of the user's is served.
  void serve(std::filesystem::path program) { program_ = std::move(program); }

  /// A request is a map with "do" and texts. Throws Fault::model with the user's line where the
  /// program fails, Fault::usage where there is no Python with torch, Fault::model with the
  /// process's last words where it died, gave no answer in time or one without end. Whoever started
  /// what may have been anybody: the answer is to be read with care.
  Tree ask(const Tree::Map& request);
  /// The user's file: for messages.
  std::string name() const { return program_.filename().string(); }

  /// Writes a file for a request; gives its path.
  std::filesystem::path put(std::string_view file, const Parts& content) const;
  /// Where Python is to write a file. None is there: what was read from the last one stays mapped
  /// to it, and would change with it.
  std::filesystem::path place_for(std::string_view file) const;
  /// Where files for requests go; private to this process.
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  void start();
  void send(std::string_view line);
  Tree receive(std::chrono::seconds patience);
  void hear();
  bool has_ended() const;
  int stop();
  [[noreturn]] void report_death();
  [[noreturn]] void give_up(std::string_view why);

  std::filesystem::path program_;
  std::string options_;  // as the driver takes them
  TemporaryFolder folder_;
  int process_ = -1;
  int channel_ = -1;
  std::string answers_;     // of which not all may have been asked for yet
  int printed_ = -1;        // what the program prints comes from there
  std::string last_words_;  // the end of it
};

/// $ISOMER_PYTHON, else the interpreter known from the build, else "python3".
std::string python_interpreter();

}  // namespace isomer::torch
