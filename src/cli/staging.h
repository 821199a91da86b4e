#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "systems/files.h"

namespace isomer::cli {

/// A folder of its own beside where files are to go. They are written there, may be tried there
/// under their own names, and are renamed into place when all is well; whatever is left when it
/// goes is removed. So a failure leaves nothing.
class Staging {
 public:
  /// Throws Fault::file when `target` is no folder that can be written to.
  explicit Staging(std::filesystem::path target);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void write(const File& file);
  /// Where the files lie until they are published.
  const std::filesystem::path& folder() const { return folder_; }
  void publish();

 private:
  std::filesystem::path target_;
  std::filesystem::path folder_;
  std::vector<std::string> names_;
};

/// Writes one file, aside first.
void save(const std::filesystem::path& path, std::string_view content);

}  // namespace isomer::cli
