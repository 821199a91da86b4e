#include "systems/mgs/mdl/lexer.h"

#include <unordered_set>

#include "base/text.h"

namespace isomer::mgs::mdl {
namespace {

constexpr std::string_view mdl_keywords[] = {"string",     "bool",         "char",
                                             "short",      "int",          "long",
                                             "float",      "double",       "unsigned",
                                             "Edge",       "EdgeSet",      "EdgeType",
                                             "Functor",    "Grid",         "Node",
                                             "NodeSet",    "NodeType",     "Service",
                                             "Repertoire", "Trigger",      "TriggeredFunction",
                                             "Serial",     "Parallel",     "ParameterSet",
                                             "Optional",   "NDPairList",   "Pre",
                                             "Post",       "Framework",    "true",
                                             "false",      "Derived",      "Struct",
                                             "Interface",  "Connection",   "PreNode",
                                             "PostNode",   "Expects",      "Implements",
                                             "Shared",     "InAttrPSet",   "OutAttrPSet",
                                             "PSet",       "InitPhase",    "RuntimePhase",
                                             "FinalPhase", "LoadPhase",    "Constant",
                                             "Variable",   "UserFunction", "PredicateFunction",
                                             "Initialize", "Execute",      "Category",
                                             "void",       "GridLayers",   "Threads"};

bool is_mdl_keyword(std::string_view word) {
  static const std::unordered_set<std::string_view> all(std::begin(mdl_keywords),
                                                        std::end(mdl_keywords));
  return all.contains(word);
}

std::size_t over_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

}  // namespace

Token Lexer::taken(Lexeme kind, std::size_t end) {
  Token token{kind, scanner_.text().substr(scanner_.at(), end - scanner_.at()), scanner_.place()};
  scanner_.advance(end);
  return token;
}

/// An integer has a minus at most; with a point or an exponent, it is no integer.
Token Lexer::number() {
  const std::string_view text = scanner_.text();
  const std::size_t at = scanner_.at();
  const std::size_t digits = at + (is_digit(text[at]) ? 0 : 1);
  std::size_t end = over_digits(text, digits);
  if (end == digits) return taken(Lexeme::bad, at + 1);
  bool real = false;
  if (end < text.size() && text[end] == '.') {
    real = true;
    end = over_digits(text, end + 1);
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    const std::size_t last = over_digits(text, exponent);
    if (last > exponent) {
      real = true;
      end = last;
    }
  }
  if (text[at] == '+' && !real) return taken(Lexeme::bad, at + 1);
  return taken(real ? Lexeme::real : Lexeme::integer, end);
}

Token Lexer::next() {
  scanner_.skip_space();
  if (scanner_.ended()) return {Lexeme::end, {}, scanner_.end_place()};
  const std::string_view text = scanner_.text();
  const std::size_t at = scanner_.at();
  const char c = scanner_.peek();
  if (begins_name(c)) {
    std::size_t end = at;
    while (end < text.size() && continues_name(text[end])) ++end;
    const bool alone = end == at + 1 && c == '_';
    const bool keyword = is_mdl_keyword(text.substr(at, end - at));
    return taken(alone ? Lexeme::bad : keyword ? Lexeme::keyword : Lexeme::name, end);
  }
  if (is_digit(c) || c == '-' || c == '+') return number();
  if (c == '"') {
    const std::size_t end = text.find_first_of("\"\n", at + 1);
    if (end == std::string_view::npos || text[end] == '\n' || end == at + 1)
      return taken(Lexeme::bad, at + 1);
    Token token{Lexeme::text, text.substr(at + 1, end - at - 1), scanner_.place()};
    scanner_.advance(end + 1);
    return token;
  }
  for (const std::string_view word : {"...", "||", "&&", "==", "!=", "<=", ">=", "<<", ">>"})
    if (text.substr(at, word.size()) == word) return taken(Lexeme::sign, at + word.size());
  constexpr std::string_view signs = "{}[]();,:.<>&*";
  return taken(signs.find(c) == std::string_view::npos ? Lexeme::bad : Lexeme::sign, at + 1);
}

Problem Lexer::fault_of(const Token& bad) {
  Problem problem{Mistake::syntax, bad.place, fmt::format("unexpected {}", quoted(bad.text)), {}};
  if (bad.text == "\"") {
    problem.instead = "a text stands between two quotes on one line, and is not empty";
  } else {
    problem.what += ", which is no word of MDL";
  }
  return problem;
}

}  // namespace isomer::mgs::mdl
