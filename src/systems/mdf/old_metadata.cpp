#include "systems/mdf/old_metadata.h"

#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "ops/schema.h"
#include "systems/mdf/document.h"

namespace isomer::mdf {
namespace {

std::string text_in(const Tree& tree, std::string_view key) {
  const Tree* found = tree.find(key);
  return found == nullptr || found->is_null() ? "" : text_of(*found);
}

const Tree::List& list_in(const Tree& tree, std::string_view key) {
  static const Tree::List none;
  const Tree* found = tree.find(key);
  return found == nullptr || found->list() == nullptr ? none : *found->list();
}

bool flag_in(const Tree& tree, std::string_view key) {
  const Tree* found = tree.find(key);
  const bool* flag = found == nullptr ? nullptr : std::get_if<bool>(&found->value);
  return flag != nullptr && *flag;
}

std::string word(const std::string& text) { return word_or_quoted(text, "_"); }

std::string structure_text(const Tree* tree, int depth = 0) {
  if (tree == nullptr) return "*";
  constexpr int deepest = 64;
  if (depth > deepest) throw Error(Fault::file, "", "a structure is nested too deeply");
  const std::string kind = text_in(*tree, "kind");
  if (kind == "leaf") return "*";
  if (kind == "none") return kind;
  const Tree::List& keys = list_in(*tree, "keys");
  const Tree::List& children = list_in(*tree, "children");
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < children.size(); ++i) {
    std::string part = structure_text(&children[i], depth + 1);
    if (i < keys.size())
      part = quoted_with(text_of(keys[i]), '\'') + (kind == "dict" ? ": " : "=") + part;
    parts.push_back(std::move(part));
  }
  const std::string inside = fmt::format("{}", fmt::join(parts, ", "));
  if (kind == "tuple") return "(" + inside + ")";
  if (kind == "list") return "[" + inside + "]";
  if (kind == "dict") return "{" + inside + "}";
  throw Error(Fault::file, "", fmt::format("{} is no kind of structure", quoted(kind)));
}

std::string ports_text(const Tree& tree, std::string_view key) {
  std::vector<std::string> ports;
  for (const Tree& port : list_in(tree, key)) {
    ports.push_back(fmt::format("{} = {}: {}", word(text_in(port, "name")),
                                word(text_in(port, "id")), text_in(port, "type")));
  }
  return fmt::format("({})", fmt::join(ports, ", "));
}

std::string weight_text(const Tree& tree) {
  std::string text = flag_in(tree, "trainable") ? "weight" : "buffer";
  for (const Tree& name : list_in(tree, "names")) text += " " + quoted_with(text_of(name), '"');
  text += " =";
  for (const std::string_view where : {"parameter", "port", "graph_parameter"}) {
    const std::string id = text_in(tree, where);
    if (id.empty()) continue;
    text += fmt::format(" {} {}", where, word(id));
    break;
  }
  if (!text_in(tree, "parameter").empty()) text += " of " + word(text_in(tree, "node"));
  return text + ": " + text_in(tree, "type");
}

struct ValueText {
  Kind kind;

  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const { return exact_text(number); }
  std::string operator()(const std::string& text) const {
    return kind == Kind::text ? quoted_with(text, '\'') : text;
  }
  std::string operator()(const Tree::List& list) const {
    std::vector<std::string> items;
    for (const Tree& item : list) items.push_back(std::visit(*this, item.value));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  std::string operator()(const Tree::Map&) const { return "{}"; }
};

std::vector<std::string> attribute_texts(const OpSchema& schema, const Tree& metadata) {
  std::vector<std::string> texts;
  const Tree* given = metadata.find("attributes");
  if (given == nullptr || given->map() == nullptr) return texts;
  for (const auto& [name, value] : *given->map()) {
    for (const Prototype::Setting& setting : prototype(schema).settings) {
      if (setting.name != name) continue;
      texts.push_back(name + "=" + std::visit(ValueText{setting.kind}, value.value));
    }
  }
  return texts;
}

}  // namespace

std::string lines_of(const Tree& origin) {
  std::string text = fmt::format("graph {}{} -> {}\n", word(text_in(origin, "name")),
                                 ports_text(origin, "inputs"), ports_text(origin, "outputs"));
  if (origin.find("arguments") != nullptr) {
    text += fmt::format("called {} {} -> {}\n", structure_text(origin.find("arguments")),
                        structure_text(origin.find("keywords")),
                        structure_text(origin.find("results")));
  }
  for (const Tree& range : list_in(origin, "lengths")) {
    text += fmt::format("length {}: {}..{}\n", text_in(range, "name"), text_in(range, "least"),
                        text_in(range, "most"));
  }
  const std::string tensors = text_in(origin, "tensors");
  if (!tensors.empty()) text += "data " + quoted_with(tensors, '"') + "\n";
  for (const Tree& weight : list_in(origin, "weights")) text += weight_text(weight) + "\n";
  return text;
}

std::string line_of(const Tree& metadata) {
  const std::string op = text_in(metadata, "op");
  const OpSchema* schema = find_op(op);
  if (schema == nullptr) return "";
  const Tree* types = metadata.find("constants");
  std::vector<std::string> arguments;
  for (const Tree& input : list_in(metadata, "inputs")) {
    const std::string id = input.is_null() ? "" : text_of(input);
    const std::string type = types == nullptr || id.empty() ? "" : text_in(*types, id);
    const std::string text = (id == "none" ? quoted_with(id, '"') : word(id));
    arguments.push_back(id.empty() ? "none" : type.empty() ? text : text + ": " + type);
  }
  for (std::string& text : attribute_texts(*schema, metadata)) arguments.push_back(std::move(text));
  const Tree::List& names = list_in(metadata, "names");
  std::vector<std::string> outputs;
  for (const Tree& type : list_in(metadata, "types")) {
    const std::size_t i = outputs.size();
    outputs.push_back(i < names.size() ? word(text_of(names[i])) + ": " + text_of(type)
                                       : text_of(type));
  }
  std::string scope;
  Place place;
  place_in(metadata, scope, place);
  return fmt::format("{}({}) -> ({}){}", op, fmt::join(arguments, ", "), fmt::join(outputs, ", "),
                     origin_text(scope, place));
}

void place_in(const Tree& metadata, std::string& scope, Place& place) {
  scope = text_in(metadata, "module");
  place.file = text_in(metadata, "file");
  const Tree* line = metadata.find("line");
  constexpr std::int64_t largest = 1'000'000'000;
  const bool given = line != nullptr && line->integer() != nullptr && *line->integer() >= 0;
  place.line = given && *line->integer() < largest ? static_cast<int>(*line->integer()) : 0;
}

}  // namespace isomer::mdf
