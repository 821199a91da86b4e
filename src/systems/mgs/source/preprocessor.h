#pragma once

// The preprocessor at work.

#include <optional>
#include <set>

#include "systems/mgs/source/macros.h"
#include "systems/mgs/source/preprocess.h"

namespace isomer::mgs {

/// One "#if" that is open.
struct OpenCondition {
  Place place;
  bool outer_active = true;
  bool taken = false;  // one of its branches was
  bool in_else = false;
};

/// The file that is being read.
struct Reading {
  std::uint32_t file = 0;
  std::string folder = {};
  std::string_view text = {};
  std::size_t at = 0;
  std::uint32_t line = 1;
  std::size_t line_begin = 0;
  int depth = 0;
};

class Preprocessor {
 public:
  Preprocessor(const Files& files, Problems& problems) : files_(files), problems_(problems) {}

  Preprocessed run(std::string_view entry, std::string_view content);

 private:
  // ---- text (preprocess.cpp)
  void read_text(Reading& in);
  static void skip_blanks(Reading& in);
  static bool begins_directive(const Reading& in);
  static void new_line(Reading& in);
  Place place(const Reading& in, std::size_t at) const;
  [[noreturn]] void fail(const Place& where, std::string what, std::string instead = {}) const;
  /// The text from `begin` up to where the reading is, as it is.
  void copy(const Reading& in, std::size_t begin, const Place& where);
  /// Up to the next directive, or the end.
  void copy_lines(Reading& in);
  void put_space();
  static bool is_comment(const Reading& in);
  static bool is_splice(const Reading& in);
  /// Over a comment, up to the line's end of one that ends there; or over the end of a line that
  /// goes on.
  void skip_space(Reading& in);
  void skip_block_comment(Reading& in);
  /// A line that a condition leaves out.
  void skip_line(Reading& in);

  // ---- macros
  Macros::Where where_of(const Reading& in) const;
  void use_macro(Reading& in, std::string_view name, const Macro& macro);
  void report(const Error& error, const Place& where);
  /// Writes what a macro gave.
  void put(const std::vector<Piece>& pieces, const Place& where);
  /// The pieces from "(" to its ")" that follow in the text, perhaps lines later; else nothing,
  /// and the reading stays.
  std::vector<Piece> call_after(Reading& in, const Place& where);

  // ---- directives (directives.cpp)
  /// The rest of a directive's line, without comments, lines that go on joined.
  std::string directive_text(Reading& in);
  void directive(Reading& in);
  bool conditional(const Reading& in, std::string_view word, std::string_view after,
                   const Place& where, const Macros::Where& about);
  /// Whether the branch that begins now is read.
  template <class Holds>
  void choose(const Holds& holds);
  bool holds(const Reading& in, std::string_view text, const Place& where,
             const Macros::Where& about);
  bool is_defined(std::string_view text, const Place& where);
  /// False where there is no such directive.
  bool other_directive(Reading& in, std::string_view word, std::string_view rest,
                       std::string_view after, const Place& where);
  static std::size_t piece_end_or_all(std::string_view text);
  /// '12 "name"': what the next line is to be called.
  void line_marker(Reading& in, std::string_view text);
  std::uint32_t number_of(const std::string& name);

  // ---- includes
  void include(Reading& in, std::string_view after, const Place& where);
  /// What an include of that name finds: its name in the folder, or of a built-in file its own,
  /// with the text; nothing where there is none.
  struct Found {
    std::string name;
    std::optional<Bytes> file = {};
    std::string_view built_in = {};
  };
  std::optional<Found> find_file(const Reading& in, const std::string& name) const;
  void include_file(const Reading& in, const std::string& name, const Place& where);
  void read_included(const Reading& from, const std::string& name, std::string_view text);

  const Files& files_;
  Problems& problems_;
  Macros macros_;
  Preprocessed result_;
  std::vector<OpenCondition> open_;
  std::set<std::string> once_;
  bool active_ = true;
  bool after_macro_ = false;   // what was written last came of one
  bool after_number_ = false;  // and was a number
};

}  // namespace isomer::mgs
