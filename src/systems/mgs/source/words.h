#pragma once

// What the parsers of both languages do with words: they look ahead a few, and never back.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "systems/mgs/place.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/source/scanner.h"

namespace isomer::mgs {

/// Ends what is being read: what is wrong with it.
struct Refused {
  Problem problem;
};

/// The words of a text, as a language's lexer gives them. A parser is one of these privately, so
/// that its grammar reads as calls.
template <class Lexer>
class Words {
 protected:
  explicit Words(const Preprocessed& source) : lexer_(source) {}

  const Token& peek(std::size_t ahead = 0) {
    while (count_ <= ahead) {
      ahead_[(first_ + count_) % ahead_size] = lexer_.next();
      ++count_;
    }
    return ahead_[(first_ + ahead) % ahead_size];
  }

  Token take() {
    const Token token = peek();
    first_ = (first_ + 1) % ahead_size;
    --count_;
    if (token.kind == Lexeme::sign) braces_ += token.text == "{" ? 1 : token.text == "}" ? -1 : 0;
    return token;
  }

  bool is(std::string_view word, std::size_t ahead = 0) { return peek(ahead).is(word); }

  bool take_if(std::string_view word) {
    if (!is(word)) return false;
    take();
    return true;
  }

  void need(std::string_view word, std::string_view after) {
    if (!take_if(word))
      refuse(peek(), "'" + std::string(word) + "' is expected " + std::string(after));
  }

  Name name(std::string_view what) {
    if (peek().kind != Lexeme::name) refuse(peek(), expected_name(what, peek()));
    const Token token = take();
    return {std::string(token.text), token.place};
  }

  /// One that 64 bits do not hold becomes the nearest that they do.
  std::int64_t integer(std::string_view what) {
    if (peek().kind != Lexeme::integer) refuse(peek(), std::string(what) + " is expected");
    const std::string_view text = take().text;
    std::int64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{})
      return value;
    return text[0] == '-' ? std::numeric_limits<std::int64_t>::min()
                          : std::numeric_limits<std::int64_t>::max();
  }

  [[noreturn]] static void refuse(Mistake mistake, const Place& place, std::string what,
                                  std::string instead = {}) {
    throw Refused{{mistake, place, std::move(what), std::move(instead)}};
  }

  [[noreturn]] static void refuse(const Token& token, std::string_view instead) {
    if (token.kind == Lexeme::bad) throw Refused{Lexer::fault_of(token)};
    refuse(Mistake::syntax, token.place, "unexpected " + in_words(token), std::string(instead));
  }

  int braces_ = 0;  // that are open

 private:
  static constexpr std::size_t ahead_size = 4;

  Lexer lexer_;
  std::array<Token, ahead_size> ahead_;
  std::size_t first_ = 0, count_ = 0;
};

}  // namespace isomer::mgs
