#pragma once

// How one operator stands in a forward. A dialect has a table of spellings; what a row's text
// cannot say, a function does.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/schema.h"
#include "source/python/python_text.h"

namespace isomer::python {

struct Dialect;

/// An operator to be written, and what may be asked while doing so.
struct PythonCall {
  const Dialect& dialect;
  const Graph& graph;
  const Node& node;
  const Prototype& prototype;
  const Attributes& attributes;  // complete
  /// The expression of an input. A literal is a plain number, or where `tensor` a tensor.
  std::function<Expression(ValueId id, bool tensor)> operand;
  /// The expression of a length.
  std::function<Expression(const Dim& dim)> length;
  /// Whether a value is a number in the author's program.
  std::function<bool(ValueId id)> is_literal;
  /// The function that a body is.
  std::function<std::string(const Body& body)> body;
  /// Whether anybody reads the output of that index.
  std::function<bool(std::size_t output)> used;

  bool has(std::size_t input) const {
    return input < node.inputs.size() && node.inputs[input] != ValueId::none;
  }
  const TensorType& type(std::size_t input) const { return graph[node.inputs[input]].type; }
  const TensorType& result(std::size_t output = 0) const {
    return graph[node.outputs[output]].type;
  }
};

/// One assignment: the outputs that it gives (none: a name that nobody reads) and their expression.
struct PythonAssignment {
  std::vector<ValueId> targets;
  Expression value;
};
using PythonAssignments = std::vector<PythonAssignment>;

/// How an operator is written: as a text, or by a function for what a text cannot say. In the text
/// `{x}` is an input or an attribute; `{dims!}` is always a tuple, `{shape*}` one without its
/// parentheses, `{size~}` one number where all axes agree; `<, dim={dim}>` is left out unless the
/// input is there or the attribute is not at its default. A comma behind a parenthesis goes.
struct Spelling {
  std::string_view op;
  std::string_view text = {};
  Binding binding = Binding::atom;
  PythonAssignments (*write)(const PythonCall&) = nullptr;
};

/// The call as the row says it.
PythonAssignments spelled(const PythonCall& call, const Spelling& spelling);

// -- for a dialect's functions --------------------------------------------------------------------

/// A text as in a row, filled in.
std::string filled(const PythonCall& call, std::string_view text);
/// The call is this one expression.
PythonAssignments one(const PythonCall& call, std::string text, Binding binding = Binding::atom);
/// The text gives all outputs, of which nobody may read some.
PythonAssignments all(const PythonCall& call, std::string text);
/// The same of what gives a tuple, if only of one.
PythonAssignments unpacked(const PythonCall& call, std::string text);
/// An input as a tensor: between commas, and before a point or a bracket.
std::string argument(const PythonCall& call, std::size_t input);
std::string receiver(const PythonCall& call, std::size_t input);
/// An attribute's value: a list of one element is that element, others are tuples.
std::string value_of(const PythonCall& call, std::string_view attribute);
/// The elements of a list of lengths.
std::vector<std::string> lengths_of(const PythonCall& call, std::string_view attribute);

template <class T>
const T& setting(const PythonCall& call, std::string_view name) {
  return get<T>(call.attributes, name);
}

/// Whether a node gives an attribute a value that its default does not. Lists may say the same for
/// every axis apart.
bool is_stated(const Node& node, std::string_view attribute);
inline bool stated(const PythonCall& call, std::string_view name) {
  return is_stated(call.node, name);
}

/// An attribute's value in Python, which depends neither on lengths nor on the dialect.
std::string python_value(const Attribute& value);
/// "3" where all axes agree, else "(3, 5)".
std::string per_axis(const std::vector<std::int64_t>& lengths);

}  // namespace isomer::python
