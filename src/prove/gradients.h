#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "prove/comparison.h"
#include "prove/inputs.h"
#include "prove/model.h"

namespace isomer {

/// What the comparison of gradients found.
struct GradientFindings {
  std::vector<Check> checks;
  std::vector<Control> controls;
  std::vector<std::string> doubts;
  std::vector<std::string> notes;
  std::optional<InputSet> differing;  // the smallest set that showed a difference
};

struct GradientOptions {
  const Graph* graph = nullptr;    // the source's, for measuring rounding; null: not known
  const Engine* engine = nullptr;  // that measures it
  bool few_sets = false;           // as of an InputPlan: where it takes long, one is enough
  bool differs = false;            // the outputs do: nothing is measured for derivatives
  bool double_as_single = false;
  std::optional<Allowed> allowed = {};
  std::uint64_t seed = 0;
  Progress progress = {};
};

/// Compares vector-Jacobian products for every floating input and every parameter: of each output
/// alone on the first set, of all of them together on the others, for random cotangents. All
/// backends that differentiate the source are compared with each other, then those of the other, in
/// both precisions. A backend that has no derivatives is judged by central differences of its own
/// executor in double precision. Where the source has gradients and none of the other can be
/// compared, that is a doubt.
GradientFindings compare_gradients(const Model& source, const Model& other, const Aliases& aliases,
                                   std::span<const InputSet> sets, const GradientOptions& options);

/// Where each of the source's parameters stands among the other's; nothing where it has none of
/// that name.
std::vector<std::optional<std::size_t>> match_parameters(std::span<const Port> source,
                                                         std::span<const Port> other,
                                                         const Aliases& aliases);

}  // namespace isomer
