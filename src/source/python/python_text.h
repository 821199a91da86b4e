#pragma once

// Python as text: literals, lines and blocks. Knows no model; MAX's writer prints Python, too.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace isomer::python {

/// How tightly an expression holds together, as Python's grammar orders it.
enum class Binding { comparison, sum, product, sign, power, atom };

struct Expression {
  std::string text;
  Binding binding = Binding::atom;
};

/// The text, in parentheses where it binds less tightly than `least`.
std::string bound(const Expression& expression, Binding least);

/// "True", "0.5", "float(\"inf\")", "\"text\"". A float is written so that the double that Python
/// reads is none beyond its range.
std::string python_literal(bool value);
std::string python_literal(double value);
std::string python_literal(float value);
std::string python_literal(std::string_view value);
/// "(1, 2)", "(1,)", "()".
std::string python_tuple(const std::vector<std::string>& items);

/// "(a, {\"k\": [b]})": what is nested so; `leaf` gives its expressions in order.
std::string python_nested(const Structure& structure,
                          const std::function<std::string(const Structure&)>& leaf);

/// A length as Python computes it; `name_of` gives the variable of a named length.
Expression python_length(const Dim& dim,
                         const std::function<std::string(const std::string&)>& name_of);

/// Keywords and builtins, which no variable should hide.
bool is_python_word(std::string_view word);
bool is_python_keyword(std::string_view word);
/// Whether a variable or attribute can have the name.
bool is_python_name(const std::string& text);
/// Whether the word is one of those in a list, which are separated by blanks.
bool is_listed(std::string_view word, std::string_view list);
/// The names that a program speaks of: neither attributes nor names of arguments.
std::set<std::string, std::less<>> python_names(std::string_view program);
/// Where the numbers of a line begin and end, outside of texts and names.
std::vector<std::pair<std::size_t, std::size_t>> python_numbers(std::string_view line);
/// "layers" -> "layer"; nothing where a word does not look like a plural.
std::optional<std::string> singular(std::string_view word);
/// "self_attention", "layers.0" -> "SelfAttention", "Layer0"-like class names: words capitalised
/// and joined.
std::string class_name(std::string_view text);

/// A program under construction: lines, indented by blocks. Lines over 100 characters are broken
/// inside their longest brackets.
class PythonText {
 public:
  void line(std::string_view text);
  void blank();
  /// A line that begins a block; ended by `close`.
  void open(std::string_view head);
  void close();
  /// Text that has its own lines and indentation.
  void append(std::string_view block) { text_ += block; }
  const std::string& text() const { return text_; }

  static constexpr std::size_t width = 100;

 private:
  void broken(std::string_view text, std::size_t indent, std::string_view after);

  std::string text_;
  std::size_t indent_ = 0;
};

}  // namespace isomer::python
