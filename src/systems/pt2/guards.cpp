#include "systems/pt2/guards.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace isomer::pt2 {
namespace {

using Arguments = std::span<const std::pair<std::string, TensorType>>;

/// "L['x'].size()[0]" becomes the length that it is; nothing for another thing of an argument.
std::optional<std::string> with_lengths(std::string_view guard, Arguments arguments) {
  constexpr std::string_view begin = "L['", middle = "'].size()[";
  std::string text;
  while (!guard.empty()) {
    const std::size_t at = guard.find(begin);
    text += guard.substr(0, at);
    if (at == std::string_view::npos) break;
    guard.remove_prefix(at + begin.size());
    const std::size_t end = guard.find(middle);
    const auto argument = std::ranges::find(arguments, guard.substr(0, end),
                                            &std::pair<std::string, TensorType>::first);
    if (end == std::string_view::npos || argument == arguments.end()) return std::nullopt;
    guard.remove_prefix(end + middle.size());
    std::size_t axis = 0;
    const char* const last = guard.data() + guard.size();
    const auto [stop, failed] = std::from_chars(guard.data(), last, axis);
    const Shape& shape = argument->second.shape;
    if (failed != std::errc() || axis >= shape.size()) return std::nullopt;
    if (stop == last || *stop != ']') return std::nullopt;
    guard.remove_prefix(static_cast<std::size_t>(stop - guard.data()) + 1);
    text += fmt::format("({})", to_text(shape[axis]));
  }
  return text;
}

/// "(s0 % 2) == 0" holds for all lengths.
bool shown(std::string_view text, std::size_t equals, std::span<const LengthRange> ranges) {
  try {
    const Dim left = within(parse_dim(trimmed(text.substr(0, equals))), ranges);
    return left == within(parse_dim(trimmed(text.substr(equals + 2))), ranges);
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return false;  // Python may say more than lengths can
  }
}

}  // namespace

std::string open_guard(std::string_view guard, Arguments arguments,
                       std::span<const LengthRange> ranges) {
  // Of what PyTorch leaves to the kinds of arguments nothing is about lengths.
  const std::optional<std::string> text = with_lengths(guard, arguments);
  if (!text || guard.find(".size()[") == std::string_view::npos) return "";
  const std::size_t equals = text->find("==");
  const bool divides = text->find('%') != std::string::npos;
  if (equals == std::string::npos ? !divides : shown(*text, equals, ranges)) return "";
  return std::string(guard);
}

}  // namespace isomer::pt2
