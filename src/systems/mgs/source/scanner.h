#pragma once

// Goes over a preprocessed text and knows where it is.

#include <cstddef>
#include <string_view>

#include "systems/mgs/source/preprocess.h"
#include "systems/mgs/source/tokens.h"

namespace isomer::mgs {

class Scanner {
 public:
  /// `source` lives longer.
  explicit Scanner(const Preprocessed& source) : text_(source.text), segments_(source.segments) {
    line_begin_ = 0;
    enter_segments();
  }

  std::string_view text() const { return text_; }
  std::size_t at() const { return at_; }
  bool ended() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++at_;
        if (!fixed_) ++line_;
        line_begin_ = at_;
        column_ = 1;
      } else if (is_blank(c)) {
        ++at_;
      } else {
        break;
      }
      if (at_ >= next_segment_) enter_segments();
    }
  }

  /// Goes on to `end`, on the same line, over a word.
  void advance(std::size_t end) {
    last_ = {file_, line_, 0};
    at_ = end;
    if (at_ >= next_segment_) enter_segments();
  }

  Place place() const {
    const std::size_t along = fixed_ ? 0 : at_ - line_begin_;
    return {file_, line_, static_cast<std::uint32_t>(column_ + along)};
  }
  /// Where MGS sees the end: on the line after the last word.
  Place end_place() const { return {last_.file, last_.line + 1, 1}; }

 private:
  /// The segment that the reading is in now.
  void enter_segments() {
    while (segment_ < segments_.size() && segments_[segment_].begin <= at_) {
      const Segment& now = segments_[segment_++];
      file_ = now.place.file;
      line_ = now.place.line;
      column_ = now.place.column;
      line_begin_ = now.begin;
      fixed_ = now.fixed;
    }
    next_segment_ =
        segment_ < segments_.size() ? segments_[segment_].begin : std::string_view::npos;
  }

  std::string_view text_;
  const std::vector<Segment>& segments_;
  std::size_t segment_ = 0;
  std::size_t next_segment_ = 0;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::uint32_t file_ = 0, line_ = 1, column_ = 1;
  bool fixed_ = false;
  Place last_;  // where the last word was
};

/// One of the words that have a meaning of their own.
enum class Lexeme { name, keyword, integer, real, text, sign, end, bad };

struct Token {
  Lexeme kind = Lexeme::end;
  std::string_view text;  // of a text: what stands between the quotes
  Place place;

  bool is(std::string_view word) const {
    return (kind == Lexeme::keyword || kind == Lexeme::sign) && text == word;
  }
};

/// "'In'", "the end of the file", "the text "abc"": for messages.
std::string in_words(const Token& token);
/// "a name is expected", and why a keyword is none, where one stands there.
std::string expected_name(std::string_view what, const Token& token);

}  // namespace isomer::mgs
