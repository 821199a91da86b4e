#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace isomer {

/// A bag of named bytes: a folder or a map in a test. The only way in for readers. Names are
/// relative, with '/'.
class Files {
 public:
  virtual ~Files() = default;
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(std::string_view name) const = 0;
  /// Throws Fault::file when there is none.
  virtual Bytes read(std::string_view name) const = 0;
  /// Where it lies on disk, for programs that must be given a path; empty when it lies nowhere.
  virtual std::filesystem::path path(std::string_view name) const = 0;
  /// The places on disk that were read or asked for so far: they must not be written over.
  virtual std::vector<std::filesystem::path> used() const { return {}; }
  /// Throws Fault::file for a file that was written to since it was read: what was made of it may
  /// be of two minds. One that was replaced is still the one that was read.
  virtual void check_unchanged() const {}
};

/// The files of one folder; mapped when read. A name that leads out of the folder is refused.
std::unique_ptr<Files> open_folder(std::filesystem::path folder);
/// Files that exist only in memory.
std::unique_ptr<Files> in_memory(std::map<std::string, std::string> files);

/// The rest of a place that begins with `file`.
std::string_view place_in(std::string_view file, std::string_view where);

/// Runs `action` on a file that the user called `label` and whose own name is `entry`; an Error
/// that leaves it begins with the label, once.
template <class Action>
decltype(auto) with_file(std::string_view label, std::string_view entry, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const Error& error) {
    const std::string_view rest = place_in(entry, place_in(label, error.where()));
    throw Error(error.fault(), std::string(label) + (rest.empty() ? "" : ": ") + std::string(rest),
                error.text());
  }
}

/// One file to be written by whoever called a writer. Its parts are written one after the other,
/// without being joined.
struct File {
  std::string name;
  Parts parts;
};

}  // namespace isomer
