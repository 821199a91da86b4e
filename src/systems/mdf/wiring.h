#pragma once

// How the nodes of a document are connected: which edge leads where, and in which order nodes run.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/types.h"
#include "systems/mdf/document.h"

namespace isomer::mdf {

/// Where a graph takes something in or gives something out.
struct InterfacePort {
  std::string id;    // of the input port, or of the output node
  std::string name;  // what the author calls it
  TensorType type;
  std::string node = {};  // of an output port that is not called as its node is
};

/// Nodes stand for their places in the document.
struct Wiring {
  struct Link {
    std::size_t sender;
    std::size_t receiver;
    const std::string* id;
    const Edge* edge;
  };

  /// Of a graph that outlives it. Adds to `problems` edges to nowhere and cycles; `first_ready` as
  /// of `running_order`. Where `cut`, a node does not wait for what goes into a port that has a
  /// default value; then an edge from a node that no root leads to is a problem, too.
  Wiring(const DocumentGraph& graph, bool first_ready, Problems& problems, bool cut = false);

  std::unordered_map<std::string_view, std::size_t> places;  // by id
  std::vector<Link> links;                                   // edges between nodes that are there
  std::vector<std::vector<std::size_t>> senders;             // of each node, which waits for them
  std::vector<std::size_t> order;
};

/// Each place behind its senders. Where `first_ready`, the first of those whose senders are through
/// comes next; else they go in layers, one behind the last of the senders'. What is in a cycle, or
/// behind one, is left out.
std::vector<std::size_t> running_order(const std::vector<std::vector<std::size_t>>& senders,
                                       bool first_ready);

/// The ports that nothing sends to, each name once.
std::vector<InterfacePort> open_ports(const DocumentGraph& graph);
/// All output ports of nodes that send to none.
std::vector<InterfacePort> end_ports(const DocumentGraph& graph);

/// What an element type is called in a document: "float32", "int64", "bool".
std::string_view type_word(DType dtype);
std::optional<DType> dtype_of_word(std::string_view word);

/// Whether its time derivative says what it is.
bool is_driven_by_time(const Parameter& parameter);
/// Whether that is so of any parameter.
bool has_time(const DocumentGraph& graph);
/// How the input is called by which time advances, where a document is a graph: "dt".
std::string name_of_increment(const DocumentGraph& graph);
/// The state that says whether the document has been evaluated before.
constexpr std::string_view name_of_begun = "begun";

}  // namespace isomer::mdf
