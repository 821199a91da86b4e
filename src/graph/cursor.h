#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace isomer {

/// A place in a text that is being read, line by line. Blanks and comments are stepped over; inside
/// brackets a line may go on in the next.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  /// Throws Fault::file with the line and column of `offset`.
  [[noreturn]] void fail(std::string_view what, std::size_t offset) const;
  [[noreturn]] void fail(std::string_view what) const { fail(what, at_); }
  /// Runs `action`; what it finds wrong is wrong at `offset`. Lines are counted only then.
  template <class Action>
  decltype(auto) at(std::size_t offset, Action&& action) const {
    try {
      return std::forward<Action>(action)();
    } catch (const Error&) {
      with_place(place(offset), [] { throw; });
      throw;
    }
  }

  /// Where the next word begins.
  std::size_t offset();
  void move_to(std::size_t offset) { at_ = offset; }
  bool at_end();
  /// Whether nothing is left on this line; true at the end.
  bool at_line_end();
  /// To the first line that is not blank. Fails when something is left on this one.
  void next_line();
  /// To the first line that is not blank, whatever is left on this one.
  void skip_line();

  /// The next character, or 0 at the end of the line.
  char peek();
  /// Steps over `word` if it comes next.
  bool take(std::string_view word);
  /// Steps over `word`, or fails.
  void demand(std::string_view word);
  /// Letters, digits, underscores and those in `more`; may be empty.
  std::string_view word(std::string_view more = {});
  /// A word that does not begin with a digit; `what` is for the message.
  std::string_view name(std::string_view what);
  /// A text in single or double quotes.
  std::string quoted_text();
  /// Everything before the next ',' or closing bracket of this level.
  std::string_view expression();
  std::int64_t integer();

  /// Inside brackets lines do not end.
  void enter();
  void leave() { --depth_; }

 private:
  /// "12:3"
  std::string place(std::size_t offset) const;
  void skip_blanks();

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

/// A list: `open`, what `item` reads, separated by commas, `close`.
template <class Item>
void read_list(Cursor& cursor, std::string_view open, std::string_view close, Item&& item) {
  cursor.demand(open);
  cursor.enter();
  while (!cursor.take(close)) {
    item();
    if (cursor.take(",")) continue;
    cursor.demand(close);
    break;
  }
  cursor.leave();
}

}  // namespace isomer
