#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

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
};

/// The files of one folder; mapped when read. A name that leads out of the folder is refused.
std::unique_ptr<Files> open_folder(std::filesystem::path folder);
/// Files that exist only in memory.
std::unique_ptr<Files> in_memory(std::map<std::string, std::string> files);

/// One file to be written by whoever called a writer.
struct File {
  std::string name;
  Bytes bytes;
};

}  // namespace isomer
