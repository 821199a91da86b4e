#pragma once

// Values put into a graph beside the model's own, to be looked at.

#include <string>
#include <vector>

#include "graph/graph.h"

namespace isomer {

/// The values in which inputs, states or named lengths have a part.
std::vector<bool> varying_values(const Graph& graph);

/// The axis of a table of that rank along which the node's indices are positions.
std::size_t table_axis(const Node& node, std::size_t rank);

/// The name of a probe, a floating value: no value of a model has a blank in its own.
std::string probe_name(std::size_t number);

/// The graph that gives its probes alone, `numbers` in this order; those of its bodies as well, but
/// for conditions of `while`, which hold until they do not.
Graph giving_probes(Graph graph, std::vector<std::size_t>& numbers);

}  // namespace isomer
