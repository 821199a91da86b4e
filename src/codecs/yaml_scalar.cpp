#include "codecs/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

constexpr std::string_view digits = "0123456789", decimal = "0123456789_";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool consists_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

bool takes(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes a sign; gives whether it is a minus.
bool takes_minus(std::string_view& text) {
  if (takes(text, "-")) return true;
  takes(text, "+");
  return false;
}

std::string without_underscores(std::string_view text) {
  std::string result(text);
  std::erase(result, '_');
  return result;
}

/// Of digits, with underscores among them.
std::int64_t number_of(std::string_view text, bool minus, int base) {
  const std::string plain = (minus ? "-" : "") + without_underscores(text);
  std::int64_t number = 0;
  const char* last = plain.data() + plain.size();
  const auto [end, failed] = std::from_chars(plain.data(), last, number, base);
  if (failed == std::errc() && end == last) return number;
  throw Error(Fault::file, "",
              fmt::format("the integer {} does not fit into 64 bits", quoted(text)));
}

/// "1:30:05": the parts behind the first are below 60.
bool is_sexagesimal(std::string_view text) {
  const std::vector<std::string_view> parts = split_text(text, ':');
  if (parts.size() < 2 || text.ends_with(':')) return false;
  return consists_of(parts[0], decimal) && is_digit(parts[0][0]) &&
         std::ranges::all_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
           return part.size() <= 2 && consists_of(part, digits) &&
                  (part.size() == 1 || part[0] < '6');
         });
}

double in_sixties(std::string_view text) {
  double result = 0;
  for (const std::string_view part : split_text(text, ':'))
    result = result * 60 + std::strtod(without_underscores(part).c_str(), nullptr);
  return result;
}

std::int64_t whole_in_sixties(std::string_view text, bool minus) {
  const double result = in_sixties(text);
  constexpr double exact = 9007199254740992.0;
  if (result > exact)
    throw Error(Fault::file, "", fmt::format("the number {} is too large", quoted(text)));
  return static_cast<std::int64_t>(minus ? -result : result);
}

/// "1.5", "1.", "1.0e-5" and ".5e+3": the exponent has a sign, or the text is none.
bool is_decimal(std::string_view text, bool minus_or_plus) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return false;
  const std::string_view whole = text.substr(0, point);
  std::string_view rest = text.substr(point + 1);
  if (whole.empty()) {
    if (minus_or_plus || rest.empty() || !is_digit(rest[0])) return false;
  } else if (!is_digit(whole[0]) || !consists_of(whole, decimal)) {
    return false;
  }
  const std::size_t fraction = std::min(rest.find_first_not_of(decimal), rest.size());
  rest.remove_prefix(fraction);
  if (rest.empty()) return true;
  if (rest[0] != 'e' && rest[0] != 'E') return false;
  rest.remove_prefix(1);
  if (rest.empty() || (rest[0] != '-' && rest[0] != '+')) return false;
  return consists_of(rest.substr(1), digits);
}

constexpr std::array<std::string_view, 4> nulls = {"~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 9> trues = {"yes",  "Yes", "YES", "true", "True",
                                                   "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 9> falses = {"no",    "No",  "NO",  "false", "False",
                                                    "FALSE", "off", "Off", "OFF"};

template <std::size_t count>
bool among(std::string_view text, const std::array<std::string_view, count>& words) {
  return !text.empty() && std::ranges::find(words, text) != words.end();
}

/// "2001-12-14", and with a time.
bool is_date(std::string_view text) {
  constexpr std::string_view form = "dddd-";
  if (text.size() < 8 || text[4] != '-') return false;
  for (std::size_t i = 0; i < 4; ++i) {
    if (!is_digit(text[i])) return false;
  }
  return consists_of(text.substr(form.size()), "0123456789-:.+TtZz \t") &&
         text.find('-', form.size()) != std::string_view::npos;
}

}  // namespace

std::optional<std::int64_t> yaml_integer(std::string_view text) {
  const bool minus = takes_minus(text);
  if (text == "0") return 0;
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  if (takes(text, "0b")) {
    if (!consists_of(text, "01_")) return std::nullopt;
    return number_of(text, minus, 2);
  }
  if (takes(text, "0x")) {
    if (!consists_of(text, "0123456789abcdefABCDEF_")) return std::nullopt;
    return number_of(text, minus, 16);
  }
  if (text[0] == '0') {
    if (!consists_of(text, "01234567_")) return std::nullopt;
    return number_of(text, minus, 8);
  }
  if (consists_of(text, decimal)) return number_of(text, minus, 10);
  if (is_sexagesimal(text)) return whole_in_sixties(text, minus);
  return std::nullopt;
}

std::optional<double> yaml_real(std::string_view text) {
  const bool signed_one = text.starts_with('-') || text.starts_with('+');
  const bool minus = takes_minus(text);
  const double sign = minus ? -1 : 1;
  if (text == ".inf" || text == ".Inf" || text == ".INF") return sign * HUGE_VAL;
  if (!signed_one && (text == ".nan" || text == ".NaN" || text == ".NAN"))
    return std::numeric_limits<double>::quiet_NaN();
  if (is_decimal(text, signed_one))
    return sign * std::strtod(without_underscores(text).c_str(), nullptr);
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || !is_sexagesimal(text.substr(0, point)))
    return std::nullopt;
  const std::string_view rest = text.substr(point + 1);
  if (!rest.empty() && !consists_of(rest, decimal)) return std::nullopt;
  return sign * in_sixties(text);
}

std::optional<Tree> plain_scalar(std::string_view text) {
  if (text.empty() || among(text, nulls)) return Tree{};
  if (among(text, trues)) return Tree{true};
  if (among(text, falses)) return Tree{false};
  const char first = text[0];
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return std::nullopt;
  if (const auto integer = yaml_integer(text)) return Tree{*integer};
  if (const auto real = yaml_real(text)) {
    if (std::isinf(*real) && text.find_first_of("iI") == std::string_view::npos)
      throw Error(Fault::file, "",
                  fmt::format("the number {} does not fit into a double", quoted(text)));
    return Tree{*real};
  }
  return std::nullopt;
}

bool needs_quotes(std::string_view text) {
  if (text == "<<" || text == "=" || is_date(text)) return true;
  try {
    return plain_scalar(text).has_value();
  } catch (const Error&) {
    return true;
  }
}

}  // namespace isomer
