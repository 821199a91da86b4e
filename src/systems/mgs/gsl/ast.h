#pragma once

// A GSL script as it stands in the text: plain data. Nothing is looked up: whether a name is a
// type, an instance or a value is for whoever executes the statement.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "systems/mgs/place.h"

namespace isomer::mgs::gsl {

/// A literal: an integer, of which MGS keeps 32 bits, or a number with a point or an exponent, of
/// which it keeps single precision. Here both are as written.
using Number = std::variant<std::int64_t, double>;

/// Adjacent literals are one.
struct Text {
  std::string text;
};

/// A name by itself: a value, an instance, a set of nodes.
struct Reference {
  Name name;
};

/// "3", "0:4", "0:2:8" of points, the bounds inclusive.
struct Index {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t step = 1;
  bool is_range = false;
  Place place = {};
};

/// "net/left/one", "./x" or ".": which grid, from where the statement stands.
struct GridPath {
  bool current = false;  // begins at the grid whose body this is
  std::vector<Name> names = {};
};

/// "a", or "a-c".
struct LayerRange {
  Name first;
  std::optional<Name> last = {};
};

enum class TagOperator { both, either };

struct TagTerm;
/// Terms and the operators between them; "&&" binds before "||".
using TagCondition = std::vector<TagTerm>;

/// 'name == "text"'
struct TagTest {
  Name name;
  bool equal = true;
  Text value;
};

/// "Member(a, b)"
struct TagMember {
  std::vector<Name> names;
};

struct TagTerm {
  TagOperator before = TagOperator::both;  // of the first it says nothing
  bool negated = false;
  Place place;
  std::variant<TagTest, TagMember, TagCondition> value;
};

/// ".Layer(...).NodeIndex(...)". Layers are named or chosen by their tags; neither: all of them.
struct Extension {
  std::vector<LayerRange> layers = {};
  TagCondition tags = {};
  std::vector<Index> node_indices = {};

  bool empty() const { return layers.empty() && tags.empty() && node_indices.empty(); }
};

/// "g[0:4,2].Layer(n)", or "set.Layer(n)" of a named set, whose points are not said.
struct NodeSet {
  GridPath grid;
  bool has_points = false;  // brackets stood there; empty ones are all points
  std::vector<Index> points = {};
  std::optional<Name> member = {};  // of "a.b"
  Extension extension = {};
};

/// "[0:1].Layer(n)": points of a grid that is not said.
struct RelativeNodeSet {
  std::vector<Index> points = {};
  Extension extension = {};
};

/// "::Iteration": what the simulation, or something named before, publishes.
struct Product {
  std::optional<Name> owner = {};
  Name name;
};

struct Argument;
struct Pair;

/// "<a=1, b="x">", and "+" joins several.
struct Pairs {
  std::vector<Pair> pairs;
};

/// "{1, a, "x"}"
struct List {
  std::vector<Argument> items;
};

/// "{1, 2.5}": a list of nothing but numbers, of which there may be millions. Never empty.
struct NumberList {
  std::vector<Number> numbers;
};

/// "name(arguments)"
struct Call {
  Name name;
  std::vector<Argument> arguments;
};

enum class SetKind { in, out, node_init, edge_init };

/// "Pset<Type, NodeInit>(<...>)", or in a list of types "Pset<Type, In>".
struct SetType {
  Name model;
  SetKind kind = SetKind::node_init;
};

struct ParameterSet {
  SetType type;
  Pairs pairs;
};

/// The name of a type in a list of parameters or a declaration: "int", "list<int>", "Pset<T, In>".
struct TypeName {
  std::string text;                      // "list"; without what stands in brackets
  std::vector<TypeName> of = {};         // of "list" and "Matrix"
  std::optional<SetType> set_type = {};  // of "Pset"
  Place place = {};
};

/// "list<float>({1.0})", "Matrix<int>({1})"
struct TypedList {
  TypeName type;
  std::vector<Argument> items;
};

/// Nothing between two commas.
struct Nothing {};

struct Argument {
  Place place = {};
  std::variant<Nothing, Number, Text, Reference, NodeSet, RelativeNodeSet, Product, Pairs, List,
               NumberList, Call, ParameterSet, TypedList>
      value = {};
};

struct Pair {
  Name name;
  Argument value;
};

enum class TriggerOperator { both, either, one };

struct TriggerTerm;
/// Terms and the operators between them, which all bind alike, from the left.
using TriggerExpression = std::vector<TriggerTerm>;

struct TriggerTerm {
  TriggerOperator before = TriggerOperator::both;  // of the first it says nothing
  Place place;
  std::variant<Name, Product, TriggerExpression> value;
};

// ---- Statements

struct Statement;

struct Parameter {
  TypeName type;  // "..." for any more
  std::optional<Name> name = {};
};

/// "Initialize(int a);" of a functor's type.
struct Signature {
  Name role;  // "Initialize", "Function", "Return"
  std::vector<Parameter> parameters;
};

/// "Layout UniformLayout(int d);", "Trigger T(...);", "GranuleMapper M(...);"
struct FunctorType {
  std::string category;  // "Functor", "SamplingFctr1", "Trigger", ...
  Name name;
  std::vector<Signature> signatures = {};  // one of "Initialize" where only parameters stood
};

struct ConnectionScript {
  Name name;
  std::vector<Parameter> parameters;
  std::vector<Statement> body;
};

enum class ModelTypeKind { node, edge, variable, constant, structure };

struct PhaseMap {
  Name model;
  Name simulation;
};

/// "NodeType N(<shared=1>) { update -> run };"
struct ModelType {
  ModelTypeKind kind = ModelTypeKind::node;
  Name name;
  std::optional<Argument> shared = {};
  std::vector<PhaseMap> phases = {};
};

struct Grid {
  Name name;
  std::vector<std::int64_t> dimensions;
  std::vector<Statement> body;
  std::optional<Name> instance = {};
};

struct Composite {
  Name name;
  std::vector<Statement> body;
  std::optional<Name> instance = {};
};

/// "Layer(n, Type, UniformLayout(1), <kind="P">);" in a grid.
struct Layer {
  Name name;
  std::vector<Argument> arguments;  // what comes after the name
};

/// "InitNodes(set, initializer);" in a grid.
struct InitNodes {
  std::vector<Argument> arguments;
};

enum class InstanceForm { plain, arguments, pairs };

/// "Type name;" of a grid or composite, "Type name(1);" of a functor or trigger,
/// "Type name<a=1>;" of a constant or variable.
struct Instance {
  Name type;
  Name name;
  InstanceForm form = InstanceForm::plain;
  std::vector<Argument> arguments = {};
  Pairs pairs = {};
};

/// "{0, 1} {1, 1} {3, 3}"
struct StrideValue {
  std::vector<std::int64_t> from, step, to;
};

/// "node set, "member"" of a Service.
struct ServiceValue {
  Name owner;
  Text member;
};

/// A named value: "int n = 3;", "NodeSet s(g[]);", "Trigger t(a && b);", "NDPairList l(<a=1>);"
struct Value {
  TypeName type;
  Name name;
  std::vector<std::int64_t> dimensions = {};  // of a Matrix
  std::variant<Argument, TriggerExpression, GridPath, std::vector<LayerRange>, std::vector<Index>,
               StrideValue, ServiceValue>
      value;
};

enum class PhaseListKind { initial, runtime, load, final };

struct SimulationPhase {
  Name name;
  std::optional<Name> machine = {};  // "GPU"
};

/// "RuntimePhases = { a, b };"
struct PhaseList {
  PhaseListKind kind = PhaseListKind::runtime;
  std::vector<SimulationPhase> phases;
};

/// "SeperationConstraint(a, b);", which MGS ignores.
struct SeparationConstraint {
  std::vector<Argument> arguments;
};

/// "connectNodeSets(...);": a functor executed.
struct Execute {
  bool returned = false;  // "Return" stood before, in a script of connections
  Name functor;
  std::vector<Argument> arguments;
};

/// "object.function(<a=1>) on trigger;"
struct Action {
  Name object;
  Name function;
  Pairs pairs = {};
  TriggerExpression trigger;
};

enum class HaltKind { stop, pause };

/// "Stop on trigger;"
struct Halt {
  HaltKind kind = HaltKind::stop;
  TriggerExpression trigger;
};

/// "system("command");"
struct SystemCommand {
  Text command;
};

struct Statement {
  Place place = {};
  std::variant<FunctorType, ConnectionScript, ModelType, Grid, Composite, Layer, InitNodes,
               Instance, Value, PhaseList, SeparationConstraint, Execute, Action, Halt,
               SystemCommand>
      what;
};

struct Script {
  std::vector<std::string> files;      // the first is the main file
  std::vector<Include> includes = {};  // of the main file
  std::vector<Statement> statements;
};

}  // namespace isomer::mgs::gsl
