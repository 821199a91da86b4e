#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace isomer {
namespace {

template <class Real>
std::string shortest(Real value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// Controls are below the blank, from delete to the end of C1, and what turns the direction of a
/// line.
bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

/// Control characters that `hidden` names and stray bytes as "\x1b", those of `marks` behind a
/// backslash.
std::string escaped(std::string_view text, std::size_t most, bool (*hidden)(char),
                    std::string_view marks = {}) {
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    const Utf8 character = utf8_at(text, i);
    const std::string_view bytes = text.substr(i, std::max<std::size_t>(character.size, 1));
    if (i + bytes.size() > most) return result + "...";
    i += bytes.size();
    if (character.size == 0 || (is_control(character.point) && hidden(bytes[0]))) {
      for (const char c : bytes) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      continue;
    }
    if (marks.find(bytes[0]) != std::string_view::npos) result += '\\';
    result += bytes;
  }
  return result;
}

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // two rows up
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

Utf8 utf8_at(std::string_view text, std::size_t at) {
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto code = static_cast<unsigned char>(text[at]);
  const std::size_t size = code < 0x80   ? 1
                           : code < 0xc0 ? 0
                           : code < 0xe0 ? 2
                           : code < 0xf0 ? 3
                                         : 4;
  if (size == 0 || code > 0xf4 || size > text.size() - at) return {};
  std::uint32_t point = size == 1 ? code : code & (0xffU >> (size + 1));
  for (std::size_t k = 1; k < size; ++k) {
    const auto next = static_cast<unsigned char>(text[at + k]);
    if ((next & 0xc0U) != 0x80) return {};
    point = (point << 6U) | (next & 0x3fU);
  }
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if (point < least[size] || point > 0x10ffff || surrogate) return {};
  return {point, size};
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_at(text, i).size;
    if (size == 0) return false;
    i += size;
  }
  return true;
}

std::string printable(std::string_view text, std::size_t most) {
  return escaped(text, most, [](char c) { return c != '\n' && c != '\t'; });
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 80;
  return "'" +
         escaped(
             text, longest, [](char) { return true; }, "'\\") +
         "'";
}

std::string real_text(double value) { return shortest(value); }
std::string real_text(float value) { return shortest(value); }

std::vector<std::string_view> split_text(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) parts.emplace_back();
  }
  return parts;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string line_and_column(std::string_view text, std::uint64_t offset) {
  const std::string_view before = text.substr(0, std::min<std::uint64_t>(offset, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t last = before.rfind('\n');
  const std::size_t column = before.size() - (last == std::string_view::npos ? 0 : last + 1) + 1;
  return std::to_string(line) + ":" + std::to_string(column);
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  // One of three letters may be wrong; more, and another word is meant.
  std::size_t fewest = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t a = word.size();
    const std::size_t b = candidate.size();
    if ((a > b ? a - b : b - a) >= fewest) continue;  // so many edits at least
    const std::size_t edits = edits_between(word, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

}  // namespace isomer
