#include "graph/dim.h"

#include <algorithm>

namespace isomer {

/// What can be said of a length when the ranges of its names are known.
struct DimBounds {
  std::span<const LengthRange> ranges;

  static bool has_functions(const Dim& dim) {
    return std::ranges::any_of(dim.terms_, [](const Dim::Term& term) {
      return std::ranges::any_of(term.factors, [](const Dim::Factor& factor) {
        return factor.function != Dim::Function::none;
      });
    });
  }

  /// Whether it is at least 0 throughout the ranges; false where that does not show.
  bool never_negative(const Dim& dim) const {
    std::int64_t least = dim.constant_;
    for (const Dim::Term& term : dim.terms_) {
      const Dim::Factor& factor = term.factors[0];
      if (term.factors.size() != 1 || factor.function != Dim::Function::none) return false;
      const auto range = std::ranges::find(ranges, factor.symbol, &LengthRange::name);
      const bool grows = term.coefficient > 0;
      std::optional<std::int64_t> extreme = grows ? std::optional<std::int64_t>(0) : std::nullopt;
      if (range != ranges.end())
        extreme = grows ? std::max<std::int64_t>(range->least, 0) : range->most;
      std::int64_t part = 0;
      if (!extreme || __builtin_mul_overflow(term.coefficient, *extreme, &part) ||
          __builtin_add_overflow(least, part, &least)) {
        return false;
      }
    }
    return least >= 0;
  }

  /// Minimum or maximum of what no other argument beats throughout the ranges.
  Dim extreme(const std::vector<Dim>& arguments, bool least) const {
    Dim result = arguments[0];
    for (const Dim& next : std::span(arguments).subspan(1)) {
      const Dim ahead = least ? next - result : result - next;
      if (never_negative(ahead)) continue;
      if (never_negative(Dim(0) - ahead)) {
        result = next;
      } else {
        result = least ? smaller(result, next) : larger(result, next);
      }
    }
    return result;
  }

  Dim simple(const Dim::Factor& factor) const {
    if (factor.function == Dim::Function::none) return Dim::symbol(factor.symbol);
    std::vector<Dim> arguments;
    for (const Dim& argument : factor.arguments) arguments.push_back(simple(argument));
    switch (factor.function) {
      case Dim::Function::floor_divide: return floor_divide(arguments[0], arguments[1]);
      case Dim::Function::remainder: return remainder(arguments[0], arguments[1]);
      case Dim::Function::smaller: return extreme(arguments, true);
      case Dim::Function::larger: return extreme(arguments, false);
      case Dim::Function::none: break;
    }
    return {};
  }

  Dim simple(const Dim& dim) const {
    if (!has_functions(dim)) return dim;
    Dim sum = dim.constant_;
    for (const Dim::Term& term : dim.terms_) {
      Dim product = term.coefficient;
      for (const Dim::Factor& factor : term.factors) product = product * simple(factor);
      sum = sum + product;
    }
    return sum;
  }
};

Dim within(const Dim& dim, std::span<const LengthRange> ranges) {
  return ranges.empty() ? dim : DimBounds{ranges}.simple(dim);
}

}  // namespace isomer
