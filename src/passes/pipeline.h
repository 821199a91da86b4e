#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer {

struct Pass {
  std::string_view name;  // "simplify"
  std::string_view why;   // one line
  Graph (*run)(const Graph&);
};

/// What is known of one pass that ran.
struct PassReport {
  std::string_view name;
  std::chrono::nanoseconds time{};
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
};

struct PipelineOptions {
  std::vector<std::string> without;  // passes to skip, by name
  bool validate = true;              // the result of every pass
  /// Given the graph after each pass that ran, e.g. to write it to "02.simplify.isomer".
  std::function<void(const PassReport&, const Graph&)> watch;
};

/// Every pass, by name.
std::span<const Pass> all_passes();
/// Those that a conversion runs, in order.
std::span<const Pass> conversion_passes();

/// Runs them in order. Throws Fault::usage for an unknown name in `without`.
Graph run_passes(Graph graph, std::span<const Pass> chosen, const PipelineOptions& options = {});

}  // namespace isomer
