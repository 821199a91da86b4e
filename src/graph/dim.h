#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isomer {

/// Values of named lengths, known when a model runs.
using Lengths = std::map<std::string, std::int64_t, std::less<>>;

/// What a named length may be, and what tells it: the shapes of inputs, or an input whose value it
/// is, as `n` in f(x, n: int).
struct LengthRange {
  std::string name;
  std::int64_t least = 0;
  std::optional<std::int64_t> most;
  std::optional<std::size_t> input = std::nullopt;  // by its place among the inputs; an i64[]
  bool operator==(const LengthRange&) const = default;
};

/// A length: a number known now, or an expression over named lengths ("s0", "2*s0 + 1") kept in one
/// normal form (a polynomial, terms sorted), so that equal lengths compare equal.
/// Floor division, remainder, minimum and maximum that cannot be simplified are kept as opaque
/// factors, a minimum of minima as one of all. Named lengths may be any number from 0; a division
/// by one says that it is not 0. Arithmetic throws Fault::model on overflow, on division by 0 and
/// for expressions too large to be anybody's length.
class Dim {
 public:
  Dim() = default;
  Dim(std::int64_t value)
      : constant_(value) {}  // NOLINT(google-explicit-constructor): a number is a length
  /// Throws Fault::model unless `name` is made of letters, digits and underscores, does not begin
  /// with a digit and is no function's name.
  static Dim symbol(std::string name);

  bool known() const { return terms_.empty(); }
  /// The number. Throws Fault::bug when it is not known.
  std::int64_t value() const;

  bool operator==(const Dim&) const;

  /// The names it depends on.
  void collect_symbols(std::set<std::string>& names) const;
  /// Its number under `lengths`. Throws Fault::model for a name without value, on overflow and on
  /// division by 0.
  std::int64_t evaluate(const Lengths& lengths) const;
  /// The name, if it is one named length alone.
  std::optional<std::string> lone_symbol() const;
  /// The one named length that makes this length `total`, where there is exactly one name and it
  /// stands in a linear expression ("2*s0 + 1"); nothing when there is no such number.
  std::optional<std::pair<std::string, std::int64_t>> solve(std::int64_t total) const;

  friend std::string to_text(const Dim& dim);

 private:
  enum class Function : std::uint8_t { none, floor_divide, remainder, smaller, larger };

  /// A named length, or a function of lengths that has no simpler form.
  struct Factor {
    Function function = Function::none;
    std::string symbol;
    std::vector<Dim> arguments;
  };

  /// A product; a power is a repeated factor.
  struct Term {
    std::int64_t coefficient = 0;
    std::vector<Factor> factors;  // sorted, at least one
  };

  friend struct DimAlgebra;
  friend struct DimBounds;

  std::int64_t constant_ = 0;
  std::vector<Term> terms_;  // sorted, no two with the same factors, no coefficient 0
};

Dim operator+(const Dim& a, const Dim& b);
Dim operator-(const Dim& a, const Dim& b);
Dim operator*(const Dim& a, const Dim& b);
/// Rounds towards minus infinity, as Python's `//`; exact where the division is.
Dim floor_divide(const Dim& a, const Dim& b);
/// Has the sign of the divisor, as Python's `%`.
Dim remainder(const Dim& a, const Dim& b);
Dim smaller(const Dim& a, const Dim& b);
Dim larger(const Dim& a, const Dim& b);
/// Of at least one.
Dim smallest(std::vector<Dim> dims);
Dim largest(std::vector<Dim> dims);

/// As simple as the ranges allow: "min(7, s)" is "s" where s is at most 7.
Dim within(const Dim& dim, std::span<const LengthRange> ranges);
/// Lengths that stand for named ones.
using Replacements = std::map<std::string, Dim, std::less<>>;
/// With other lengths for some of the names, all at once.
Dim substituted(const Dim& dim, const Replacements& replacements);

/// "12", "s0", "2*s0 + 1", "floordiv(s0 + 1, 2)".
std::string to_text(const Dim& dim);
/// Reads what `to_text` writes, and any expression of + - * // % **, min(), max(), floordiv(),
/// mod() and parentheses. Throws Fault::file with the text.
Dim parse_dim(std::string_view text);

using Shape = std::vector<Dim>;

/// Product of all lengths.
Dim count_elements(const Shape& shape);
/// The numbers, if all are known.
std::optional<std::vector<std::int64_t>> known_shape(const Shape& shape);
std::vector<std::int64_t> evaluate(const Shape& shape, const Lengths& lengths);
/// "[s0, 3]"
std::string to_text(const Shape& shape);

}  // namespace isomer
