#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "prove/certificate.h"

namespace isomer {

/// The weights of one model by state_dict name; a tied one stands there under each name.
using Weights = std::vector<std::pair<std::string, Tensor>>;

/// Names of the same weight.
using Aliases = std::vector<std::vector<std::string>>;

/// Whether both are names of one weight.
bool same_weight(const std::string& a, const std::string& b, const Aliases& aliases);

/// The tied names that a graph knows of.
Aliases aliases_of(const Graph& graph);

/// Named constants that no node reads and no output is.
std::set<std::string> unread_weights(const Graph& graph);

/// Compares bit by bit: each weight of the source is to be there, under one of its names, and no
/// other. A missing one that nothing reads is a note.
Check compare_weights(const Weights& source, const Weights& other, const Aliases& aliases,
                      const std::set<std::string>& unread, std::vector<std::string>& notes);

}  // namespace isomer
