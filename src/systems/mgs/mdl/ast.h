#pragma once

// Declarations in MDL as they stand in the text: plain data, in the order of the file within each
// list.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "systems/mgs/place.h"

namespace isomer::mgs::mdl {

/// What a type is made of.
enum class Core {
  string,
  boolean,
  character,
  short_integer,
  integer,
  long_integer,
  real32,
  real64,
  long_real,
  unsigned_integer,
  simulator,  // "Node", "Grid", "ParameterSet", ...: what only the simulator itself handles
  structure,
};

enum class Suffix { pointer, array };

/// "double* []": a core and what is said of it, from the inside out.
struct Type {
  Core core = Core::integer;
  std::string name = {};  // as it is written: "double", "WeightedTap"
  std::vector<Suffix> suffixes = {};
  Place place = {};

  bool is(std::vector<Suffix> asked) const { return suffixes == asked; }
  bool is_pointer() const { return !suffixes.empty() && suffixes.back() == Suffix::pointer; }
  bool is_array() const { return !suffixes.empty() && suffixes.back() == Suffix::array; }
};

/// Sizes of an array's container; it is another type then.
struct Blocks {
  std::int64_t size = 0;
  std::optional<std::int64_t> growth = {};

  friend bool operator==(const Blocks&, const Blocks&) = default;
};

struct Member {
  Type type;
  Name name;
  bool derived = false;
  bool optional = false;
  std::optional<Blocks> blocks = {};
  std::string comment = {};
};

enum class PhaseKind { initial, runtime, final, load };

/// A method that runs in a phase of the simulation; declared one by one where several stood in one
/// statement.
struct Phase {
  PhaseKind kind = PhaseKind::runtime;
  bool grid_layers = false;
  Name name;
  bool listed = false;             // parentheses stood there
  std::vector<Name> changes = {};  // members
};

enum class FunctionKind { user, predicate, triggered };
enum class Scheduling { unsaid, serial, parallel };

struct Function {
  FunctionKind kind = FunctionKind::user;
  Scheduling scheduling = Scheduling::unsaid;
  Name name;
};

/// "own.field.field", perhaps of the shared part.
struct Path {
  bool shared = false;
  std::vector<Name> parts;
};

/// "Interface.member << &own;"
struct Export {
  Name interface;
  Name member;
  bool address = false;
  Path source;
};

/// "Interface.member >> own;", or "PSet.attribute >> own;".
struct Import {
  std::optional<Name> interface = {};  // nothing: an attribute of the connection
  Name member;
  Path target;
};

/// "f();", of a user function.
struct Call {
  Name function;
};

enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal, both, either };

struct PredicateTerm;

/// Terms and the operators between them, which all bind alike, from the left.
using Predicate = std::vector<PredicateTerm>;

/// "PSet.name"
struct Attribute {
  Name name;
};

/// A member by its name, "x" or "Shared.x".
struct OwnMember {
  bool shared = false;
  Name name;
};

/// What stands between two operators of a predicate.
struct PredicateTerm {
  /// Between the term before and this one; of the first it says nothing.
  Comparison before = Comparison::equal;
  Place place;
  std::variant<Attribute, OwnMember, Call, std::string, std::int64_t, double, bool, Predicate>
      value;
};

enum class Side { pre, post };
enum class Peer { node, edge, constant, variable };

using ConnectionItem = std::variant<Import, Call>;

struct Connection {
  Side side = Side::pre;
  Peer peer = Peer::node;
  Predicate predicate = {};  // empty: it always holds
  std::vector<Name> expects;
  std::vector<ConnectionItem> items = {};
  Place place = {};
};

/// One copy for all instances of a type.
struct Shared {
  std::vector<Member> members = {};
  std::vector<Phase> phases = {};
  std::vector<Function> functions = {};
};

enum class ModelKind { node, variable, edge, constant };

/// A type whose instances a script makes.
struct Model {
  ModelKind kind = ModelKind::node;
  Name name;
  std::vector<Name> implements = {};
  std::vector<Member> members = {};
  std::vector<Phase> phases = {};
  std::vector<Export> exports = {};
  std::vector<Connection> connections = {};
  std::vector<Function> functions = {};
  std::vector<Member> in_attributes = {};
  std::vector<Member> out_attributes = {};
  Shared shared = {};
};

struct Structure {
  bool framework = false;
  Name name;
  std::vector<Member> members;
};

struct Interface {
  Name name;
  std::vector<Member> members;
};

struct Argument {
  Type type;
  Name name;
};

struct Arguments {
  std::vector<Argument> list = {};
  bool more = false;  // "..."
};

struct Functor {
  bool framework = false;
  Name name;
  std::string category = {};
  std::optional<Arguments> initialize = {};
  std::optional<Arguments> execute = {};
  std::optional<Type> gives = {};  // nothing: void
};

using Declaration = std::variant<Structure, Interface, Model, Functor>;

struct Document {
  std::vector<std::string> files;      // the first is the main file
  std::vector<Include> includes = {};  // of the main file
  std::vector<Declaration> declarations;
};

/// Nothing where there is none.
const Model* find_model(const Document& document, std::string_view name);
const Interface* find_interface(const Document& document, std::string_view name);
const Structure* find_structure(const Document& document, std::string_view name);
const Functor* find_functor(const Document& document, std::string_view name);
const Member* find_member(const std::vector<Member>& members, std::string_view name);

}  // namespace isomer::mgs::mdl
