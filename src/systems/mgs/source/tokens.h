#pragma once

// The preprocessor's own tokens.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isomer::mgs {

inline bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool continues_name(char c) { return begins_name(c) || is_digit(c); }
inline bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

enum class PieceKind { name, number, text, other, nothing };

struct Piece {
  PieceKind kind = PieceKind::other;
  bool space = false;        // white space stood before
  std::uint32_t hidden = 0;  // which macros it came of: they do not expand it again
  std::string text;
};

/// The end of the piece that begins at `at`: a name, a number of the preprocessor, a quoted text
/// up to its end or that of the line, or one character, or "##" and the dots of "...".
std::size_t piece_end(std::string_view text, std::size_t at);
PieceKind piece_kind(std::string_view piece);
/// All pieces of a text without comments.
std::vector<Piece> pieces_of(std::string_view text);

/// Whether two pieces, written one after the other, would be read as something else.
bool would_join(char last, bool number, char next);

}  // namespace isomer::mgs
