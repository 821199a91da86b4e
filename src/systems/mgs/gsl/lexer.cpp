#include "systems/mgs/gsl/lexer.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace isomer::mgs::gsl {
namespace {

constexpr std::string_view keywords[] = {"int",
                                         "string",
                                         "float",
                                         "list",
                                         "Type",
                                         "RefPointGen",
                                         "SamplingFctr1",
                                         "SamplingFctr2",
                                         "SubNodeSetFctr",
                                         "Layout",
                                         "NodeInitializer",
                                         "InitNodes",
                                         "EdgeInitializer",
                                         "InAttrInitializer",
                                         "NDPairListFunctor",
                                         "NDPairList",
                                         "Complex",
                                         "Member",
                                         "TypeDef",
                                         "Initialize",
                                         "Function",
                                         "Functor",
                                         "Dimension",
                                         "NodeIndex",
                                         "EdgeIndex",
                                         "Default",
                                         "NodeInit",
                                         "Out",
                                         "EdgeInit",
                                         "In",
                                         "Matrix",
                                         "NDPair",
                                         "Pset",
                                         "Grid",
                                         "Composite",
                                         "Connector",
                                         "ConnectionScript",
                                         "GridCoord",
                                         "RepName",
                                         "NodeSet",
                                         "ConstantType",
                                         "VariableType",
                                         "NodeType",
                                         "NodeTypeSet",
                                         "EdgeType",
                                         "ToolType",
                                         "Struct",
                                         "Stride",
                                         "Layer",
                                         "Return",
                                         "IndexSet",
                                         "RelNodeSet",
                                         "Service",
                                         "Trigger",
                                         "GranuleMapper",
                                         "EdgeSet",
                                         "Port",
                                         "system",
                                         "Pause",
                                         "Stop",
                                         "InitPhases",
                                         "RuntimePhases",
                                         "LoadPhases",
                                         "FinalPhases",
                                         "SeperationConstraint",
                                         "on"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t after_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// "12ab": digits, then at least one letter.
std::size_t end_of_name(std::string_view text, std::size_t at) {
  std::size_t end = after_digits(text, at);
  if (end >= text.size() || !is_letter(text[end])) return at;
  while (end < text.size() && continues_name(text[end])) ++end;
  return end;
}

struct NumberEnd {
  std::size_t end = 0;
  bool real = false;
};

/// The longest number at `at`; empty where none is.
NumberEnd end_of_literal(std::string_view text, std::size_t at) {
  const bool plus = text[at] == '+', minus = text[at] == '-';
  const std::size_t digits = at + (plus || minus ? 1 : 0);
  const std::size_t whole = after_digits(text, digits);
  if (whole == digits) return {at, false};
  std::size_t end = whole;
  bool real = false;
  if (end < text.size() && text[end] == '.') {
    real = true;
    end = after_digits(text, end + 1);
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t exponent = end + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    const std::size_t last = after_digits(text, exponent);
    if (last > exponent) {
      real = true;
      end = last;
    }
  }
  if (plus && !real) return {at, false};
  return {end, real};
}

bool is_sign(char c) {
  switch (c) {
    case '{':
    case '}':
    case '[':
    case ']':
    case '(':
    case ')':
    case '<':
    case '>':
    case ';':
    case ',':
    case '.':
    case ':':
    case '=':
    case '/':
    case '!': return true;
    default: return false;
  }
}

/// The end of a sign of several characters; `at` where none begins there.
std::size_t end_of_doubled(std::string_view text, std::size_t at) {
  const auto follows = [&](std::string_view rest) {
    return text.substr(at + 1, rest.size()) == rest;
  };
  switch (text[at]) {
    case ':': return follows("::") ? at + 3 : follows(":") ? at + 2 : at;
    case '.': return follows("..") ? at + 3 : at;
    case '=':
    case '!': return follows("=") ? at + 2 : at;
    case '|':
    case '^':
    case '&': return follows(text.substr(at, 1)) ? at + 2 : at;
    default: return at;
  }
}

}  // namespace

bool is_keyword(std::string_view word) {
  // By their first letter: most words are none.
  static const auto by_letter = [] {
    std::array<std::vector<std::string_view>, 128> table;
    for (const std::string_view one : keywords)
      table[static_cast<std::size_t>(one[0])].push_back(one);
    return table;
  }();
  const auto letter = static_cast<unsigned char>(word.empty() ? 0 : word[0]);
  if (letter >= by_letter.size()) return false;
  return std::ranges::find(by_letter[letter], word) != by_letter[letter].end();
}

Token Lexer::taken(Lexeme kind, std::size_t end) {
  Token token{kind, scanner_.text().substr(scanner_.at(), end - scanner_.at()), scanner_.place()};
  scanner_.advance(end);
  return token;
}

Token Lexer::quoted_text() {
  const std::string_view text = scanner_.text();
  const std::size_t begin = scanner_.at() + 1;
  const std::size_t end = text.find_first_of("\"\n", begin);
  if (end == std::string_view::npos || text[end] == '\n' || end == begin)
    return taken(Lexeme::bad, scanner_.at() + 1);
  Token token{Lexeme::text, text.substr(begin, end - begin), scanner_.place()};
  scanner_.advance(end + 1);
  return token;
}

Token Lexer::number_or_name() {
  const std::string_view text = scanner_.text();
  const std::size_t at = scanner_.at();
  const std::size_t name = end_of_name(text, at);
  const NumberEnd number = end_of_literal(text, at);
  // Of equal length, a name: "1e5" is one, "1e-5" and "-1e5" are numbers.
  if (name > at && name >= number.end) return taken(Lexeme::name, name);
  if (number.end > at) return taken(number.real ? Lexeme::real : Lexeme::integer, number.end);
  return taken(Lexeme::sign, at + 1);
}

Token Lexer::next() {
  scanner_.skip_space();
  if (scanner_.ended()) return {Lexeme::end, {}, scanner_.end_place()};
  const char c = scanner_.peek();
  const std::size_t at = scanner_.at();
  if (is_letter(c)) {
    const std::size_t end = end_of_name(scanner_.text(), at);
    const bool keyword = is_keyword(scanner_.text().substr(at, end - at));
    return taken(keyword ? Lexeme::keyword : Lexeme::name, end);
  }
  if (is_digit(c) || c == '+' || c == '-') {
    if (c == '-' && scanner_.peek(1) == '>') return taken(Lexeme::sign, at + 2);
    return number_or_name();
  }
  if (c == '"') return quoted_text();
  const std::size_t doubled = end_of_doubled(scanner_.text(), at);
  if (doubled > at) return taken(Lexeme::sign, doubled);
  return taken(is_sign(c) ? Lexeme::sign : Lexeme::bad, at + 1);
}

Problem Lexer::fault_of(const Token& bad) {
  Problem problem{Mistake::syntax, bad.place, fmt::format("unexpected {}", quoted(bad.text)), {}};
  if (bad.text == "\"") {
    problem.instead = "a text stands between two quotes on one line, and is not empty";
  } else if (bad.text == "_") {
    problem.instead = "a name begins with a letter, or with digits and a letter";
  } else {
    problem.what += ", which is no character of GSL";
  }
  return problem;
}

}  // namespace isomer::mgs::gsl
