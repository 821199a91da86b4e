#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "systems/files.h"
#include "systems/temporary.h"

namespace isomer::cli {

/// A folder of its own beside where files are to go. They are written there, may be tried there
/// under their own names, and are renamed into place when all is well, all of them or none. So a
/// failure leaves nothing new, and what was there before.
class Staging {
 public:
  enum class Missing { refused, made };
  struct Place {
    std::filesystem::path there;    // the folder, or the innermost one around it that is there
    std::filesystem::path missing;  // the rest of its path: folders that come with the files
  };

  /// Throws Fault::file when `target` is no folder that can be written to.
  explicit Staging(std::filesystem::path target, Missing missing = Missing::refused);

  /// Names are without folders.
  void write(const File& file);
  /// Where the files lie until they are published.
  const std::filesystem::path& folder() const { return folder_; }
  /// First does `check`, when nobody else publishes there any more. Throws what it throws, and
  /// Fault::file when a file cannot take its place.
  void publish(const std::function<void()>& check);

  /// A text that speaks of the files where they lie, as if they lay where they will.
  std::string outside(std::string text) const;
  Error outside(const Error& error) const;

 private:
  explicit Staging(Place place);

  Place place_;
  TemporaryFolder aside_;
  std::filesystem::path folder_;
  std::vector<std::string> names_;
};

/// Throws Fault::usage when `path`, where the user wants a file, names a folder, a device, a link
/// or nothing; `example` is a file's name that would be right. For the begin of a verb, before the
/// work.
void check_output(const std::filesystem::path& path, std::string_view example);

/// Throws Fault::usage when `path` is one of the files that a model was read from.
void check_not_used(const std::filesystem::path& path, const Files& source);

/// Whether both names mean one file, whether it is there yet or not.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);

/// Throws Fault::usage when `path` is one of the `inputs`.
void check_not_read(const std::filesystem::path& path, std::span<const std::string> inputs);

/// Throws Fault::usage when the file is there and does not say that we wrote it.
void check_ours(const std::filesystem::path& path, std::string_view mark);

/// Throws Fault::usage when one of `files`, of which the first is the entry, would replace a file
/// beside it that cannot have been written with it: the entry itself is not there yet.
void check_beside(const std::filesystem::path& folder, const std::vector<File>& files);

/// Writes one file, aside first.
void save(const std::filesystem::path& path, const Parts& content);

}  // namespace isomer::cli
