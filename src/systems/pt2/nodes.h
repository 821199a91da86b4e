#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ops/builder.h"
#include "systems/pt2/problems.h"
#include "systems/pt2/schema.h"
#include "systems/pt2/values.h"
#include "vocabularies/aten/aten.h"

namespace isomer::pt2 {

/// The tensors of one graph by name. A subgraph has names of its own.
class Scope {
 public:
  /// Throws Fault::file for a name that is taken.
  void define(const std::string& name, Cell cell);
  /// All names of one are the other's.
  void replace(Cell cell, Cell by);
  /// Throws Fault::file for a name that nothing has defined.
  Cell at(const std::string& name) const;

 private:
  std::unordered_map<std::string, Cell> cells_;
};

/// The names of all tensors that a node gives; empty where there is none.
std::vector<std::string> output_names(const ExportNode& node);

/// Turns the nodes of an export into ours, one after the other.
class NodeReader {
 public:
  /// `lengths`: the names that the inputs' shapes tell.
  /// `decompose`: PyTorch is asked to say operators that are not read in others.
  NodeReader(Builder& builder, Cells& cells, const std::set<std::string>& lengths, bool decompose)
      : builder_(builder), cells_(cells), lengths_(lengths), decompose_(decompose) {}

  /// A node that is not read becomes a problem, and its results placeholders.
  void run(const ExportGraph& graph, Scope& scope);
  const Problems& problems() const { return problems_; }

  /// Throws Fault::unsupported for a length that depends on the inputs' elements.
  void check_length(const Dim& dim) const;
  /// A number made of lengths, for what computes in `dtype`. Throws Fault::unsupported where it is
  /// not read.
  ValueId computed(const std::string& name, DType dtype) const;
  /// In double precision, as Python has it; nothing where it is not read.
  std::optional<ValueId> number_of(const ExportArgument& argument);
  /// A truth value about lengths, as the nodes that stand for it say. Throws Fault::unsupported
  /// where it is not read.
  ValueId decided(const ExportArgument& argument, int depth = 0);

 private:
  void run_node(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void emit(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void check_results(const ExportNode& node, const ExportGraph& graph) const;
  void write(const ExportNode& node, const ExportGraph& graph, Scope& scope, ValueId result,
             const std::vector<std::string>& names);
  void turn(const ExportNode& node, const ExportGraph& graph, Scope& scope, const aten::Row& row,
            const std::vector<ValueId>& results, const std::vector<std::string>& names);
  std::vector<ValueId> decomposed(const ExportNode& node, std::string_view target,
                                  std::span<const aten::NamedArgument> arguments);
  ValueId hidden_write(Cell cell, ValueId result);
  void bind(const ExportNode& node, const ExportGraph& graph, Scope& scope, const aten::Row& row,
            const std::vector<ValueId>& results, const std::vector<std::string>& names);

  Cells::Show shown_by(const ExportNode& node, const ExportGraph& graph, const Scope& scope,
                       const std::string& base, std::size_t output);

  // Operators with graphs (higher_order.cpp).

  /// Whether the node is one of them.
  bool run_higher_order(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void inline_block(const ExportNode& node, Scope& scope);
  Cell detached(Cell cell, const std::string& name);
  void run_cond(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void run_while(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void run_scan(const ExportNode& node, const ExportGraph& graph, Scope& scope, bool carries);
  std::vector<ValueId> values_of(const ExportNode& node, std::size_t argument, const Scope& scope,
                                 std::span<const ExportArgument>& taken);
  Body body_of(const ExportNode& node, std::size_t argument, std::string name,
               const std::vector<TensorType>& types);
  std::vector<TensorType> types_of(const std::vector<ValueId>& values) const;
  ValueId condition_of(const ExportNode& node, const Scope& scope);
  void compute(const ExportNode& node, const std::string& name);
  ValueId side_of(const ExportArgument& argument, bool whole);
  ValueId decided_by(const ExportNode& node, int depth);
  void bind_fresh(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                  const std::vector<ValueId>& results);
  void cast_as_autocast(const ExportNode& node, const ExportGraph& graph,
                        std::vector<aten::NamedArgument>& arguments);
  DType dtype_beside(const ExportNode& node, const ExportGraph& graph) const;
  std::vector<aten::NamedArgument> arguments_of(const ExportNode& node, const ExportGraph& graph,
                                                const Scope& scope);
  void name_new(ValueId value, const std::string& name);
  void check_type(const ExportGraph& graph, const std::string& name, ValueId value) const;

  Builder& builder_;
  Cells& cells_;
  const std::set<std::string>& lengths_;
  bool decompose_;
  std::map<std::string, Graph> decompositions_;  // by the program that was asked
  Problems problems_;
  std::size_t first_new_ = 0;
  /// What is around the nodes that are read now.
  struct Around {
    bool body = false;
    bool no_grad = false;
    bool autocast = false;  // PyTorch chooses the precision
  };
  Around around_;
  std::map<std::string, const ExportNode*> conditions_;  // that compare lengths, by name
  std::map<std::string, ValueId> decided_;               // those that were asked for
  std::map<std::string, ValueId> numbers_;               // f64, made of lengths, by name
};

}  // namespace isomer::pt2
