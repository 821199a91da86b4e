#pragma once

#include <filesystem>
#include <functional>

namespace isomer {

/// A folder of our own, which vanishes with this object. When a signal ends a program that called
/// `clean_up_on_signals`, the folder vanishes, too.
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

/// Removes the folders that begin with `start` and that programs of this user left when they were
/// killed: a living one holds a lock on its own.
void remove_abandoned(const std::filesystem::path& start);

/// Does what must be done wholly or not at all: a signal that ends the program waits for it.
void uninterrupted(const std::function<void()>& work);

/// From now on a signal that would end the program first removes the temporary folders; one that
/// was ignored stays ignored. Files that may not grow and pipes that nobody reads fail when they
/// are written. Where a mapped file is cut short by others, what of it is gone cannot be read:
/// `lost` says so, and what it returns is the program's exit code. For the first line of a program,
/// when it has one thread.
void clean_up_on_signals(const std::function<int(const std::filesystem::path&)>& lost);

}  // namespace isomer
