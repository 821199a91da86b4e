#include "systems/mgs/source/tokens.h"

#include <algorithm>

namespace isomer::mgs {
namespace {

std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\n') return i;
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n')
      ++i;
    else if (text[i] == quote)
      return i + 1;
  }
  return text.size();
}

std::size_t end_of_number(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    const char c = text[at];
    if (continues_name(c) || c == '.') continue;
    const char before = text[at - 1];
    const bool exponent = before == 'e' || before == 'E' || before == 'p' || before == 'P';
    if (!(exponent && (c == '+' || c == '-'))) break;
  }
  return at;
}

}  // namespace

std::size_t piece_end(std::string_view text, std::size_t at) {
  const char c = text[at];
  const char next = at + 1 < text.size() ? text[at + 1] : '\0';
  if (begins_name(c)) {
    while (at < text.size() && continues_name(text[at])) ++at;
    return at;
  }
  if (is_digit(c) || (c == '.' && is_digit(next))) return end_of_number(text, at);
  if (c == '"') return end_of_quoted(text, at);
  if (c == '#' && next == '#') return at + 2;
  if (text.substr(at, 3) == "...") return at + 3;
  return at + 1;
}

PieceKind piece_kind(std::string_view piece) {
  if (piece.empty()) return PieceKind::nothing;
  if (begins_name(piece[0])) return PieceKind::name;
  if (is_digit(piece[0]) || (piece[0] == '.' && piece.size() > 1 && is_digit(piece[1])))
    return PieceKind::number;
  return piece[0] == '"' ? PieceKind::text : PieceKind::other;
}

std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at]) || text[at] == '\n') {
      space = true;
      ++at;
      continue;
    }
    const std::size_t end = piece_end(text, at);
    const std::string_view piece = text.substr(at, end - at);
    pieces.push_back({piece_kind(piece), space, 0, std::string(piece)});
    space = false;
    at = end;
  }
  return pieces;
}

bool would_join(char last, bool number, char next) {
  if (continues_name(last) && (continues_name(next) || next == '.')) return true;
  if (number && (next == '+' || next == '-')) return true;
  constexpr std::string_view doubled = "+-<>&|=:.#/";
  if (last == next && doubled.find(next) != std::string_view::npos) return true;
  if (next == '=' && std::string_view("=!<>+-&|").find(last) != std::string_view::npos) return true;
  return (last == '-' && next == '>') || (last == '/' && next == '*') ||
         (last == '.' && is_digit(next));
}

}  // namespace isomer::mgs
