#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/schema.h"
#include "source/python/python_text.h"

namespace isomer::python {

/// An operator to be written, and what may be asked while doing so.
struct PythonCall {
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

/// Writes the call with PyTorch's functions. The operator is one that `spells`.
std::vector<PythonAssignment> spell(const PythonCall& call);

/// An attribute's value in Python: a list of one element is that element, others are tuples.
std::string python_value(const Attribute& value,
                         const std::function<Expression(const Dim&)>& length);

/// "3" where all axes agree, else "(3, 5)".
std::string per_axis(const std::vector<std::int64_t>& lengths);

/// Whether a node gives an attribute a value that its default does not. Lists may say the same for
/// every axis apart.
bool is_stated(const Node& node, std::string_view attribute);

/// "torch.float32"
std::string torch_dtype(DType dtype);

}  // namespace isomer::python
