#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "prove/certificate.h"
#include "run/executor.h"

namespace isomer {

/// The weights of one model by state_dict name; a tied one stands there under each name.
using Weights = std::vector<std::pair<std::string, Tensor>>;

/// Names of the same weight.
using Aliases = std::vector<std::vector<std::string>>;

/// Finds the first of many that is the same weight as one of another name.
class WeightIndex {
 public:
  /// `aliases` must outlive it.
  WeightIndex(std::span<const Port> ports, const Aliases& aliases);
  WeightIndex(const Weights& weights, const Aliases& aliases);
  std::optional<std::size_t> find(const std::string& name) const;

 private:
  explicit WeightIndex(const Aliases& aliases);

  std::map<std::string, std::size_t, std::less<>> places_;
  std::multimap<std::string, const std::vector<std::string>*, std::less<>> groups_;  // by name
};

/// The tied names that a graph knows of.
Aliases aliases_of(const Graph& graph);

/// Named constants that no node reads and no output is.
std::set<std::string> unread_weights(const Graph& graph);

/// Compares bit by bit, or by what is allowed: each weight of the source is to be there, under one
/// of its names, and no other. A missing one that nothing reads is a note.
Check compare_weights(const Weights& source, const Weights& other, const Aliases& aliases,
                      const std::set<std::string>& unread, const std::optional<Allowed>& allowed,
                      std::vector<std::string>& notes);

/// Makes the source's tensors of those that are the same bit by bit, so that memory holds them
/// once.
void share_equal(Weights& other, const Weights& source, const Aliases& aliases);

}  // namespace isomer
