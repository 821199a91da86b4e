#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "graph/dim_algebra.h"

namespace isomer {
namespace {

/// sum = product {("+" | "-") product}; product = power {("*" | "//" | "%") power}; power = sign
/// ["**" number]; sign = {"-" | "+"} atom; atom = number | name | function "(" sum {"," sum} ")" |
/// "(" sum ")"
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  Dim parse() {
    if (text_.size() > 4096) fault("is too long for a length");
    Dim dim = sum();
    if (!blank()) fault(fmt::format("has {} where it should end", quoted(rest_)));
    return dim;
  }

 private:
  [[noreturn]] void fault(std::string_view what) const {
    throw Error(Fault::file, "", fmt::format("the length {} {}", quoted(text_), what));
  }

  bool blank() {
    rest_ = trimmed(rest_);
    return rest_.empty();
  }

  bool take(std::string_view word) {
    blank();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void demand(std::string_view word) {
    if (!take(word)) fault(fmt::format("lacks {}", quoted(word)));
  }

  /// What was made on the way, in parts: a short text may ask for much that falls together again.
  Dim made(Dim dim) {
    constexpr std::size_t most = 1 << 15;
    work_ += DimAlgebra::parts(dim);
    if (work_ > most) fault("is too much work for a length");
    return dim;
  }

  Dim sum() {
    if (++depth_ > 64) fault("is nested too deep");
    Dim left = product();
    while (!blank()) {
      if (take("+")) {
        left = made(left + product());
      } else if (take("-")) {
        left = made(left - product());
      } else {
        break;
      }
    }
    --depth_;
    return left;
  }

  Dim product() {
    Dim left = power();
    while (!blank()) {
      if (take("*")) {
        left = made(left * power());
      } else if (take("//")) {
        left = made(floor_divide(left, power()));
      } else if (take("%")) {
        left = made(remainder(left, power()));
      } else {
        break;
      }
    }
    return left;
  }

  Dim power() {
    const Dim base = sign();
    if (!take("**")) return base;
    blank();
    const Dim exponent = number();
    // A few letters would be work for long.
    const bool plain = base.known() || base.lone_symbol();
    if (exponent.value() > (plain ? 64 : 8))
      fault(plain ? "has a power beyond 64" : "has a power beyond 8 of an expression");
    return power_of(base, exponent.value());
  }

  Dim power_of(const Dim& base, std::int64_t exponent) {
    if (exponent == 0) return 1;
    const Dim root = power_of(base, exponent / 2);
    const Dim square = made(root * root);
    return exponent % 2 == 0 ? square : made(square * base);
  }

  Dim sign() {
    bool negative = false;
    while (!blank() && (rest_[0] == '-' || rest_[0] == '+')) {
      negative ^= rest_[0] == '-';
      rest_.remove_prefix(1);
    }
    // The least number has no positive twin.
    constexpr std::string_view least = "9223372036854775808";
    if (negative && take(least)) return std::numeric_limits<std::int64_t>::min();
    const Dim dim = atom();
    return negative ? Dim(0) - dim : dim;
  }

  Dim atom() {
    if (blank()) fault("ends too early");
    if (take("(")) {
      Dim inner = sum();
      demand(")");
      return inner;
    }
    if (std::isdigit(static_cast<unsigned char>(rest_[0])) != 0) return number();
    const std::string name(word());
    if (name.empty()) fault(fmt::format("has {} where a number or name should be", quoted(rest_)));
    if (!take("(")) return Dim::symbol(name);
    std::vector<Dim> arguments = {sum()};
    while (take(",")) arguments.push_back(sum());
    demand(")");
    return made(call(name, arguments));
  }

  Dim number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error == std::errc::result_out_of_range) fault("has a number that does not fit in 64 bits");
    if (error != std::errc()) fault("lacks a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  std::string_view word() {
    const auto* const end = std::ranges::find_if_not(
        rest_, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    const std::string_view name(rest_.data(), static_cast<std::size_t>(end - rest_.data()));
    rest_.remove_prefix(name.size());
    return name;
  }

  Dim call(const std::string& name, const std::vector<Dim>& arguments) const {
    // PyTorch's exports write FloorDiv, PythonMod, Max, ...
    std::string function = name;
    std::ranges::transform(function, function.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool both = arguments.size() == 2;
    if (function == "floordiv" && both) return floor_divide(arguments[0], arguments[1]);
    if ((function == "mod" || function == "pythonmod") && both) {
      return remainder(arguments[0], arguments[1]);
    }
    if (function != "min" && function != "max") {
      fault(fmt::format("calls {} with {}; floordiv and mod take two, min and max any number",
                        quoted(name), counted(arguments.size(), "argument")));
    }
    return function == "min" ? smallest(arguments) : largest(arguments);
  }

  std::string_view text_;
  std::string_view rest_;
  int depth_ = 0;
  std::size_t work_ = 0;
};

}  // namespace

Dim parse_dim(std::string_view text) {
  try {
    return Parser(text).parse();
  } catch (const Error& error) {
    if (error.fault() != Fault::model) throw;
    // An overflow or a division by 0: the text is at fault.
    throw Error(Fault::file, "", fmt::format("the length {}: {}", quoted(text), error.text()));
  }
}

}  // namespace isomer
