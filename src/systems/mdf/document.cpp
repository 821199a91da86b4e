#include "systems/mdf/document.h"

#include "base/text.h"

namespace isomer::mdf {
namespace {

/// As Python prints it inside a list.
std::string item_text(const Tree& tree) {
  const std::string* text = tree.text();
  if (text == nullptr) return text_of(tree);
  const char quote =
      text->find('\'') != std::string::npos && text->find('"') == std::string::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : *text) {
    if (c == quote || c == '\\') result += '\\';
    result += c;
  }
  return result + quote;
}

}  // namespace

std::string text_of(const Tree& tree) {
  if (const std::string* text = tree.text()) return *text;
  if (const auto* number = tree.integer()) return std::to_string(*number);
  if (const double* number = std::get_if<double>(&tree.value)) return real_text(*number);
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag ? "True" : "False";
  if (tree.is_null()) return "None";
  std::string result;
  if (const Tree::List* list = tree.list()) {
    for (const Tree& item : *list) result += (result.empty() ? "" : ", ") + item_text(item);
    return "[" + result + "]";
  }
  for (const auto& [key, item] : *tree.map()) {
    result += (result.empty() ? "'" : ", '") + key + "': " + item_text(item);
  }
  return "{" + result + "}";
}

const Tree* weight_of(const Edge& edge) {
  const Tree* weight = find(edge.parameters, "weight");
  const bool one = weight != nullptr && (*weight == Tree{std::int64_t{1}} || *weight == Tree{1.0});
  return one ? nullptr : weight;
}

}  // namespace isomer::mdf
