#include "systems/mgs/source/scanner.h"

#include "base/text.h"

namespace isomer::mgs {

std::string in_words(const Token& token) {
  switch (token.kind) {
    case Lexeme::end: return "the end of the file";
    case Lexeme::keyword: return fmt::format("the keyword {}", quoted(token.text));
    case Lexeme::text: return fmt::format("the text {}", quoted(token.text));
    case Lexeme::integer:
    case Lexeme::real: return fmt::format("the number {}", quoted(token.text));
    default: return quoted(token.text);
  }
}

std::string expected_name(std::string_view what, const Token& token) {
  if (token.kind != Lexeme::keyword) return fmt::format("{} is expected", what);
  return fmt::format("{} is expected, and {} is a keyword and cannot be a name", what,
                     quoted(token.text));
}

}  // namespace isomer::mgs
