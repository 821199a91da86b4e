#include "graph/cursor.h"

#include <cctype>
#include <charconv>

#include "base/text.h"

namespace isomer {
namespace {

bool is_word(char c, std::string_view more) {
  const auto code = static_cast<unsigned char>(c);
  return (code < 128 && std::isalnum(code) != 0) || c == '_' ||
         more.find(c) != std::string_view::npos;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

void Cursor::fail(std::string_view what, std::size_t offset) const {
  throw Error(Fault::file, place(offset), what);
}

std::string Cursor::place(std::size_t offset) const { return line_and_column(text_, offset); }

std::size_t Cursor::offset() {
  skip_blanks();
  return at_;
}

bool Cursor::at_end() {
  skip_blanks();
  return at_ == text_.size();
}

bool Cursor::at_line_end() {
  skip_blanks();
  return at_ == text_.size() || text_[at_] == '\n';
}

void Cursor::next_line() {
  if (!at_line_end()) {
    const std::string_view rest = text_.substr(at_, text_.find('\n', at_) - at_);
    fail(fmt::format("here the line should end and has {}", quoted(trimmed(rest))));
  }
  skip_line();
}

void Cursor::skip_line() {
  do {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  } while (at_line_end() && at_ < text_.size());
}

char Cursor::peek() {
  skip_blanks();
  return at_ == text_.size() || text_[at_] == '\n' ? '\0' : text_[at_];
}

bool Cursor::take(std::string_view word) {
  skip_blanks();
  if (!text_.substr(at_).starts_with(word)) return false;
  // "note" does not begin with the word "no".
  const std::size_t end = at_ + word.size();
  if (is_word(word.back(), {}) && end < text_.size() && is_word(text_[end], {})) return false;
  at_ = end;
  return true;
}

void Cursor::demand(std::string_view word) {
  if (take(word)) return;
  if (at_line_end()) fail(fmt::format("{} should come here, and the line ends", quoted(word)));
  fail(fmt::format("{} should come here", quoted(word)));
}

std::string_view Cursor::word(std::string_view more) {
  skip_blanks();
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_word(text_[at_], more)) ++at_;
  return text_.substr(begin, at_ - begin);
}

std::string_view Cursor::name(std::string_view what) {
  const std::size_t begin = offset();
  const std::string_view text = word();
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
    fail(fmt::format("{} should come here: letters, digits and underscores", what), begin);
  }
  return text;
}

std::string Cursor::quoted_text() {
  const std::size_t begin = offset();
  const char quote = peek();
  if (quote != '\'' && quote != '"') fail("a text in quotes should come here");
  std::string result;
  for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == quote) {
      ++at_;
      return result;
    }
    if (text_[at_] != '\\') {
      result += text_[at_];
      continue;
    }
    const std::string_view escape = text_.substr(at_ + 1, 3);
    const char kind = escape.empty() ? '\0' : escape[0];
    if (kind == 'x' && escape.size() == 3 && digit_of(escape[1]) >= 0 && digit_of(escape[2]) >= 0) {
      result += static_cast<char>(digit_of(escape[1]) * 16 + digit_of(escape[2]));
      at_ += 3;
    } else if (kind == 'n' || kind == 't' || kind == '\\' || kind == '\'' || kind == '"') {
      result += kind == 'n' ? '\n' : kind == 't' ? '\t' : kind;
      ++at_;
    } else {
      fail("an escape is none of \\n, \\t, \\xNN, \\\\ and a quote");
    }
  }
  fail("a text in quotes does not end on its line", begin);
}

std::string_view Cursor::expression() {
  const std::size_t begin = offset();
  int depth = 0;
  for (; at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '#'; ++at_) {
    const char c = text_[at_];
    if (c == '(' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == ')' || c == ']')) break;
    if (c == ')' || c == ']') --depth;
  }
  return trimmed(text_.substr(begin, at_ - begin));
}

std::int64_t Cursor::integer() {
  const std::size_t begin = offset();
  const char* const end = text_.data() + text_.size();
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text_.data() + begin, end, value);
  if (error == std::errc::result_out_of_range) fail("this integer does not fit in 64 bits", begin);
  if (error != std::errc()) fail("an integer should come here", begin);
  at_ = static_cast<std::size_t>(stop - text_.data());
  return value;
}

void Cursor::enter() {
  constexpr int deepest = 64;
  if (++depth_ > deepest) fail("brackets are nested too deep");
}

void Cursor::skip_blanks() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '#') {
      const std::size_t end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
      if (at_ == text_.size() || depth_ == 0) return;
    } else if (c == '\n' ? depth_ == 0 : c != ' ' && c != '\t' && c != '\r') {
      return;
    }
  }
}

}  // namespace isomer
