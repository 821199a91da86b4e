#pragma once

// What is wrong in a script or in declarations, and where: collected, so that it can be told all at
// once.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/error.h"
#include "systems/mgs/place.h"

namespace isomer::mgs {

/// The kind of a mistake, as MGS tells them apart; `name_of` says it in words, with which every
/// message begins.
enum class Mistake {
  syntax,
  preprocessor,
  file,
  unknown_name,
  duplicate,
  arity,
  type,
  exports,
  phase,
  range,
  value,
  usage,
  crash,   // what MGS would do now
  silent,  // what MGS would pass over without a word
  limit,   // a bound of ours
};

/// "syntax", "unknown name", "export", ...
std::string_view name_of(Mistake mistake);

struct Problem {
  Mistake mistake = Mistake::syntax;
  Place place = {};
  std::string what;
  std::string instead = {};  // what would be right
  Diagnostic::Severity severity = Diagnostic::Severity::error;

  /// "unknown name: there is no layer 'a'; there are: n, m".
  std::string text() const;
};

/// A problem that ends what is being done.
class Fatal : public Error {
 public:
  Fatal(Problem problem, const std::vector<std::string>& files);

  const Problem& problem() const noexcept { return problem_; }
  /// Those that were read so far.
  const std::vector<std::string>& files() const noexcept { return files_; }

 private:
  Problem problem_;
  std::vector<std::string> files_;
};

/// At most a thousand are kept: a file can be wrong everywhere.
class Problems {
 public:
  static constexpr std::size_t most = 1000;

  void add(Problem problem);
  void error(Mistake mistake, const Place& place, std::string what, std::string instead = {}) {
    add({mistake, place, std::move(what), std::move(instead)});
  }
  void warning(Mistake mistake, const Place& place, std::string what, std::string instead = {}) {
    add({mistake, place, std::move(what), std::move(instead), Diagnostic::Severity::warning});
  }

  const std::vector<Problem>& all() const { return all_; }
  std::size_t errors() const { return errors_; }
  bool full() const { return all_.size() >= most; }
  /// In the order of their places, each with its line where it stands in the main file.
  std::vector<Diagnostic> diagnostics(const std::vector<std::string>& files) const;
  /// Throws where there is an error, with all of them; what a single one says is a Fatal.
  void refuse_errors(const std::vector<std::string>& files) const;

 private:
  std::vector<Problem> all_;
  std::size_t errors_ = 0;
};

}  // namespace isomer::mgs
