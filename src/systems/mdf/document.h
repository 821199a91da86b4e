#pragma once

// The MDF document as data, and its way from and to a plain tree, which is written in one of
// several forms (forms.h). Nothing is evaluated here.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/tree.h"
#include "systems/mdf/dialect.h"
#include "systems/mdf/problems.h"

namespace isomer::mdf {

// Each element keeps its `others`: keys without a meaning, which are written again.

/// In the document's order; ids are unique.
template <class T>
using OrderedMap = std::vector<std::pair<std::string, T>>;

template <class T>
const T* find(const OrderedMap<T>& map, std::string_view id) {
  for (const auto& [known, element] : map) {
    if (known == id) return &element;
  }
  return nullptr;
}

template <class T>
const T* find(const std::optional<OrderedMap<T>>& map, std::string_view id) {
  return map ? find(*map, id) : nullptr;
}

struct InputPort {
  std::vector<std::int64_t> shape;
  std::string type;    // free text; "float" in it makes the default 0.0
  Tree default_value;  // since 0.4.14; null when absent
  std::string reduce;  // since 0.4.14: overwrite, add, multiply
  Tree metadata;
  Tree::Map others;
};

struct OutputPort {
  std::string value;
  std::vector<std::int64_t> shape;
  std::string type;
  Tree metadata;
  Tree::Map others;
};

struct ParameterCondition {
  Tree test;
  Tree value;
  Tree::Map others;
};

/// Null trees stand for what is absent.
struct Parameter {
  Tree value;
  Tree default_initial_value;
  std::optional<std::string> time_derivative;
  std::string function;
  std::optional<OrderedMap<Tree>> args;
  OrderedMap<ParameterCondition> conditions;
  Tree metadata;
  Tree::Map others;
};

struct Function {
  std::string function;
  std::optional<OrderedMap<Tree>> args;
  std::optional<OrderedMap<Tree>> unused_args;  // beside a function given as a mapping with its own
  std::optional<std::string> value;
  Tree metadata;
  Tree::Map others;
};

struct Edge {
  std::string sender;
  std::string receiver;
  std::string sender_port;
  std::string receiver_port;
  std::optional<OrderedMap<Tree>> parameters;
  Tree metadata;
  Tree::Map others;
};

struct Node {
  OrderedMap<InputPort> input_ports;
  OrderedMap<Function> functions;
  OrderedMap<Parameter> parameters;
  OrderedMap<OutputPort> output_ports;
  Tree metadata;
  Tree::Map others;
};

struct DocumentGraph {
  OrderedMap<Node> nodes;
  OrderedMap<Edge> edges;
  std::optional<OrderedMap<Tree>> parameters;
  Tree conditions;  // as it stands: the scheduler's affair
  Tree metadata;
  Tree::Map others;
};

/// By what the edge multiplies what it brings; null: it brings it as it is.
const Tree* weight_of(const Edge& edge);

/// Whether values that come into the port are joined; else the last one counts.
inline bool joins(const InputPort& port) {
  return !port.reduce.empty() && port.reduce != "overwrite";
}

struct Document {
  std::string id;
  std::string format = "ModECI MDF v0.4";
  std::string generating_application;
  std::string onnx_opset_version;
  OrderedMap<DocumentGraph> graphs;
  Tree metadata;
  Tree::Map others;
  Tree::Map models;           // further ones in the file, which are not looked at
  std::vector<Note> unknown;  // of each key that is in `others` anywhere
};

/// Reads the structure, as far as it is one, and adds to `problems` what the format does not allow
/// and keys without a meaning. `dialect` says what is taken besides what releases take: a shape as
/// the text "(1,)".
Document read_document(const Tree& tree, const Dialect& dialect, Problems& problems);
/// The same for who does not go on with a broken one. `text` is what the tree was read from: it
/// turns offsets into lines. Throws Fault::file with each element and line.
Document read_document(const Tree& tree, std::string_view text, const Dialect& dialect = {});
/// The same; nothing where it has errors.
std::optional<Document> read_sound_document(const Tree& tree, const Dialect& dialect = {});
/// What paths begin in: the model itself, without its id.
const Tree& body_of(const Tree& tree);

/// The document as the format writes it: defaults left out, ids as keys, unknown keys last.
Tree to_tree(const Document& document);

/// A number or list as the text that the format makes of it where a text is
/// wanted: 5 -> "5", [1, 2] -> "[1, 2]".
std::string text_of(const Tree& tree);

}  // namespace isomer::mdf
