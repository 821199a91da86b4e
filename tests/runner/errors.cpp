#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "runner/case.h"
#include "runner/damage.h"

namespace isomer::runner {
namespace {

namespace fs = std::filesystem;

/// A folder of its own that goes when this goes.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "isomer-case-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw Error(Fault::file, pattern, "cannot make a folder");
    }
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& path() const { return path_; }

  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path_)) {
      names.insert(fs::relative(entry.path(), path_).generic_string());
    }
    return names;
  }

 private:
  fs::path path_;
};

/// What a case says.
struct Script {
  std::vector<std::pair<std::string, std::string>> files;
  std::string command;                       // "isomer convert broken.pt2 -o out.py"
  std::size_t expected = std::string::npos;  // where "exit" stands
  int exit = 0;
  std::string message;
};

/// "exit 3" and the message on the lines behind it.
void read_expected(Script& script, Cursor& cursor, std::string_view text) {
  script.exit = static_cast<int>(cursor.integer());
  const std::size_t line = text.find('\n', cursor.offset());
  script.message = trimmed(line == std::string_view::npos ? "" : text.substr(line));
}

Script read_script(std::string_view text) {
  Script script;
  Cursor cursor(text);
  if (cursor.at_line_end()) cursor.skip_line();
  while (!cursor.at_end()) {
    const std::size_t begin = cursor.offset();
    const std::string_view word = cursor.word();
    if (word == "exit") {
      script.expected = begin;
      read_expected(script, cursor, text);
      break;
    }
    if (word == "isomer") {
      script.command = trimmed(text.substr(begin, text.find('\n', begin) - begin));
      cursor.skip_line();
    } else if (word == "file") {
      std::string name(cursor.word("./-"));
      cursor.demand("=");
      script.files.emplace_back(std::move(name), damaged(cursor));
      cursor.next_line();
    } else {
      cursor.fail("a line says file, isomer or exit", begin);
    }
  }
  if (script.command.empty() || script.expected == std::string::npos) {
    cursor.fail(
        "a case has a command, 'isomer ...', and what it should end with, 'exit 3' and the "
        "message");
  }
  return script;
}

std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// An expected message that ends with "..." may go on: it lists what there is, and that grows.
bool agrees(std::string_view message, std::string_view expected) {
  constexpr std::string_view open = "...";
  if (!expected.ends_with(open)) return message == expected;
  return message.starts_with(expected.substr(0, expected.size() - open.size()));
}

/// What the command ended with.
struct Ending {
  int exit = 0;
  std::string message;
  std::string output;
  std::set<std::string> left;  // files that were not there before
};

Ending run_command(const Script& script, const fs::path& program) {
  const Folder folder;
  const Folder captured;
  for (const auto& [name, bytes] : script.files) {
    fs::create_directories((folder.path() / name).parent_path());
    write_file(folder.path() / name, bytes);
  }
  const std::set<std::string> before = folder.names();
  const std::string arguments = script.command.substr(std::string_view("isomer").size());
  const fs::path out = captured.path() / "out";
  const fs::path err = captured.path() / "err";
  const std::string line =
      fmt::format("cd {} && {}{} >{} 2>{} </dev/null", shell_quoted(folder.path().string()),
                  shell_quoted(program.string()), arguments, shell_quoted(out.string()),
                  shell_quoted(err.string()));
  const int status = std::system(line.c_str());
  Ending ending;
  ending.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ending.message = trimmed(map_file(err).text());
  ending.output = trimmed(map_file(out).text());
  const std::set<std::string> after = folder.names();
  std::ranges::set_difference(after, before, std::inserter(ending.left, ending.left.end()));
  return ending;
}

}  // namespace

Result run_error_case(const Case& one, const Options& options) {
  Result result;
  const Script script = read_script(one.text);
  const Ending ending = run_command(script, options.program);
  result.check("errors", [&]() -> std::string {
    if (ending.exit != script.exit) {
      return fmt::format("ends with {} and should with {}; it says\n    {}", ending.exit,
                         script.exit, ending.message);
    }
    if (!agrees(ending.message, script.message)) {
      return fmt::format("says\n    {}\n  and should say\n    {}", ending.message, script.message);
    }
    if (!ending.output.empty()) return fmt::format("prints a result:\n    {}", ending.output);
    if (!ending.left.empty()) return fmt::format("leaves {}", fmt::join(ending.left, ", "));
    return "";
  });
  result.blessed = one.text.substr(0, script.expected) +
                   fmt::format("exit {}\n{}\n", ending.exit, ending.message);
  return result;
}

}  // namespace isomer::runner
