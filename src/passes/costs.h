#pragma once

// What the modules of a model cost: counted from its graph, not measured.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer {

struct Cost {
  std::size_t operators = 0;
  std::int64_t parameters = 0;  // elements that are trained
  double flops = 0;             // of one run: a product that is added up counts as two
  double bytes = 0;             // that its operators read and write, where they make no views

  Cost& operator+=(const Cost& other);
};

/// What stands in one module itself, not in those inside it.
struct ModuleCost {
  std::string path;
  std::string_view family;  // of the operator that costs most there: "convolution"
  Cost cost;
};

/// A number for each named length: those given, and the least that may be for the others, 1 or
/// more.
Lengths sample_lengths(const Graph& graph, const Lengths& given);

/// In the order in which modules are met. Of a branch the dearer side counts, in operations and in
/// bytes, a loop of unknown length once.
std::vector<ModuleCost> costs_of(const Graph& graph, const Lengths& lengths);

}  // namespace isomer
