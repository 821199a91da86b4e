#include "prove/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace isomer {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Two orders of summation differ by a few times the error of either of them.
constexpr double error_factor = 4;
constexpr double least_ulps = 4;
// What is left of terms that cancel, in units of their scale.
constexpr double least_of_terms = 0x1p-23;
constexpr double exact_least_of_terms = 1e-13;
// An ulp of double precision in ulps of single, 64 times.
constexpr double left_of_error = 64 * 0x1p-29;

/// Distance of neighbouring numbers at `scale`.
double ulp_at(DType dtype, double scale) {
  switch (dtype) {
    case DType::f16: return std::max(scale * 0x1p-10, 0x1p-24);
    case DType::bf16: return std::max(scale * 0x1p-7, 0x1p-133);
    case DType::f64: return std::max(scale * 0x1p-52, 0x1p-1074);
    default: return std::max(scale * 0x1p-23, 0x1p-149);
  }
}

double scale_of(std::span<const double> values) {
  double scale = 0;
  for (const double value : values) {
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  }
  return scale;
}

double ratio_within(double wanted, double other, double bound) {
  const double distance = std::abs(other - wanted);
  if (distance == 0) return 0;
  return bound > 0 ? distance / bound : infinity;
}

/// |other - exact| in units of the bound, where `source` is what the source gives in the same
/// precision. Never a NaN.
double ratio_of(double exact, double source, double other, double bound) {
  if (std::isnan(source)) return std::isnan(other) ? 0 : infinity;
  if (std::isinf(source)) return other == source ? 0 : infinity;
  if (!std::isfinite(other)) return infinity;
  return ratio_within(std::isfinite(exact) ? exact : source, other, bound);
}

bool same_kind(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::isinf(a) || std::isinf(b) ? a == b : true;
}

/// The largest error that single precision makes.
double error_of(const Tensor& exact, const Tensor& source) {
  const std::vector<double> right = exact.doubles(), rounded = source.doubles();
  double error = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    if (std::isfinite(right[i]) && std::isfinite(rounded[i]))
      error = std::max(error, std::abs(right[i] - rounded[i]));
  }
  return error;
}

void keep_worst(Check& check, WorstElement element) {
  if (!check.worst || element.ratio > check.worst->ratio) check.worst = std::move(element);
}

std::string described(const WorstElement& worst) {
  return fmt::format("{}[{}] is {}, the source has {} (exactly {}), bound {:.3g}", worst.tensor,
                     fmt::join(worst.index, ", "), real_text(worst.other), real_text(worst.source),
                     real_text(worst.exact), worst.bound);
}

/// One tensor of a comparison.
struct Pair {
  const std::string& name;
  const Tensor& exact;
  const Tensor& source;
  const Tensor& other;
  double bound = 0;
  std::vector<std::vector<double>> elsewhere = {};  // by other engines

  /// A number overflowed, or two infinities met, in one of the source's precisions or engines
  /// alone: an order of summation decides that, so any of their answers is right.
  bool is_undecided(double right, double rounded, double found, std::size_t i) const {
    std::vector<double> answers{right, rounded};
    for (const std::vector<double>& values : elsewhere) answers.push_back(values[i]);
    const bool agreed = std::ranges::all_of(
        answers, [&](const double answer) { return same_kind(answer, answers[0]); });
    if (agreed) return false;
    return std::ranges::any_of(answers, [&](const double answer) {
      if (!std::isfinite(answer) || !std::isfinite(found)) return same_kind(answer, found);
      return ratio_within(answer, found, bound) <= 1;
    });
  }
};

/// `undecided` counts the elements that are passed over.
WorstElement worst_of(const Pair& pair, std::size_t& undecided) {
  const double bound = pair.bound;
  const std::vector<double> exact = pair.exact.doubles(), source = pair.source.doubles(),
                            other = pair.other.doubles();
  std::size_t place = 0;
  double ratio = -1;
  for (std::size_t i = 0; i < other.size(); ++i) {
    double here = ratio_of(exact[i], source[i], other[i], bound);
    if (here > 1 && pair.is_undecided(exact[i], source[i], other[i], i)) {
      ++undecided;
      here = 0;
    }
    if (here <= ratio) continue;
    ratio = here;
    place = i;
    if (here == infinity) break;
  }
  if (other.empty()) return {pair.name, {}, 0, 0, 0, bound, 0};
  return {pair.name,     unravelled(place, pair.other.shape()),
          source[place], other[place],
          exact[place],  bound,
          ratio};
}

bool same_floats(Check& check, const Pair& pair, const std::string& situation) {
  WorstElement worst = worst_of(pair, check.excused);
  const bool same = worst.ratio <= 1;
  if (!same) check.differences.push_back(fmt::format("{} ({})", described(worst), situation));
  keep_worst(check, std::move(worst));
  return same;
}

bool same_integers(Check& check, const Pair& pair, std::size_t index, const std::string& situation,
                   const Undecided& undecided) {
  const std::vector<std::int64_t> source = pair.source.integers(), other = pair.other.integers();
  for (std::size_t i = 0; i < other.size(); ++i) {
    if (source[i] == other[i]) continue;
    if (undecided && undecided(index, i, other[i])) {
      ++check.excused;
      continue;
    }
    const auto wanted = static_cast<double>(source[i]);
    WorstElement worst{pair.name, unravelled(i, pair.other.shape()),
                       wanted,    static_cast<double>(other[i]),
                       wanted,    0,
                       infinity};
    check.differences.push_back(fmt::format("{}[{}] is {}, the source has {} ({})", worst.tensor,
                                            fmt::join(worst.index, ", "), other[i], source[i],
                                            situation));
    keep_worst(check, std::move(worst));
    return false;
  }
  return true;
}

bool same_tensor(Check& check, const Pair& pair, std::size_t index, const std::string& situation,
                 const Undecided& undecided) {
  if (pair.other.shape() != pair.source.shape() || pair.other.dtype() != pair.source.dtype()) {
    check.differences.push_back(fmt::format("{} is {}, the source has {} ({})", pair.name,
                                            to_text(pair.other.dtype(), pair.other.shape()),
                                            to_text(pair.source.dtype(), pair.source.shape()),
                                            situation));
    check.measured = false;
    return false;
  }
  check.elements += static_cast<std::size_t>(pair.other.count());
  if (is_complex(pair.other.dtype())) {
    if (pair.other.same_bits(pair.source)) return true;
    check.differences.push_back(
        fmt::format("{} is complex and not equal bit by bit ({})", pair.name, situation));
    return false;
  }
  if (is_floating(pair.other.dtype())) return same_floats(check, pair, situation);
  return same_integers(check, pair, index, situation, undecided);
}

}  // namespace

Tolerance tolerance_of(const Tensor& exact, const Tensor& source, double terms) {
  const double ulps = least_ulps * ulp_at(source.dtype(), scale_of(exact.doubles()));
  return {error_factor * std::max({error_of(exact, source), ulps, least_of_terms * terms})};
}

Tolerance exact_tolerance_of(const Tensor& exact, const Tensor& source, double relative,
                             double terms) {
  // Below the normal floats nothing is left of a relative bound.
  return {std::max({relative * scale_of(exact.doubles()), exact_least_of_terms * terms,
                    left_of_error * error_of(exact, source), std::numeric_limits<double>::min()})};
}

bool compare(Check& check, std::span<const std::string> names, const Expected& expected,
             std::span<const Tensor> other, Precision precision, const std::string& situation,
             const Undecided& undecided) {
  const bool in_f64 = precision == Precision::f64;
  const std::vector<Tensor>& source = in_f64 ? expected.exact : expected.source;
  const auto& elsewhere = in_f64 ? expected.exact_elsewhere : expected.source_elsewhere;
  ++check.inputs;
  check.tensors = std::max(check.tensors, other.size());
  bool same = other.size() == source.size();
  if (!same) {
    check.measured = false;
    check.differences.push_back(fmt::format(
        "gives {}, the source {} ({})", counted(other.size(), "tensor"), source.size(), situation));
  }
  for (std::size_t i = 0; i < std::min(other.size(), source.size()); ++i) {
    const Tensor& exact = expected.exact[i];
    Pair pair{names[i], exact, source[i], other[i]};
    if (is_floating(source[i].dtype())) {
      pair.bound =
          (in_f64 ? exact_tolerance_of(exact, expected.source[i], expected.relative, expected.terms)
                  : tolerance_of(exact, source[i], expected.terms))
              .bound;
      for (const std::vector<Tensor>& outputs : elsewhere)
        pair.elsewhere.push_back(outputs[i].doubles());
    }
    same = same_tensor(check, pair, i, situation, undecided) && same;
  }
  check.same = check.same && same;
  return same;
}

bool forgive(Check& check, double times) {
  if (check.same) return true;
  if (!check.measured || !check.worst || check.worst->ratio > times) return false;
  check.differences.clear();
  return check.same = true;
}

double scale_of(std::span<const Tensor> tensors) {
  double scale = 0;
  for (const Tensor& tensor : tensors) {
    if (is_floating(tensor.dtype())) scale = std::max(scale, scale_of(tensor.doubles()));
  }
  return scale;
}

double distance(const Tensor& exact, const Tensor& source, const Tensor& other) {
  if (source.shape() != other.shape()) return infinity;
  if (!is_floating(source.dtype()) || !is_floating(other.dtype())) {
    return source.integers() == other.integers() ? 0 : infinity;
  }
  const std::string name;
  std::size_t undecided = 0;
  return worst_of({name, exact, source, other, tolerance_of(exact, source).bound}, undecided).ratio;
}

std::vector<std::int64_t> unravelled(std::size_t position, std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> index(shape.size());
  auto rest = static_cast<std::int64_t>(position);
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = rest % shape[axis];
    rest /= shape[axis];
  }
  return index;
}

}  // namespace isomer
