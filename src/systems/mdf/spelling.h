#pragma once

// How our operators are lowered to a document: to which function with which arguments, or to which
// expression. The reader uses the same table: a node must be what its operator is lowered to.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/schema.h"
#include "systems/mdf/document.h"

namespace isomer::mdf {

/// An input of an operator: the id of a port or a parameter of the node.
struct Operand {
  std::string id;
  TensorType type;
  bool literal = false;  // a number in the document, not an array
};

/// Length names to texts that compute them: s0 -> "numpy.size(input1,0)". Empty: it cannot be told.
using LengthText = std::function<std::string(const std::string& symbol)>;

/// An operator of ours that is to be lowered.
struct Operation {
  std::string_view name;
  const Attributes& attributes;  // complete
  std::vector<std::optional<Operand>> inputs;
  std::vector<TensorType> outputs;
  LengthText length_text;

  bool has(std::size_t i) const { return i < inputs.size() && inputs[i].has_value(); }
  const std::string& id(std::size_t i) const { return inputs[i]->id; }
  const TensorType& type(std::size_t i) const { return inputs[i]->type; }
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(type(i).shape.size()); }

  template <class T>
  const T& get(std::string_view setting) const {
    return isomer::get<T>(attributes, setting);
  }
  std::int64_t integer(std::string_view setting) const { return get<std::int64_t>(setting); }
  double real(std::string_view setting) const { return get<double>(setting); }
  const std::vector<std::int64_t>& integers(std::string_view setting) const {
    return get<std::vector<std::int64_t>>(setting);
  }

  /// A length as an expression. Throws Fault::unsupported where it depends on a name nobody can
  /// tell.
  std::string text(const Dim& length) const;
  /// "(2,numpy.size(x,0),)"
  std::string tuple(std::span<const Dim> lengths) const;
  /// Lengths as a parameter's value: a list of numbers, or an expression for one.
  Tree lengths(std::span<const Dim> lengths) const;
};

/// What becomes of it: the body of a node, without its ports.
struct Lowering {
  OrderedMap<Parameter> parameters;
  std::vector<std::string> outputs;  // the expression of each
};
using Lowered = std::optional<Lowering>;

/// One row of the table. It has a `pattern` for `filled`, or a function. Operators without a row
/// are lowered as ONNX's rows write them.
struct Spelling {
  std::string_view op;
  std::string_view pattern = {};
  /// Nothing where these settings cannot be written; the operator is then expanded.
  Lowered (*lower)(const Operation&) = nullptr;
};

std::span<const Spelling> elementwise_spellings();
std::span<const Spelling> shape_spellings();
std::span<const Spelling> reduction_spellings();
std::span<const Spelling> layer_spellings();

/// What the operator becomes in a document, or nothing where it must be expanded.
Lowered spell(const Operation& op);

/// Words that no port may be called: formal names of functions, Python's keywords and builtins, our
/// own parameters'.
const std::vector<std::string_view>& reserved_words();

// For the tables

/// A setting or argument of a node: a parameter with a value.
Parameter parameter_of(Tree value);
Tree tree_of(std::span<const std::int64_t> integers);
/// One parameter called "result" with an expression, which is the output.
Lowering expression(std::string text);
/// The same of a pattern: "numpy.sum({0}{axes},keepdims={keepdim})" has operands by their place, or
/// as a tuple of `all`, attributes by their names, and axes where the attribute "dim" has some.
Lowering filled(std::string_view pattern, const Operation& op);
/// The call that ONNX's rows write, with our operands, as the last parameter; it is the output.
/// Nothing where they cannot.
Lowered in_onnx(const Operation& op);
/// A call of an ONNX operator with arguments given as texts.
Lowering call_with(std::string_view function, const OrderedMap<Tree>& args,
                   OrderedMap<Tree> settings = {});
/// An operand as an argument of an ONNX operator: without axes it must be made an array.
std::string argument(const Operand& operand, bool result_has_axes);
/// "(1,2)", "(1,)"
std::string tuple_text(std::span<const std::int64_t> integers);
/// A number as Python writes it: 2, 0.5, numpy.inf.
std::string number_text(double value);
bool has_zero(const Shape& shape);

}  // namespace isomer::mdf
