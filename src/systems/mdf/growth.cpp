#include "systems/mdf/growth.h"

#include "vocabularies/numpy/whole.h"

namespace isomer::mdf {
namespace {

/// What counts up by less in each evaluation is no larger after as many evaluations.
constexpr double largest_count = 0x1p31;

}  // namespace

numpy::Value state_value(const numpy::Trace& trace, Growth growth, ValueId now,
                         const numpy::Value& written) {
  const auto begins = numpy::largest_of(written);
  const bool whole = begins && trace.b.dtype(now) == DType::i64;
  if (!whole || growth >= Growth::array) return {numpy::Traced{&trace, now}};
  const bool counts = growth == Growth::counts && *begins <= largest_count;
  return numpy::whole_value(trace, now, counts ? largest_count : numpy::largest_integer);
}

Growth next_growth(const numpy::Trace& trace, Growth known, const numpy::Value& before,
                   const numpy::Value& next) {
  if (is_floating(trace.b.dtype(numpy::materialized(trace, next)))) return Growth::real;
  if (!numpy::largest_of(before)) return known;
  const auto largest = numpy::largest_of(next);
  if (!largest) return Growth::array;
  return *largest < 2 * largest_count ? Growth::counts : Growth::grows;
}

}  // namespace isomer::mdf
