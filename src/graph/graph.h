#pragma once

// What a model is. Plain data: copy it, compare it, print it, hand it on. This room knows no
// operator's meaning, no file and no framework.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/attribute.h"
#include "graph/tensor.h"
#include "graph/types.h"

namespace isomer {

/// Index of a value inside its own graph. Not an int, so the two cannot be mixed up.
enum class ValueId : std::uint32_t { none = ~0U };

struct Value {
  std::string name;  // what the author called it; may be empty, need not be unique
  TensorType type;
};

/// A line of the author's program, its file relative to it. Line 0: not known.
struct Place {
  std::string file;
  int line = 0;
  bool operator==(const Place&) const = default;
};

/// The path of a module inside another: "encoder" and "0.mlp" make "encoder.0.mlp".
std::string joined_path(const std::string& outer, const std::string& inner);

struct Graph;

/// A graph inside a node: a branch, or what is repeated. It reads nothing from outside: what it
/// needs are the node's inputs. The named lengths are the outer graph's, and its signature says
/// their ranges again. It has no states, and no constants with names. Equal ones are shared.
using Body = std::shared_ptr<const Graph>;

struct Node {
  std::string op;               // a name from the catalog
  std::vector<ValueId> inputs;  // ValueId::none where an optional input is absent
  std::vector<ValueId> outputs;
  Attributes
      attributes;  // in the order of the op's signature; those equal to the default are left out
  std::vector<Body> bodies;  // in the order of the op's signature
  std::string scope;         // "encoder.0.mlp": the module it lived in
  Place place;               // may be empty
};

/// A weight, a buffer or a literal. `names` are its exact names in the source's state_dict: several
/// when tied, none when it is a literal. Unlike value names they are part of the model and never
/// changed.
struct Constant {
  ValueId value = ValueId::none;
  Tensor data;
  bool trainable = false;
  std::vector<std::string> names;
  /// Of a floating literal: the number its author wrote, where the type could not hold all of it.
  /// Engines compute with `data`; who writes the model down, or widens it, takes this.
  std::optional<double> written;
};

/// A value remembered between runs: `now` is read, `next` is kept for the following run.
struct State {
  ValueId now = ValueId::none;
  ValueId next = ValueId::none;
  Tensor initial;
  std::vector<std::string>
      names;  // as of a Constant: a state may be a buffer that training changes
};

/// How a caller nests the values it passes or gets. Leaves stand in the order of the graph's inputs
/// or outputs.
struct Structure {
  enum class Kind { leaf, none, tuple, list, dict };
  Kind kind = Kind::leaf;
  std::vector<std::string> keys;  // of a dict, one per child; of the arguments, the parameters'
                                  // names; of a class, fields
  std::vector<Structure> children;
  /// What a caller finds besides: the class of a container ("net.Output"), or of a leaf that is no
  /// tensor ("int"). Empty: one of Python's own containers, a tensor.
  std::string type = {};
  bool written = false;  // of an argument's leaf: the model changes that tensor for its caller, too
  bool operator==(const Structure&) const = default;
};

/// How callers see the model.
struct Signature {
  Structure arguments{
      Structure::Kind::tuple, {}, {}};  // positional ones, with their names in `keys`
  Structure keywords{Structure::Kind::dict, {}, {}};
  Structure results;
  std::vector<LengthRange> lengths;
  bool operator==(const Signature&) const = default;
};

/// A model. Nodes stand in an order in which they can run.
/// Invariants (ops/validate.h): every value is made once, before it is used; every value has a
/// type; every op and attribute is in the catalog.
struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<ValueId> inputs;
  std::vector<Constant> constants;
  std::vector<State> states;
  std::vector<Node> nodes;
  std::vector<ValueId> outputs;
  Signature signature;
  /// What the author called the classes of modules, by path, where known: "layers.0" is a "Block".
  std::map<std::string, std::string> classes;

  const Value& operator[](ValueId id) const { return values.at(static_cast<std::size_t>(id)); }
  Value& operator[](ValueId id) { return values.at(static_cast<std::size_t>(id)); }
};

/// What became of values, given what became of each: none stays none.
std::vector<ValueId> mapped(std::span<const ValueId> ids, std::span<const ValueId> now);

/// The inputs as a flat list of positional arguments, by their names.
Structure flat_arguments(const Graph& graph);

/// A constant of rank 0 without names, which is not trained: a number in the author's program.
bool is_literal(const Constant& constant);

/// The number of a floating literal as its author wrote it.
double number_of(const Constant& literal);

/// The named length that is the value of the input at this place, or null.
const LengthRange* length_told_by(const Graph& graph, std::size_t input);

/// Binds the named lengths to the inputs that tell them and to the shapes given. Throws
/// Fault::model, naming the input, where the number, a dtype, a rank, a known length or two uses of
/// one name disagree, or a length is out of its range.
Lengths bind_lengths(const Graph& graph, std::span<const Tensor> inputs);

/// How much of the data of constants and states `to_text` prints.
enum class Data { none, all };

/// The text form: for people, tests and dumps. ops/text.h reads it back when it has all data.
std::string to_text(const Graph& graph, Data data = Data::none);

}  // namespace isomer
