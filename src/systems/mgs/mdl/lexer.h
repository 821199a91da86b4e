#pragma once

// Words of MDL.

#include <string_view>

#include "systems/mgs/problems.h"
#include "systems/mgs/source/scanner.h"

namespace isomer::mgs::mdl {

class Lexer {
 public:
  explicit Lexer(const Preprocessed& source) : scanner_(source) {}

  /// The next word; after the last one, the end again and again. What is no word is `bad`.
  Token next();
  /// What is wrong with a bad word, and what would be right.
  static Problem fault_of(const Token& bad);

 private:
  Token taken(Lexeme kind, std::size_t end);
  Token number();

  Scanner scanner_;
};

}  // namespace isomer::mgs::mdl
