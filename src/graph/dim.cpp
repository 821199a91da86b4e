#include "graph/dim.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "graph/dim_algebra.h"

namespace isomer {
namespace {

// Nobody's length is that long; what is larger came from a loop of products or from a broken file.
constexpr std::size_t most_parts = 512;
constexpr int deepest = 32;

constexpr std::string_view functions[] = {"floordiv", "mod", "min", "max"};

Error too_large() { return Error(Fault::model, "", "a length does not fit in 64 bits"); }

Error too_many() {
  return Error(Fault::model, "",
               fmt::format("an expression for a length has too many parts; {} are the most there "
                           "may be",
                           most_parts));
}

template <class T, class Order>
std::strong_ordering order_all(const std::vector<T>& a, const std::vector<T>& b, Order order_one) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const auto one = order_one(a[i], b[i]); one != 0) return one;
  }
  return a.size() <=> b.size();
}

std::int64_t magnitude(std::int64_t value) {
  return value < 0 ? DimAlgebra::times(value, -1) : value;
}

}  // namespace

// -- numbers -------------------------------------------------------------------------------------

std::int64_t DimAlgebra::plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw too_large();
  return sum;
}

std::int64_t DimAlgebra::times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw too_large();
  return product;
}

std::int64_t DimAlgebra::floored(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Error(Fault::model, "", "a length is divided by 0");
  if (b == -1) return times(a, -1);
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::int64_t DimAlgebra::modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) throw Error(Fault::model, "", "a length is divided by 0");
  if (b == -1) return 0;
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// -- one order, one form
// ---------------------------------------------------------------------------

std::strong_ordering DimAlgebra::order(const Factor& a, const Factor& b) {
  if (a.function != b.function) return a.function <=> b.function;
  if (const int symbols = a.symbol.compare(b.symbol); symbols != 0) return symbols <=> 0;
  return order_all(a.arguments, b.arguments,
                   [](const Dim& x, const Dim& y) { return order(x, y); });
}

std::strong_ordering DimAlgebra::order(const std::vector<Factor>& a, const std::vector<Factor>& b) {
  if (a.size() != b.size()) return b.size() <=> a.size();
  return order_all(a, b, [](const Factor& x, const Factor& y) { return order(x, y); });
}

std::strong_ordering DimAlgebra::order(const Dim& a, const Dim& b) {
  const auto terms = order_all(a.terms_, b.terms_, [](const Term& x, const Term& y) {
    const auto factors = order(x.factors, y.factors);
    return factors != 0 ? factors : y.coefficient <=> x.coefficient;
  });
  return terms != 0 ? terms : a.constant_ <=> b.constant_;
}

std::size_t DimAlgebra::parts(const Dim& dim) {
  std::size_t count = 1;
  for (const Term& term : dim.terms_) {
    count += term.factors.size();
    for (const Factor& factor : term.factors) {
      for (const Dim& argument : factor.arguments) count += parts(argument);
    }
  }
  return count;
}

int DimAlgebra::depth(const Dim& dim) {
  int most = 0;
  for (const Term& term : dim.terms_) {
    for (const Factor& factor : term.factors) {
      for (const Dim& argument : factor.arguments) most = std::max(most, 1 + depth(argument));
    }
  }
  return most;
}

Dim DimAlgebra::checked(Dim dim) {
  if (parts(dim) > most_parts) throw too_many();
  return dim;
}

/// Sorted, like terms added up.
Dim DimAlgebra::normal(std::int64_t constant, std::vector<Term> terms) {
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
  return checked(std::move(sum));
}

Dim DimAlgebra::of(Function function, std::vector<Dim> arguments) {
  Dim dim;
  dim.terms_.push_back({1, {{function, "", std::move(arguments)}}});
  if (depth(dim) > deepest) {
    throw Error(Fault::model, "", "an expression for a length is nested too deep");
  }
  return checked(std::move(dim));
}

// -- sums and products
// -----------------------------------------------------------------------------

Dim DimAlgebra::sum(const Dim& a, const Dim& b, std::int64_t by) {
  Dim sum(plus(a.constant_, times(b.constant_, by)));
  sum.terms_.reserve(a.terms_.size() + b.terms_.size());
  auto x = a.terms_.begin();
  for (const Term& term : b.terms_) {
    while (x != a.terms_.end() && order(x->factors, term.factors) < 0) sum.terms_.push_back(*x++);
    std::int64_t coefficient = times(term.coefficient, by);
    if (x != a.terms_.end() && order(x->factors, term.factors) == 0)
      coefficient = plus(coefficient, (x++)->coefficient);
    if (coefficient != 0) sum.terms_.push_back({coefficient, term.factors});
  }
  sum.terms_.insert(sum.terms_.end(), x, a.terms_.end());
  return checked(std::move(sum));
}

Dim DimAlgebra::product(const Dim& a, const Dim& b) {
  if (a.known()) return sum(0, b, a.constant_);
  if (b.known()) return sum(0, a, b.constant_);
  // Like terms may fall together, but not that many.
  if (a.terms_.size() * b.terms_.size() > 4 * most_parts) throw too_many();
  std::vector<Term> terms;
  for (const Term& x : a.terms_) {
    for (const Term& y : b.terms_) {
      Term& both = terms.emplace_back();
      both.coefficient = times(x.coefficient, y.coefficient);
      std::ranges::merge(x.factors, y.factors, std::back_inserter(both.factors),
                         [](const Factor& f, const Factor& g) { return order(f, g) < 0; });
    }
    if (b.constant_ != 0) terms.push_back({times(x.coefficient, b.constant_), x.factors});
  }
  for (const Term& y : b.terms_) {
    if (a.constant_ != 0) terms.push_back({times(y.coefficient, a.constant_), y.factors});
  }
  return normal(times(a.constant_, b.constant_), std::move(terms));
}

// -- division
// --------------------------------------------------------------------------------------

Dim DimAlgebra::whole(const Term& term) {
  return term.factors.empty() ? Dim(term.coefficient) : normal(0, {term});
}

/// a / b where every factor of b is in a, and the number, too, goes into a's.
std::optional<DimAlgebra::Term> DimAlgebra::quotient(const Term& a, const Term& b) {
  Term result{floored(a.coefficient, b.coefficient), {}};
  if (times(result.coefficient, b.coefficient) != a.coefficient) return std::nullopt;
  auto next = b.factors.begin();
  for (const Factor& factor : a.factors) {
    if (next != b.factors.end() && order(factor, *next) == 0) {
      ++next;
    } else {
      result.factors.push_back(factor);
    }
  }
  if (next != b.factors.end()) return std::nullopt;
  return result;
}

/// Long division: a = quotient * b + rest, where the rest holds whatever b does not go into.
DimAlgebra::Division DimAlgebra::divide(const Dim& a, const Dim& b) {
  if (b.known()) return divide_by_number(a, b.constant_);
  Division division;
  Dim left = a;
  std::size_t tried = 0;  // terms of `left` that b's first one does not go into
  for (std::size_t steps = 0; steps < most_parts && tried < left.terms_.size(); ++steps) {
    const std::optional<Term> part = quotient(left.terms_[tried], b.terms_.front());
    if (!part) {
      ++tried;
      continue;
    }
    const Dim exact = whole(*part);
    division.quotient = sum(division.quotient, exact, 1);
    left = sum(left, product(exact, b), -1);
  }
  division.rest = std::move(left);
  return division;
}

/// Rounding the parts down keeps the rest between 0 and that number, so that equal lengths look
/// equal.
DimAlgebra::Division DimAlgebra::divide_by_number(const Dim& a, std::int64_t b) {
  Division division{floored(a.constant_, b), modulo(a.constant_, b)};
  for (const Term& term : a.terms_) {
    const std::int64_t part = floored(term.coefficient, b);
    const std::int64_t rest = modulo(term.coefficient, b);
    if (part != 0) division.quotient.terms_.push_back({part, term.factors});
    if (rest != 0) division.rest.terms_.push_back({rest, term.factors});
  }
  return division;
}

/// The greatest number and the factors that go into every term of all `dims`.
DimAlgebra::Term DimAlgebra::common(std::initializer_list<const Dim*> dims) {
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

const DimAlgebra::Factor* DimAlgebra::lone_factor(const Dim& dim) {
  const bool lone = dim.constant_ == 0 && dim.terms_.size() == 1 &&
                    dim.terms_[0].coefficient == 1 && dim.terms_[0].factors.size() == 1;
  return lone ? &dim.terms_[0].factors[0] : nullptr;
}

/// floor(a / b) where b goes into no part of a.
Dim DimAlgebra::opaque_quotient(const Dim& a, const Dim& b) {
  if (a == Dim(0)) return 0;
  if (a.known() && b.known()) return floored(a.constant_, b.constant_);
  const Term shared = common({&a, &b});
  if (shared.coefficient != 1 || !shared.factors.empty()) {
    return floor_divide(divide(a, whole(shared)).quotient, divide(b, whole(shared)).quotient);
  }
  const auto positive_number = [](const Dim& dim) { return dim.known() && dim.constant_ > 0; };
  if (!positive_number(b)) return of(Function::floor_divide, {a, b});
  // Rounding down twice is rounding down once, so two poolings look like one.
  const Factor* inner = lone_factor(a);
  if (inner != nullptr && inner->function == Function::floor_divide &&
      positive_number(inner->arguments[1])) {
    return floor_divide(inner->arguments[0], inner->arguments[1] * b);
  }
  // Rounding down keeps an order, so the quotient of a maximum is the maximum of quotients.
  for (const Function function : {Function::smaller, Function::larger}) {
    const auto found = extreme_in(a, function);
    if (!found || a.terms_.size() != 1) continue;
    std::vector<Dim> quotients = found->parts();
    for (Dim& part : quotients) part = floor_divide(part, b);
    return extreme(function, std::move(quotients), {});
  }
  return of(Function::floor_divide, {a, b});
}

Dim DimAlgebra::quotient(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return floored(a.constant_, b.constant_);
  if (b.known() && b.constant_ < 0) return quotient(sum(0, a, -1), sum(0, b, -1));
  const Division division = divide(a, b);
  return sum(division.quotient, opaque_quotient(division.rest, b), 1);
}

Dim DimAlgebra::rest(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return modulo(a.constant_, b.constant_);
  Dim rest = divide(a, b).rest;
  if (rest == Dim(0)) return rest;
  if (rest.known() && b.known()) return modulo(rest.constant_, b.constant_);
  return of(Function::remainder, {std::move(rest), b});
}

std::int64_t DimAlgebra::evaluate(const Factor& factor, const Lengths& lengths) {
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

// -- what everybody sees
// ---------------------------------------------------------------------------

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

Dim operator+(const Dim& a, const Dim& b) { return DimAlgebra::sum(a, b, 1); }
Dim operator-(const Dim& a, const Dim& b) { return DimAlgebra::sum(a, b, -1); }
Dim operator*(const Dim& a, const Dim& b) { return DimAlgebra::product(a, b); }
Dim floor_divide(const Dim& a, const Dim& b) { return DimAlgebra::quotient(a, b); }
Dim remainder(const Dim& a, const Dim& b) { return DimAlgebra::rest(a, b); }

Dim smallest(std::vector<Dim> dims) {
  return DimAlgebra::extreme(DimAlgebra::Function::smaller, std::move(dims), {});
}

Dim largest(std::vector<Dim> dims) {
  return DimAlgebra::extreme(DimAlgebra::Function::larger, std::move(dims), {});
}

Dim smaller(const Dim& a, const Dim& b) { return smallest({a, b}); }
Dim larger(const Dim& a, const Dim& b) { return largest({a, b}); }

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
      product = DimAlgebra::times(product, DimAlgebra::evaluate(factor, lengths));
    }
    sum = DimAlgebra::plus(sum, product);
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
  if (DimAlgebra::modulo(rest, terms_[0].coefficient) != 0) return std::nullopt;
  return std::pair(factor.symbol, DimAlgebra::floored(rest, terms_[0].coefficient));
}

std::string to_text(const Dim& dim) {
  const auto call = [](std::string_view function, const std::vector<std::string>& arguments) {
    return fmt::format("{}({})", function, fmt::join(arguments, ", "));
  };
  return to_text(dim, {[](const std::string& name) { return name; }, call, "*"});
}

std::string to_text(const Dim& dim, const LengthStyle& style) {
  return DimAlgebra::text(dim, style);
}

std::string DimAlgebra::text(const Dim& dim, const LengthStyle& style) {
  std::string text;
  // Writes the sign, between two parts with blanks around it; gives the digits that follow. The
  // least number has no positive twin and keeps its sign.
  const auto signed_digits = [&text](std::int64_t number) {
    const bool negative = number < 0 && number != std::numeric_limits<std::int64_t>::min();
    if (!text.empty()) text += negative ? " - " : " + ";
    if (text.empty() && negative) text += "-";
    return fmt::format("{}", negative ? -number : number);
  };
  for (const Dim::Term& term : dim.terms_) {
    const std::string digits = signed_digits(term.coefficient);
    std::string_view between;
    if (digits != "1") {
      text += digits;
      between = style.times;
    }
    for (const Dim::Factor& factor : term.factors) {
      text += between;
      between = style.times;
      if (factor.function == Dim::Function::none) {
        text += style.name(factor.symbol);
        continue;
      }
      std::vector<std::string> arguments;
      for (const Dim& argument : factor.arguments)
        arguments.push_back(DimAlgebra::text(argument, style));
      text += style.call(functions[static_cast<std::size_t>(factor.function) - 1], arguments);
    }
  }
  if (dim.constant_ != 0 || text.empty()) text += signed_digits(dim.constant_);
  return text;
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
