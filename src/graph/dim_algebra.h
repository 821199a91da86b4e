#pragma once

// What sees the inside of a Dim. Every step costs at most what the limits on the parts of a length
// allow, so that a file full of long lengths takes time in proportion to its size.

#include <compare>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "graph/dim.h"
#include "graph/length_text.h"

namespace isomer {

/// What is known of lengths whose names have ranges; a name without one is any number from 0.
struct DimBounds {
  std::span<const LengthRange> ranges;
  const Replacements* replacements = nullptr;
  /// Looks into minima and maxima that are left, for all that is asked with these bounds: a long
  /// length without a simple answer stays as it is.
  mutable int looks = 1024;

  struct Interval {
    std::optional<std::int64_t> least;
    std::optional<std::int64_t> most;
  };
  Interval of(const Dim& dim) const;
  Interval of(const Dim::Factor& factor) const;
  /// Whether it is at least 0 throughout the ranges; false where that does not show after `effort`
  /// looks into minima and maxima, which are counted down.
  bool never_negative(const Dim& dim, int& effort) const;
  /// Something below a multiple of the length: a / c - 1 < a // c <= a / c. Nothing where there is
  /// no quotient by a number.
  static std::optional<Dim> without_quotient(const Dim& dim);
  /// As simple as the ranges allow, with what stands for names put in.
  Dim simple(const Dim& dim) const;

 private:
  Dim named_length(const std::string& name) const;
};

struct DimAlgebra {
  using Function = Dim::Function;
  using Factor = Dim::Factor;
  using Term = Dim::Term;

  // Numbers, refused where they do not fit.
  static std::int64_t plus(std::int64_t a, std::int64_t b);
  static std::int64_t times(std::int64_t a, std::int64_t b);
  static std::int64_t floored(std::int64_t a, std::int64_t b);
  static std::int64_t modulo(std::int64_t a, std::int64_t b);

  // Symbols before functions, higher powers before lower ones: an order that products respect, so
  // that the first term of a product is the product of the first terms and long division works.
  static std::strong_ordering order(const Factor& a, const Factor& b);
  static std::strong_ordering order(const std::vector<Factor>& a, const std::vector<Factor>& b);
  static std::strong_ordering order(const Dim& a, const Dim& b);

  /// a + by * b.
  static Dim sum(const Dim& a, const Dim& b, std::int64_t by);
  static Dim product(const Dim& a, const Dim& b);
  static Dim quotient(const Dim& a, const Dim& b);
  static Dim rest(const Dim& a, const Dim& b);
  static Dim of(Function function, std::vector<Dim> arguments);

  /// Minimum or maximum of all, as one function of sorted, different arguments: those of the same
  /// function inside are its own, and what another one beats throughout the ranges does not matter.
  static Dim extreme(Function function, std::vector<Dim> arguments, const DimBounds& bounds);

  /// A term that is a number times a minimum or maximum alone, which makes the sum around it a
  /// minimum or maximum of sums: function `of_sum` of `parts`.
  struct Extreme {
    Function of_sum = Function::none;
    const Dim* dim = nullptr;
    std::size_t term = 0;

    std::vector<Dim> parts() const;
    std::size_t count() const { return dim->terms_[term].factors[0].arguments.size(); }
  };
  /// The first one of `dim` that makes it that function.
  static std::optional<Extreme> extreme_in(const Dim& dim, Function of_sum);

  /// Whether a product stands in both.
  static bool share_terms(const Dim& a, const Dim& b);
  static bool has_functions(const Dim& dim);
  static const Factor* lone_factor(const Dim& dim);
  static std::int64_t evaluate(const Factor& factor, const Lengths& lengths);
  static std::string text(const Dim& dim, const LengthStyle& style);

  /// As if no division left a rest: n * floordiv(s, n) is s.
  static Dim undivided(const Dim& dim);

  /// How long a length is: what a step with it costs.
  static std::size_t parts(const Dim& dim);

 private:
  struct Division {
    Dim quotient;
    Dim rest;
  };

  static int depth(const Dim& dim);
  static Dim checked(Dim dim);
  static Dim normal(std::int64_t constant, std::vector<Term> terms);
  static Dim whole(const Term& term);
  static std::optional<Term> quotient(const Term& a, const Term& b);
  static Division divide(const Dim& a, const Dim& b);
  static Division divide_by_number(const Dim& a, std::int64_t b);
  static Term common(std::initializer_list<const Dim*> dims);
  static std::vector<Dim> flattened(Function function, std::vector<Dim> arguments);
  static Dim opaque_quotient(const Dim& a, const Dim& b);
};

}  // namespace isomer
