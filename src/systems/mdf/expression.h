#pragma once

// The language of MDF's values: a part of Python's expressions, parsed once into a tree.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vocabularies/numpy/value.h"

namespace isomer::mdf {

using numpy::Array;
using numpy::Dict;
using numpy::List;
using numpy::Text;
using numpy::Traced;
using numpy::Tuple;
using numpy::Value;
using numpy::Word;

/// One expression as a tree.
struct Expression {
  enum class Kind {
    constant,     // `value`
    name,         // `text`
    unary,        // `text`: - + ~ not
    binary,       // `text`: + - * / // % ** @ & | ^ << >>
    compare,      // operands; `words`: < <= > >= == != in, "not in", is, "is not",
                  // one fewer than operands
    boolean,      // `text`: and, or; two or more operands
    conditional,  // operands: test, then, orelse
    tuple,
    list,
    dict,       // operands: key, value, key, value, ...
    subscript,  // operands: object, index
    slice,      // operands: start, stop, step, each a constant None when absent
    attribute,  // operands: object; `text`
    call,       // operands: function, arguments; `words`: the keyword of each
                // argument, empty where by position
    // operands: item, then of each "for" what is walked over and a test;
    comprehension,  // `words`: the names of each "for", blanks between them
  };
  Kind kind = Kind::constant;
  std::string text;
  Value value;
  std::vector<Expression> operands;
  std::vector<std::string> words;
};

/// Throws Fault::model with the column for what is no expression of the language.
Expression parse_expression(std::string_view text);

/// The names it uses; attributes are none.
void collect_names(const Expression& expression, std::set<std::string>& names);

/// Whether every node knows the name: a module, one of Python's builtins.
bool is_known_word(std::string_view name);

/// The names that the format's own check finds in a text: it cuts out square brackets first and
/// then parses the pieces. Throws Fault::model where a piece is no expression: documents with such
/// a text are refused.
std::set<std::string> required_names(std::string_view text);

}  // namespace isomer::mdf
