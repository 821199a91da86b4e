#include "graph/dim.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

// Nobody's length is that long; what is larger came from a loop of products or from a broken file.
constexpr std::size_t most_parts = 512;
constexpr int deepest = 32;

constexpr std::string_view functions[] = {"floordiv", "mod", "min", "max"};

Error too_large() { return Error(Fault::model, "", "a length does not fit in 64 bits"); }

std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw too_large();
  return sum;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw too_large();
  return product;
}

std::int64_t floored(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Error(Fault::model, "", "a length is divided by 0");
  if (b == -1) return times(a, -1);
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::int64_t modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Error(Fault::model, "", "a length is divided by 0");
  if (b == -1) return 0;
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

}  // namespace

/// What needs to see the inside of a Dim.
struct DimAlgebra {
  using Function = Dim::Function;
  using Factor = Dim::Factor;
  using Term = Dim::Term;

  // Symbols before functions, higher powers before lower ones: an order that products respect, so
  // that the first term of a product is the product of the first terms and long division works.
  static std::strong_ordering order(const Factor& a, const Factor& b) {
    if (a.function != b.function) return a.function <=> b.function;
    if (const int symbols = a.symbol.compare(b.symbol); symbols != 0) return symbols <=> 0;
    return order_all(a.arguments, b.arguments,
                     [](const Dim& x, const Dim& y) { return order(x, y); });
  }

  static std::strong_ordering order(const std::vector<Factor>& a, const std::vector<Factor>& b) {
    if (a.size() != b.size()) return b.size() <=> a.size();
    return order_all(a, b, [](const Factor& x, const Factor& y) { return order(x, y); });
  }

  static std::strong_ordering order(const Dim& a, const Dim& b) {
    const auto terms = order_all(a.terms_, b.terms_, [](const Term& x, const Term& y) {
      const auto factors = order(x.factors, y.factors);
      return factors != 0 ? factors : y.coefficient <=> x.coefficient;
    });
    return terms != 0 ? terms : a.constant_ <=> b.constant_;
  }

  template <class T, class Order>
  static std::strong_ordering order_all(const std::vector<T>& a, const std::vector<T>& b,
                                        Order order_one) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (const auto one = order_one(a[i], b[i]); one != 0) return one;
    }
    return a.size() <=> b.size();
  }

  static std::size_t parts(const Dim& dim) {
    std::size_t count = 1;
    for (const Term& term : dim.terms_) {
      count += term.factors.size();
      for (const Factor& factor : term.factors) {
        for (const Dim& argument : factor.arguments) count += parts(argument);
      }
    }
    return count;
  }

  static int depth(const Dim& dim) {
    int most = 0;
    for (const Term& term : dim.terms_) {
      for (const Factor& factor : term.factors) {
        for (const Dim& argument : factor.arguments) most = std::max(most, 1 + depth(argument));
      }
    }
    return most;
  }

  /// Sorted, like terms added up.
  static Dim normal(std::int64_t constant, std::vector<Term> terms) {
    std::ranges::sort(terms,
                      [](const Term& a, const Term& b) { return order(a.factors, b.factors) < 0; });
    Dim sum(constant);
    for (Term& term : terms) {
      if (!sum.terms_.empty() && order(sum.terms_.back().factors, term.factors) == 0) {
        sum.terms_.back().coefficient = plus(sum.terms_.back().coefficient, term.coefficient);
      } else {
        sum.terms_.push_back(std::move(term));
      }
    }
    std::erase_if(sum.terms_, [](const Term& term) { return term.coefficient == 0; });
    if (parts(sum) > most_parts) {
      throw Error(Fault::model, "", "an expression for a length has too many parts");
    }
    return sum;
  }

  static Dim of(Function function, std::vector<Dim> arguments) {
    Dim dim;
    dim.terms_.push_back({1, {{function, "", std::move(arguments)}}});
    if (depth(dim) > deepest) {
      throw Error(Fault::model, "", "an expression for a length is nested too deep");
    }
    return normal(0, std::move(dim.terms_));
  }

  static Dim product(const Term& a, const Dim& b) {
    std::vector<Term> terms;
    for (const Term& term : b.terms_) {
      Term both{times(a.coefficient, term.coefficient), a.factors};
      both.factors.insert(both.factors.end(), term.factors.begin(), term.factors.end());
      std::ranges::sort(both.factors,
                        [](const Factor& x, const Factor& y) { return order(x, y) < 0; });
      terms.push_back(std::move(both));
    }
    if (b.constant_ != 0) terms.push_back({times(a.coefficient, b.constant_), a.factors});
    return normal(0, std::move(terms));
  }

  static Dim scaled(const Dim& dim, std::int64_t by) {
    std::vector<Term> terms = dim.terms_;
    for (Term& term : terms) term.coefficient = times(term.coefficient, by);
    return normal(times(dim.constant_, by), std::move(terms));
  }

  /// The leading part; its factors are empty for a number.
  static Term leading(const Dim& dim) {
    return dim.terms_.empty() ? Term{dim.constant_, {}} : dim.terms_.front();
  }

  static Dim whole(const Term& term) {
    return term.factors.empty() ? Dim(term.coefficient) : normal(0, {term});
  }

  /// a / b where every factor of b is in a. The coefficient is rounded down.
  static std::optional<Term> quotient(const Term& a, const Term& b) {
    Term result{floored(a.coefficient, b.coefficient), {}};
    auto next = b.factors.begin();
    for (const Factor& factor : a.factors) {
      if (next != b.factors.end() && order(factor, *next) == 0) {
        ++next;
      } else {
        result.factors.push_back(factor);
      }
    }
    if (next != b.factors.end() || result.coefficient == 0) return std::nullopt;
    return result;
  }

  struct Division {
    Dim quotient;
    Dim rest;
  };

  /// Long division: a = quotient * b + rest, where the rest holds whatever b does not go into.
  /// Rounding the parts down keeps the rest of a division by a number between 0 and that number, so
  /// that equal lengths look equal.
  static Division divide(Dim a, const Dim& b) {
    Division division;
    const Term divisor = leading(b);
    for (std::size_t steps = 0; steps < most_parts && a != Dim(0); ++steps) {
      const Term first = leading(a);
      const std::optional<Term> part = quotient(first, divisor);
      const bool exact = part && times(part->coefficient, divisor.coefficient) == first.coefficient;
      if (part && (exact || b.known())) {
        division.quotient = division.quotient + whole(*part);
        a = a - whole(*part) * b;
      }
      if (!exact) {  // what is left of the first term is rest
        const Dim left = whole(leading(a));
        division.rest = division.rest + left;
        a = a - left;
      }
    }
    division.rest = division.rest + a;
    return division;
  }

  /// The greatest number and the factors that go into every term of all `dims`.
  static Term common(std::initializer_list<const Dim*> dims) {
    Term result{0, {}};
    bool first = true;
    for (const Dim* dim : dims) {
      result.coefficient = std::gcd(result.coefficient, magnitude(dim->constant_));
      if (dim->constant_ != 0) {
        result.factors.clear();
        first = false;
      }
      for (const Term& term : dim->terms_) {
        result.coefficient = std::gcd(result.coefficient, magnitude(term.coefficient));
        std::vector<Factor> shared;
        std::ranges::set_intersection(
            result.factors, term.factors, std::back_inserter(shared),
            [](const Factor& x, const Factor& y) { return order(x, y) < 0; });
        result.factors = first ? term.factors : std::move(shared);
        first = false;
      }
    }
    if (result.coefficient == 0) result.coefficient = 1;
    return result;
  }

  static std::int64_t magnitude(std::int64_t value) { return value < 0 ? times(value, -1) : value; }

  static const Factor* lone_factor(const Dim& dim) {
    const bool lone = dim.constant_ == 0 && dim.terms_.size() == 1 &&
                      dim.terms_[0].coefficient == 1 && dim.terms_[0].factors.size() == 1;
    return lone ? &dim.terms_[0].factors[0] : nullptr;
  }

  static bool positive_number(const Dim& dim) { return dim.known() && dim.constant_ > 0; }

  /// floor(a / b) where b goes into no part of a.
  static Dim opaque_quotient(Dim a, Dim b) {
    if (a == Dim(0)) return 0;
    if (a.known() && b.known()) return floored(a.constant_, b.constant_);
    const Term shared = common({&a, &b});
    if (shared.coefficient != 1 || !shared.factors.empty()) {
      a = divide(a, whole(shared)).quotient;
      b = divide(b, whole(shared)).quotient;
      return floor_divide(a, b);
    }
    // Rounding down twice is rounding down once, so two poolings look like one.
    const Factor* inner = lone_factor(a);
    if (inner != nullptr && inner->function == Function::floor_divide && positive_number(b) &&
        positive_number(inner->arguments[1])) {
      return floor_divide(inner->arguments[0], inner->arguments[1] * b);
    }
    return of(Function::floor_divide, {std::move(a), std::move(b)});
  }

  /// Whether it is at least 0 whatever lengths its names stand for; false where that does not show.
  static bool never_negative(const Dim& dim) {
    return dim.constant_ >= 0 && std::ranges::all_of(dim.terms_, [](const Term& term) {
             return term.coefficient > 0 &&
                    std::ranges::all_of(
                        term.factors, [](const Factor& factor) { return never_negative(factor); });
           });
  }
  static bool never_negative(const Factor& factor) {
    const auto fine = [](const Dim& dim) { return never_negative(dim); };
    switch (factor.function) {
      case Function::none: return true;
      case Function::remainder: return fine(factor.arguments[1]);
      case Function::larger: return std::ranges::any_of(factor.arguments, fine);
      case Function::floor_divide:
      case Function::smaller: return std::ranges::all_of(factor.arguments, fine);
    }
    return false;
  }

  /// Minimum or maximum of both, as one function of sorted, different arguments. What another one
  /// beats for all lengths does not matter.
  static Dim extreme(Function function, const Dim& a, const Dim& b) {
    const bool least = function == Function::smaller;
    if (a.known() && b.known()) return (a.constant_ < b.constant_) == least ? a : b;
    // An end that means "to the end", as slices have it.
    const Dim open =
        least ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    if (a == open) return b;
    if (b == open) return a;
    std::vector<Dim> all;
    for (const Dim* dim : {&a, &b}) {
      const Factor* factor = lone_factor(*dim);
      if (factor != nullptr && factor->function == function) {
        all.insert(all.end(), factor->arguments.begin(), factor->arguments.end());
      } else {
        all.push_back(*dim);
      }
    }
    const auto beats = [least](const Dim& x, const Dim& y) {
      return never_negative(least ? y - x : x - y);
    };
    std::vector<Dim> kept;
    for (const Dim& dim : all) {
      if (std::ranges::any_of(kept, [&](const Dim& k) { return beats(k, dim); })) continue;
      std::erase_if(kept, [&](const Dim& k) { return beats(dim, k); });
      kept.push_back(dim);
    }
    if (kept.size() == 1) return kept[0];
    std::ranges::sort(kept, [](const Dim& x, const Dim& y) { return order(x, y) < 0; });
    return of(function, std::move(kept));
  }

  static std::int64_t evaluate(const Factor& factor, const Lengths& lengths) {
    if (factor.function == Function::none) {
      const auto found = lengths.find(factor.symbol);
      if (found != lengths.end()) return found->second;
      throw Error(Fault::model, "", fmt::format("the length {} has no value", factor.symbol));
    }
    std::vector<std::int64_t> values;
    for (const Dim& argument : factor.arguments) values.push_back(argument.evaluate(lengths));
    switch (factor.function) {
      case Function::floor_divide: return floored(values[0], values[1]);
      case Function::remainder: return modulo(values[0], values[1]);
      case Function::smaller: return *std::ranges::min_element(values);
      case Function::larger: return *std::ranges::max_element(values);
      case Function::none: break;
    }
    return 0;
  }
};

Dim Dim::symbol(std::string name) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::ranges::all_of(name, legal) || (name[0] >= '0' && name[0] <= '9')) {
    throw Error(Fault::model, "",
                fmt::format("{} cannot name a length: only letters, digits and underscores can",
                            quoted(name)));
  }
  if (std::ranges::find(functions, name) != std::end(functions)) {
    throw Error(Fault::model, "",
                fmt::format("{} cannot name a length: it is a function", quoted(name)));
  }
  Dim dim;
  dim.terms_.push_back({1, {{Function::none, std::move(name), {}}}});
  return dim;
}

std::int64_t Dim::value() const {
  expect(known(), "only a length that is known has a number");
  return constant_;
}

bool Dim::operator==(const Dim& other) const { return DimAlgebra::order(*this, other) == 0; }

Dim operator+(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return plus(a.constant_, b.constant_);
  std::vector<Dim::Term> terms = a.terms_;
  terms.insert(terms.end(), b.terms_.begin(), b.terms_.end());
  return DimAlgebra::normal(plus(a.constant_, b.constant_), std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + DimAlgebra::scaled(b, -1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return times(a.constant_, b.constant_);
  Dim result = DimAlgebra::scaled(b, a.constant_);
  for (const Dim::Term& term : a.terms_) result = result + DimAlgebra::product(term, b);
  return result;
}

Dim floor_divide(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return floored(a.constant_, b.constant_);
  if (b.known() && b.constant_ < 0) return floor_divide(Dim(0) - a, Dim(0) - b);
  const DimAlgebra::Division division = DimAlgebra::divide(a, b);
  return division.quotient + DimAlgebra::opaque_quotient(division.rest, b);
}

Dim remainder(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return modulo(a.constant_, b.constant_);
  Dim rest = DimAlgebra::divide(a, b).rest;
  if (rest == Dim(0)) return rest;
  if (rest.known() && b.known()) return modulo(rest.constant_, b.constant_);
  return DimAlgebra::of(Dim::Function::remainder, {std::move(rest), b});
}

Dim smaller(const Dim& a, const Dim& b) {
  return DimAlgebra::extreme(Dim::Function::smaller, a, b);
}

Dim larger(const Dim& a, const Dim& b) { return DimAlgebra::extreme(Dim::Function::larger, a, b); }

void Dim::collect_symbols(std::set<std::string>& names) const {
  for (const Term& term : terms_) {
    for (const Factor& factor : term.factors) {
      if (factor.function == Function::none) names.insert(factor.symbol);
      for (const Dim& argument : factor.arguments) argument.collect_symbols(names);
    }
  }
}

std::int64_t Dim::evaluate(const Lengths& lengths) const {
  std::int64_t sum = constant_;
  for (const Term& term : terms_) {
    std::int64_t product = term.coefficient;
    for (const Factor& factor : term.factors) {
      product = times(product, DimAlgebra::evaluate(factor, lengths));
    }
    sum = plus(sum, product);
  }
  return sum;
}

std::optional<std::string> Dim::lone_symbol() const {
  const Factor* factor = DimAlgebra::lone_factor(*this);
  if (factor == nullptr || factor->function != Function::none) return std::nullopt;
  return factor->symbol;
}

std::optional<std::pair<std::string, std::int64_t>> Dim::solve(std::int64_t total) const {
  if (terms_.size() != 1 || terms_[0].factors.size() != 1) return std::nullopt;
  const Factor& factor = terms_[0].factors[0];
  std::int64_t rest = 0;
  if (factor.function != Function::none || __builtin_sub_overflow(total, constant_, &rest)) {
    return std::nullopt;
  }
  if (modulo(rest, terms_[0].coefficient) != 0) return std::nullopt;
  return std::pair(factor.symbol, floored(rest, terms_[0].coefficient));
}

std::string to_text(const Dim& dim) {
  std::string text;
  for (const Dim::Term& term : dim.terms_) {
    const bool negative = term.coefficient < 0;
    if (!text.empty()) text += negative ? " - " : " + ";
    if (text.empty() && negative) text += "-";
    std::string_view between;
    if (term.coefficient != 1 && term.coefficient != -1) {
      text += fmt::format("{}", term.coefficient).substr(negative ? 1 : 0);
      between = "*";
    }
    for (const Dim::Factor& factor : term.factors) {
      text += between;
      between = "*";
      if (factor.function == Dim::Function::none) {
        text += factor.symbol;
        continue;
      }
      std::vector<std::string> arguments;
      for (const Dim& argument : factor.arguments) arguments.push_back(to_text(argument));
      text += fmt::format("{}({})", functions[static_cast<std::size_t>(factor.function) - 1],
                          fmt::join(arguments, ", "));
    }
  }
  if (text.empty()) return fmt::format("{}", dim.constant_);
  if (dim.constant_ == 0) return text;
  // The least number has no positive twin, so its digits are printed without their sign.
  return text + (dim.constant_ < 0 ? " - " : " + ") +
         fmt::format("{}", dim.constant_).substr(dim.constant_ < 0 ? 1 : 0);
}

Dim count_elements(const Shape& shape) {
  Dim count = 1;
  for (const Dim& length : shape) count = count * length;
  return count;
}

std::optional<std::vector<std::int64_t>> known_shape(const Shape& shape) {
  std::vector<std::int64_t> lengths;
  for (const Dim& length : shape) {
    if (!length.known()) return std::nullopt;
    lengths.push_back(length.value());
  }
  return lengths;
}

std::vector<std::int64_t> evaluate(const Shape& shape, const Lengths& lengths) {
  std::vector<std::int64_t> values;
  for (const Dim& length : shape) values.push_back(length.evaluate(lengths));
  return values;
}

std::string to_text(const Shape& shape) {
  std::vector<std::string> lengths;
  for (const Dim& length : shape) lengths.push_back(to_text(length));
  return fmt::format("[{}]", fmt::join(lengths, ", "));
}

}  // namespace isomer
