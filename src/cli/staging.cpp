#include "cli/staging.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace isomer::cli {
namespace fs = std::filesystem;
namespace {

fs::path existing_folder(fs::path folder) {
  if (folder.empty()) folder = ".";
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown))
    throw Error(Fault::file, folder.string(), "there is no such folder to write to");
  return folder;
}

// Files are renamed into place. That must not replace a device (the whole system's, when root does
// it) or a link, which others may need.
void check_replaceable(const fs::path& path, Fault fault) {
  std::error_code unknown;
  const fs::file_status status = fs::symlink_status(path, unknown);
  if (!fs::exists(status) || fs::is_regular_file(status)) return;
  throw Error(fault, path.lexically_normal().string(),
              fs::is_directory(status) ? "cannot be written: a folder has that name"
              : fs::is_symlink(status)
                  ? "cannot be written: it is a link; name the file that it leads to, or a new one"
                  : "cannot be written: it is no regular file; name a new file");
}

/// Puts files into their places; what it did is undone unless it is kept.
class Moves {
 public:
  explicit Moves(fs::path before) : before_(std::move(before)) {}
  ~Moves() {
    std::error_code ignored;
    for (const Move& move : moves_) {
      if (move.before.empty()) {
        fs::remove(move.path, ignored);
      } else {
        fs::rename(move.before, move.path, ignored);
      }
    }
  }
  Moves(const Moves&) = delete;
  Moves& operator=(const Moves&) = delete;

  void move(const fs::path& from, const fs::path& path) {
    std::error_code failed;
    // A second name keeps what is replaced; on file systems without them it is lost on a failure.
    fs::path before = before_ / path.filename();
    fs::create_directory(before_, failed);
    fs::create_hard_link(path, before, failed);
    const bool replaces = fs::exists(fs::symlink_status(path, failed));
    fs::rename(from, path, failed);
    if (failed) {
      throw Error(Fault::file, path.lexically_normal().string(),
                  "cannot be written: " + failed.message());
    }
    if (!replaces) before.clear();
    moves_.push_back({path, std::move(before)});
  }
  void keep() { moves_.clear(); }

 private:
  struct Move {
    fs::path path;
    fs::path before;  // what it replaced; empty when nothing
  };
  fs::path before_;
  std::vector<Move> moves_;
};

}  // namespace

Staging::Staging(fs::path target)
    : target_(existing_folder(std::move(target))), folder_(target_ / ".isomer-") {}

void Staging::write(const File& file) {
  write_file(folder() / file.name, file.bytes.data);
  names_.push_back(file.name);
}

void Staging::publish() {
  for (const std::string& name : names_) check_replaceable(target_ / name, Fault::file);
  uninterrupted([&] {
    Moves moves(folder() / ".replaced");
    for (const std::string& name : names_) moves.move(folder() / name, target_ / name);
    moves.keep();
  });
}

void check_output(const fs::path& path, std::string_view example) {
  std::error_code unknown;
  if (path.has_filename() && !fs::is_directory(path, unknown)) {
    existing_folder(path.parent_path());
    check_replaceable(path, Fault::usage);
    return;
  }
  throw Error(Fault::usage, quoted(path.string()),
              fmt::format("is a folder; name a file, such as {}", (path / example).string()));
}

void check_not_used(const fs::path& path, const Files& source) {
  for (const fs::path& used : source.used()) {
    std::error_code unknown;
    if (!fs::equivalent(path, used, unknown)) continue;
    throw Error(Fault::usage, path.lexically_normal().string(),
                "cannot be written: the model is read from it; choose another name or folder for "
                "the output");
  }
}

void check_ours(const fs::path& path, std::string_view mark) {
  constexpr std::size_t beginning = 1024;
  std::error_code unknown;
  if (!fs::is_regular_file(path, unknown) || fs::file_size(path, unknown) == 0) return;
  const Bytes bytes = map_file(path);
  if (bytes.text().substr(0, beginning).find(mark) != std::string_view::npos) return;
  throw Error(
      Fault::usage, path.lexically_normal().string(),
      "stands there already, and isomer did not write it; choose another name or folder for "
      "the output, or remove it");
}

void check_beside(const fs::path& folder, const std::vector<File>& files) {
  std::error_code unknown;
  if (fs::exists(fs::symlink_status(folder / files.at(0).name, unknown))) return;
  for (const File& file : files) {
    if (!fs::is_regular_file(folder / file.name, unknown)) continue;
    throw Error(Fault::usage, (folder / file.name).lexically_normal().string(),
                fmt::format("stands there already, and not for {}, which would need that name; "
                            "choose another name or folder for the output, or remove it",
                            files[0].name));
  }
}

void save(const fs::path& path, std::string_view content) {
  Staging staging(path.parent_path());
  staging.write({path.filename().string(), bytes_of(std::string(content))});
  staging.publish();
}

}  // namespace isomer::cli
