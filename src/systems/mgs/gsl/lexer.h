#pragma once

// Words of GSL.

#include <string_view>

#include "systems/mgs/problems.h"
#include "systems/mgs/source/scanner.h"

namespace isomer::mgs::gsl {

bool is_keyword(std::string_view word);

class Lexer {
 public:
  explicit Lexer(const Preprocessed& source) : scanner_(source) {}

  /// The next word; after the last one, the end again and again. What is no word is `bad`.
  Token next();
  /// What is wrong with a bad word, and what would be right.
  static Problem fault_of(const Token& bad);

 private:
  Token taken(Lexeme kind, std::size_t end);
  Token number_or_name();
  Token quoted_text();

  Scanner scanner_;
};

}  // namespace isomer::mgs::gsl
