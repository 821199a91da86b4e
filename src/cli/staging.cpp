#include "cli/staging.h"

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace isomer::cli {
namespace fs = std::filesystem;

Staging::Staging(fs::path target) : target_(target.empty() ? "." : std::move(target)) {
  std::error_code failed;
  if (!fs::is_directory(target_, failed))
    throw Error(Fault::file, target_.string(), "there is no such folder to write to");
  folder_ = target_ / fmt::format(".isomer-{}", ::getpid());
  fs::create_directory(folder_, failed);
  if (failed)
    throw Error(Fault::file, target_.string(), "cannot be written to: " + failed.message());
}

Staging::~Staging() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Staging::write(const File& file) {
  const fs::path path = folder_ / file.name;
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  write_file(path, file.bytes.data);
  names_.push_back(file.name);
}

void Staging::publish() {
  for (const std::string& name : names_) {
    const fs::path path = target_ / name;
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    fs::rename(folder_ / name, path, failed);
    if (failed) throw Error(Fault::file, path.string(), "cannot be written: " + failed.message());
  }
}

void save(const fs::path& path, std::string_view content) {
  Staging staging(path.parent_path());
  staging.write({path.filename().string(), bytes_of(std::string(content))});
  staging.publish();
}

}  // namespace isomer::cli
