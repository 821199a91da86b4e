#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "graph/dim_algebra.h"

namespace isomer {
namespace {

// Every one is compared with every other.
constexpr std::size_t most_arguments = 64;

using Number = std::optional<std::int64_t>;
using Interval = DimBounds::Interval;

Number plus(Number a, Number b) {
  std::int64_t sum = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

Number times(Number a, Number b) {
  std::int64_t product = 0;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) return std::nullopt;
  return product;
}

Number quotient(Number a, Number b) {
  if (!a || !b || *b <= 0) return std::nullopt;
  return DimAlgebra::floored(*a, *b);
}

/// The least of those that are known, or only of them all.
Number least_of(Number a, Number b, bool all) {
  if (!a || !b) return all ? std::nullopt : (a ? a : b);
  return std::min(*a, *b);
}

Number greatest_of(Number a, Number b, bool all) {
  if (!a || !b) return all ? std::nullopt : (a ? a : b);
  return std::max(*a, *b);
}

bool at_least(Number a, std::int64_t b) { return a && *a >= b; }

}  // namespace

// -- what ranges say -----------------------------------------------------------------------------

Interval DimBounds::of(const Dim::Factor& factor) const {
  if (factor.function == Dim::Function::none) {
    const auto range = std::ranges::find(ranges, factor.symbol, &LengthRange::name);
    if (range == ranges.end()) return {0, std::nullopt};
    return {std::max<std::int64_t>(range->least, 0), range->most};
  }
  Interval x = of(factor.arguments[0]);
  if (factor.function == Dim::Function::smaller || factor.function == Dim::Function::larger) {
    const bool least = factor.function == Dim::Function::smaller;
    for (const Dim& argument : std::span(factor.arguments).subspan(1)) {
      const Interval y = of(argument);
      x = least ? Interval{least_of(x.least, y.least, true), least_of(x.most, y.most, false)}
                : Interval{greatest_of(x.least, y.least, false), greatest_of(x.most, y.most, true)};
    }
    return x;
  }
  const Interval y = of(factor.arguments[1]);
  if (!at_least(y.least, 0)) return {};
  // What is divided by is not 0 where the length has a number.
  if (factor.function == Dim::Function::remainder) return {0, plus(y.most, -1)};
  if (!at_least(x.least, 0)) return {quotient(x.least, greatest_of(y.least, 1, true)), {}};
  return {quotient(x.least, y.most).value_or(0),
          quotient(x.most, std::max<std::int64_t>(*y.least, 1))};
}

Interval DimBounds::of(const Dim& dim) const {
  Interval sum{dim.constant_, dim.constant_};
  for (const Dim::Term& term : dim.terms_) {
    Interval product{1, 1};
    for (const Dim::Factor& factor : term.factors) {
      const Interval one = of(factor);
      if (term.factors.size() == 1) {
        product = one;
      } else if (at_least(one.least, 0) && product.least) {
        product = {times(product.least, one.least), times(product.most, one.most)};
      } else {
        return {};
      }
    }
    if (term.coefficient < 0) std::swap(product.least, product.most);
    sum = {plus(sum.least, times(product.least, term.coefficient)),
           plus(sum.most, times(product.most, term.coefficient))};
  }
  return sum;
}

bool DimBounds::never_negative(const Dim& dim, int& effort) const {
  if (at_least(of(dim).least, 0)) return true;
  if (effort-- <= 0) return false;
  const auto fine = [&](const Dim& part) { return never_negative(part, effort); };
  if (const auto minimum = DimAlgebra::extreme_in(dim, Dim::Function::smaller))
    return std::ranges::all_of(minimum->parts(), fine);
  if (const auto maximum = DimAlgebra::extreme_in(dim, Dim::Function::larger))
    return std::ranges::any_of(maximum->parts(), fine);
  const std::optional<Dim> whole = without_quotient(dim);
  return whole && fine(*whole);
}

std::optional<Dim> DimBounds::without_quotient(const Dim& dim) {
  constexpr std::int64_t most = 1 << 20;
  for (std::size_t i = 0; i < dim.terms_.size(); ++i) {
    const Dim::Term& term = dim.terms_[i];
    const Dim::Factor& factor = term.factors[0];
    if (term.factors.size() != 1 || factor.function != Dim::Function::floor_divide) continue;
    const Dim& by = factor.arguments[1];
    if (!by.known() || by.value() <= 0 || by.value() > most || std::abs(term.coefficient) > most)
      continue;
    Dim rest = dim;
    rest.terms_.erase(rest.terms_.begin() + static_cast<std::ptrdiff_t>(i));
    const Dim& over = factor.arguments[0];
    return rest * by + (term.coefficient < 0 ? over : over - by + 1) * Dim(term.coefficient);
  }
  return std::nullopt;
}

// -- minimum and maximum -------------------------------------------------------------------------

std::optional<DimAlgebra::Extreme> DimAlgebra::extreme_in(const Dim& dim, Function of_sum) {
  for (std::size_t i = 0; i < dim.terms_.size(); ++i) {
    const Term& term = dim.terms_[i];
    const Function function = term.factors[0].function;
    const bool lone =
        term.factors.size() == 1 && (function == Function::smaller || function == Function::larger);
    // A minimum that is subtracted makes the sum a maximum.
    if (lone && (function == of_sum) == (term.coefficient > 0)) return Extreme{of_sum, &dim, i};
  }
  return std::nullopt;
}

std::vector<Dim> DimAlgebra::Extreme::parts() const {
  const Term& inner = dim->terms_[term];
  Dim rest = *dim;
  rest.terms_.erase(rest.terms_.begin() + static_cast<std::ptrdiff_t>(term));
  std::vector<Dim> sums;
  for (const Dim& argument : inner.factors[0].arguments)
    sums.push_back(sum(rest, argument, inner.coefficient));
  return sums;
}

namespace {

/// Arguments of one minimum or maximum, compared with each other.
class Contest {
 public:
  Contest(DimAlgebra::Function function, const DimBounds& bounds)
      : least_(function == DimAlgebra::Function::smaller), bounds_(bounds) {}

  /// Keeps it, unless another one beats it.
  void enter(Dim dim) {
    Entry fresh{std::move(dim), {}, false};
    fresh.interval = bounds_.of(fresh.dim);
    fresh.nested = DimBounds::without_quotient(fresh.dim).has_value();
    for (const auto function : {DimAlgebra::Function::smaller, DimAlgebra::Function::larger})
      fresh.nested = fresh.nested || DimAlgebra::extreme_in(fresh.dim, function).has_value();
    if (std::ranges::any_of(kept_, [&](const Entry& k) { return beats(k, fresh); })) return;
    std::erase_if(kept_, [&](const Entry& k) { return beats(fresh, k); });
    kept_.push_back(std::move(fresh));
    if (kept_.size() > most_arguments) {
      throw Error(Fault::model, "",
                  fmt::format("a minimum or maximum of more than {} lengths", most_arguments));
    }
  }

  std::vector<Dim> kept() && {
    std::vector<Dim> dims;
    for (Entry& entry : kept_) dims.push_back(std::move(entry.dim));
    std::ranges::sort(dims, [](const Dim& x, const Dim& y) { return DimAlgebra::order(x, y) < 0; });
    return dims;
  }

 private:
  struct Entry {
    Dim dim;
    Interval interval;
    bool nested = false;  // a minimum, a maximum or a quotient is in it
  };

  bool beats(const Entry& x, const Entry& y) {
    const Entry& low = least_ ? x : y;
    const Entry& high = least_ ? y : x;
    if (high.interval.least && low.interval.most && *high.interval.least >= *low.interval.most)
      return true;
    // Only what they share can say more than their ends.
    if (!low.nested && !high.nested && !DimAlgebra::share_terms(low.dim, high.dim)) return false;
    if (bounds_.looks <= 0) return false;
    int here = std::min(64, bounds_.looks);
    // One that finds its answer at once costs something, too.
    bounds_.looks -= here + 1;
    const bool beaten = bounds_.never_negative(high.dim - low.dim, here);
    bounds_.looks += std::max(here, 0);
    return beaten;
  }

  bool least_;
  const DimBounds& bounds_;
  std::vector<Entry> kept_;
};

}  // namespace

bool DimAlgebra::share_terms(const Dim& a, const Dim& b) {
  auto x = a.terms_.begin();
  auto y = b.terms_.begin();
  while (x != a.terms_.end() && y != b.terms_.end()) {
    const auto compared = order(x->factors, y->factors);
    if (compared == 0) return true;
    (compared < 0 ? x : y)++;
  }
  return false;
}

/// Sums with the same function in them replaced by its arguments.
std::vector<Dim> DimAlgebra::flattened(Function function, std::vector<Dim> arguments) {
  std::vector<Dim> flat;
  while (!arguments.empty()) {
    const Dim dim = std::move(arguments.back());
    arguments.pop_back();
    const auto inner = extreme_in(dim, function);
    if (inner && flat.size() + arguments.size() + inner->count() <= most_arguments) {
      std::ranges::move(inner->parts(), std::back_inserter(arguments));
    } else {
      flat.push_back(dim);
    }
  }
  return flat;
}

Dim DimAlgebra::extreme(Function function, std::vector<Dim> arguments, const DimBounds& bounds) {
  // An end that means "to the end", as slices have it.
  const Dim open = function == Function::smaller ? std::numeric_limits<std::int64_t>::max()
                                                 : std::numeric_limits<std::int64_t>::min();
  Contest contest(function, bounds);
  bool any = false;
  for (Dim& dim : flattened(function, std::move(arguments))) {
    if (dim == open) continue;
    any = true;
    contest.enter(std::move(dim));
  }
  if (!any) return open;
  std::vector<Dim> kept = std::move(contest).kept();
  if (kept.size() == 1) return kept[0];
  // What is held between two numbers has the maximum inside, however often it is done.
  for (const std::size_t i : {0, 1}) {
    if (function != Function::larger || kept.size() != 2 || !kept[1 - i].known()) continue;
    const auto inner = extreme_in(kept[i], Function::smaller);
    if (!inner) continue;
    std::vector<Dim> parts = inner->parts();
    for (Dim& part : parts) part = extreme(Function::larger, {part, kept[1 - i]}, bounds);
    return extreme(Function::smaller, std::move(parts), bounds);
  }
  return of(function, std::move(kept));
}

Dim DimAlgebra::undivided(const Dim& dim) {
  Dim result = dim.constant_;
  for (const Term& term : dim.terms_) {
    Dim product = whole(term);
    for (std::size_t i = 0; i < term.factors.size(); ++i) {
      if (term.factors[i].function != Function::floor_divide) continue;
      Term others = term;
      others.factors.erase(others.factors.begin() + static_cast<std::ptrdiff_t>(i));
      const std::vector<Dim>& arguments = term.factors[i].arguments;
      const Division division = divide(whole(others), arguments[1]);
      if (division.rest != Dim(0)) continue;
      product = undivided(division.quotient * arguments[0]);
      break;
    }
    result = result + product;
  }
  return result;
}

bool DimAlgebra::has_functions(const Dim& dim) {
  return std::ranges::any_of(dim.terms_, [](const Term& term) {
    return std::ranges::any_of(
        term.factors, [](const Factor& factor) { return factor.function != Function::none; });
  });
}

Dim DimBounds::named_length(const std::string& name) const {
  if (replacements == nullptr) return Dim::symbol(name);
  const auto found = replacements->find(name);
  return found == replacements->end() ? Dim::symbol(name) : found->second;
}

Dim DimBounds::simple(const Dim& dim) const {
  Dim sum = dim.constant_;
  for (const Dim::Term& term : dim.terms_) {
    Dim product = term.coefficient;
    for (const Dim::Factor& factor : term.factors) {
      std::vector<Dim> arguments;
      for (const Dim& argument : factor.arguments) arguments.push_back(simple(argument));
      switch (factor.function) {
        case Dim::Function::none: product = product * named_length(factor.symbol); break;
        case Dim::Function::floor_divide:
          product = product * floor_divide(arguments[0], arguments[1]);
          break;
        case Dim::Function::remainder:
          product = product * remainder(arguments[0], arguments[1]);
          break;
        case Dim::Function::smaller:
        case Dim::Function::larger:
          product = product * DimAlgebra::extreme(factor.function, std::move(arguments), *this);
          break;
      }
    }
    sum = sum + product;
  }
  return sum;
}

Dim within(const Dim& dim, std::span<const LengthRange> ranges) {
  return ranges.empty() || !DimAlgebra::has_functions(dim) ? dim : DimBounds{ranges}.simple(dim);
}

Dim substituted(const Dim& dim, const Replacements& replacements) {
  return dim.known() ? dim : DimBounds{{}, &replacements}.simple(dim);
}

}  // namespace isomer
