#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/expression.h"
#include "vocabularies/numpy/functions.h"

namespace isomer::mdf {
namespace {

constexpr int deepest = 100;

/// Those of a comprehension that are not its own.
void collect_free(const Expression& expression, std::set<std::string>& names) {
  std::set<std::string> inner;
  for (const Expression& operand : expression.operands) collect_names(operand, inner);
  for (const std::string& targets : expression.words) {
    for (const std::string_view name : split_text(targets, ' ')) inner.erase(std::string(name));
  }
  collect_names(expression.operands[1], inner);  // which is walked over outside
  names.insert(inner.begin(), inner.end());
}

/// The format's own check takes them for the node's.
void collect_targets(const Expression& expression, std::set<std::string>& names) {
  for (const Expression& operand : expression.operands) collect_targets(operand, names);
  if (expression.kind != Expression::Kind::comprehension) return;
  for (const std::string& targets : expression.words) {
    for (const std::string_view name : split_text(targets, ' ')) names.emplace(name);
  }
}

std::string_view stripped(std::string_view text, std::string_view front, std::string_view back) {
  while (!text.empty() && front.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  while (!text.empty() && back.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return text;
}

void scan_piece(std::string_view piece, std::set<std::string>& names) {
  constexpr std::string_view edges = " ,+-*/%^&";
  const std::string_view core = stripped(stripped(piece, edges, edges), "])", "[(");
  if (trimmed(core).empty()) return;
  const Expression expression = parse_expression(core);
  collect_names(expression, names);
  collect_targets(expression, names);
}

void scan(std::string_view text, std::set<std::string>& names, int level) {
  if (level > deepest) refuse(fmt::format("{}: its brackets are nested too deeply", quoted(text)));
  std::size_t last = 0;
  std::size_t start = 0;
  int depth = 0;
  bool any = false;
  const auto cut = [&](std::size_t end) {
    any = true;
    scan(text.substr(start + 1, end - start - 1), names, level + 1);
    if (last < start) scan_piece(text.substr(last, start - last), names);
    last = end + 1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' && depth++ == 0) start = i;
    if (text[i] == ']' && --depth == 0) cut(i);
  }
  if (depth > 0) cut(text.size());
  // What stands behind the last bracket is not looked at, as in the reference.
  if (!any && !text.empty()) scan_piece(text, names);
}

bool is_expression(std::string_view text) {
  try {
    parse_expression(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

bool is_known_word(std::string_view name) {
  return name == "constant" || name == "math" || name == "numpy" || numpy::is_builtin(name);
}

void collect_names(const Expression& expression, std::set<std::string>& names) {
  if (expression.kind == Expression::Kind::name) names.insert(expression.text);
  if (expression.kind == Expression::Kind::comprehension) return collect_free(expression, names);
  for (const Expression& operand : expression.operands) collect_names(operand, names);
}

std::set<std::string> required_names(std::string_view text) {
  std::set<std::string> names;
  try {
    scan(text, names, 0);
  } catch (const Error&) {
    if (!is_expression(text)) throw;
    refuse(
        fmt::format("{} is an expression, but the format looks for names inside and around "
                    "square brackets separately, and finds none; compute it in an output port",
                    quoted(text)));
  }
  return names;
}

}  // namespace isomer::mdf
