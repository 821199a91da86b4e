#include "cli/staging.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

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

/// The folder, or what of its path is there already and what is to come with the files.
Staging::Place place_of(const fs::path& target, Staging::Missing missing) {
  std::error_code unknown;
  if (missing == Staging::Missing::refused || target.empty() || fs::exists(target, unknown))
    return {existing_folder(target), {}};
  const fs::path whole = fs::weakly_canonical(target, unknown);
  fs::path there = whole;
  while (!fs::exists(there, unknown) && there.has_relative_path()) there = there.parent_path();
  return {existing_folder(there), whole.lexically_relative(there)};
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

void move(const fs::path& from, const fs::path& path) {
  std::error_code failed;
  fs::rename(from, path, failed);
  if (!failed) return;
  throw Error(Fault::file, path.lexically_normal().string(),
              "cannot be written: " + failed.message());
}

/// Those who publish into one folder do it one after the other, so that their files do not mix.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : handle_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    using namespace std::chrono_literals;
    const auto patience = std::chrono::steady_clock::now() + 30s;
    while (::flock(handle_, LOCK_EX | LOCK_NB) != 0) {
      // A folder that may not be listed, or that knows no locks, is written to without one.
      if (errno != EWOULDBLOCK) return;
      if (std::chrono::steady_clock::now() > patience) {
        ::close(handle_);
        throw Error(Fault::file, folder.string(), "cannot be written to: others keep it locked");
      }
      std::this_thread::sleep_for(5ms);
    }
  }
  ~FolderLock() { ::close(handle_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int handle_;
};

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

  void replace(const fs::path& from, const fs::path& path) {
    std::error_code failed;
    // A second name keeps what is replaced; on file systems without them it is lost on a failure.
    fs::path before = before_ / path.filename();
    fs::create_directory(before_, failed);
    fs::create_hard_link(path, before, failed);
    const bool replaces = fs::exists(fs::symlink_status(path, failed));
    move(from, path);
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

/// Whether the words of the mark follow each other in `text`, with punctuation between them.
bool is_marked(std::string_view text, std::string_view mark) {
  constexpr std::size_t near = 8;
  const std::vector<std::string_view> words = split_text(mark, ' ');
  for (std::size_t at = text.find(words.at(0)); at != std::string_view::npos;
       at = text.find(words[0], at + 1)) {
    std::size_t end = at;
    bool all = true;
    for (const std::string_view word : words) {
      const std::size_t found = text.substr(0, end + near + word.size()).find(word, end);
      all = found != std::string_view::npos;
      if (!all) break;
      end = found + word.size();
    }
    if (all) return true;
  }
  return false;
}

}  // namespace

Staging::Staging(fs::path target, Missing missing) : Staging(place_of(target, missing)) {}

Staging::Staging(Place place)
    : place_(std::move(place)), aside_(place_.there / ".isomer-"), folder_(aside_.path()) {
  remove_abandoned(place_.there / ".isomer-");
  if (place_.missing.empty()) return;
  folder_ /= place_.missing;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) throw Error(Fault::file, place_.there.string(), "no folder: " + failed.message());
}

void Staging::write(const File& file) {
  try {
    write_file(folder() / file.name, file.parts);
  } catch (const Error& error) {
    throw outside(error);
  }
  names_.push_back(file.name);
}

void Staging::publish(const std::function<void()>& check) {
  const FolderLock lock(place_.there);
  check();
  if (!place_.missing.empty()) {
    const fs::path first = *place_.missing.begin();
    uninterrupted([&] { move(aside_.path() / first, place_.there / first); });
    return;
  }
  for (const std::string& name : names_) check_replaceable(place_.there / name, Fault::file);
  uninterrupted([&] {
    Moves moves(folder() / ".replaced");
    for (const std::string& name : names_) moves.replace(folder() / name, place_.there / name);
    moves.keep();
  });
}

std::string Staging::outside(std::string text) const {
  const std::string aside = aside_.path().filename().string() + "/";
  for (std::size_t at = 0; (at = text.find(aside, at)) != std::string::npos;)
    text.erase(at, aside.size());
  return text;
}

Error Staging::outside(const Error& error) const {
  return {error.fault(), outside(error.where()), outside(error.text())};
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

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code unknown;
  if (fs::equivalent(a, b, unknown)) return true;
  return fs::weakly_canonical(fs::absolute(a), unknown) ==
         fs::weakly_canonical(fs::absolute(b), unknown);
}

void check_not_read(const fs::path& path, std::span<const std::string> inputs) {
  for (const std::string& input : inputs) {
    if (!same_file(path, input)) continue;
    throw Error(Fault::usage, path.string(),
                "cannot be written: the inputs are read from it; choose another name");
  }
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
  if (is_marked(bytes.text().substr(0, beginning), mark)) return;
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

void save(const fs::path& path, const Parts& content) {
  Staging staging(path.parent_path());
  staging.write({path.filename().string(), content});
  staging.publish([] {});
}

}  // namespace isomer::cli
