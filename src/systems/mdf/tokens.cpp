#include "systems/mdf/tokens.h"

#include <array>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace isomer::mdf {
namespace {

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void refuse_at(std::string_view text, std::size_t column, std::string_view why) {
  throw Error(Fault::model, "",
              fmt::format("{} is no expression: column {}: {}", quoted(text), column + 1, why));
}

void Tokens::need(std::string_view sign) {
  if (!take(sign)) refuse_at(text_, token_.column, fmt::format("'{}' is missing", sign));
}

void Tokens::advance() {
  while (next_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[next_])) != 0)
    ++next_;
  token_ = {Token::Kind::end, "", next_};
  if (next_ == text_.size()) return;
  const char c = text_[next_];
  const bool fraction = c == '.' && next_ + 1 < text_.size() && is_digit(text_[next_ + 1]);
  if (is_digit(c) || fraction) return read_number();
  if (c == '\'' || c == '"') return read_text(c);
  if (starts_name(c)) {
    std::size_t end = next_;
    while (end < text_.size() && (starts_name(text_[end]) || is_digit(text_[end]))) ++end;
    token_ = {Token::Kind::name, std::string(text_.substr(next_, end - next_)), next_};
    next_ = end;
    return;
  }
  constexpr std::array<std::string_view, 29> signs = {
      "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "@",
      "<",   ">",  "(",  ")",  "[",  "]",  "{",  "}",  ",",  ":", ".", "&", "|", "^"};
  for (const std::string_view sign : signs) {
    if (text_.substr(next_).starts_with(sign)) {
      token_ = {Token::Kind::sign, std::string(sign), next_};
      next_ += sign.size();
      return;
    }
  }
  if (c == '~' || c == '=') {
    token_ = {Token::Kind::sign, std::string(1, c), next_++};
    return;
  }
  refuse_at(text_, next_, fmt::format("{} has no meaning here", quoted(std::string_view(&c, 1))));
}

void Tokens::read_number() {
  std::size_t end = next_;
  const bool based = text_[end] == '0' && end + 1 < text_.size() &&
                     std::string_view("xXoObB").find(text_[end + 1]) != std::string_view::npos;
  if (based) {
    end += 2;
    while (end < text_.size() &&
           (std::isxdigit(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_')) {
      ++end;
    }
  } else {
    const auto digits = [&] {
      while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '_')) ++end;
    };
    digits();
    if (end < text_.size() && text_[end] == '.') ++end;
    digits();
    const auto exponent = text_.substr(end);
    const std::size_t sign =
        exponent.size() > 1 && (exponent[1] == '+' || exponent[1] == '-') ? 2 : 1;
    const bool has_exponent = !exponent.empty() && (exponent[0] == 'e' || exponent[0] == 'E') &&
                              exponent.size() > sign && is_digit(exponent[sign]);
    if (has_exponent) {
      end += sign;
      digits();
    }
  }
  if (end < text_.size() && starts_name(text_[end]))
    refuse_at(text_, end, "a number runs into a name");
  token_ = {Token::Kind::number, std::string(text_.substr(next_, end - next_)), next_};
  next_ = end;
}

void Tokens::read_text(char quote) {
  std::string result;
  std::size_t i = next_ + 1;
  for (; i < text_.size() && text_[i] != quote; ++i) {
    if (text_[i] == '\\') refuse_at(text_, i, "escapes in texts are not read");
    result += text_[i];
  }
  if (i == text_.size()) refuse_at(text_, next_, "the text is not closed");
  token_ = {Token::Kind::text, result, next_};
  next_ = i + 1;
}

}  // namespace isomer::mdf
