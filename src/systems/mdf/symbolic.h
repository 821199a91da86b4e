#pragma once

// Reads what a node says as operators of a graph: expressions and functions are
// carried out on values that are not known yet. For documents, or nodes, that
// were not written by us.

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ops/builder.h"
#include "systems/mdf/document.h"
#include "systems/mdf/evaluate.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {

/// What a name stands for when a document is read: something known, a value of
/// the graph, a length, or several of these.
struct Symbol {
  std::variant<Value, ValueId, Dim, std::vector<Symbol>> data;
  bool unread = false;  // it stands for nothing: reading it failed

  const Value* known() const { return std::get_if<Value>(&data); }
  const ValueId* value() const { return std::get_if<ValueId>(&data); }
  const Dim* length() const { return std::get_if<Dim>(&data); }
  const std::vector<Symbol>* items() const { return std::get_if<std::vector<Symbol>>(&data); }
};

/// Thrown where something needs what could not be read. No Error, as it has
/// nothing to tell: the fault has been told already.
struct Unreadable {};

/// The names of one node.
class SymbolicNode {
 public:
  explicit SymbolicNode(Builder& builder) : builder_(builder) {}

  void set(const std::string& name, Symbol symbol);
  /// These throw Fault::unsupported for what has no meaning as a graph: state,
  /// derivatives, conditions, foreign functions; and Unreadable where they need
  /// what is unread.
  void parameter(const std::string& name, const Parameter& parameter);
  void function(const std::string& name, const Function& function);
  Symbol output(const std::string& text) { return evaluate(Formula(text)); }

  /// The symbol as a value of the graph.
  ValueId materialized(const Symbol& symbol);

 private:
  using Args = std::vector<Symbol>;
  struct Call {
    Args values;
    std::vector<std::string> keywords;
    const Symbol* find(std::size_t position, std::string_view keyword) const;
  };

  const Symbol* find(std::string_view name) const;
  Symbol evaluate(const Formula& formula);
  Symbol evaluate(const Expression& e);
  Symbol call_function(const std::string& name, const Elements<Tree>& args,
                       const std::string& otherwise);
  Symbol call_onnx(const onnx::Operator& op);
  Symbol call_onnx_named(std::string_view name, std::vector<ValueId> inputs);
  ValueId onnx_input(const onnx::Operator& op, const Symbol& symbol, bool beside_axes);

  Symbol unary(const Expression& e);
  Symbol binary(std::string_view sign, const Symbol& x, const Symbol& y);
  Symbol attribute(const Expression& e);
  Symbol subscript(const Expression& e);
  Symbol call(const Expression& e);
  Symbol numpy(const std::string& name, const Call& call);
  struct NumpyCall;
  Symbol reduction(std::string_view op, const Call& call);
  Symbol emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return {builder_.emit(op, std::move(inputs), std::move(attributes))};
  }

  ValueId operand(const Symbol& symbol, DType dtype);
  DType joint_type(const Symbol& x, const Symbol& y) const;
  Shape lengths(const Symbol& symbol) const;
  std::vector<std::int64_t> integers(const Symbol& symbol) const;

  Builder& builder_;
  std::vector<std::pair<std::string, Symbol>> names_;
};

}  // namespace isomer::mdf
