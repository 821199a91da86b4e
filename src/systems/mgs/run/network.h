#pragma once

// A network as a script builds it: types in use, grids with layers of nodes, variables, constants.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/run/node_type.h"

namespace isomer::mgs {

struct TypeInUse;

/// A grid or composite that was instantiated. Dimensions in the order of GSL, the first the
/// fastest; a composite has none.
struct Instance {
  std::string name;
  Instance* parent = nullptr;
  std::vector<std::int64_t> dimensions = {};
  std::vector<Layer*> layers = {};
  std::map<std::string, Instance*, std::less<>> members = {};
  bool is_grid = false;

  std::int64_t points() const;
};

/// Instances of one type at the points of a grid, `density` at each. A variable or a constant is
/// a layer of its own, without a grid.
struct Layer {
  std::string name;
  TypeInUse* type = nullptr;
  Instance* grid = nullptr;
  std::uint32_t density = 1;
  std::uint32_t count = 0;
  std::uint64_t offset = 0;  // instances of the type in layers before this one
  std::vector<std::pair<std::string, std::string>> tags = {};
  std::unique_ptr<Nodes> nodes = {};  // null while the script is only tried

  /// The point of a node: its linear index in the grid.
  std::uint32_t point(std::uint32_t node) const { return node / density; }
  /// As C++ sees it: the slowest first.
  std::vector<std::int64_t> coordinates(std::uint32_t node) const;
};

/// A method of a type in a phase of the simulation.
struct PhaseMethod {
  std::string model;       // its name in MDL
  std::string simulation;  // the phase
  const Method* method = nullptr;
  bool shared = false;
};

/// A type of MDL that the script has named.
struct TypeInUse {
  const mdl::Model* model = nullptr;
  const NativeType* native = nullptr;
  std::unique_ptr<Nodes> shared = {};
  std::vector<PhaseMethod> methods = {};  // in the order of the MDL file, shared ones last
  std::vector<Layer*> layers = {};
  std::uint64_t count = 0;  // of instances in grids
};

/// The attributes of a connection, typed as InAttrPSet says.
struct Attributes {
  using Value = std::variant<std::int64_t, double, std::string>;

  const mdl::Model* model = nullptr;
  std::vector<Value> values = {};

  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  std::string text(std::string_view name) const;
};

struct Node {
  Layer* layer = nullptr;
  std::uint32_t index = 0;

  void* data() const { return layer->nodes->at(index); }
  friend bool operator==(const Node&, const Node&) = default;
};

struct Network {
  std::vector<std::unique_ptr<TypeInUse>> types = {};  // in the order of the script
  std::vector<std::unique_ptr<Layer>> layers = {};
  std::vector<std::unique_ptr<Instance>> instances = {};
};

}  // namespace isomer::mgs
