#include <simdjson.h>

#include "codecs/json.h"

namespace isomer {
namespace {

namespace dom = simdjson::dom;

/// False where a number does not fit. The parser has bounded the depth.
bool convert(const dom::element& element, Tree& tree) {
  switch (element.type()) {
    case dom::element_type::ARRAY: {
      auto& list = tree.value.emplace<Tree::List>();
      const dom::array array = element.get_array().value_unsafe();
      list.reserve(array.size());
      for (const dom::element child : array) {
        if (!convert(child, list.emplace_back())) return false;
      }
      return true;
    }
    case dom::element_type::OBJECT: {
      auto& map = tree.value.emplace<Tree::Map>();
      const dom::object object = element.get_object().value_unsafe();
      map.reserve(object.size());
      for (const auto [key, child] : object) {
        if (!convert(child, map.emplace_back(std::string(key), Tree{}).second)) return false;
      }
      return true;
    }
    case dom::element_type::INT64: tree.value = element.get_int64().value_unsafe(); return true;
    case dom::element_type::DOUBLE: tree.value = element.get_double().value_unsafe(); return true;
    case dom::element_type::STRING:
      tree.value = std::string(element.get_string().value_unsafe());
      return true;
    case dom::element_type::BOOL: tree.value = element.get_bool().value_unsafe(); return true;
    case dom::element_type::NULL_VALUE: return true;
    case dom::element_type::UINT64: return false;
  }
  return false;
}

}  // namespace

Tree read_json_fast(std::string_view text) {
  dom::parser parser;
  Tree tree;
  // Nothing may begin nowhere, which the parser copies from.
  if (!text.empty() && parser.allocate(text.size(), deepest_tree) == simdjson::SUCCESS) {
    dom::element root;
    const bool whole = parser.parse(text.data(), text.size()).get(root) == simdjson::SUCCESS;
    if (whole && convert(root, tree)) return tree;
  }
  // The careful reader says what is wrong and where, or takes what this one does not know (NaN,
  // Infinity).
  return read_json(text);
}

}  // namespace isomer
