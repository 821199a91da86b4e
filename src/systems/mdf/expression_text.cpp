#include "base/text.h"
#include "systems/mdf/expression.h"

namespace isomer::mdf {
namespace {

using Kind = Expression::Kind;

// How tightly an expression holds together; an operand that holds less needs parentheses.
int strength(const Expression& e) {
  switch (e.kind) {
    case Kind::tuple: return 15;  // it brings its own parentheses
    case Kind::conditional: return 1;
    case Kind::boolean: return e.text == "or" ? 2 : 3;
    case Kind::compare: return 5;
    case Kind::unary: return e.text == "not" ? 4 : 12;
    case Kind::binary:
      if (e.text == "|") return 6;
      if (e.text == "^") return 7;
      if (e.text == "&") return 8;
      if (e.text == "<<" || e.text == ">>") return 9;
      if (e.text == "+" || e.text == "-") return 10;
      return e.text == "**" ? 13 : 11;
    case Kind::constant: {
      const bool negative = is_number(e.value) && real_of(e.value) < 0;
      return negative ? 12 : 15;
    }
    default: return 15;
  }
}

std::string bound(const Expression& e, int least) {
  return strength(e) < least ? "(" + to_text(e) + ")" : to_text(e);
}

std::string joined(const Expression& e, std::size_t begin = 0) {
  std::string result;
  for (std::size_t i = begin; i < e.operands.size(); ++i) {
    if (i > begin) result += ",";
    const bool keyword = e.kind == Kind::call && !e.words[i - 1].empty();
    if (keyword) result += e.words[i - 1] + "=";
    result += bound(e.operands[i], 1);
  }
  return result;
}

std::string constant_text(const Value& value) {
  if (const std::string* text = value.as<std::string>()) return "'" + *text + "'";
  return describe(value);
}

std::string binary_text(const Expression& e) {
  const int own = strength(e);
  // Only powers group to the right.
  const bool right = e.text == "**";
  return bound(e.operands[0], right ? own + 1 : own) + e.text +
         bound(e.operands[1], right ? 12 : own + 1);
}

std::string dict_text(const Expression& e) {
  std::string result;
  for (std::size_t i = 0; i < e.operands.size(); i += 2) {
    if (i > 0) result += ",";
    result += bound(e.operands[i], 1) + ":" + bound(e.operands[i + 1], 1);
  }
  return "{" + result + "}";
}

std::string slice_text(const Expression& e) {
  const auto part = [](const Expression& bound_) {
    return bound_.kind == Kind::constant && bound_.value.is_none() ? std::string()
                                                                   : bound(bound_, 1);
  };
  const std::string step = part(e.operands[2]);
  return part(e.operands[0]) + ":" + part(e.operands[1]) + (step.empty() ? "" : ":" + step);
}

std::string chain_text(const Expression& e) {
  std::string result = bound(e.operands[0], 6);
  for (std::size_t i = 0; i < e.words.size(); ++i) {
    const bool letters = e.words[i][0] >= 'a';
    result += (letters ? " " + e.words[i] + " " : e.words[i]) + bound(e.operands[i + 1], 6);
  }
  return result;
}

std::string words_text(const Expression& e) {
  std::string result;
  for (const Expression& operand : e.operands) {
    if (!result.empty()) result += " " + e.text + " ";
    result += bound(operand, strength(e) + 1);
  }
  return result;
}

}  // namespace

std::string to_text(const Expression& e) {
  switch (e.kind) {
    case Kind::constant: return constant_text(e.value);
    case Kind::name: return e.text;
    case Kind::unary:
      return e.text + (e.text == "not" ? " " : "") + bound(e.operands[0], strength(e));
    case Kind::binary: return binary_text(e);
    case Kind::compare: return chain_text(e);
    case Kind::boolean: return words_text(e);
    case Kind::conditional:
      return bound(e.operands[1], 2) + " if " + bound(e.operands[0], 2) + " else " +
             bound(e.operands[2], 1);
    case Kind::tuple: return "(" + joined(e) + (e.operands.size() == 1 ? ",)" : ")");
    case Kind::list: return "[" + joined(e) + "]";
    case Kind::dict: return dict_text(e);
    case Kind::slice: return slice_text(e);
    case Kind::subscript: {
      const bool several = e.operands[1].kind == Kind::tuple && e.operands[1].operands.size() > 1;
      return bound(e.operands[0], 14) + "[" +
             (several ? joined(e.operands[1]) : to_text(e.operands[1])) + "]";
    }
    case Kind::attribute: return bound(e.operands[0], 15) + "." + e.text;
    case Kind::call: return bound(e.operands[0], 14) + "(" + joined(e, 1) + ")";
  }
  return {};
}

}  // namespace isomer::mdf
