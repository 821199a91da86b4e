#pragma once

// The words and signs of an expression, one after the other.

#include <cstddef>
#include <string>
#include <string_view>

namespace isomer::mdf {

/// A piece of the text that means something by itself.
struct Token {
  enum class Kind { number, name, text, sign, end };
  Kind kind = Kind::end;
  std::string text;
  std::size_t column = 0;
};

/// Throws Fault::model: the text is no expression.
[[noreturn]] void refuse_at(std::string_view text, std::size_t column, std::string_view why);

/// A text that is read from its begin to its end.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { advance(); }

  const Token& now() const { return token_; }
  std::string_view text() const { return text_; }
  /// What follows the token.
  std::string_view rest() const { return text_.substr(next_); }
  void advance();
  bool take(std::string_view sign) {
    if (!at(sign)) return false;
    advance();
    return true;
  }
  bool at(std::string_view word) const {
    return (token_.kind == Token::Kind::sign || token_.kind == Token::Kind::name) &&
           token_.text == word;
  }
  /// Takes it. Throws Fault::model where it does not stand there.
  void need(std::string_view sign);

 private:
  void read_number();
  void read_text(char quote);

  std::string_view text_;
  std::size_t next_ = 0;
  Token token_;
};

}  // namespace isomer::mdf
