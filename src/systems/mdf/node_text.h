#pragma once

// What the writer puts into a document's metadata and the reader and the
// executor take from it again.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "ops/schema.h"
#include "systems/mdf/document.h"
#include "systems/mdf/spelling.h"
#include "systems/mdf/wiring.h"
#include "systems/system.h"

namespace isomer::mdf {

/// A weight or buffer of the source and where the document has it.
struct StoredWeight {
  enum class Where { parameter, port, unused };
  Where where = Where::parameter;
  std::string id;    // of the parameter, of the input port, or of the graph's own
                     // parameter
  std::string node;  // of a parameter
  TensorType type;
  bool trainable = false;
  std::vector<std::string> names;
};

/// What the graph's metadata tells under the key "isomer".
struct Origin {
  std::string name;
  std::vector<InterfacePort> inputs;
  std::vector<InterfacePort> outputs;
  std::vector<StoredWeight> weights;
  std::string tensors;  // the file beside the document with the values of ports;
                        // empty: all are in the document
  Signature signature;
  std::map<std::string, std::string> classes;  // of modules, as of a Graph
};

/// What a node's metadata tells.
struct NodeOrigin {
  std::string op;
  Attributes attributes;            // complete
  std::vector<std::string> inputs;  // ids of ports and parameters; empty where absent
  std::vector<TensorType> outputs;
  std::vector<std::string> names;    // of the outputs, in the source
  OrderedMap<TensorType> constants;  // parameters that are operands, with their types
  std::string scope;
  Place place;
};

Tree to_tree(const Origin& origin);
/// Nothing where the metadata has no such entry. Throws Fault::file where it is malformed.
std::optional<Origin> origin_of(const Tree& metadata);

Tree to_tree(const NodeOrigin& origin);
/// Nothing where the metadata names no operator of ours, or where what it tells of it is malformed:
/// then only the node itself counts, and `malformed` says what is wrong.
std::optional<NodeOrigin> node_origin_of(const Tree& metadata, std::string* malformed = nullptr);
/// Module path and place alone, which need no operator.
void place_of(const Tree& metadata, std::string& scope, Place& place);

/// The elements as nested lists; floats as the shortest decimal that gives the same bits.
Tree nested_lists(const Tensor& tensor);

/// How a node can compute a length: from one of its own operands, else from an
/// input of the graph, whose port it then needs, or whose value it is.
std::string length_in(const std::string& symbol,
                      const std::vector<std::optional<Operand>>& operands,
                      const std::vector<InterfacePort>& inputs,
                      std::span<const LengthRange> lengths);

/// The ports that an operator's operands go to: `in0`, `in1`, ... for one that takes any number.
bool has_numbered_ports(std::string_view op);

}  // namespace isomer::mdf
