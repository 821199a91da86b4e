#include "systems/files.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

namespace fs = std::filesystem;

bool stays_inside(std::string_view name) {
  const auto parts = split_text(name, '/');
  return !name.empty() && !name.starts_with('/') && name.find('\0') == std::string_view::npos &&
         std::ranges::find(parts, "..") == parts.end();
}

Error no_such_file(std::string_view name) {
  return Error(Fault::file, std::string(name), "there is no such file");
}

/// Which file it is, and when it was written to.
struct Stamp {
  std::pair<dev_t, ino_t> file;
  off_t size = 0;
  std::pair<time_t, long> written;
  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {{status.st_dev, status.st_ino},
          status.st_size,
          {status.st_mtim.tv_sec, status.st_mtim.tv_nsec}};
}

class Folder final : public Files {
 public:
  explicit Folder(fs::path folder) : folder_(folder.empty() ? fs::path(".") : std::move(folder)) {}

  std::vector<std::string> names() const override {
    constexpr auto options = fs::directory_options::skip_permission_denied;
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::recursive_directory_iterator i(folder_, options, failed), end; !failed && i != end;
         i.increment(failed)) {
      std::error_code unknown;
      if (i->is_regular_file(unknown))
        names.push_back(i->path().lexically_relative(folder_).generic_string());
    }
    if (failed)
      throw Error(Fault::file, folder_.string(), "cannot list the folder: " + failed.message());
    std::ranges::sort(names);
    return names;
  }

  bool has(std::string_view name) const override {
    std::error_code unknown;
    return stays_inside(name) && fs::is_regular_file(folder_ / name, unknown);
  }

  Bytes read(std::string_view name) const override {
    if (!stays_inside(name)) {
      throw Error(Fault::file, "",
                  "the name " + quoted(name) +
                      " leads out of the folder; names are relative, without '..'");
    }
    if (!has(name)) throw no_such_file(name);
    used_.insert(folder_ / name);
    read_.try_emplace(folder_ / name, stamp_of(folder_ / name));
    return map_file(folder_ / name);
  }

  fs::path path(std::string_view name) const override {
    if (!stays_inside(name)) return {};
    return *used_.insert(folder_ / name).first;
  }

  std::vector<fs::path> used() const override { return {used_.begin(), used_.end()}; }

  void check_unchanged() const override {
    for (const auto& [path, then] : read_) {
      const Stamp now = stamp_of(path);
      if (now == then || now.file != then.file) continue;
      throw Error(Fault::file, path.filename().string(),
                  "was written to while it was read; try again when it is finished");
    }
  }

 private:
  fs::path folder_;
  mutable std::set<fs::path> used_;
  mutable std::map<fs::path, Stamp> read_;
};

class Memory final : public Files {
 public:
  explicit Memory(std::map<std::string, std::string> files) {
    for (auto& [name, text] : files) files_.emplace(name, bytes_of(std::move(text)));
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) names.push_back(name);
    return names;
  }
  bool has(std::string_view name) const override { return files_.contains(name); }
  Bytes read(std::string_view name) const override {
    const auto found = files_.find(name);
    if (found == files_.end()) throw no_such_file(name);
    return found->second;
  }
  fs::path path(std::string_view) const override { return {}; }

 private:
  std::map<std::string, Bytes, std::less<>> files_;
};

}  // namespace

std::unique_ptr<Files> open_folder(fs::path folder) {
  return std::make_unique<Folder>(std::move(folder));
}

std::unique_ptr<Files> in_memory(std::map<std::string, std::string> files) {
  return std::make_unique<Memory>(std::move(files));
}

std::string_view place_in(std::string_view file, std::string_view where) {
  const std::string_view rest = where.substr(std::min(where.size(), file.size()));
  if (!where.starts_with(file) || !(rest.empty() || rest.starts_with(": "))) return where;
  return rest.substr(std::min<std::size_t>(rest.size(), 2));
}

}  // namespace isomer
