#pragma once

// Runs a document by MDF's own rules: ports, parameters and functions of a node in the format's
// order, nodes when what sends to them has run. Knows nothing of our graph.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "systems/mdf/document.h"
#include "systems/mdf/evaluate.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/schedule.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer::mdf {

/// One graph of a document, made ready once: expressions are parsed, constants are arrays.
/// Remembers stateful parameters between calls; belongs to one thread.
class DocumentExecutor {
 public:
  /// Throws Fault::model with all that is wrong at once: unknown names, edges to nowhere, cycles,
  /// conditions without meaning; Fault::usage for a dialect that is not known. Where `collected`,
  /// what is wrong is added to it instead; with errors there, it cannot be run.
  explicit DocumentExecutor(const DocumentGraph& graph, const RunOptions& options = {},
                            Problems* collected = nullptr);
  ~DocumentExecutor();

  /// Gives the value to every input port of that name; edges overwrite it.
  void set_input(std::string_view port, const Value& value);
  /// Runs the nodes as their conditions say, else each once; without a time increment, what has a
  /// derivative starts anew. Throws Fault::model, naming node and element, where the format's rules
  /// give no value, or no end.
  void evaluate(const Value& time_increment = {});
  /// As if nothing had been evaluated or given.
  void reset();
  /// How far it has come, beside its states: what a schedule counts on, what edges bring later, and
  /// which states are numbers of Python's. `resume` goes on from there; what it does not find
  /// stays.
  NamedTensors progress() const;
  void resume(const NamedTensors& progress);
  /// Is told after each set of nodes, which stand for their places in the document; empty where a
  /// pass went by without one.
  void observe(std::function<void(std::span<const std::size_t>)> observer) {
    observer_ = std::move(observer);
  }

  /// Null when there is no such thing, or it has no value yet.
  const Value* output(std::string_view node, std::string_view port) const;
  const Value* parameter(std::string_view node, std::string_view parameter) const;
  /// Null where there is none of that id.
  NodeExecutor* node(std::string_view id) const;
  /// In the document's order.
  const std::vector<std::unique_ptr<NodeExecutor>>& nodes() const { return nodes_; }
  /// Places of nodes in the order they run.
  const std::vector<std::size_t>& order() const { return order_; }

 private:
  struct Link;

  void connect(const DocumentGraph& graph, Problems& problems);
  void run_node(std::size_t place, const Value& time_increment);
  /// What a node lacks whose evaluation failed: ports, their senders and what these wait for.
  std::string missing_at(std::size_t place) const;
  void bring(const Link& link, const NodeExecutor& receiver);

  std::vector<std::unique_ptr<NodeExecutor>> nodes_;          // in the document's order
  std::unordered_map<std::string_view, std::size_t> places_;  // of nodes, by their ids
  std::unordered_multimap<std::string_view, std::pair<NodeExecutor*, NodeExecutor::Input*>>
      ports_;  // of all nodes, by their ids
  std::vector<std::size_t> order_;
  std::vector<std::vector<Link>> incoming_;  // per node
  bool carries_ = false;                     // what a node gave may be used in the next evaluation
  std::shared_ptr<SharedOperators> operators_;
  std::unique_ptr<Schedule> schedule_;
  std::function<void(std::span<const std::size_t>)> observer_;
};

}  // namespace isomer::mdf
