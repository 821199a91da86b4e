#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

/// What the comparison of gradients found.
struct GradientFindings {
  std::vector<Check> checks;
  std::vector<Control> controls;
  std::vector<std::string> doubts;
  bool source_unsure = false;  // the source's own derivatives differ by more than may be excused
  std::vector<std::string> notes;
};

/// Compares vector-Jacobian products for every floating input and every parameter, for random
/// cotangents: all backends that differentiate the source with each other, then those of the
/// other, in both precisions. A backend that has no derivatives is judged by central differences of
/// its own executor in double precision. Inputs where rounding decides on which side of a kink they
/// lie are moved a little. Where the source has gradients and none of the other can be compared,
/// that is a doubt.
GradientFindings compare_gradients(const Model& source, const Model& other, const Aliases& aliases,
                                   std::span<const InputSet> sets, double relative,
                                   std::uint64_t seed);

/// Where each of the source's parameters stands among the other's; nothing where it has none of
/// that name.
std::vector<std::optional<std::size_t>> match_parameters(std::span<const Port> source,
                                                         std::span<const Port> other,
                                                         const Aliases& aliases);

}  // namespace isomer
