#pragma once

// Which operators of two graphs compute the same, and which stand for each other.

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/uses.h"
#include "passes/canonical.h"
#include "prove/structure.h"

namespace isomer {

/// One of two graphs, and what its values are in the canonical graph of both.
struct Side {
  Graph graph;
  Uses uses = Uses(graph);
  std::vector<ValueId> numbers = {};
  std::set<ValueId> reached = {};  // numbers of its values, and of those inside of its operators
  std::set<ValueId> values = {};   // numbers of its values alone
  std::vector<bool> merged = {};   // nodes that are part of what their neighbours do, by place

  ValueId operator()(ValueId id) const {
    return id == ValueId::none ? id : numbers[static_cast<std::size_t>(id)];
  }
  std::size_t place_of(const Node& node) const {
    return static_cast<std::size_t>(&node - graph.nodes.data());
  }
};

/// Carries both graphs into one canonical graph. Where two operators differ and stand for each
/// other, what is behind them is compared as if they were equal, so that each difference is found
/// once. Each node is looked at a few times, however many differences there are.
class Matching {
 public:
  /// `other` has the lengths of `source`. Both are without what nothing uses.
  Matching(Graph source, Graph other);
  Matching(const Matching&) = delete;
  Matching& operator=(const Matching&) = delete;

  const Side& source() const { return source_; }
  const Side& other() const { return other_; }
  /// Nodes of the source that the other has, too, whatever is in front of them.
  std::size_t matched() const { return matched_; }
  /// In running order of the source, those of the other alone last.
  std::vector<OperatorDifference> differences() const;

 private:
  using Index = std::map<std::string, std::deque<const Node*>>;
  using Choose = std::function<bool(const Node& ours)>;

  void find_merged(Side& side) const;
  void index_source();
  void settle(ValueId id);
  void carry(std::size_t place);
  bool pair_up();
  bool pair_inside();
  const Node* unpaired(Index& index, const std::string& key, const Choose& fits);
  void pair(const Node& ours, const Node& theirs);

  bool gives_had(const Side& side, const Side& opposite, const Node& node) const;
  bool reads_had(const Node& ours) const;
  const Node* cause(const Side& side, const Side& opposite, const Node& node) const;
  bool same_settings(const Node& ours, const Node& theirs) const;
  OperatorDifference seen_closer(const Node* ours, const Node* theirs) const;

  Side source_, other_;
  Canonical canonical_;
  Index by_inputs_, by_module_;                  // nodes of the source
  std::map<const Node*, const Node*> partners_;  // of nodes of either side
  // Nodes and values of the other.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready_;
  std::vector<std::size_t> waits_for_;  // by node: operands that are not settled
  std::vector<bool> settled_;           // by value
  std::set<const Node*> pending_;       // without an equal, although what they read has one
  std::vector<const Node*> fresh_;      // pending ones that no partner was sought for
  std::vector<const Node*> inner_;      // equal to what is inside of an operator alone
  std::size_t matched_ = 0;
};

}  // namespace isomer
