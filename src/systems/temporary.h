#pragma once

#include <filesystem>
#include <functional>

namespace isomer {

/// A folder of our own, which vanishes with this object. When a signal ends a program that called
/// `remove_temporary_folders_on_signals`, the folder vanishes, too.
class TemporaryFolder {
 public:
  /// Makes the folder `start` followed by six letters. Throws Fault::file where that cannot be.
  explicit TemporaryFolder(const std::filesystem::path& start);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Does what must be done wholly or not at all: a signal that ends the program waits for it.
void uninterrupted(const std::function<void()>& work);

/// From now on SIGHUP, SIGINT and SIGTERM remove the temporary folders before they end the program;
/// one that was ignored stays ignored. For the first line of a program, when it has one thread.
void remove_temporary_folders_on_signals();

}  // namespace isomer
