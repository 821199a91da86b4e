#include "systems/mgs/problems.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"

namespace isomer::mgs {
namespace {

constexpr std::string_view mistakes[] = {
    "syntax", "preprocessor", "file",  "unknown name", "duplicate", "arity",  "type", "export",
    "phase",  "range",        "value", "usage",        "crash",     "silent", "limit"};

Fault fault_of(Mistake mistake) {
  switch (mistake) {
    case Mistake::syntax:
    case Mistake::preprocessor:
    case Mistake::file: return Fault::file;
    case Mistake::usage: return Fault::usage;
    case Mistake::limit: return Fault::unsupported;
    default: return Fault::model;
  }
}

/// "12:3", or "part.gsl:12:3" in another file than the main one; nothing for a whole file.
std::string place_after_label(const Place& place, const std::vector<std::string>& files) {
  if (place.file != 0) return to_text(place, files);
  return place.line == 0 ? "" : fmt::format("{}:{}", place.line, place.column);
}

}  // namespace

std::string to_text(const Place& place, const std::vector<std::string>& files) {
  const std::string file = place.file < files.size() ? files[place.file] : "";
  return place.line == 0 ? file : fmt::format("{}:{}:{}", file, place.line, place.column);
}

std::string_view name_of(Mistake mistake) { return mistakes[static_cast<std::size_t>(mistake)]; }

std::string Problem::text() const {
  return fmt::format("{}: {}{}{}", name_of(mistake), what, instead.empty() ? "" : "; ", instead);
}

Fatal::Fatal(Problem problem, const std::vector<std::string>& files)
    : Error(fault_of(problem.mistake), place_after_label(problem.place, files), problem.text()),
      problem_(std::move(problem)),
      files_(files) {}

void Problems::add(Problem problem) {
  if (full()) return;
  errors_ += problem.severity == Diagnostic::Severity::error ? 1 : 0;
  all_.push_back(std::move(problem));
}

std::vector<Diagnostic> Problems::diagnostics(const std::vector<std::string>& files) const {
  std::vector<const Problem*> sorted;
  for (const Problem& problem : all_) sorted.push_back(&problem);
  std::ranges::stable_sort(sorted, {}, [](const Problem* one) {
    return std::tuple(one->place.file, one->place.line, one->place.column);
  });
  std::vector<Diagnostic> found;
  for (const Problem* one : sorted) {
    const bool main = one->place.file == 0;
    found.push_back({.severity = one->severity,
                     .path = main ? "" : to_text(one->place, files),
                     .line = main ? one->place.line : 0,
                     .column = main ? one->place.column : 0,
                     .what = fmt::format("{}: {}", name_of(one->mistake), one->what),
                     .instead = one->instead});
  }
  return found;
}

void Problems::refuse_errors(const std::vector<std::string>& files) const {
  if (errors_ == 0) return;
  std::vector<std::string> lines;
  const Problem* first = nullptr;
  for (const Problem& one : all_) {
    if (one.severity != Diagnostic::Severity::error) continue;
    if (first == nullptr) first = &one;
    lines.push_back(fmt::format("{}: {}", place_after_label(one.place, files), one.text()));
  }
  if (lines.size() == 1) throw Fatal(*first, files);
  throw Error(fault_of(first->mistake), "",
              fmt::format("{}:\n  {}", counted(lines.size(), "problem"), listed(lines, "\n  ")));
}

}  // namespace isomer::mgs
