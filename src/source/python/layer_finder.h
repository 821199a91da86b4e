#pragma once

// What the recovery of layers looks at: who makes and uses which value, and which tensors a module
// path owns.

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/uses.h"
#include "ops/schema.h"
#include "source/python/layers.h"

namespace isomer::python {

/// A node that could be the call of a layer.
struct LayerCall {
  Layer layer;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::set<std::size_t> absorbed;  // nodes whose work the layer does besides
  std::vector<ValueId> kept;       // states that the layer updates
  bool only_training = false;      // it does this in training mode alone,
  bool only_evaluation = false;    // or in evaluation mode alone
  bool borrowed = false;           // by a module in which the layer is not
};

class LayerFinder;

/// What a rule looks at, and the call that it completes.
struct LayerCandidate {
  const LayerFinder& finder;
  const Node& node;
  const OpCall& op;
  LayerCall call;
};

/// Which layer an operator can be.
struct LayerRule {
  std::string_view op;
  /// Where it has no function: the layer, and the attributes that are its arguments.
  std::string_view layer = {};
  std::string_view arguments = {};
  /// The node's operands as the layer knows them: it is called with `x` and owns the others. Empty:
  /// the function finds the path and the tensors.
  std::string_view operands = "x";
  std::string_view buffers = {};  // that it may own besides
  /// What makes the layer; nothing where the node is none.
  std::optional<Construction> (*make)(LayerCandidate&) = nullptr;
};

class LayerFinder {
 public:
  LayerFinder(const Graph& graph, std::span<const LayerRule> rules);

  /// The call that a node could be; nothing where it fits no layer.
  std::optional<LayerCall> call_at(std::size_t node) const;

  const Graph& graph;

  // For the rules of layers
  // ------------------------------------------------------------------------

  using Named = std::vector<std::pair<std::string_view, ValueId>>;
  /// The module path that owns exactly `tensors` under those names, and possibly `buffers`. The
  /// nearest to `scope` where there are several; a layer without tensors stands at its scope.
  std::optional<std::string> path_of(const Named& tensors,
                                     const std::vector<std::string_view>& buffers,
                                     const std::string& scope) const;
  const State* state_named(const std::string& name) const;
  const Constant* constant(ValueId id) const { return uses_.constant(graph, id); }
  const Node* maker(ValueId id) const { return uses_.node(graph, id); }
  std::size_t maker_index(ValueId id) const { return uses_.maker(id); }
  /// Whether nobody but `nodes` reads the value.
  bool used_only_by(ValueId id, const std::set<std::size_t>& nodes) const;
  bool used(ValueId id) const { return outputs_.contains(id) || !uses_.users(id).empty(); }

 private:
  bool take_operands(const LayerRule& rule, LayerCandidate& candidate) const;
  const std::vector<std::string>* names_of(ValueId id) const;

  std::span<const LayerRule> rules_;
  Uses uses_;
  std::set<ValueId> outputs_;
  std::map<std::string, std::set<std::string>> owned_;  // module path -> names of its tensors
  std::map<std::string, const State*> states_;          // by name
};

/// eps=0.001; a default where the node does not state it.
Argument stated(const LayerCandidate& layer, std::string_view attribute);
/// The lengths of a weight's shape, where all are numbers.
std::vector<std::int64_t> known_lengths(const TensorType& type);

}  // namespace isomer::python
