#pragma once

// One row for each operator of PyTorch: what it is called, which operator of ours it is, and what
// lies between. Readers, the torch engine and the writer of source use the same rows.

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer::aten {

class Reading;

/// How operands come to the types that our operators, which do not promote, ask for.
enum class Promotion {
  none,
  common,       // all to torch.result_type
  real,         // integers and booleans to f32
  common_real,  // all to torch.result_type, of which integers and booleans to f32
  boolean,      // all to whether they are not 0
};

/// When a result shares memory with the first of the inputs.
enum class Aliasing {
  never,
  always,
  if_contiguous,  // and copies else
  if_viewable,    // certainly where the input is contiguous; else the export does not tell
  if_unchanged,   // where there was nothing to do, which gives the input itself
  may,
  may_if_unchanged,
};

/// Where `read` is null, reading is the renaming that the other columns say.
struct Row {
  /// "add.Tensor add.Scalar": the overloads that are read alike, each without its name where it is
  /// the default one. The torch engine calls the first.
  std::string_view targets;
  /// The operator of ours that it is. The first row of an operator is what the torch engine calls:
  /// our inputs go to its tensors in order, our attributes by name.
  std::string_view ours = {};
  /// Its tensors, in the order of our inputs; where `read` is given, only the first matters, with
  /// which results may share memory.
  std::string_view inputs = "self";
  /// "shape=size value=fill_value": ours=theirs.
  std::string_view renames = {};
  /// "training=False dtype=self.dtype", as Python writes literals: what it is called with.
  std::string_view fixed = {};
  /// What Python calls it: "F.relu", or "self.argmax" for a method. Empty: "torch.relu" where
  /// reading is a renaming, and so is writing; elsewhere PyTorch's source is not written by this
  /// row.
  std::string_view python = {};
  Promotion promotion = Promotion::none;
  Aliasing aliases = Aliasing::never;
  /// Asks where the elements of that input lie in memory: it must be laid out in C order.
  bool by_memory = false;
  /// Arguments that it may write to, though its schema does not say so. `read` then gives what they
  /// become behind the results.
  std::string_view writes = {};
  std::vector<ValueId> (*read)(Reading&) = nullptr;

  /// The overload that is called.
  constexpr std::string_view target() const { return targets.substr(0, targets.find(' ')); }
};

/// All of them.
std::vector<const Row*> rows();
/// The row of "add.Tensor"; ".default" may be left out. Null where it is not read. `complex`: of a
/// call in which a tensor is; its columns say what results share.
const Row* row_for(std::string_view target, bool complex = false);
/// The row that one of our operators is called by; null where PyTorch has none, and it is expanded.
const Row* row_of(std::string_view op);

/// The column `python`, filled in; empty where the row does not write source.
std::string python_name(const Row& row);

/// What follows `name=` in a list of such pairs, separated by blanks; `fallback` where none does.
std::string_view paired(std::string_view list, std::string_view name,
                        std::string_view fallback = {});

}  // namespace isomer::aten
