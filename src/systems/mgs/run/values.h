#pragma once

// What names and arguments of a script stand for while it is executed.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/run/network.h"
#include "systems/mgs/run/simulation.h"

namespace isomer::mgs {

struct Value;
using List = std::vector<Value>;
using PairList = std::vector<std::pair<std::string, Value>>;

/// A set of nodes, in MGS's order, and the grid they are of.
struct NodeList {
  const Instance* grid = nullptr;
  std::vector<Node> nodes = {};
};

/// Parameters for nodes or connections of a type.
struct ParameterSet {
  TypeInUse* type = nullptr;
  gsl::SetKind kind = gsl::SetKind::node_init;
  std::shared_ptr<PairList> pairs = {};
  std::shared_ptr<Nodes> prototype = {};  // of nodes: one that has them
};

struct FunctorType {
  std::string category;
  std::string name;
};

/// A functor with the arguments that it was made with.
struct FunctorValue {
  std::string type;
  List arguments;
  Place place = {};
};

struct ScriptFunctor {
  const gsl::ConnectionScript* script = nullptr;
};

struct ScriptInstance {
  const gsl::ConnectionScript* script = nullptr;
};

/// "::Iteration", or a member of named nodes.
struct ServiceOf {
  bool iteration = false;
  bool of_nodes = false;
};

struct VariableRef {
  Layer* layer = nullptr;
};
struct ConstantRef {
  Layer* layer = nullptr;
};
struct PhaseRef {
  std::string name;
};
/// What is accepted and means nothing here: where nodes are placed, offsets of grids, ...
struct Accepted {
  std::string what;
};

struct Value {
  std::variant<
      std::monostate, std::int32_t, float, std::string,
      std::shared_ptr<const std::vector<std::int32_t>>, std::shared_ptr<const std::vector<float>>,
      std::shared_ptr<const List>, std::shared_ptr<const NodeList>, std::shared_ptr<const PairList>,
      std::shared_ptr<const ParameterSet>, FunctorType, std::shared_ptr<const FunctorValue>,
      ScriptFunctor, ScriptInstance, const gsl::Grid*, const gsl::Composite*, Instance*, TypeInUse*,
      VariableRef, ConstantRef, std::shared_ptr<const Trigger>, ServiceOf, PhaseRef, Accepted>
      value = {};

  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
  template <class T>
  const T* as_shared() const {
    const auto* found = std::get_if<std::shared_ptr<const T>>(&value);
    return found == nullptr ? nullptr : found->get();
  }
};

/// What a value is, for messages: "an integer", "a list of numbers", ...
std::string_view kind_of(const Value& value);
/// As MGS prints it.
std::string printed(const Value& value);
/// A number as a real; throws nothing, gives nothing where it is none.
const double* real_of(const Value& value, double& into);

}  // namespace isomer::mgs
