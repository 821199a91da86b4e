#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer {

/// `text` as a terminal may be sent it: UTF-8, and of control characters only line feeds and tabs.
/// All else is escaped; what is longer than `most` bytes is cut.
std::string printable(std::string_view text, std::size_t most);

/// 'text', with quotes and all control characters escaped, for messages that quote what came from
/// outside. Longer than 80 characters is shortened.
std::string quoted(std::string_view text);
// Without these two a std::string would find std::quoted of <iomanip> first.
inline std::string quoted(const std::string& text) { return quoted(std::string_view(text)); }
inline std::string quoted(std::string& text) { return quoted(std::string_view(text)); }

/// The shortest decimal that reads back as the same double: "1.0", "0.1", "1e-05", "inf", "nan".
/// Always has a point, an exponent or is not finite, so that it does not read as an integer.
std::string real_text(double value);
/// The same for a float: "0.1", not "0.10000000149011612".
std::string real_text(float value);

/// The parts between separators; an empty text has no parts.
std::vector<std::string_view> split_text(std::string_view text, char separator);
std::string_view trimmed(std::string_view text);

/// A character of UTF-8; without a size where none begins.
struct Utf8 {
  std::uint32_t point = 0;
  std::size_t size = 0;
};
/// The one that begins at `at`, which lies in `text`: no stray bytes, overlong forms or surrogates.
Utf8 utf8_at(std::string_view text, std::size_t at);
/// Whether all of it is UTF-8.
bool is_utf8(std::string_view text);

/// The first twenty, and how many more there are: for messages, which must not grow with a file.
template <class Items>
std::string listed(const Items& items, std::string_view separator = ", ") {
  constexpr std::size_t most = 20;
  const std::size_t count = std::ranges::size(items);
  const std::string rest =
      count > most ? fmt::format("{}and {} more", separator, count - most) : "";
  return fmt::format("{}{}", fmt::join(items | std::views::take(most), separator), rest);
}

/// Line and column, from 1, of an offset: "12:3".
std::string line_and_column(std::string_view text, std::uint64_t offset);

/// "2 weights", "1 weight".
std::string counted(std::size_t count, std::string_view noun);

/// The candidate most like `word` (a few edits away), or an empty text: "did you mean 'softmax'?".
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace isomer
