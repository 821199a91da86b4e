#include "codecs/tree.h"

#include <algorithm>

namespace isomer {

const Tree* Tree::find(std::string_view key) const {
  const Map* entries = map();
  if (entries == nullptr) return nullptr;
  const auto found = std::ranges::find(*entries, key, &Map::value_type::first);
  return found == entries->end() ? nullptr : &found->second;
}

std::string_view kind_of(const Tree& tree) {
  struct Words {
    std::string_view operator()(std::monostate) const { return "null"; }
    std::string_view operator()(bool) const { return "a boolean"; }
    std::string_view operator()(std::int64_t) const { return "an integer"; }
    std::string_view operator()(double) const { return "a number"; }
    std::string_view operator()(const std::string&) const { return "a text"; }
    std::string_view operator()(const Tree::List&) const { return "a list"; }
    std::string_view operator()(const Tree::Map&) const { return "a map"; }
  };
  return std::visit(Words{}, tree.value);
}

}  // namespace isomer
