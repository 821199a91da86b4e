#include "systems/mdf/problems.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isomer::mdf {
namespace {

/// Keys behind which an id stands, and what has it.
struct PathKind {
  std::string_view key;
  std::string_view word;
};
constexpr std::string_view conditions = "conditions";
constexpr std::array<PathKind, 11> kinds = {{{"graphs", "graph"},
                                             {"nodes", "node"},
                                             {"edges", "edge"},
                                             {"input_ports", "input port"},
                                             {"functions", "function"},
                                             {"parameters", "parameter"},
                                             {"output_ports", "output port"},
                                             {"args", "arg"},
                                             {conditions, "condition"},
                                             {"node_specific", "condition of node"},
                                             {"termination", "termination"}}};

bool is_group(std::string_view key) { return key == "node_specific" || key == "termination"; }

bool is_error(const Problem& problem) { return problem.severity == Diagnostic::Severity::error; }

std::string line_of(const Problem& problem) {
  const std::string place = in_words(problem.path);
  return place + (place.empty() ? "" : ": ") + problem.text();
}

}  // namespace

std::string to_text(const Path& path) {
  std::string text;
  for (const std::string& part : path) {
    if (!text.empty()) text += '/';
    for (const char c : part) {
      if (c == '~' || c == '/')
        text += c == '~' ? "~0" : "~1";
      else
        text += c;
    }
  }
  return text;
}

std::string in_words(const Path& path, std::string_view separator) {
  std::string words;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto* const kind = std::ranges::find(kinds, path[i], &PathKind::key);
    if (kind == kinds.end() || (kind->key == conditions && is_group(path[i + 1]))) continue;
    words += fmt::format("{}{} {}", words.empty() ? "" : separator, kind->word, quoted(path[++i]));
  }
  if (!path.empty() && path.back() == conditions)
    words += fmt::format("{}{}", words.empty() ? "" : separator, conditions);
  return words;
}

void Problems::add(Problem problem) {
  errors_ += is_error(problem) ? 1 : 0;
  all_.push_back(std::move(problem));
}

void Problems::add(Problems inner, const Path& path) {
  for (Problem& problem : inner.all_) {
    problem.path.insert(problem.path.begin(), path.begin(), path.end());
    add(std::move(problem));
  }
}

std::vector<std::string> Problems::lines() const {
  std::vector<std::string> lines;
  for (const Problem& problem : all_) {
    if (is_error(problem)) lines.push_back(line_of(problem));
  }
  return lines;
}

std::vector<Note> Problems::notes() const {
  std::vector<Note> notes;
  for (const Problem& problem : all_) {
    if (!is_error(problem)) notes.push_back({in_words(problem.path, ", "), problem.text()});
  }
  return notes;
}

void Problems::refuse_errors(Fault fault) const {
  if (errors_ == 0) return;
  const std::vector<std::string> lines = this->lines();
  throw Error(fault, "",
              lines.size() == 1 ? lines[0]
                                : fmt::format("{}:\n  {}", counted(lines.size(), "problem"),
                                              listed(lines, "\n  ")));
}

}  // namespace isomer::mdf
