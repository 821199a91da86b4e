#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "cli/verb.h"

namespace isomer::cli {

std::string_view Option::key() const {
  const std::size_t dashes = name.rfind("--");
  return dashes == std::string_view::npos ? name : name.substr(dashes + 2);
}

void Words::put(std::string_view key, std::vector<std::string> values) {
  values_.insert_or_assign(std::string(key), std::move(values));
}

const std::string& Words::text(std::string_view key) const {
  static const std::string nothing;
  const auto found = values_.find(key);
  return found == values_.end() || found->second.empty() ? nothing : found->second.front();
}

std::span<const std::string> Words::all(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return {};
  return found->second;
}

std::int64_t Words::number(std::string_view key, std::int64_t by_default, std::int64_t least,
                           std::int64_t most) const {
  if (!has(key)) return by_default;
  const std::string& value = text(key);
  const char* end = value.data() + value.size();
  std::int64_t number = 0;
  const auto [last, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && last == end && number >= least && number <= most) return number;
  const bool bounded = most < std::numeric_limits<std::int64_t>::max();
  throw Error(Fault::usage, fmt::format("--{}", key),
              fmt::format("{} is no whole number from {}{}", quoted(value), least,
                          bounded ? fmt::format(" to {}", most) : ""));
}

std::optional<double> Words::real(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  const std::string& value = text(key);
  const char* end = value.data() + value.size();
  double number = 0;
  const auto [last, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && last == end && std::isfinite(number)) return number;
  throw Error(
      Fault::usage, fmt::format("--{}", key),
      fmt::format("{} is no {}number", quoted(value), error == std::errc() ? "finite " : ""));
}

std::string mode_asked(const Words& words) {
  const std::string& mode = words.text("mode");
  if (!mode.empty() && mode != "train" && mode != "eval") {
    throw Error(Fault::usage, "--mode",
                fmt::format("there is no mode {}; there are: train, eval", quoted(mode)));
  }
  return mode;
}

void say(std::string_view line) {
  constexpr std::size_t most = 20'000;  // nobody reads more
  const std::string text = printable(line, most) + '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void print(std::string_view text) {
  const std::string shown = printable(text, std::string_view::npos);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
}

void let_threads_sleep() { ::setenv("OMP_WAIT_POLICY", "passive", 0); }

}  // namespace isomer::cli
