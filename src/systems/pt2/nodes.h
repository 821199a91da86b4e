#pragma once

#include <set>
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
  /// Throws Fault::file for a name that nothing has defined.
  Cell at(const std::string& name) const;

 private:
  std::unordered_map<std::string, Cell> cells_;
};

/// The type that the export gives a value. Throws Fault::file where it gives none.
const TensorType& type_of(const ExportGraph& graph, const std::string& name);

/// Turns the nodes of an export into ours, one after the other.
class NodeReader {
 public:
  /// `lengths`: the names that the inputs' shapes tell.
  NodeReader(Builder& builder, Cells& cells, const std::set<std::string>& lengths)
      : builder_(builder), cells_(cells), lengths_(lengths) {}

  /// A node that is not read becomes a problem, and its results placeholders.
  void run(const ExportGraph& graph, Scope& scope);
  const Problems& problems() const { return problems_; }

  /// Throws Fault::unsupported for a length that depends on the inputs' elements.
  void check_length(const Dim& dim) const;

 private:
  void run_node(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void emit(const ExportNode& node, const ExportGraph& graph, Scope& scope);
  void write(const ExportNode& node, const ExportGraph& graph, Scope& scope, ValueId result,
             const std::vector<std::string>& names);
  void bind(const ExportNode& node, const ExportGraph& graph, Scope& scope, const aten::Row& row,
            const std::vector<ValueId>& results, const std::vector<std::string>& names);
  void inline_block(const ExportNode& node, Scope& scope);
  Cell detached(Cell cell, const std::string& name);
  std::vector<aten::NamedArgument> arguments_of(const ExportNode& node, const Scope& scope);
  void name_new(ValueId value, const std::string& name);
  void check_type(const ExportGraph& graph, const std::string& name, ValueId value) const;

  Builder& builder_;
  Cells& cells_;
  const std::set<std::string>& lengths_;
  Problems problems_;
  std::size_t first_new_ = 0;
};

}  // namespace isomer::pt2
