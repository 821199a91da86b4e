#include "cli/ranges.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "graph/text.h"

namespace isomer::cli {
namespace {

[[noreturn]] void refuse(std::string_view what) { throw Error(Fault::usage, "--range", what); }

/// The name before the sign, and the ends behind it.
std::pair<std::string, ValueRange> range_in(std::string_view word) {
  const std::size_t sign = word.rfind('=');
  const std::size_t colon = sign == std::string_view::npos ? sign : word.find(':', sign);
  if (colon == std::string_view::npos)
    refuse(fmt::format("{} is no range; one is written like ids=0:30000", quoted(word)));
  const auto least = finite_number(word.substr(sign + 1, colon - sign - 1));
  const auto most = finite_number(word.substr(colon + 1));
  if (!least || !most) {
    refuse(
        fmt::format("{} has an end that is no finite number; a range is written like "
                    "ids=0:30000",
                    quoted(word)));
  }
  if (*least > *most)
    refuse(fmt::format("{} ends before it begins; the least comes first", quoted(word)));
  return {std::string(word.substr(0, sign)), {*least, *most}};
}

const Port& port_named(const std::string& name, std::span<const Port> ports) {
  const auto found = std::ranges::find(ports, name, &Port::name);
  if (found != ports.end()) return *found;
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  refuse(names.empty()
             ? "the model has no inputs"
             : fmt::format("the model has no input {}; it takes: {}", quoted(name), listed(names)));
}

/// What elements of an integer type can be, as far as doubles count.
ValueRange held_by(DType dtype) {
  constexpr std::size_t exact = 53;
  if (dtype == DType::u8) return {0, 255};
  const double most = std::exp2(double(std::min(8 * size_of(dtype) - 1, exact)));
  return {-most, most - 1};
}

std::string to_text(const std::string& name, const ValueRange& range) {
  return quoted(fmt::format("{}={}:{}", name, range.least, range.most));
}

}  // namespace

std::optional<double> finite_number(std::string_view text) {
  double number = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && failed == std::errc() && stop == text.data() + text.size();
  return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::map<std::string, ValueRange> ranges_asked(const Words& words) {
  std::map<std::string, ValueRange> ranges;
  for (const std::string& word : words.all("range")) {
    auto [name, range] = range_in(word);
    if (ranges.contains(name)) refuse(fmt::format("gives {} twice", quoted(name)));
    ranges.emplace(std::move(name), range);
  }
  return ranges;
}

void check_ranges(const std::map<std::string, ValueRange>& ranges, std::span<const Port> ports) {
  for (const auto& [name, range] : ranges) {
    const TensorType& type = port_named(name, ports).type;
    if (is_floating(type.dtype)) continue;
    if (!is_integer(type.dtype)) {
      refuse(fmt::format("input {} is {}; ranges are of integers and real numbers", quoted(name),
                         isomer::to_text(type)));
    }
    if (std::trunc(range.least) != range.least || std::trunc(range.most) != range.most) {
      refuse(fmt::format("{} has a fraction; input {} is of integers", to_text(name, range),
                         quoted(name)));
    }
    const ValueRange held = held_by(type.dtype);
    if (range.least >= held.least && range.most <= held.most) continue;
    refuse(fmt::format("{} goes beyond what input {} can be: {:.0f} to {:.0f}",
                       to_text(name, range), quoted(name), held.least, held.most));
  }
}

}  // namespace isomer::cli
