#pragma once

// The tensors of an export, which share memory and are changed in place, as values that never
// change.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/builder.h"
#include "vocabularies/aten/aten.h"

namespace isomer::pt2 {

/// How a result shares memory with the operator's argument `self`.
enum class Sharing { none, same, view, perhaps };

/// What an operator without a trailing underscore does; `contiguous` tells whether `self` is laid
/// out in C order, on which it depends whether a reshape copies. `perhaps`: the export does not
/// tell.
Sharing sharing_of(std::string_view target, bool contiguous);

/// One tensor of the exported program. Names are aliases of it.
enum class Cell : std::size_t {};

/// A write changes the cell, the tensor it is a view of, and all other views of that one. Views are
/// derived anew when they are read after their base has changed; a write to a view is carried back
/// into its base.
class Cells {
 public:
  explicit Cells(Builder& builder) : builder_(builder) {}

  /// A tensor with memory of its own.
  Cell add(ValueId value, std::string name);
  /// Result `index` of `call`, whose argument `self` is `base`: it shares memory with it. Not
  /// `certain`: or is a copy.
  Cell add_view(ValueId value, std::string name, Cell base, const aten::Call& call,
                std::size_t index, bool certain);

  /// Throws Fault::unsupported where the export does not tell what the tensor holds.
  ValueId read(Cell cell);
  /// Throws Fault::unsupported for a write to a view of a kind that cannot be carried back.
  void write(Cell cell, ValueId value);

  bool changed(Cell cell) const { return at(cell).version != 0; }

 private:
  struct View {
    Cell base;
    int base_version = 0;
    std::string target;
    std::vector<aten::NamedArgument> arguments;
    std::size_t index = 0;
    bool certain = true;
  };
  struct Entry {
    ValueId value = ValueId::none;
    std::string name;
    int version = 0;    // number of changes
    int depth = 0;      // of views of views
    std::string doubt;  // the tensor that was changed and may share this one's memory
    std::optional<View> view;
  };

  Entry& at(Cell cell) { return entries_[static_cast<std::size_t>(cell)]; }
  const Entry& at(Cell cell) const { return entries_[static_cast<std::size_t>(cell)]; }
  ValueId derive(const View& view, ValueId base);
  ValueId carry_back(const View& view, ValueId base, ValueId value);

  Builder& builder_;
  std::vector<Entry> entries_;
};

}  // namespace isomer::pt2
