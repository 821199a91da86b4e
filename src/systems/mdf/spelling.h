#pragma once

// How our operators are written in a document: which function with which
// arguments, or which expression. The reader uses the same table: what a node
// says must be what its operator is spelled as.

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

/// Length names to texts that compute them: s0 -> "numpy.size(input1,0)".
/// Empty: it cannot be told.
using LengthText = std::function<std::string(const std::string& symbol)>;

/// What is to be spelled.
struct Phrase {
  std::string_view op;
  const Attributes& attributes;  // complete
  std::vector<std::optional<Operand>> inputs;
  std::vector<TensorType> outputs;
  LengthText length_text;

  bool has(std::size_t i) const { return i < inputs.size() && inputs[i].has_value(); }
  const std::string& id(std::size_t i) const { return inputs[i]->id; }
  const TensorType& type(std::size_t i) const { return inputs[i]->type; }
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(type(i).shape.size()); }
  /// A length as an expression. Throws Fault::unsupported where it depends on a
  /// name nobody can tell.
  std::string text(const Dim& length) const;
  /// "(2,numpy.size(x,0),)"
  std::string tuple(std::span<const Dim> lengths) const;
  /// Lengths as a parameter's value: a list of numbers, or an expression for
  /// one.
  Tree lengths(std::span<const Dim> lengths) const;
};

/// The body of a node, without its ports.
struct Wording {
  Elements<Parameter> parameters;
  std::vector<std::string> outputs;  // the expression of each
};

/// One row of the table. It has an `expression` or a `word` of its own.
/// Operators without a row are said as ONNX's rows write them.
struct Spelling {
  std::string_view op;
  std::string_view expression = {};  // "{0}/(1+numpy.exp(-{0}))": operands by their place
  /// Nothing where these settings cannot be said; the operator is then
  /// expanded.
  std::optional<Wording> (*word)(const Phrase&) = nullptr;
};

std::span<const Spelling> elementwise_spellings();
std::span<const Spelling> shape_spellings();
std::span<const Spelling> reduction_spellings();
std::span<const Spelling> layer_spellings();

/// The wording, or nothing where the operator must be expanded.
std::optional<Wording> spell(const Phrase& phrase);

/// Words that no port may be called: formal names of functions, Python's
/// keywords and builtins, our own parameters'.
const std::vector<std::string_view>& reserved_words();

// For the tables
// ---------------------------------------------------------------------------------

/// A setting or argument of a node: a parameter with a value.
Parameter parameter_of(Tree value);
Tree tree_of(std::span<const std::int64_t> integers);
/// One parameter called "result" with an expression, which is the output.
Wording expression(std::string text);
/// The call that ONNX's rows write, with our operands, as the last parameter;
/// it is the output. Nothing where they cannot.
std::optional<Wording> in_onnx(const Phrase& phrase);
/// A call of an ONNX operator with arguments given as texts.
Wording call_with(std::string_view function, const Elements<Tree>& args,
                  Elements<Tree> settings = {});
/// An operand as an argument of an ONNX operator: without axes it must be made
/// an array.
std::string argument(const Operand& operand, bool result_has_axes);
/// "(1,2)", "(1,)"
std::string tuple_text(std::span<const std::int64_t> integers);
/// A number as Python writes it: 2, 0.5, numpy.inf.
std::string number_text(double value);

}  // namespace isomer::mdf
