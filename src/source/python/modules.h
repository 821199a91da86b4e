#pragma once

// Which modules a model is made of, and what each one takes, gives and owns: all that its classes
// say, but no text.

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/uses.h"
#include "source/python/bodies.h"
#include "source/python/layers.h"

namespace isomer::python {

struct Dialect;

enum class ModuleKind { layer, sequential, list, dict, parameters, own };

/// A parameter or buffer that a module registers itself.
struct OwnTensor {
  std::string name;
  ValueId value = ValueId::none;
  bool trainable = false;
  bool persistent = true;
};

struct Module {
  std::string path;
  std::string name;  // last part of the path
  std::size_t parent = 0;
  std::vector<std::size_t> children;  // in the order in which they are made
  ModuleKind kind = ModuleKind::own;
  const Layer* layer = nullptr;
  std::vector<OwnTensor> tensors;
  bool tied = false;  // it has another's tensor under a name of its own

  // The operations in it: all of [begin, end) where it is called, once.
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t count = 0;
  bool is_whole() const { return count > 0 && end - begin == count; }
  bool has_own_operations = false;  // besides calls of its children
  bool called = false;              // by a forward; otherwise its operations stand in its parent's

  std::vector<ValueId> arguments;     // values from outside
  std::vector<ValueId> results;       // values used outside
  std::vector<std::string> lengths;   // named lengths that cannot be read from the arguments
  std::vector<const State*> updates;  // states that its forward updates at its end
};

/// A step of a forward: the call of a module, which has a class of its own or is a layer, or a
/// node. It speaks of what `Modules` holds.
struct Item {
  std::size_t operation;  // the first of a module's
  std::optional<std::size_t> callee;
  const std::vector<ValueId>& inputs;
  const std::vector<ValueId>& outputs;
  const std::vector<std::string>& lengths;  // that the call hands on
};

/// A constant that a module knows under several names: `other` is made the same tensor as `first`.
struct Tie {
  std::string first;
  std::string other;
  bool trainable = false;
};

class Modules {
 public:
  Modules(const Dialect& dialect, const Graph& graph, const Layered& layered, const Bodies& bodies);

  const Dialect& dialect;
  const Graph& graph;
  const Bodies& bodies;
  const std::vector<Operation>& operations;
  std::vector<Module> all;  // [0] is the model
  std::vector<Tie> ties;
  bool hidden = false;  // some tensor has no name in the state_dict and is too long for the text

  /// The steps of the forward of a called module.
  std::vector<Item> items(std::size_t module) const;
  /// The module at `path`, or the nearest one above it: the model itself stands above all.
  std::size_t at(const std::string& path) const;
  /// The nearest module with a class of its own, from `path` upwards.
  std::size_t class_around(const std::string& path) const;
  /// The name under which the tensor is known in a module, relative to the model.
  std::optional<std::string> name_within(ValueId id, const std::string& path) const;
  /// Whether an operation makes the value, so that it is no input, constant or state.
  bool is_made(ValueId id) const;
  /// Whether it may have the memory of what others change: an input, a constant or a state.
  bool is_borrowed(ValueId id) const;
  /// The constant, where it is written at its use: a number, or a few round ones. Else null.
  const Constant* inlined(ValueId id) const;
  /// The constant that a value is, or null.
  const Constant* constant(ValueId id) const;

 private:
  void add_modules(const Layered& layered);
  std::size_t add(const std::string& path, std::optional<std::size_t> after);
  void own_tensors();
  void count_operations();
  void choose_kinds(std::size_t module);
  ModuleKind kind_of(std::size_t module) const;
  bool is_sequence(std::size_t module) const;
  bool prune(std::size_t module);
  void own_hidden_constants();
  void place_updates(const std::set<ValueId>& kept);
  void find_ports();
  void find_ports_of(Module& module);
  bool is_numbered(const Module& module) const;
  std::string common_path(ValueId id) const;

  std::map<std::string, std::size_t> by_path_;
  std::vector<std::size_t> caller_;  // the module of each operation's scope
  Uses uses_;                        // among the operations
  std::set<ValueId> outputs_;
  std::map<ValueId, std::vector<std::string>> names_;  // of constants and states
  std::multimap<ValueId, std::size_t> updated_in_;     // what a state becomes -> who updates it
};

/// Where a named length can be read: a value, its axis, and how its length follows from the named
/// one.
struct LengthSource {
  ValueId value = ValueId::none;
  std::size_t axis = 0;
  std::int64_t factor = 1;  // the axis is factor * length + offset
  std::int64_t offset = 0;
};
std::optional<LengthSource> length_source(const Graph& graph, const std::vector<ValueId>& values,
                                          const std::string& length);

/// The named lengths that a node's attributes speak of.
std::set<std::string> lengths_in(const Node& node);

}  // namespace isomer::python
