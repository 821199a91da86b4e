#pragma once

// What is wrong in a document, and where: collected, so that it can be told all at once.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/diagnostic.h"
#include "base/error.h"
#include "base/note.h"

namespace isomer::mdf {

/// The way to something in a document, by keys, ids and places in lists: "graphs", "g", "nodes",
/// "n". It begins in the model, or in a graph.
using Path = std::vector<std::string>;

/// "graphs/g/nodes/n"; a slash in an id is "~1" and a tilde "~0", as JSON pointers have it.
std::string to_text(const Path& path);
/// "node 'n': parameter 'p'": the elements on the way, for a message.
std::string in_words(const Path& path, std::string_view separator = ": ");

struct Problem {
  Diagnostic::Severity severity = Diagnostic::Severity::error;
  Path path;
  std::string what;
  std::string instead = {};
  std::optional<std::uint64_t> offset = {};  // in the text; nothing: where its path leads

  /// Both halves of the message.
  std::string text() const { return instead.empty() ? what : what + "; " + instead; }
};

class Problems {
 public:
  void add(Problem problem);
  void error(Path path, std::string what, std::string instead = {}) {
    add({Diagnostic::Severity::error, std::move(path), std::move(what), std::move(instead)});
  }
  void warning(Path path, std::string what, std::string instead = {}) {
    add({Diagnostic::Severity::warning, std::move(path), std::move(what), std::move(instead)});
  }
  /// Those of an element, whose way they begin at.
  void add(Problems inner, const Path& path);
  /// Does the action; an Error is one of the place: a path, or a function that gives one.
  template <class Where, class Action>
  void noting(const Where& where, const Action& action) {
    try {
      action();
    } catch (const Error& error) {
      if (error.fault() == Fault::bug) throw;
      const std::string inner = error.where().empty() ? "" : error.where() + ": ";
      if constexpr (std::is_invocable_v<const Where&>) {
        this->error(where(), inner + error.text());
      } else {
        this->error(where, inner + error.text());
      }
    }
  }

  const std::vector<Problem>& all() const { return all_; }
  std::size_t errors() const { return errors_; }
  /// "node 'n': parameter 'p': what is wrong", of each error.
  std::vector<std::string> lines() const;
  /// The warnings, for who goes on with the document.
  std::vector<Note> notes() const;
  /// Throws where there is an error, with all of them.
  void refuse_errors(Fault fault) const;

 private:
  std::vector<Problem> all_;
  std::size_t errors_ = 0;
};

}  // namespace isomer::mdf
