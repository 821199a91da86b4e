#pragma once

// The one routine that evaluates whatever stands in a document where an expression may stand.

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "systems/mdf/expression.h"
#include "vocabularies/numpy/functions.h"

namespace isomer::mdf {

using numpy::Arguments;
using numpy::Index;
using numpy::Runtime;
using numpy::Slice;

/// Thrown where something needs what could not be read. No Error, as it has nothing to tell: the
/// fault has been told already.
struct Unreadable {};

/// Names and values in the order they were given: some functions take operands in that order.
class Table {
 public:
  Table() = default;
  /// What it does not have itself is looked up in `outer`, which must outlive it; it will have
  /// about `expected` itself.
  explicit Table(const Table* outer, std::size_t expected = 1) : outer_(outer) {
    entries_.reserve(expected);
  }

  /// Null where there is none. Throws Unreadable.
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
  /// Forgets its values. The same names in the same order cost nothing afterwards.
  void clear();
  /// The same as `find`, but gives what is not read, too.
  const Value* entry(std::string_view name) const;
  /// Its own ones.
  std::span<const std::pair<std::string, Value>> entries() const {
    return std::span(entries_).first(count_);
  }

 private:
  /// As many as there are, where there is none of that name.
  std::size_t place_of(std::string_view name) const;

  static constexpr std::size_t few = 32;  // found faster one by one

  const Table* outer_ = nullptr;
  std::vector<std::pair<std::string, Value>> entries_;  // behind `count_` names alone
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::size_t> places_;  // of more than a few
};

/// A document's entry that is a value: a number, a list or a text that is an expression. Read once.
class Formula {
 public:
  Formula() = default;
  /// A text that is no expression is kept: it may be the name of something.
  explicit Formula(const Tree& tree);
  explicit Formula(std::string text);

  /// One that is this value.
  static Formula of(Value value);

  /// Its value: a name's, a number, an array for a list, else what Python's rules give. Throws
  /// Fault::model with the text and the reason.
  Value evaluate(const Table& names, const Runtime& runtime) const;

  /// The text, or null for other things.
  const std::string* text() const { return is_text_ ? &text_ : nullptr; }
  /// Its tree, or null where it is no text or no expression.
  const Expression* expression() const { return parsed_.get(); }
  /// The value that is no text.
  const Value& value() const { return constant_; }
  bool is_none() const { return !is_text_ && constant_.is_none(); }

 private:
  bool is_text_ = false;
  std::string text_;
  Value constant_;                            // no text, or a text that is a number
  std::shared_ptr<const Expression> parsed_;  // null for numbers and for what is no expression
  std::string why_not_;                       // why it is none
};

/// Adds the names that it asks for; of a text that is no expression the text.
void collect_names(const Formula& formula, std::set<std::string>& names);

/// Python's value of a tree.
Value evaluate(const Expression& expression, const Table& names, const Runtime& runtime);

}  // namespace isomer::mdf
