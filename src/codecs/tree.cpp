#include "codecs/tree.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace isomer {
namespace {

/// Ways are found backwards, and only where something is: there are many keys, and few stand twice.
void add_repeated(const Tree& tree, std::vector<RepeatedKey>& found) {
  const auto descend = [&](const Tree& child, const auto& part) {
    const std::size_t before = found.size();
    add_repeated(child, found);
    for (std::size_t i = before; i < found.size(); ++i) found[i].path.push_back(part());
  };
  if (const Tree::List* list = tree.list()) {
    for (std::size_t i = 0; i < list->size(); ++i)
      descend((*list)[i], [i] { return std::to_string(i); });
  }
  const Tree::Map* map = tree.map();
  if (map == nullptr) return;
  constexpr std::ptrdiff_t few = 16;  // are compared faster than put into a set
  std::optional<std::unordered_set<std::string_view>> seen;
  if (std::ssize(*map) > few) seen.emplace().reserve(map->size());
  for (auto entry = map->begin(); entry != map->end(); ++entry) {
    const auto& [key, value] = *entry;
    const bool twice =
        seen ? !seen->insert(key).second
             : std::find_if(map->begin(), entry, [&, &known = key](const auto& before) {
                 return before.first == known;
               }) != entry;
    if (twice) found.push_back({{key}, &value});
    descend(value, [&, &part = key] { return part; });
  }
}

}  // namespace

std::vector<RepeatedKey> repeated_keys(const Tree& tree) {
  std::vector<RepeatedKey> found;
  add_repeated(tree, found);
  for (RepeatedKey& key : found) std::ranges::reverse(key.path);
  return found;
}

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
