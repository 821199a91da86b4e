#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "source/python/construction.h"

namespace isomer::python {

struct LayerRule;

/// A layer of the dialect's that stands at one module path.
struct Layer {
  std::string path;
  Construction made;             // nn.Linear(4, 3)
  std::vector<ValueId> tensors;  // its parameters and buffers
};

/// One step of the program: a node, or the call of a layer, which may do the work of several nodes.
struct Operation {
  const Node* node = nullptr;
  const Layer* layer = nullptr;
  std::string scope;  // of whoever calls
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
};

/// A graph as calls of layers where its parameters' names and its nodes' module paths allow it.
struct Layered {
  std::map<std::string, Layer> layers;  // by path
  std::vector<Operation> operations;    // in running order
  std::set<ValueId> kept;               // states (by `now`) that layers update themselves
  bool training = false;                // whether something behaves so only in training mode
};

Layered recover_layers(const Graph& graph, std::span<const LayerRule> rules);

/// "a.b.c" -> "a.b"; "a" -> "".
std::string parent_path(const std::string& path);
/// "a.b.c" -> "c".
std::string last_part(const std::string& path);
/// Whether `path` is `module` or a module in it.
bool is_within(const std::string& path, const std::string& module);
/// The nearest module around both.
std::string common_part(const std::string& a, const std::string& b);

}  // namespace isomer::python
