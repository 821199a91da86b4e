#include <algorithm>

#include "base/text.h"
#include "cli/model_file.h"
#include "cli/verb.h"
#include "codecs/json.h"

namespace isomer::cli {
namespace {

constexpr Option check_table[] = {
    {"MODEL", "FILE", "the model", true},
    {"--json", "", "print the list for machines"},
    dialect_option,
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

std::string_view word_of(Diagnostic::Severity severity) {
  return severity == Diagnostic::Severity::error ? "error" : "warning";
}

/// "net.json:12:5: error: graphs/g/edges/e/sender: there is no node 'b'"
std::string line_of(const std::string& path, const Diagnostic& one) {
  const std::string place = one.line == 0 ? "" : fmt::format(":{}:{}", one.line, one.column);
  return fmt::format("{}{}: {}: {}{}{}{}{}\n", path, place, word_of(one.severity), one.path,
                     one.path.empty() ? "" : ": ", one.what, one.instead.empty() ? "" : "; ",
                     one.instead);
}

Tree number_or_null(std::size_t number) {
  return number == 0 ? Tree{} : Tree{static_cast<std::int64_t>(number)};
}

Tree tree_of(const Diagnostic& one) {
  return {Tree::Map{{"severity", {std::string(word_of(one.severity))}},
                    {"path", {one.path}},
                    {"line", number_or_null(one.line)},
                    {"column", number_or_null(one.column)},
                    {"message", {one.what}},
                    {"instead", one.instead.empty() ? Tree{} : Tree{one.instead}}}};
}

}  // namespace

Usage check_usage() {
  return {check_table,
          "  isomer check net.json\n"
          "  isomer check cell.yaml --dialect 0.4.13\n"
          "  isomer check net.pt2 --json"};
}

int check_file(const Words& words) {
  const ModelFile model = open_model(words.text("MODEL"), words);
  const RunOptions run_options{.dialect = dialect_asked(words, *model.system)};
  const std::vector<Diagnostic> found = with_file(model.path, model.entry, [&] {
    return check_model(*model.system, *model.files, model.entry, run_options);
  });
  print_links(model);
  const std::size_t errors = static_cast<std::size_t>(
      std::ranges::count(found, Diagnostic::Severity::error, &Diagnostic::severity));
  const std::size_t warnings = found.size() - errors;
  if (words.has("json")) {
    Tree::List list;
    for (const Diagnostic& one : found) list.push_back(tree_of(one));
    print(write_json({Tree::Map{{"file", {model.path}},
                                {"system", {std::string(model.system->name)}},
                                {"errors", {static_cast<std::int64_t>(errors)}},
                                {"warnings", {static_cast<std::int64_t>(warnings)}},
                                {"problems", {std::move(list)}}}}) +
          "\n");
  } else {
    for (const Diagnostic& one : found) print(line_of(model.path, one));
    print(fmt::format("{}: {}, {}\n", model.path, counted(errors, "error"),
                      counted(warnings, "warning")));
  }
  return errors == 0 ? yes : faulty;
}

}  // namespace isomer::cli
