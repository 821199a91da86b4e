#pragma once

// Runs a document by MDF's own rules: ports, parameters and functions of a node in the format's
// order, nodes when what sends to them has run. Knows nothing of our graph.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "systems/mdf/document.h"
#include "systems/mdf/evaluate.h"
#include "systems/system.h"

namespace isomer::mdf {

class NodeExecutor;

/// One graph of a document, made ready once: expressions are parsed, constants are arrays.
/// Remembers stateful parameters between calls; belongs to one thread.
class DocumentExecutor {
 public:
  /// Throws Fault::model with all that is wrong at once: unknown names, edges to nowhere, cycles;
  /// Fault::unsupported for what is not carried out (remarks.h).
  explicit DocumentExecutor(const DocumentGraph& graph, const RunOptions& options = {});
  ~DocumentExecutor();

  /// Gives the value to every input port of that name; edges overwrite it.
  void set_input(std::string_view port, const Value& value);
  /// Runs every node once; without a time increment, what has a derivative starts anew. Throws
  /// Fault::model, naming node and element, where the format's rules give no value.
  void evaluate(const Value& time_increment = {});

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

  void connect(const DocumentGraph& graph, std::vector<std::string>& problems);

  std::vector<std::unique_ptr<NodeExecutor>> nodes_;          // in the document's order
  std::unordered_map<std::string_view, std::size_t> places_;  // of nodes, by their ids
  std::unordered_multimap<std::string_view, std::optional<Value>*> ports_;  // of all nodes
  std::vector<std::size_t> order_;
  std::vector<std::vector<Link>> incoming_;  // per node
  std::shared_ptr<struct SharedOperators> operators_;
};

}  // namespace isomer::mdf
