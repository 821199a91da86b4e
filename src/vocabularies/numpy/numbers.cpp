#include "vocabularies/numpy/numbers.h"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "base/text.h"

namespace isomer::numpy {

std::optional<std::string> without_underscores(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      result += text[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < text.size() &&
                         std::isxdigit(static_cast<unsigned char>(text[i - 1])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0;
    if (!between) return std::nullopt;
  }
  return result;
}

std::optional<double> real_in(std::string_view digits) {
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument)
    return std::nullopt;
  // from_chars leaves the number alone when it does not fit; Python makes it infinite or zero.
  if (error == std::errc::result_out_of_range)
    number = std::strtod(std::string(digits).c_str(), nullptr);
  return number;
}

Value number_in(std::string_view text) {
  const std::string_view core = trimmed(text);
  const auto digits = without_underscores(core);
  if (!digits || digits->empty()) return {};
  std::string_view unsigned_part = *digits;
  const bool negative = unsigned_part.front() == '-';
  if (negative || unsigned_part.front() == '+') unsigned_part.remove_prefix(1);
  if (unsigned_part.empty()) return {};

  if (unsigned_part.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t number = 0;
    const std::string signed_digits = (negative ? "-" : "") + std::string(unsigned_part);
    const auto [end, error] =
        std::from_chars(signed_digits.data(), signed_digits.data() + signed_digits.size(), number);
    if (error == std::errc()) return {number};
    const auto real = real_in(signed_digits);
    return real ? Value{*real} : Value{};
  }
  std::string lower(unsigned_part);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const double sign = negative ? -1 : 1;
  if (lower == "inf" || lower == "infinity")
    return {sign * std::numeric_limits<double>::infinity()};
  if (lower == "nan") return {std::numeric_limits<double>::quiet_NaN()};
  if (lower.find_first_not_of("0123456789.e+-") != std::string::npos || lower[0] == '-' ||
      lower[0] == '+')
    return {};
  const auto number = real_in(lower);
  return number ? Value{sign * *number} : Value{};
}

}  // namespace isomer::numpy
