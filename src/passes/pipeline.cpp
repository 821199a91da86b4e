#include "passes/pipeline.h"

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "ops/validate.h"
#include "passes/canonical.h"
#include "passes/passes.h"

namespace isomer {
namespace {

// Those of a conversion come first, in order.
constexpr Pass passes[] = {
    {"simplify", "remove operators that change nothing", simplify},
    {"remove_unused", "remove what no output needs", remove_unused},
    {"lift_draws", "random draws become inputs", lift_draws},
    {"outline", "modules that compute the same become calls of one body", outline},
    {"differentiate", "the vector-Jacobian product as a graph", differentiate},
    {"to_float64", "the same formula in double precision", to_float64},
    {"perturb", "the same with each result moved as rounding may move it",
     [](const Graph& graph) { return perturb(graph, Precision::f32); }},
    {"canonicalize", "one form for graphs that are equal", canonicalize},
};
constexpr std::size_t conversion_count = 2;

void require_known(std::span<const std::string> names, std::span<const Pass> offered) {
  for (const std::string& name : names) row_named("pass", name, offered);
}

}  // namespace

std::span<const Pass> all_passes() { return passes; }

std::span<const Pass> conversion_passes() { return std::span(passes).first(conversion_count); }

Graph run_passes(Graph graph, std::span<const Pass> chosen, const PipelineOptions& options) {
  require_known(options.without, chosen);
  for (const Pass& pass : chosen) {
    if (std::ranges::find(options.without, pass.name) != options.without.end()) continue;
    PassReport report{.name = pass.name, .nodes_before = graph.nodes.size()};
    const auto begin = std::chrono::steady_clock::now();
    graph = pass.run(graph);
    report.time = std::chrono::steady_clock::now() - begin;
    report.nodes_after = graph.nodes.size();
    if (options.validate) {
      with_place([&] { return fmt::format("after pass '{}'", pass.name); },
                 [&] { validate(graph); });
    }
    if (options.watch) options.watch(report, graph);
  }
  return graph;
}

}  // namespace isomer
