#pragma once

// The tensors of an export, which share memory and are changed in place, as values that never
// change.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ops/builder.h"

namespace isomer::pt2 {

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
  /// What a view shows of another value than it was made of.
  using Show = std::function<ValueId(ValueId base)>;
  /// `value`, just made of what `base` holds, shares memory with it. Not `certain`: or is a copy.
  /// `show` is asked for where no operators that only rearrange lead from one to the other.
  Cell add_view(ValueId value, std::string name, Cell base, bool certain,
                const std::function<Show()>& show);

  /// Throws Fault::unsupported where the export does not tell what the tensor holds.
  ValueId read(Cell cell);
  /// Throws Fault::unsupported for a write to a view of a kind that cannot be carried back.
  void write(Cell cell, ValueId value);

  /// The tensor whose memory it shares through a `detach`, if any.
  std::optional<Cell> detached_from(Cell cell) const;

  /// Whether it was changed, or may have been.
  bool changed(Cell cell) const { return at(cell).version != 0 || !at(cell).doubt.empty(); }

 private:
  /// One operator on the way from a base to its view, and which of its results leads there; or,
  /// without a name, whatever `show` emits.
  struct Step {
    std::string op;
    Attributes attributes;
    std::size_t output = 0;
    Show show = {};
  };
  struct View {
    Cell base;
    int base_version = 0;
    std::vector<Step> steps;
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
  std::optional<std::vector<Step>> steps_between(ValueId base, ValueId view) const;
  ValueId apply(const Step& step, ValueId x);
  ValueId replace(const Step& step, ValueId base, ValueId part);
  ValueId replace_slice(const Step& step, ValueId base, ValueId part);
  ValueId replace_places(const Step& step, ValueId base, ValueId part);
  bool repeats(ValueId base, ValueId view) const;
  ValueId carry_back(const View& view, ValueId base, ValueId value);

  Builder& builder_;
  std::vector<Entry> entries_;
};

}  // namespace isomer::pt2
