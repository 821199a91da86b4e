#include "codecs/markup.h"

#include <algorithm>

#include "base/text.h"

namespace isomer {

std::string escaped_markup(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto [point, size] = utf8_at(text, i);
    const std::string_view one = text.substr(i, size);
    i += std::max<std::size_t>(size, 1);
    const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    if (size == 0 || control || point == 0xfffe || point == 0xffff) {
      result += point == '\n' || point == '\t' ? " " : "&#65533;";
    } else if (one == "&") {
      result += "&amp;";
    } else if (one == "<") {
      result += "&lt;";
    } else if (one == ">") {
      result += "&gt;";
    } else if (one == "\"") {
      result += "&quot;";
    } else {
      result += one;
    }
  }
  return result;
}

}  // namespace isomer
